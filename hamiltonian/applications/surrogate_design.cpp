#include "hamiltonian/applications/surrogate_design.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/random.h"
#include "hamiltonian/applications/factorisation_machine.h"

namespace opoloop {
namespace {

constexpr int kRank = 2;
constexpr double kRidge = 0.1;
constexpr int kSweeps = 20;

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

std::vector<std::int32_t> ones_of(const ThinFilm& film, std::int64_t design) {
  std::vector<std::int32_t> ones;
  std::int32_t layer = 0;
  for (const int level : film.design(design)) ones.push_back(layer++ * film.levels + level);
  return ones;
}

ConstrainedQubo surrogate_qubo(const ThinFilm& film, const Evaluations& evaluations, std::uint64_t seed) {
  film.designs();  // throws where the film is out of range
  if (evaluations.designs.size() < 2) throw InputError("surrogate: at least 2 evaluations are needed");
  double mean = 0, square = 0;
  const auto count = static_cast<double>(evaluations.values.size());
  for (const double v : evaluations.values) mean += v / count;
  for (const double v : evaluations.values) square += (v - mean) * (v - mean) / count;
  const double deviation = square > 0 ? std::sqrt(square) : 1;
  std::vector<std::vector<std::int32_t>> ones;
  std::vector<double> y;
  for (std::size_t s = 0; s < evaluations.designs.size(); ++s) {
    ones.push_back(ones_of(film, evaluations.designs[s]));
    y.push_back((evaluations.values[s] - mean) / deviation);
  }
  ConstrainedQubo problem;
  problem.objective =
      FactorisationMachine(film.layers * film.levels, kRank, ones, y, kRidge, kSweeps, seed).qubo();
  for (int layer = 0; layer < film.layers; ++layer) {
    std::vector<std::int32_t> group;
    for (int level = 0; level < film.levels; ++level) group.push_back(layer * film.levels + level);
    problem.groups.push_back(std::move(group));
  }
  return one_hot_gauge(std::move(problem));
}

std::string material(int layer) {
  return layer % 2 == 0 ? "titania" : "magnesium fluoride";
}

}  // namespace

bool Evaluations::knows(std::int64_t design) const {
  return std::find(designs.begin(), designs.end(), design) != designs.end();
}

void Evaluations::add(const ThinFilm& film, std::int64_t design) {
  designs.push_back(design);
  values.push_back(std::log10(film.reflectance(film.design(design))));
}

Evaluations random_designs(const ThinFilm& film, int count, std::uint64_t seed) {
  const std::int64_t all = film.designs();
  if (count < 2 || count > all)
    throw_parameter_error("surrogate: samples", count, "2 to the number of designs");
  RandomSequence random(seed, Stream::generator);
  Evaluations out;
  while (out.designs.size() < at(count)) {
    const auto design = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(all)));
    if (!out.knows(design)) out.add(film, design);
  }
  return out;
}

SurrogateDesign::SurrogateDesign(const ThinFilm& film, const Evaluations& evaluations, std::uint64_t seed,
                                 std::optional<double> penalty)
    : Application(surrogate_qubo(film, evaluations, seed), std::nullopt, penalty), film_(film) {}

std::optional<std::int64_t> SurrogateDesign::design_of(std::span<const std::int8_t> x) const {
  if (broken_constraints(qubo(), x).violation > 0) return std::nullopt;
  std::vector<int> design;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] != 0) design.push_back(static_cast<int>(i % at(film_.levels)));
  }
  return film_.number(design);
}

std::vector<std::int8_t> SurrogateDesign::bits_of_design(std::int64_t design) const {
  std::vector<std::int8_t> x(at(qubo().objective.n), 0);
  for (const std::int32_t i : ones_of(film_, design)) x[at(i)] = 1;
  return x;
}

std::vector<std::string> SurrogateDesign::describe(std::span<const std::int8_t> x) const {
  std::vector<std::string> lines;
  for (int layer = 0; layer < film_.layers; ++layer) {
    std::vector<double> thickness;
    for (int level = 0; level < film_.levels; ++level) {
      if (x[at(layer * film_.levels + level)] != 0) thickness.push_back(level * film_.step_nm);
    }
    lines.push_back(
        fmt::format("layer {}, {}: {} nm", layer + 1, material(layer), fmt::join(thickness, " and ")));
  }
  if (const auto design = design_of(x)) {
    lines.push_back(fmt::format("mean reflectance {:.3f}%, {:.3f}% without coating",
                                100 * film_.reflectance(film_.design(*design)),
                                100 * film_.reflectance(std::vector<int>(at(film_.layers), 0))));
  }
  return lines;
}

Reference SurrogateDesign::reference() const {
  Reference reference;
  reference.method = "all designs";
  reference.proven = true;
  // F from tables: a sum over layers and pairs of layers.
  const std::size_t n = at(qubo().objective.n);
  std::vector<double> q(n * n, 0.0);
  for (const QuboTerm& t : qubo().objective.terms) q[at(t.i) * n + at(t.j)] = q[at(t.j) * n + at(t.i)] = t.q;
  double least = std::numeric_limits<double>::infinity();
  std::int64_t best = 0;
  for (std::int64_t design = 0; design < film_.designs(); ++design) {
    const std::vector<std::int32_t> ones = ones_of(film_, design);
    double value = qubo().objective.offset;
    for (std::size_t a = 0; a < ones.size(); ++a) {
      value += qubo().objective.linear[at(ones[a])];
      for (std::size_t b = a + 1; b < ones.size(); ++b) value += q[at(ones[a]) * n + at(ones[b])];
    }
    if (value < least) {
      least = value;
      best = design;
    }
  }
  reference.x = bits_of_design(best);
  reference.objective = objective(reference.x);
  return reference;
}

std::string SurrogateDesign::conflict_text(const Conflict& conflict) const {
  return fmt::format("bits {} and {} exclude each other", conflict.i + 1, conflict.j + 1);
}

std::string SurrogateDesign::group_text(std::size_t group, int taken) const {
  return taken == 0 ? fmt::format("layer {}: no thickness", group + 1)
                    : fmt::format("layer {}: {} thicknesses", group + 1, taken);
}

DesignSearch search_designs(const ThinFilm& film, int start, int rounds, std::uint64_t seed,
                            const SurrogateSolver& solver, const std::function<bool()>& stop) {
  if (rounds < 0 || start + static_cast<std::int64_t>(rounds) > film.designs()) {
    throw_parameter_error("surrogate: rounds", rounds, "as many as there are designs left");
  }
  DesignSearch search;
  search.evaluations = random_designs(film, start, seed);
  RandomSequence random(seed, Stream::generator, 1);
  for (int round = 0; round < rounds; ++round) {
    if (stop && stop()) return search;
    const SurrogateDesign surrogate(film, search.evaluations, seed + static_cast<std::uint64_t>(round));
    std::optional<std::int64_t> next;
    for (const auto& x : solver(surrogate, round)) {
      next = surrogate.design_of(x);
      if (next && !search.evaluations.knows(*next)) break;
      next.reset();
    }
    if (!next) ++search.random_rounds;
    while (!next || search.evaluations.knows(*next)) {
      next = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(film.designs())));
    }
    search.evaluations.add(film, *next);
  }
  return search;
}

std::vector<double> all_designs(const ThinFilm& film) {
  std::vector<double> values(at(film.designs()));
  for (std::size_t k = 0; k < values.size(); ++k) {
    values[k] = std::log10(film.reflectance(film.design(static_cast<std::int64_t>(k))));
  }
  return values;
}

double random_search_median(const std::vector<double>& sorted, std::size_t evaluations) {
  const double quantile = 1 - std::pow(0.5, 1.0 / static_cast<double>(evaluations));
  return sorted[static_cast<std::size_t>(quantile * static_cast<double>(sorted.size()))];
}

}  // namespace opoloop
