#include "hamiltonian/brute_force.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>

#include "core/error.h"
#include "core/threads.h"

namespace opoloop {
namespace {

constexpr std::int64_t kRebuildEvery = 4096;  // flips between two questions to `stop`, a power of two

struct Tables {
  std::int32_t n = 0;
  std::int32_t stride = 0;      // n rounded up to whole vectors
  std::vector<double> twice_J;  // [k][stride]: 2 J_kj
  std::vector<double> h;        // [stride]
  double tolerance = 0;
};

/// True where sums and differences of these values, in any order, carry no rounding: all are multiples of
/// 2^−q and the sum of their sizes, in that unit, stays below 2^52.
bool sums_are_exact(const IsingModel& model, double total) {
  for (int q = 0; q <= 24; ++q) {
    const double unit = std::ldexp(1.0, q);
    const auto whole = [unit](double value) { return value * unit == std::nearbyint(value * unit); };
    bool all = total * unit < 0x1p52;
    for (std::int32_t i = 0; all && i < model.size(); ++i) {
      const auto row = model.couplings(i);
      all = std::all_of(row.begin(), row.end(), whole);
    }
    all = all && std::all_of(model.field().begin(), model.field().end(), whole);
    if (all) return true;
  }
  return false;
}

Tables make_tables(const IsingModel& model) {
  Tables t;
  t.n = model.size();
  t.stride = (t.n + 3) / 4 * 4;
  t.twice_J.assign(static_cast<std::size_t>(t.n) * static_cast<std::size_t>(t.stride), 0.0);
  t.h.assign(static_cast<std::size_t>(t.stride), 0.0);
  double total = 0;
  for (const IsingEdge& e : model.edges()) {
    t.twice_J[static_cast<std::size_t>(e.i * t.stride + e.j)] = 2 * e.J;
    t.twice_J[static_cast<std::size_t>(e.j * t.stride + e.i)] = 2 * e.J;
    total += std::abs(e.J);
  }
  for (std::int32_t i = 0; i < t.n; ++i) {
    t.h[static_cast<std::size_t>(i)] = model.field()[static_cast<std::size_t>(i)];
    total += std::abs(t.h[static_cast<std::size_t>(i)]);
  }
  t.tolerance = sums_are_exact(model, 2 * total) ? 0.0 : 1e-10 * total;
  return t;
}

/// The lowest states among those whose top spins are fixed; a state is a word, bit k set = spin k is −1.
class Enumeration {
 public:
  Enumeration(const Tables& tables, int max_states)
      : t_(tables),
        max_states_(max_states),
        spins_(static_cast<std::size_t>(tables.stride)),
        fields_(static_cast<std::size_t>(tables.stride)) {}

  /// States with spins `free`, … n−1 given by the bits of `top`, all values of the spins below.
  void run(int free, std::uint32_t top, const std::function<bool()>& stop,
           std::atomic<std::int64_t>* progress) {
    state_ = top << free;
    rebuild();
    consider();
    const std::int64_t count = std::int64_t{1} << free;
    std::int64_t unreported = 1;
    for (std::int64_t step = 1; step < count; ++step) {
      flip(std::countr_zero(static_cast<std::uint64_t>(step)));
      consider();
      ++unreported;
      if ((step & (kRebuildEvery - 1)) != 0) continue;
      if (t_.tolerance > 0) rebuild();
      if (progress != nullptr) progress->fetch_add(unreported, std::memory_order_relaxed);
      evaluated_ += unreported;
      unreported = 0;
      if (stop && stop()) {
        complete_ = false;
        return;
      }
    }
    if (progress != nullptr) progress->fetch_add(unreported, std::memory_order_relaxed);
    evaluated_ += unreported;
  }

  double best() const { return best_; }
  std::int64_t count() const { return count_; }
  std::int64_t evaluated() const { return evaluated_; }
  bool complete() const { return complete_; }
  const std::vector<std::uint32_t>& states() const { return states_; }

 private:
  void rebuild() {
    for (std::int32_t i = 0; i < t_.n; ++i) spins_[at(i)] = (state_ >> i & 1U) != 0 ? -1.0 : 1.0;
    double pairs = 0;
    double linear = 0;
    for (std::int32_t i = 0; i < t_.n; ++i) {
      const double* row = &t_.twice_J[at(i * t_.stride)];
      double sum = 0;
      for (std::int32_t j = 0; j < t_.n; ++j) sum += row[j] * spins_[at(j)];
      fields_[at(i)] = sum / 2 + t_.h[at(i)];
      pairs += spins_[at(i)] * sum / 4;  // Σ_ij J_ij s_i s_j / 2
      linear += spins_[at(i)] * t_.h[at(i)];
    }
    energy_ = -pairs - linear;
  }

  void flip(int k) {
    const double s = spins_[at(k)];
    energy_ += 2 * s * fields_[at(k)];
    spins_[at(k)] = -s;
    state_ ^= 1U << k;
    const double* row = &t_.twice_J[at(k * t_.stride)];
    double* field = fields_.data();
    for (std::int32_t j = 0; j < t_.stride; ++j) field[j] -= s * row[j];
  }

  void consider() {
    if (energy_ > best_ + t_.tolerance) return;
    if (energy_ < best_ - t_.tolerance) {
      count_ = 0;
      states_.clear();
    }
    best_ = std::min(best_, energy_);
    ++count_;
    if (static_cast<int>(states_.size()) < max_states_) states_.push_back(state_);
  }

  static std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

  const Tables& t_;
  int max_states_;
  std::uint32_t state_ = 0;
  double energy_ = 0;
  std::vector<double> spins_, fields_;
  double best_ = std::numeric_limits<double>::infinity();
  std::int64_t count_ = 0;
  std::int64_t evaluated_ = 0;
  bool complete_ = true;
  std::vector<std::uint32_t> states_;
};

}  // namespace

BruteForceResult brute_force(const IsingModel& model, int threads, int max_states,
                             const std::function<bool()>& stop, std::atomic<std::int64_t>* progress) {
  const std::int32_t n = model.size();
  if (n > kBruteForceMaxSpins) {
    throw InputError(
        fmt::format("brute force takes at most {} spins, the problem has {}", kBruteForceMaxSpins, n));
  }
  max_states = std::max(max_states, 1);
  const Tables tables = make_tables(model);
  const bool mirror = !model.has_field();
  const int variable = mirror ? n - 1 : n;         // the last spin stays +1 where h = 0
  const int top_bits = std::min(6, variable / 2);  // the same split for any number of threads
  const int free = variable - top_bits;
  std::vector<Enumeration> parts(std::size_t{1} << top_bits, Enumeration(tables, max_states));
  parallel_for(static_cast<std::int64_t>(parts.size()), threads, [&](std::int64_t p) {
    parts[static_cast<std::size_t>(p)].run(free, static_cast<std::uint32_t>(p), stop, progress);
  });

  double best = std::numeric_limits<double>::infinity();
  for (const Enumeration& part : parts) best = std::min(best, part.best());
  BruteForceResult result;
  result.complete = true;
  for (const Enumeration& part : parts) {
    result.complete = result.complete && part.complete();
    result.evaluated += part.evaluated();
    if (part.best() > best + tables.tolerance) continue;
    result.degeneracy += part.count() * (mirror ? 2 : 1);
    for (const std::uint32_t state : part.states()) {
      for (const int sign : {1, -1}) {
        if (sign < 0 && !mirror) continue;
        if (static_cast<int>(result.ground_states.size()) >= max_states) break;
        std::vector<std::int8_t> spins(static_cast<std::size_t>(n));
        for (std::int32_t i = 0; i < n; ++i) {
          spins[static_cast<std::size_t>(i)] =
              static_cast<std::int8_t>((state >> i & 1U) != 0 ? -sign : sign);
        }
        result.ground_states.push_back(std::move(spins));
      }
    }
  }
  result.energy = model.energy(result.ground_states.front());
  return result;
}

}  // namespace opoloop
