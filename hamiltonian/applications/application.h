#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hamiltonian/applications/constrained_qubo.h"
#include "hamiltonian/problem.h"

namespace opoloop {

/// The best a classical method finds.
struct Reference {
  std::string method;          ///< in words: "branch and bound", "dynamic programming over frames"
  bool proven = false;         ///< no feasible x is better
  double objective = 0;        ///< F of x
  std::vector<std::int8_t> x;  ///< feasible; empty where only the value is known
};

/// A problem of the world as a QUBO: how it is built is the constructor of each application; this is what all
/// of them answer. x is a bit a variable, 0 or 1 (σ = +1 is x = 1).
class Application {
 public:
  virtual ~Application() = default;
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;

  const ConstrainedQubo& qubo() const { return qubo_; }
  /// Every ground state is feasible where the penalty is above this (docs/applications/penalties.md).
  double penalty_bound() const { return bound_; }
  /// The penalty in force: kPenaltyMargin above the bound unless the application was given another.
  double penalty() const { return penalty_; }

  /// E = F + P V as an Ising problem, with a name and the command that makes it again.
  Problem problem() const;

  /// The constraints that x breaks, in words, one a line; empty where x is feasible.
  std::vector<std::string> violations(std::span<const std::int8_t> x) const;
  /// F(x), without penalty.
  double objective(std::span<const std::int8_t> x) const { return qubo_.objective.energy(x); }

  /// What x means, in lines to read; also where x is infeasible.
  virtual std::vector<std::string> describe(std::span<const std::int8_t> x) const = 0;
  virtual Reference reference() const = 0;

  /// Set by whoever makes the instance.
  std::string name, source;

 protected:
  /// P = 1.25 times the bound: far enough from it that infeasible states are not among the lowest, near
  /// enough that the objective keeps its share of the couplings' range.
  static constexpr double kPenaltyMargin = 1.25;

  /// bound: unset = penalty_bound(qubo). penalty: unset = by rule. Throws InputError unless a given penalty
  /// is finite and ≥ 0; one below the bound is allowed.
  Application(ConstrainedQubo qubo, std::optional<double> bound, std::optional<double> penalty);

  /// The constraint in words where it is broken. `taken`: how many of the group are 1.
  virtual std::string conflict_text(const Conflict& conflict) const = 0;
  virtual std::string group_text(std::size_t group, int taken) const;

 private:
  ConstrainedQubo qubo_;
  double bound_;
  double penalty_;
};

/// Bits of spins: σ = +1 ↦ 1.
std::vector<std::int8_t> bits_of(std::span<const std::int8_t> spins);

}  // namespace opoloop
