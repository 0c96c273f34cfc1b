#include "hamiltonian/qama/qama_problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace opoloop {
namespace {

void require_size(const char* name, std::size_t have, std::size_t want, const std::string& shape) {
  if (have != want) {
    throw InputError(fmt::format("QAMA: {} has {} values, expected {} ({})", name, have, want, shape));
  }
}

void require_finite(const char* name, std::span<const float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      throw InputError(fmt::format("QAMA: {} holds {} at place {}: not a finite number", name, values[i], i));
    }
  }
}

}  // namespace

QamaProblem::QamaProblem(const QamaSpec& spec, int heads, int tokens, std::span<const float> J,
                         std::span<const float> h, std::span<const std::uint8_t> removed)
    : spec_(spec), heads_(heads), tokens_(tokens) {
  spec_.validate();
  if (heads < 1) throw_parameter_error("heads", heads, "at least 1");
  if (tokens < 1) throw_parameter_error("tokens", tokens, "at least 1");
  const std::size_t H = at(heads);
  const std::size_t N = at(tokens);
  require_size("J", J.size(), H * N * N, fmt::format("H × N × N = {} × {} × {}", H, N, N));
  require_size("h", h.size(), H * N, fmt::format("H × N = {} × {}", H, N));
  if (!removed.empty()) require_size("the mask", removed.size(), N, "one for each token");
  require_finite("J", J);
  require_finite("h", h);
  for (int i = 0; i < tokens; ++i) {
    if (removed.empty() || removed[at(i)] == 0) live_.push_back(i);
  }
  const std::size_t M = live_.size();
  J_.resize(H * M * M);
  h_.resize(H * M);
  for (std::size_t t = 0; t < H; ++t) {
    for (std::size_t i = 0; i < M; ++i) {
      const std::size_t row = at(live_[i]);
      h_[t * M + i] = h[t * N + row];
      for (std::size_t j = 0; j < M; ++j) {
        const std::size_t column = at(live_[j]);
        const float a = J[(t * N + row) * N + column];
        const float b = J[(t * N + column) * N + row];
        J_[(t * M + i) * M + j] = a / 2 + b / 2;
      }
    }
  }
  linear_factor_ = spec_.linear_factor(live());
  penalty_ = spec_.head_penalty(heads, live());
  if (M > 0) {
    distance_factor_ = spec_.long_range / static_cast<double>(M);
    sparsity_factor_ = spec_.sparsity / static_cast<double>(M);
  }
}

double QamaProblem::qubo_energy(std::span<const std::int8_t> x) const {
  require_size("a selection", x.size(), at(spins()), "one for each spin");
  const int M = live();
  const int q = bits();
  const auto place = [&](int t, int i, int b) { return at((t * M + i) * q + b); };
  double energy = 0;
  std::vector<double> a(at(M));
  for (int t = 0; t < heads_; ++t) {
    double total = 0;
    for (int i = 0; i < M; ++i) {
      a[at(i)] = 0;
      for (int b = 0; b < q; ++b) a[at(i)] += bit_weight(b) * x[place(t, i, b)];
      total += a[at(i)];
    }
    for (int i = 0; i < M; ++i) {
      if (a[at(i)] == 0) continue;
      double row = 0;
      for (int j = 0; j < M; ++j) {
        const double distance = std::abs(live_[at(i)] - live_[at(j)]);
        row += (spec_.c_q * static_cast<double>(J_[(at(t) * at(M) + at(i)) * at(M) + at(j)]) +
                distance_factor_ * distance) *
               a[at(j)];
      }
      energy -= a[at(i)] * row;
      energy -= linear_factor_ * static_cast<double>(h_[at(t) * at(M) + at(i)]) * a[at(i)];
    }
    const double excess = total - spec_.sparsity_target * M;
    energy += sparsity_factor_ * excess * excess;
  }
  for (int i = 0; i < M; ++i) {
    for (int b = 0; b < q; ++b) {
      double selected = 0;  // heads that select it: Σ_{t≠t'} x x' = n(n−1)
      for (int t = 0; t < heads_; ++t) selected += x[place(t, i, b)];
      energy += penalty_ * selected * (selected - 1);
    }
  }
  return energy;
}

double QamaProblem::energy(std::span<const std::int8_t> sigma) const {
  require_size("a state", sigma.size(), at(spins()), "one for each spin");
  std::vector<std::int8_t> x(sigma.begin(), sigma.end());
  for (std::int8_t& value : x) value = value > 0 ? 1 : 0;
  return qubo_energy(x);
}

std::vector<double> QamaProblem::field() const {
  const int M = live();
  const int q = bits();
  std::vector<double> field(at(spins()));
  for (int t = 0; t < heads_; ++t) {
    for (int i = 0; i < M; ++i) {
      double sum = linear(t, i);
      for (int j = 0; j < M; ++j) sum += block(t, i, j);
      for (int b = 0; b < q; ++b) {
        field[at((t * M + i) * q + b)] = bit_weight(b) * sum / 2 - penalty_ * (heads_ - 1) / 2;
      }
    }
  }
  return field;
}

double QamaProblem::offset() const {
  const int M = live();
  double squares = 0;
  for (int b = 0; b < bits(); ++b) squares += bit_weight(b) * bit_weight(b);
  double offset = penalty_ * M * bits() * heads_ * (heads_ - 1) / 4;
  for (int t = 0; t < heads_; ++t) {
    for (int i = 0; i < M; ++i) {
      double row = 0;
      for (int j = 0; j < M; ++j) row += block(t, i, j);
      offset -= linear(t, i) / 2 + row / 4 + squares * block(t, i, i) / 4;
    }
    offset += spec_.sparsity * spec_.sparsity_target * spec_.sparsity_target * M;
  }
  return offset;
}

IsingModel QamaProblem::to_dense() const {
  const int M = live();
  const int q = bits();
  if (spins() == 0) throw InputError("QAMA: every token is masked, there is no problem to solve");
  std::vector<IsingEdge> edges;
  edges.reserve(at(heads_) * (at(M * q) * at(M * q) / 2 + at(M * q) * at(heads_) / 2));
  // Rows in order of spins, columns increasing: IsingModel then need not sort.
  for (int t = 0; t < heads_; ++t) {
    for (int i = 0; i < M; ++i) {
      for (int b = 0; b < q; ++b) {
        const int row = (t * M + i) * q + b;
        for (int j = i; j < M; ++j) {
          const double half = block(t, i, j) / 2 * bit_weight(b);
          for (int c = j == i ? b + 1 : 0; c < q; ++c) {
            edges.push_back({row, (t * M + j) * q + c, half * bit_weight(c)});
          }
        }
        for (int other = t + 1; other < heads_ && penalty_ != 0; ++other) {
          edges.push_back({row, (other * M + i) * q + b, -penalty_ / 2});
        }
      }
    }
  }
  return {spins(), std::move(edges), field(), offset()};
}

QuboModel QamaProblem::to_qubo() const {
  return opoloop::to_qubo(to_dense());
}

}  // namespace opoloop
