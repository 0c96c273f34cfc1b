#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hamiltonian/applications/application.h"
#include "hamiltonian/applications/thin_film.h"

namespace opoloop {

/// Evaluations of the black box: designs by number, and lg of their reflectance.
struct Evaluations {
  std::vector<std::int64_t> designs;
  std::vector<double> values;
  bool knows(std::int64_t design) const;
  void add(const ThinFilm& film, std::int64_t design);
};

/// `count` different designs, drawn uniformly, a function of the seed.
Evaluations random_designs(const ThinFilm& film, int count, std::uint64_t seed);

/// The surrogate of a continuous design as a QUBO: the thickness of each layer is encoded one-hot, x_{k,q} at
/// index k·levels + q is 1 where layer k has thickness q, and F is a factorisation machine fitted to the
/// evaluations (its values standardised), brought to coefficients ≥ 0 by one_hot_gauge(). A group a layer: it
/// has exactly one thickness. The least F is the design that the surrogate thinks best.
class SurrogateDesign : public Application {
 public:
  SurrogateDesign(const ThinFilm& film, const Evaluations& evaluations, std::uint64_t seed,
                  std::optional<double> penalty = std::nullopt);

  /// The design's number; nothing where x is infeasible.
  std::optional<std::int64_t> design_of(std::span<const std::int8_t> x) const;
  std::vector<std::int8_t> bits_of_design(std::int64_t design) const;

  std::vector<std::string> describe(std::span<const std::int8_t> x) const override;
  /// All designs of the surrogate: proven.
  Reference reference() const override;

 protected:
  std::string conflict_text(const Conflict& conflict) const override;
  std::string group_text(std::size_t group, int taken) const override;

 private:
  ThinFilm film_;
};

/// The states that a solver offers for a surrogate, best first.
using SurrogateSolver =
    std::function<std::vector<std::vector<std::int8_t>>(const SurrogateDesign& surrogate, int round)>;

struct DesignSearch {
  Evaluations evaluations;  ///< in the order they were made, the random ones first
  int random_rounds = 0;    ///< rounds without a feasible design that was new: a random one was taken
};

/// Fit – solve – evaluate: begins with `start` random designs, then `rounds` times fits a surrogate, has it
/// solved and evaluates the best design offered that is feasible and new. `stop`, asked each round, ends it
/// early.
DesignSearch search_designs(const ThinFilm& film, int start, int rounds, std::uint64_t seed,
                            const SurrogateSolver& solver, const std::function<bool()>& stop = {});

/// lg reflectance of every design, by number.
std::vector<double> all_designs(const ThinFilm& film);

/// Median of the least of so many designs drawn without looking: the quantile 1 − 2^(−1/n) of all, `sorted`.
double random_search_median(const std::vector<double>& sorted, std::size_t evaluations);

}  // namespace opoloop
