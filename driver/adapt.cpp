#include "driver/adapt.h"

#include <fmt/format.h>

#include <utility>

#include "core/error.h"

namespace opoloop {
namespace {

/// Quantised problems carry no offset (hamiltonian/quantiser.h); all others keep units and offset.
bool scaled(const AdaptedProblem& adapted) {
  const auto& q = adapted.quantisation;
  return q && (!q->exact || q->scale != 1);
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
    adapted.quantisation = measure_quantisation(adapted.problem->ising, *capabilities.coupling_bits);
    const Quantisation& q = *adapted.quantisation;
    if (scaled(adapted)) {
      auto integers = std::make_shared<Problem>(*adapted.problem);
      integers->ising = quantised(adapted.problem->ising, q.scale);
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
