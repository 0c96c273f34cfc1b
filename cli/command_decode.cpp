#include "cli/command_decode.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include <fmt/format.h>

#include "cli/inner_verb.h"
#include "cli/text_format.h"
#include "core/error.h"
#include "driver/problem_io.h"
#include "driver/run_file.h"
#include "driver/statistics.h"
#include "hamiltonian/applications/families.h"
#include "hamiltonian/applications/independent_set.h"

namespace opoloop {
namespace {

constexpr const char* kIndependentSetFamily = "independent-set";
constexpr std::size_t kViolationsShown = 10;

struct DecodeOptions {
  std::string run, graph;
  std::map<std::string, std::map<std::string, std::optional<std::string>>> given;
};

std::unique_ptr<Application> application_of(const DecodeOptions& options, const std::string& family) {
  if (family == kIndependentSetFamily) {
    // The problem's own penalty, from the couplings: E counts a broken edge with −4 J.
    const Problem problem = open_problem(options.graph);
    const double penalty = 4 * problem.ising.largest_coupling();
    return std::make_unique<IndependentSet>(coupling_graph(problem.ising), penalty);
  }
  std::map<std::string, std::string> texts;
  for (const auto& [name, value] : options.given.at(family)) {
    if (value) texts[name] = *value;
  }
  return make_application(family, texts);
}

int decode(const DecodeOptions& options, const std::string& family, const Streams& streams) {
  const std::unique_ptr<Application> application = application_of(options, family);
  const RunFileContents run = read_run_file(options.run);
  const IsingModel ising = application->problem().ising;
  if (run.spins_best.empty()) throw InputError(options.run + ": holds no answer yet");
  if (run.n != ising.size() || run.edges != ising.edge_count()) {
    throw InputError(fmt::format("{}: a run of {} spins and {} couplings; this {} has {} and {}", options.run,
                                 run.n, run.edges, family, ising.size(), ising.edge_count()));
  }
  std::size_t best = 0, feasible = 0;
  std::optional<std::size_t> best_feasible;
  for (std::size_t r = 0; r < run.spins_best.size(); ++r) {
    const double energy = ising.energy(run.spins_best[r]);
    if (!(std::abs(energy - run.energy_best[r]) <= 1e-6 * std::max(ising.largest_term(), std::abs(energy)))) {
      throw InputError(
          fmt::format("{}: was run on another problem: its state has energy {:.9g} there and "
                      "{:.9g} in this {}; give the options of generate",
                      options.run, run.energy_best[r], energy, family));
    }
    if (run.energy_best[r] < run.energy_best[best]) best = r;
    if (broken_constraints(application->qubo(), bits_of(run.spins_best[r])).violation > 0) continue;
    ++feasible;
    if (!best_feasible || run.energy_best[r] < run.energy_best[*best_feasible]) best_feasible = r;
  }
  const auto x = bits_of(run.spins_best[best_feasible.value_or(best)]);
  for (const std::string& line : application->describe(x)) streams.out << line << '\n';
  const Reference reference = application->reference();
  streams.out << fmt::format("objective {}, reference {} ({}{})\n",
                             short_number(application->objective(x), 9), short_number(reference.objective, 9),
                             reference.method, reference.proven ? "" : ", not proven");
  streams.out << fmt::format("penalty {}, bound {}; {} of {} runs keep every constraint\n",
                             short_number(application->penalty(), 6),
                             short_number(application->penalty_bound(), 6), feasible, run.spins_best.size());
  const std::vector<std::string> violations = application->violations(x);
  if (violations.empty()) return 0;
  streams.out << fmt::format("NOT FEASIBLE, {} constraints broken:\n", violations.size());
  for (std::size_t k = 0; k < std::min(violations.size(), kViolationsShown); ++k) {
    streams.out << "  " << violations[k] << '\n';
  }
  if (violations.size() > kViolationsShown) streams.out << "  …\n";
  return 1;
}

}  // namespace

Verb add_decode(CLI::App& program) {
  CLI::App* app = program.add_subcommand(
      "decode", "Say what the answer of a run means for the application that its problem came from");
  auto options = std::make_shared<DecodeOptions>();
  app->require_subcommand(0, 1);
  app->allow_extras();  // so that a family nobody knows is answered with the names of those there are
  for (const GeneratorFamily& family : application_families()) {
    CLI::App* sub = app->add_subcommand(family.name, family.help);
    sub->add_option("RUN", options->run, "Run file of solve --out")->required();
    auto& given = options->given[family.name];
    for (const GeneratorOption& option : family.options) {
      sub->add_option("--" + option.name, given[option.name], option.help)
          ->type_name("")
          ->default_str(option.default_value);
    }
  }
  CLI::App* graph = app->add_subcommand(kIndependentSetFamily, "an independent set of a graph");
  graph->add_option("RUN", options->run, "Run file of solve --out")->required();
  graph
      ->add_option("--graph", options->graph, "What was solved: a DIMACS graph, or a problem of generate mis")
      ->type_name("FILE")
      ->required();
  return {app, [app, options](const Streams& streams) {
            return decode(*options, chosen_family(*app).get_name(), streams);
          }};
}

}  // namespace opoloop
