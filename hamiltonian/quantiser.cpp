#include "hamiltonian/quantiser.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "core/error.h"
#include "hamiltonian/brute_force.h"

namespace opoloop {
namespace {

constexpr int kShiftMaxSpins = 20;

/// Every coupling and field that is not zero.
void for_each_value(const IsingModel& model, const std::function<void(double)>& visit) {
  for (std::int32_t i = 0; i < model.size(); ++i) {
    for (const double J : model.couplings(i)) visit(J);
  }
  for (const double h : model.field()) {
    if (h != 0) visit(h);
  }
}

/// True where every value is, to a relative 1e−12, an integer multiple of `unit` of at most `range` units.
bool fits(const IsingModel& model, double unit, double range) {
  bool fine = true;
  for_each_value(model, [&](double value) {
    const double multiple = value / unit;
    const double nearest = std::round(multiple);
    fine = fine && std::abs(multiple - nearest) <= 1e-12 * std::abs(multiple) && std::abs(nearest) <= range;
  });
  return fine;
}

}  // namespace

Quantisation measure_quantisation(const IsingModel& model, int bits) {
  if (bits < 2) throw_parameter_error("coupling_bits", bits, "at least 2");
  Quantisation q;
  q.bits = bits;
  const double range = std::ldexp(1.0, bits - 1) - 1;
  double smallest = std::numeric_limits<double>::infinity();
  double largest = 0;
  for_each_value(model, [&](double value) {
    smallest = std::min(smallest, std::abs(value));
    largest = std::max(largest, std::abs(value));
  });
  if (largest == 0 || fits(model, 1.0, range)) {
    q.exact = true;
  } else if (fits(model, smallest, range)) {
    q.scale = 1 / smallest;
    q.exact = true;
  } else {
    q.scale = range / largest;
  }
  for_each_value(model, [&](double value) {
    const double rounded = std::round(value * q.scale);
    if (rounded == 0) ++q.vanished;
    if (!q.exact) q.largest_error = std::max(q.largest_error, std::abs(rounded / q.scale - value));
  });
  q.couplings = model.edge_count();
  for (std::int32_t i = 0; i < model.size(); ++i) {
    for (const double J : model.couplings(i)) {
      if (std::round(J * q.scale) == 0) ++q.vanished_couplings;
    }
  }
  q.relative_error = largest > 0 ? q.largest_error / largest : 0;
  return q;
}

IsingModel quantised(const IsingModel& model, double scale) {
  std::vector<IsingEdge> edges = model.edges();
  for (IsingEdge& edge : edges) edge.J = std::round(edge.J * scale);
  std::vector<double> h(model.field().begin(), model.field().end());
  for (double& value : h) value = std::round(value * scale);
  return {model.size(), std::move(edges), std::move(h), 0.0};
}

std::string in_words(const Quantisation& q) {
  if (q.exact && q.scale == 1) return {};
  if (q.exact) {
    return fmt::format("couplings and fields multiplied by {} to become {}-bit integers, exactly", q.scale,
                       q.bits);
  }
  return fmt::format(
      "couplings and fields multiplied by {:.6g} and rounded to {}-bit integers: largest error {:.3g} "
      "({:.3g} of "
      "the largest value), {} became zero",
      q.scale, q.bits, q.largest_error, q.relative_error, q.vanished);
}

std::optional<GroundStateShift> ground_state_shift(const IsingModel& model, const Quantisation& quantisation,
                                                   int threads) {
  if (model.size() > kShiftMaxSpins) return std::nullopt;
  GroundStateShift shift;
  const BruteForceResult exact = brute_force(model, threads, 1);
  // Every one of them: where fields vanish there are many, and the right or the worst may come last.
  constexpr int kAllStates = 1 << kShiftMaxSpins;
  const BruteForceResult rounded = brute_force(quantised(model, quantisation.scale), threads, kAllStates);
  shift.energy = exact.energy;
  // Energies of equal states differ by the rounding of their sums.
  const double slack = 1e-9 * (model.largest_term() * model.size());
  bool kept = false;
  for (const auto& state : rounded.ground_states) {
    const double loss = model.energy(state) - exact.energy;
    shift.worst_loss = std::max(shift.worst_loss, loss);
    kept = kept || loss <= slack;
  }
  shift.moved = !kept;
  return shift;
}

}  // namespace opoloop
