#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "hamiltonian/qubo_model.h"

namespace opoloop {

/// x_i and x_j must not both be 1.
struct Conflict {
  std::int32_t i;
  std::int32_t j;
};

/// What an application wants: the least F(x) among the x that keep every constraint.
///
///     E(x) = F(x) + P V(x),   V(x) = Σ_conflicts x_i x_j + Σ_groups (1 − Σ_{k in group} x_k)²
///
/// V is 0 exactly where x is feasible, else an integer ≥ 1. docs/applications/penalties.md proves how large P
/// must be.
struct ConstrainedQubo {
  QuboModel objective;                            ///< F
  std::vector<Conflict> conflicts;                ///< each pair at most once
  std::vector<std::vector<std::int32_t>> groups;  ///< exactly one of each is 1; disjoint
};

/// Which constraints of x are broken, by their index.
struct BrokenConstraints {
  std::vector<std::size_t> conflicts;
  std::vector<std::size_t> groups;
  double violation = 0;  ///< V(x)
};
/// x: 0 or 1, one a variable of the objective.
BrokenConstraints broken_constraints(const ConstrainedQubo& problem, std::span<const std::int8_t> x);

/// A penalty above this makes every ground state feasible: theorem 1 of docs/applications/penalties.md where
/// there are conflicts, theorem 2 where there are groups (its coefficients must be ≥ 0: one_hot_gauge()), 0
/// where there are neither. Throws Error for a problem with both, for a variable outside all groups and for a
/// negative coefficient beside groups.
double penalty_bound(const ConstrainedQubo& problem);

/// The same F on every feasible x, with coefficients ≥ 0: of each block of a pair of groups, first the least
/// of every row and then of every column moves into the linear terms, then the least linear term of every
/// group into the constant; coefficients inside a group, which no feasible x sees, go. Needs every variable
/// to be in a group.
ConstrainedQubo one_hot_gauge(ConstrainedQubo problem);

/// E of penalty P ≥ 0 as one QUBO.
QuboModel penalised(const ConstrainedQubo& problem, double penalty);

inline constexpr std::int32_t kSmallestPenaltyMaxVariables = 20;

/// The smallest P of this one instance, by looking at all 2ⁿ states, n ≤ 20: above it every ground state is
/// feasible, below it none is: max over infeasible x of (F* − F(x))/V(x), F* the least feasible F. Negative
/// or 0 where no penalty is needed. Throws InputError where n is larger or nothing is feasible.
double smallest_penalty(const ConstrainedQubo& problem);

}  // namespace opoloop
