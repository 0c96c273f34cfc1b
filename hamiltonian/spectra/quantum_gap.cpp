#include "hamiltonian/spectra/quantum_gap.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/threads.h"
#include "hamiltonian/spectra/transverse_field.h"

namespace opoloop {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr double kGoldenShare = 0.6180339887498949;
constexpr int kRefinements = 60;
/// Vectors one search keeps, about: Lanczos basis, its compression, levels.
constexpr double kVectorsASearch = 60;
constexpr double kMemoryForSearches = 4e9;

/// Binomial coefficient, exact up to n = 20.
std::int64_t binomial(int n, int k) {
  std::int64_t value = 1;
  for (int i = 1; i <= k; ++i) value = value * (n - k + i) / i;
  return value;
}

class GapSearch {
 public:
  GapSearch(const StateSpace& space, const std::vector<double>& energy, double scale, int wanted,
            const QuantumSettings& settings)
      : space_(space), energy_(energy), scale_(scale), wanted_(wanted), settings_(settings) {}

  /// The lowest levels at s, gap to level `wanted`.
  GapPoint at(double s, int threads) const {
    GapPoint point;
    point.s = s;
    const int count = static_cast<int>(std::min<std::int64_t>(wanted_ + 2, space_.size()));
    if (s <= 0 || s >= 1) {
      point.levels = s <= 0 ? free_levels(count) : final_levels(count);
      point.converged = true;
      point.slope_element = kUnknown;  // of degenerate levels: a matter of their basis
    } else {
      const TransverseFieldOperator H(space_, energy_, s * scale_, 1 - s, threads);
      const Levels levels = lowest_levels(H, count, settings_.levels);
      point.levels = levels.values;
      point.converged = levels.converged;
      point.products = levels.products;
      for (const double residual : levels.residuals) point.residual = std::max(point.residual, residual);
      point.slope_element = levels.converged ? slope_element(levels) : kUnknown;
    }
    point.gap =
        point.converged ? point.levels[static_cast<std::size_t>(wanted_)] - point.levels[0] : kUnknown;
    return point;
  }

  /// Golden section between a and b; `best` is the lowest point known there, kept unless a lower one is
  /// found.
  GapPoint refine(double a, double b, GapPoint best, std::int64_t& products, int threads) const {
    GapPoint left = at(b - kGoldenShare * (b - a), threads);
    GapPoint right = at(a + kGoldenShare * (b - a), threads);
    products += left.products + right.products;
    for (int step = 0; step < kRefinements; ++step) {
      if (!left.converged || !right.converged) break;
      for (const GapPoint* point : {&left, &right}) {
        if (point->gap < best.gap) best = *point;
      }
      const double spread = std::abs(left.gap - right.gap);
      // Two points may lie level on both sides of the minimum: the bracket has to be short too.
      if ((spread <= 1e-7 * best.gap && b - a < 1e-4) || b - a < 1e-10) break;
      if (left.gap <= right.gap) {
        b = right.s;
        right = left;
        left = at(b - kGoldenShare * (b - a), threads);
        products += left.products;
      } else {
        a = left.s;
        left = right;
        right = at(a + kGoldenShare * (b - a), threads);
        products += right.products;
      }
    }
    return best;
  }

 private:
  /// Levels of −Σσˣ: −n + 2k, C(n, k)-fold; even k are even under reversal of all spins.
  std::vector<double> free_levels(int count) const {
    std::vector<double> levels;
    for (int k = 0; k <= space_.spins; k += space_.half() ? 2 : 1) {
      for (std::int64_t copy = 0; copy < binomial(space_.spins, k); ++copy) {
        if (static_cast<int>(levels.size()) == count) return levels;
        levels.push_back(-space_.spins + 2.0 * k);
      }
    }
    return levels;
  }

  std::vector<double> final_levels(int count) const {
    std::vector<double> levels(static_cast<std::size_t>(count));
    std::partial_sort_copy(energy_.begin(), energy_.end(), levels.begin(), levels.end());
    for (double& level : levels) level *= scale_;
    return levels;
  }

  /// dH/ds = Σσˣ + c H_P between the ground state and the states of level `wanted`.
  double slope_element(const Levels& levels) const {
    const TransverseFieldOperator slope(space_, energy_, scale_, -1);
    std::vector<double> image(levels.vectors[0].size());
    slope.apply(levels.vectors[0].data(), image.data());
    const double level = levels.values[static_cast<std::size_t>(wanted_)];
    double sum = 0;
    for (std::size_t k = 1; k < levels.values.size(); ++k) {
      if (std::abs(levels.values[k] - level) > 1e-7) continue;
      const double element = std::inner_product(image.begin(), image.end(), levels.vectors[k].begin(), 0.0);
      sum += element * element;
    }
    return std::sqrt(sum);
  }

  StateSpace space_;
  const std::vector<double>& energy_;
  double scale_;
  int wanted_;
  const QuantumSettings& settings_;
};

}  // namespace

std::string name_of(ProblemScaling scaling) {
  return scaling == ProblemScaling::norm ? "norm" : scaling == ProblemScaling::coupling ? "coupling" : "none";
}

ProblemScaling parse_problem_scaling(const std::string& text) {
  for (const auto scaling : {ProblemScaling::norm, ProblemScaling::coupling, ProblemScaling::none}) {
    if (name_of(scaling) == text) return scaling;
  }
  throw InputError("scaling = '" + text + "': one of norm, coupling, none");
}

std::string name_of(GapStatus status) {
  switch (status) {
    case GapStatus::found:
      return "found";
    case GapStatus::no_levels:
      return "no gap: every state is a ground state";
    case GapStatus::too_degenerate:
      return "final ground state too degenerate";
    case GapStatus::not_converged:
      return "not converged";
    case GapStatus::interrupted:
      return "interrupted";
  }
  return "";
}

QuantumGap quantum_gap(const IsingModel& model, const QuantumSettings& settings) {
  require_spectrum_size(model);
  if (settings.points < 2) throw_parameter_error("points", settings.points, "at least 2 values of s");
  QuantumGap result;
  result.spins = model.size();
  result.even_sector = !model.has_field();
  const StateSpace space{model.size(), result.even_sector ? Parity::even : Parity::all};
  const std::vector<double> energy = state_energies(model, space);
  const auto [low, high] = std::minmax_element(energy.begin(), energy.end());
  result.norm = std::max(std::abs(*low), std::abs(*high));
  result.scale = 1;
  if (settings.scaling == ProblemScaling::norm && result.norm > 0) result.scale = result.spins / result.norm;
  if (settings.scaling == ProblemScaling::coupling && model.largest_term() > 0) {
    result.scale = 1 / model.largest_term();
  }
  const double highest_ground = *low + energy_tie(model);
  result.final_degeneracy =
      std::count_if(energy.begin(), energy.end(), [&](double E) { return E <= highest_ground; });
  if (result.final_degeneracy == space.size()) {
    result.status = GapStatus::no_levels;
    return result;
  }
  if (result.final_degeneracy > kMaxFinalDegeneracy) {
    result.status = GapStatus::too_degenerate;
    return result;
  }

  // Points are searched side by side as far as memory allows; what threads are left share a product.
  const double a_search = kVectorsASearch * 8.0 * static_cast<double>(space.size());
  const int searches = std::max(
      1, std::min({settings.threads, settings.points, static_cast<int>(kMemoryForSearches / a_search)}));
  const int inner = std::max(1, settings.threads / searches);
  const GapSearch search(space, energy, result.scale, static_cast<int>(result.final_degeneracy), settings);
  result.curve.resize(static_cast<std::size_t>(settings.points));
  std::atomic<int> done{0};
  const auto stopped = [&] { return settings.levels.stop && settings.levels.stop(); };
  parallel_for(settings.points, searches, [&](std::int64_t k) {
    auto& point = result.curve[static_cast<std::size_t>(k)];
    point.s = static_cast<double>(k) / (settings.points - 1);
    point.gap = kUnknown;
    if (stopped()) return;
    point = search.at(point.s, inner);
    if (settings.progress) settings.progress(++done, settings.points);
  });
  for (const GapPoint& point : result.curve) {
    result.products += point.products;
    if (!point.converged) result.status = stopped() ? GapStatus::interrupted : GapStatus::not_converged;
  }

  // Basins: points no higher than both neighbours. Points that did not converge bound none.
  std::vector<std::size_t> basins;
  for (std::size_t k = 0; k < result.curve.size(); ++k) {
    const auto& here = result.curve[k];
    const bool below_left = k == 0 || here.gap < result.curve[k - 1].gap;
    const bool below_right = k + 1 == result.curve.size() || here.gap <= result.curve[k + 1].gap;
    if (here.converged && below_left && below_right) basins.push_back(k);
  }
  result.minima.resize(basins.size());
  std::vector<std::int64_t> spent(basins.size(), 0);
  parallel_for(static_cast<std::int64_t>(basins.size()), searches, [&](std::int64_t b) {
    const auto at = static_cast<std::size_t>(b);
    const std::size_t k = basins[at];
    const double left = result.curve[k == 0 ? 0 : k - 1].s;
    const double right = result.curve[std::min(k + 1, result.curve.size() - 1)].s;
    result.minima[at] = search.refine(left, right, result.curve[k], spent[at], inner);
  });
  result.products = std::accumulate(spent.begin(), spent.end(), result.products);
  for (std::size_t k = 0; k < result.minima.size(); ++k) {
    if (result.minima[k].gap < result.minima[result.smallest].gap) result.smallest = k;
  }
  for (const auto* points : {&result.curve, &result.minima}) {
    for (const GapPoint& point : *points) {
      const double time = point.slope_element / (point.gap * point.gap);
      if (time > result.adiabatic_time) result.adiabatic_time = time;  // false for what is not a number
    }
  }
  if (stopped()) result.status = GapStatus::interrupted;
  return result;
}

}  // namespace opoloop
