#include "hamiltonian/ising_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace opoloop {

IsingModel::IsingModel(std::int32_t n, std::vector<IsingEdge> edges, std::vector<double> h, double offset)
    : n_(n), h_(std::move(h)), offset_(offset) {
  if (n < 1) throw InputError(fmt::format("an Ising model needs at least 1 spin, got {}", n));
  if (h_.empty()) h_.assign(static_cast<std::size_t>(n), 0.0);
  if (h_.size() != static_cast<std::size_t>(n)) {
    throw InputError(fmt::format("field h has {} entries for {} spins", h_.size(), n));
  }
  for (std::size_t i = 0; i < h_.size(); ++i) {
    if (!std::isfinite(h_[i])) throw InputError(fmt::format("field h[{}] = {} is not finite", i, h_[i]));
  }
  if (!std::isfinite(offset)) throw InputError(fmt::format("offset = {} is not finite", offset));
  for (IsingEdge& e : edges) {
    if (e.i > e.j) std::swap(e.i, e.j);
    if (e.i < 0 || e.j >= n) {
      throw InputError(fmt::format("coupling ({}, {}) is out of range for {} spins", e.i, e.j, n));
    }
    if (e.i == e.j) throw InputError(fmt::format("coupling ({}, {}) is on the diagonal", e.i, e.j));
    if (!std::isfinite(e.J))
      throw InputError(fmt::format("coupling ({}, {}) = {} is not finite", e.i, e.j, e.J));
  }
  const auto before = [](const IsingEdge& a, const IsingEdge& b) {
    return a.i != b.i ? a.i < b.i : a.j < b.j;
  };
  if (!std::is_sorted(edges.begin(), edges.end(), before)) std::sort(edges.begin(), edges.end(), before);
  row_start_.assign(static_cast<std::size_t>(n) + 1, 0);
  column_.reserve(edges.size());
  coupling_.reserve(edges.size());
  for (std::size_t k = 0; k < edges.size(); ++k) {
    const IsingEdge& e = edges[k];
    if (k > 0 && edges[k - 1].i == e.i && edges[k - 1].j == e.j) {
      throw InputError(fmt::format("coupling ({}, {}) is given twice", e.i, e.j));
    }
    if (e.J == 0) continue;
    column_.push_back(e.j);
    coupling_.push_back(e.J);
    ++row_start_[static_cast<std::size_t>(e.i) + 1];
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) row_start_[i + 1] += row_start_[i];
}

std::span<const std::int32_t> IsingModel::columns(std::int32_t i) const {
  const auto r = static_cast<std::size_t>(i);
  return {column_.data() + row_start_[r], static_cast<std::size_t>(row_start_[r + 1] - row_start_[r])};
}

std::span<const double> IsingModel::couplings(std::int32_t i) const {
  const auto r = static_cast<std::size_t>(i);
  return {coupling_.data() + row_start_[r], static_cast<std::size_t>(row_start_[r + 1] - row_start_[r])};
}

std::vector<IsingEdge> IsingModel::edges() const {
  std::vector<IsingEdge> all;
  all.reserve(column_.size());
  for (std::int32_t i = 0; i < n_; ++i) {
    const auto js = columns(i);
    const auto values = couplings(i);
    for (std::size_t k = 0; k < js.size(); ++k) all.push_back({i, js[k], values[k]});
  }
  return all;
}

bool IsingModel::has_field() const {
  return std::any_of(h_.begin(), h_.end(), [](double h) { return h != 0; });
}

double IsingModel::energy(std::span<const std::int8_t> spins) const {
  if (spins.size() != static_cast<std::size_t>(n_)) {
    throw InputError(fmt::format("{} spins given to a problem of {}", spins.size(), n_));
  }
  double pairs = 0;
  double linear = 0;
  for (std::int32_t i = 0; i < n_; ++i) {
    const auto js = columns(i);
    const auto values = couplings(i);
    double row = 0;
    for (std::size_t k = 0; k < js.size(); ++k) row += values[k] * spins[static_cast<std::size_t>(js[k])];
    const auto s = static_cast<std::size_t>(i);
    pairs += row * spins[s];
    linear += h_[s] * spins[s];
  }
  return -pairs - linear + offset_;
}

double IsingModel::sum_of_squares() const {
  double sum = 0;
  for (const double J : coupling_) sum += J * J;
  return 2 * sum;
}

double IsingModel::largest_coupling() const {
  double largest = 0;
  for (const double J : coupling_) largest = std::max(largest, std::abs(J));
  return largest;
}

double IsingModel::largest_term() const {
  double largest = largest_coupling();
  for (const double h : h_) largest = std::max(largest, std::abs(h));
  return largest;
}

bool IsingModel::integer_couplings(double bound) const {
  return std::all_of(coupling_.begin(), coupling_.end(),
                     [bound](double J) { return J == std::nearbyint(J) && std::abs(J) <= bound; });
}

double IsingModel::density() const {
  if (n_ < 2) return 0;
  return static_cast<double>(edge_count()) / (0.5 * n_ * (static_cast<double>(n_) - 1));
}

IsingModel with_ancilla(const IsingModel& model) {
  std::vector<IsingEdge> edges = model.edges();
  const std::int32_t ancilla = model.size();
  for (std::int32_t i = 0; i < ancilla; ++i) {
    const double h = model.field()[static_cast<std::size_t>(i)];
    if (h != 0) edges.push_back({i, ancilla, h});
  }
  return {ancilla + 1, std::move(edges), {}, model.offset()};
}

std::vector<std::int8_t> drop_ancilla(std::span<const std::int8_t> spins) {
  std::vector<std::int8_t> out(spins.begin(), spins.end() - 1);
  for (auto& s : out) s = static_cast<std::int8_t>(s * spins.back());
  return out;
}

}  // namespace opoloop
