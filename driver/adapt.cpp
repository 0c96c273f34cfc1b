#include "driver/adapt.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "core/error.h"

namespace opoloop {
namespace {

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

/// Units of the integer grid: 1 where the problem already fits, the smallest value where all are multiples of
/// it (±J/√N, halves of a QUBO), otherwise such that the largest value fills the range.
Quantisation choose_scale(const IsingModel& model, int bits) {
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
  q.relative_error = largest > 0 ? q.largest_error / largest : 0;
  return q;
}

IsingModel quantise(const IsingModel& model, double scale) {
  std::vector<IsingEdge> edges = model.edges();
  for (IsingEdge& edge : edges) edge.J = std::round(edge.J * scale);
  std::vector<double> h(model.field().begin(), model.field().end());
  for (double& value : h) value = std::round(value * scale);
  return {model.size(), std::move(edges), std::move(h), 0.0};
}

/// Quantised problems carry no offset (quantise); all others keep units and offset.
bool scaled(const AdaptedProblem& adapted) {
  const auto& q = adapted.quantisation;
  return q && (!q->exact || q->scale != 1);
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

}  // namespace

AdaptedProblem adapt(const std::shared_ptr<const Problem>& problem, const Capabilities& capabilities) {
  AdaptedProblem adapted;
  adapted.original = problem;
  adapted.problem = problem;
  const std::int64_t n = problem->ising.size();
  adapted.ancilla = problem->ising.has_field() && !capabilities.linear_term;
  const std::int64_t needed = n + (adapted.ancilla ? 1 : 0);
  if (capabilities.max_spins > 0 && needed > capabilities.max_spins) {
    throw InputError(
        fmt::format("the problem needs {} spins{}, the device has {}", needed,
                    adapted.ancilla ? fmt::format(" ({} and an ancilla for its linear term)", n) : "",
                    capabilities.max_spins));
  }
  if (adapted.ancilla) {
    auto with_one_more = std::make_shared<Problem>(*adapted.problem);
    with_one_more->ising = with_ancilla(adapted.problem->ising);
    with_one_more->kind = ProblemKind::ising;
    adapted.problem = std::move(with_one_more);
    adapted.adaptations.push_back(fmt::format("linear term moved into couplings to an ancilla, spin {}", n));
  }
  if (capabilities.coupling_bits) {
    if (*capabilities.coupling_bits < 2) {
      throw_parameter_error("coupling_bits", *capabilities.coupling_bits, "at least 2");
    }
    adapted.quantisation = choose_scale(adapted.problem->ising, *capabilities.coupling_bits);
    const Quantisation& q = *adapted.quantisation;
    if (scaled(adapted)) {
      auto integers = std::make_shared<Problem>(*adapted.problem);
      integers->ising = quantise(adapted.problem->ising, q.scale);
      integers->kind = ProblemKind::ising;
      integers->best_known_energy.reset();
      integers->best_known_source.clear();
      adapted.problem = std::move(integers);
      adapted.adaptations.push_back(in_words(q));
    }
  }
  return adapted;
}

double AdaptedProblem::device_energy(double energy) const {
  return scaled(*this) ? (energy - original->ising.offset()) * quantisation->scale : energy;
}

double AdaptedProblem::problem_energy(double device_energy) const {
  return scaled(*this) ? device_energy / quantisation->scale + original->ising.offset() : device_energy;
}

Result AdaptedProblem::restore(Result result) const {
  result.adaptations.insert(result.adaptations.begin(), adaptations.begin(), adaptations.end());
  if (problem == original) return result;
  const auto sent = static_cast<std::size_t>(problem->ising.size());
  const auto back = [&](std::vector<std::int8_t>& spins, double& energy) {
    if (spins.empty()) return;
    if (spins.size() != sent) {
      throw Error(fmt::format("the device answered with {} spins, {} were sent", spins.size(), sent));
    }
    if (ancilla) spins = drop_ancilla(spins);
    energy = original->ising.energy(spins);
  };
  for (Sample& sample : result.samples) {
    back(sample.spins_best, sample.energy_best);
    back(sample.spins_final, sample.energy_final);
    if (!sample.spins_final.empty() && sample.energy_final < sample.energy_best) {
      sample.spins_best = sample.spins_final;
      sample.energy_best = sample.energy_final;
      sample.round_best = sample.rounds;
    }
  }
  return result;
}

}  // namespace opoloop
