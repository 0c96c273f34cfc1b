#include "hamiltonian/applications/application.h"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"

namespace opoloop {

Application::Application(ConstrainedQubo qubo, std::optional<double> bound, std::optional<double> penalty)
    : qubo_(std::move(qubo)), bound_(bound ? *bound : opoloop::penalty_bound(qubo_)) {
  // Where the bound is 0 any positive penalty is above it.
  penalty_ = penalty.value_or(bound_ > 0 ? bound_ * kPenaltyMargin : 1.0);
  if (!std::isfinite(penalty_) || penalty_ < 0)
    throw_parameter_error("penalty", penalty_, "a number from 0 on");
}

Problem Application::problem() const {
  Problem problem;
  problem.ising = to_ising(penalised(qubo_, penalty_));
  problem.kind = ProblemKind::qubo;
  problem.name = name;
  problem.source = source;
  return problem;
}

std::vector<std::string> Application::violations(std::span<const std::int8_t> x) const {
  const BrokenConstraints broken = broken_constraints(qubo_, x);
  std::vector<std::string> words;
  for (const std::size_t k : broken.conflicts) words.push_back(conflict_text(qubo_.conflicts[k]));
  for (const std::size_t g : broken.groups) {
    int taken = 0;
    for (const std::int32_t k : qubo_.groups[g]) taken += x[static_cast<std::size_t>(k)];
    words.push_back(group_text(g, taken));
  }
  return words;
}

std::string Application::group_text(std::size_t group, int taken) const {
  return fmt::format("group {}: {} taken, not 1", group + 1, taken);
}

std::vector<std::int8_t> bits_of(std::span<const std::int8_t> spins) {
  std::vector<std::int8_t> x(spins.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = spins[i] > 0 ? 1 : 0;
  return x;
}

}  // namespace opoloop
