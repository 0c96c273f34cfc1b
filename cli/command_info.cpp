#include "cli/command_info.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/problem_options.h"
#include "cli/text_format.h"
#include "driver/problem_io.h"

namespace opoloop {
namespace {

struct CouplingRange {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  double smallest_magnitude = std::numeric_limits<double>::infinity();
  bool integers = true;
};

CouplingRange coupling_range(const IsingModel& model) {
  CouplingRange range;
  for (std::int32_t i = 0; i < model.size(); ++i) {
    for (const double J : model.couplings(i)) {
      range.low = std::min(range.low, J);
      range.high = std::max(range.high, J);
      range.smallest_magnitude = std::min(range.smallest_magnitude, std::abs(J));
      range.integers = range.integers && J == std::floor(J);
    }
  }
  return range;
}

std::int64_t fields_of(const IsingModel& model) {
  const auto h = model.field();
  return std::count_if(h.begin(), h.end(), [](double value) { return value != 0; });
}

std::string as_text(const Problem& problem) {
  const IsingModel& model = problem.ising;
  const CouplingRange range = coupling_range(model);
  std::string text;
  const auto row = [&](const char* label, const std::string& value) {
    text += fmt::format("{:<18}{}\n", label, value);
  };
  row("name", problem.name);
  row("kind", problem.kind == ProblemKind::max_cut ? "max-cut of a weighted graph (J = -w)"
              : problem.kind == ProblemKind::qubo  ? "QUBO, x in {0, 1} (held as Ising)"
                                                   : "Ising");
  row("spins", grouped(model.size()));
  row("couplings",
      fmt::format("{} ({} of all pairs, {} a spin on average)", grouped(model.edge_count()),
                  percent(model.density()),
                  short_number(2.0 * static_cast<double>(model.edge_count()) / model.size(), 3)));
  if (model.edge_count() > 0) {
    row("J", fmt::format("{} to {}, smallest magnitude {}, {}", short_number(range.low, 6),
                         short_number(range.high, 6), short_number(range.smallest_magnitude, 6),
                         range.integers ? "all integers" : "real numbers"));
  }
  row("linear term h",
      fields_of(model) == 0 ? "none" : fmt::format("on {} spins", grouped(fields_of(model))));
  row("offset", short_number(model.offset(), 10));
  if (problem.kind == ProblemKind::max_cut) row("total weight", short_number(problem.total_weight(), 10));
  if (problem.best_known_energy) {
    const double energy = *problem.best_known_energy;
    const std::string cut = problem.kind == ProblemKind::max_cut
                                ? fmt::format("cut {}, ", short_number(problem.cut_of_energy(energy), 10))
                                : "";
    row("best known",
        fmt::format("{}energy {} ({})", cut, short_number(energy, 10), problem.best_known_source));
  } else {
    row("best known", "unknown");
  }
  const double n = model.size();
  row("dense J needs", short_bytes(4 * n * n) + " in float32");
  if (!problem.sha256.empty()) row("sha256", problem.sha256);
  return text;
}

std::string as_json(const Problem& problem) {
  const IsingModel& model = problem.ising;
  const CouplingRange range = coupling_range(model);
  nlohmann::ordered_json json;
  json["name"] = problem.name;
  json["kind"] = kind_name(problem.kind);
  json["n"] = model.size();
  json["couplings"] = model.edge_count();
  json["density"] = model.density();
  const bool any = model.edge_count() > 0;
  json["coupling_min"] = any ? nlohmann::ordered_json(range.low) : nlohmann::ordered_json(nullptr);
  json["coupling_max"] = any ? nlohmann::ordered_json(range.high) : nlohmann::ordered_json(nullptr);
  json["integer_couplings"] = range.integers;
  json["fields"] = fields_of(model);
  json["offset"] = model.offset();
  json["total_weight"] = problem.kind == ProblemKind::max_cut ? nlohmann::ordered_json(problem.total_weight())
                                                              : nlohmann::ordered_json(nullptr);
  json["best_known_energy"] = problem.best_known_energy ? nlohmann::ordered_json(*problem.best_known_energy)
                                                        : nlohmann::ordered_json(nullptr);
  json["sha256"] = problem.sha256;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

Verb add_info(CLI::App& program) {
  CLI::App* app = program.add_subcommand("info", "Describe a problem file");
  auto input = add_problem_options(*app, "FILE", true);
  auto json = std::make_shared<bool>(false);
  app->add_flag("--json", *json, "Print one JSON object");
  return {app, [input, json](const Streams& streams) {
            const Problem problem = open_problem(input->file, input->load_options());
            streams.out << (*json ? as_json(problem) + "\n" : as_text(problem));
            return 0;
          }};
}

}  // namespace opoloop
