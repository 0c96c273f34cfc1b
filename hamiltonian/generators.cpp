#include "hamiltonian/generators.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "core/error.h"
#include "hamiltonian/applications/families.h"
#include "hamiltonian/generators/options.h"

namespace opoloop {
namespace {

struct Entry {
  GeneratorFamily family;
  std::function<Problem(const GeneratorOptions&)> make;
};

const GeneratorOption kN = {"n", "", "number of spins", OptionKind::count};
const GeneratorOption kLength = {"l", "", "side of the square lattice (l·l spins)", OptionKind::count};
const GeneratorOption kSeed = {"seed", "1", "seed of the random numbers", OptionKind::seed};
const GeneratorOption kWeights = {
    "weights", "1", "edge weights: 1 or pm1 (±1)", OptionKind::word, {"pm1", "1"}};
const GeneratorOption kCouplings = {
    "couplings", "pm1", "couplings: pm1 (±1) or gaussian", OptionKind::word, {"pm1", "gaussian"}};

WeightKind weights_of(const GeneratorOptions& o) {
  return o.is("weights", "pm1", "1") ? WeightKind::plus_minus_one : WeightKind::one;
}
CouplingKind couplings_of(const GeneratorOptions& o) {
  return o.is("couplings", "pm1", "gaussian") ? CouplingKind::plus_minus_one : CouplingKind::gaussian;
}

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = {
      {{"sk",
        "Sherrington–Kirkpatrick spin glass: all pairs coupled",
        {kN,
         kCouplings,
         {"variance", "1", "variance of the couplings: 1 or 1/n", OptionKind::word, {"1/n", "1"}},
         kSeed}},
       [](const GeneratorOptions& o) {
         return sherrington_kirkpatrick(o.count("n"), couplings_of(o), o.is("variance", "1/n", "1"),
                                        o.seed());
       }},
      {{"erdos-renyi",
        "max-cut on a random graph, each pair with probability p or m edges in all",
        {kN,
         {"p", "0.5", "probability of an edge"},
         {"m", "0", "number of edges; 0: by p", OptionKind::count},
         kWeights,
         kSeed}},
       [](const GeneratorOptions& o) {
         const std::int64_t m = o.integer("m");
         if (m != 0 && o.given("p")) throw InputError("erdos-renyi: give either p or m");
         return m == 0 ? erdos_renyi(o.count("n"), o.number("p"), weights_of(o), o.seed())
                       : erdos_renyi_edges(o.count("n"), m, weights_of(o), o.seed());
       }},
      {{"regular",
        "max-cut on a random d-regular graph",
        {kN, {"d", "3", "degree of every node", OptionKind::count}, kWeights, kSeed}},
       [](const GeneratorOptions& o) {
         return random_regular(o.count("n"), o.count("d"), weights_of(o), o.seed());
       }},
      {{"complete", "max-cut on the complete graph with weights ±1 (K2000 is one)", {kN, kSeed}},
       [](const GeneratorOptions& o) { return complete_plus_minus_one(o.count("n"), o.seed()); }},
      {{"moebius", "max-cut on the Möbius ladder; optimum known", {kN}},
       [](const GeneratorOptions& o) { return moebius_ladder(o.count("n")); }},
      {{"torus", "max-cut on a square lattice with periodic boundary", {kLength, kCouplings, kSeed}},
       [](const GeneratorOptions& o) { return torus(o.count("l"), couplings_of(o), o.seed()); }},
      {{"wishart",
        "Wishart-planted spin glass (arXiv:1906.00275): dense, hard, optimum known",
        {kN,
         {"alpha", "0.5", "M/N, columns per spin; hardest well below 1"},
         {"couplings",
          "integer",
          "integer (exact) or gaussian (as in the paper)",
          OptionKind::word,
          {"integer", "gaussian"}},
         kSeed}},
       [](const GeneratorOptions& o) {
         return wishart_planted(o.count("n"), o.number("alpha"), o.is("couplings", "integer", "gaussian"),
                                o.seed());
       }},
      {{"tile2d",
        "tile-planted square lattice (arXiv:1711.04083): sparse, optimum known",
        {kLength,
         {"p1", "0", "probability of cells with 1 ground state"},
         {"p2", "0", "… with 2"},
         {"p3", "0", "… with 3; the rest have 4"},
         kSeed}},
       [](const GeneratorOptions& o) {
         return tile_planted(o.count("l"), o.number("p1"), o.number("p2"), o.number("p3"), o.seed());
       }},
      {{"mis",
        "maximum independent set whose quantum gap closes fast (after arXiv:2509.16265): cliques against a "
        "larger free set, optimum known",
        {kN,
         {"cliques", "0", "number of cliques; 0: a third of the spins, (n − 1)/3", OptionKind::count},
         {"p", "1", "probability of the edges that the optimum does not need; 1: smallest gap"},
         {"penalty", "2", "cost of an edge with both ends taken, above 1"},
         kSeed}},
       [](const GeneratorOptions& o) {
         const std::int32_t n = o.count("n"), cliques = o.count("cliques");
         return independent_set(n, cliques == 0 ? std::max((n - 1) / 3, 1) : cliques, o.number("p"),
                                o.number("penalty"), o.seed());
       }},
  };
  return all;
}

}  // namespace

const std::vector<GeneratorFamily>& generator_families() {
  static const std::vector<GeneratorFamily> families = [] {
    std::vector<GeneratorFamily> list;
    for (const Entry& entry : entries()) list.push_back(entry.family);
    for (const GeneratorFamily& family : application_families()) list.push_back(family);
    return list;
  }();
  return families;
}

Problem generate_problem(const std::string& family, const std::map<std::string, std::string>& options) {
  std::vector<std::string> names;
  for (const Entry& entry : entries()) {
    if (entry.family.name == family) return entry.make(GeneratorOptions(entry.family, options));
    names.push_back(entry.family.name);
  }
  for (const GeneratorFamily& application : application_families()) {
    if (application.name == family) return application_problem(*make_application(family, options));
    names.push_back(application.name);
  }
  throw InputError(fmt::format("unknown family '{}'; known: {}", family, fmt::join(names, ", ")));
}

}  // namespace opoloop
