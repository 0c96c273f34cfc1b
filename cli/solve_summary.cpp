#include "cli/solve_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/text_format.h"

namespace opoloop {
namespace {

using Json = nlohmann::ordered_json;

std::optional<std::string> parameter(const Result& result, const std::string& name) {
  const auto found = result.parameters.find(name);
  if (found == result.parameters.end() || found->second.value.empty()) return std::nullopt;
  return found->second.value;
}

/// What one step of this device is called, in the singular.
std::string step_word(const Result& result) {
  if (result.device_uri.starts_with("annealing:")) return "sweep";
  return result.device_uri.starts_with("emulator:") ? "round trip" : "step";
}

double best_energy(const Result& result) {
  double best = std::numeric_limits<double>::infinity();
  for (const Sample& sample : result.samples) best = std::min(best, sample.energy_best);
  return best;
}

std::string kind_text(const Problem& problem) {
  switch (problem.kind) {
    case ProblemKind::max_cut:
      return "max-cut";
    case ProblemKind::qubo:
      return "QUBO";
    case ProblemKind::ising:
      break;
  }
  return "Ising";
}

std::string interval_text(double low, double high) {
  return fmt::format("(95% interval {} to {})", percent(low), percent(high));
}

/// "1 run", "128 runs".
std::string counted(std::int64_t number, const std::string& what) {
  return grouped(number) + " " + what + (number == 1 ? "" : "s");
}

/// Lines of two columns: a label, and what it says.
class Table {
 public:
  void heading(const std::string& text) { text_ += "\n" + text + "\n"; }
  void row(const std::string& label, const std::string& value) {
    text_ += fmt::format("  {:<18}{}\n", label, value);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

template <class Shown>
std::string time_text(const TimeToSolution& time, Shown shown) {
  if (time.lower_bound) return "more than " + shown(time.value) + " (no run succeeded: a lower bound)";
  if (std::isinf(time.high)) return fmt::format("{} (at least {})", shown(time.value), shown(time.low));
  return fmt::format("{} ({} to {})", shown(time.value), shown(time.low), shown(time.high));
}

void add_problem(Table& table, const SolveOutcome& o) {
  const Problem& problem = o.problem;
  table.row("problem", fmt::format("{}: {}, {} spins, {} couplings ({} of all pairs){}", problem.name,
                                   kind_text(problem), grouped(problem.ising.size()),
                                   grouped(problem.ising.edge_count()), percent(problem.ising.density()),
                                   problem.ising.has_field() ? ", with a linear term" : ""));
  std::string what;
  for (const char* name : {"model", "law", "preset", "dt"}) {
    const auto value = parameter(o.result, name);
    if (!value) continue;
    // The run file and --json have all digits.
    double number = 0;
    const auto [end, code] = std::from_chars(value->data(), value->data() + value->size(), number);
    const bool numeric = code == std::errc() && end == value->data() + value->size();
    what += fmt::format(", {} {}", name, numeric ? short_number(number) : *value);
  }
  table.row("device", o.result.device_uri + what);
  table.row("work", fmt::format("{} of {}, seed {}, {}", counted(o.result.runs, "run"),
                                counted(o.result.steps, step_word(o.result)), o.settings.seed,
                                counted(o.settings.threads, "thread")));
  if (o.result.interrupted || o.result.time_limited) {
    double rounds = 0;
    for (const Sample& sample : o.result.samples) rounds += static_cast<double>(sample.rounds);
    const auto begun = static_cast<double>(std::max<std::size_t>(o.result.samples.size(), 1));
    table.row(
        "stopped",
        fmt::format("by {} after {} in the mean of the {} of {} runs that had begun: longer runs may find "
                    "better states",
                    o.result.interrupted ? "a signal" : "the time limit",
                    counted(std::llround(rounds / begun), step_word(o.result)),
                    grouped(static_cast<std::int64_t>(o.result.samples.size())), grouped(o.result.runs)));
  }
  for (const std::string& change : o.result.adaptations) table.row("adapted", change);
}

void add_best(Table& table, const SolveOutcome& o) {
  const double best = best_energy(o.result);
  if (!std::isfinite(best)) {
    table.row("best", "none: no run finished a step");
    return;
  }
  const auto reached = std::count_if(o.result.samples.begin(), o.result.samples.end(), [&](const Sample& s) {
    return reaches(s.energy_best, best, o.statistics.term);
  });
  const std::string by =
      fmt::format("found by {} of {} runs", grouped(reached), grouped(o.statistics.trials));
  const bool cut = o.problem.kind == ProblemKind::max_cut;
  if (cut) table.row("best cut", fmt::format("{}   {}", short_number(o.problem.cut_of_energy(best), 10), by));
  table.row("best energy", fmt::format("{}{}", short_number(best, 10), cut ? "" : "   " + by));
  if (!o.problem.best_known_energy) return;
  const double known = *o.problem.best_known_energy;
  const double shown_known = cut ? o.problem.cut_of_energy(known) : known;
  const double shown_best = cut ? o.problem.cut_of_energy(best) : best;
  const double gap = cut ? shown_known - shown_best : shown_best - shown_known;
  const double scale = std::max(std::abs(shown_known), std::numeric_limits<double>::min());
  std::string verdict = fmt::format("gap {} ({})", short_number(gap, 6), percent(gap / scale));
  const double term = o.statistics.term;
  if (reaches(best, known, term))
    verdict = reaches(known, best, term) ? "reached" : "beaten by " + short_number(-gap, 6);
  table.row(cut ? "best known cut" : "best known energy",
            fmt::format("{}   {}; {}", short_number(shown_known, 10), verdict, o.problem.best_known_source));
}

void add_statistics(Table& table, const SolveOutcome& o) {
  const SolveStatistics& s = o.statistics;
  if (o.result.proven) {
    // Nothing is left to chance: shares of runs and times to solution would say nothing.
    table.row("proven", "the best energy is that of the ground state: every state was looked at");
    if (s.target_energy && !reaches(best_energy(o.result), *s.target_energy, s.term)) {
      table.row("target",
                fmt::format("{} is below it: no state reaches that", short_number(*s.target_energy, 10)));
    }
    return;
  }
  if (s.target_is_best_found) {
    table.row("success means",
              "as good as the best of these runs (no target and no best known value was given)");
  } else if (s.target_energy) {
    const double target = *s.target_energy;
    table.row("success means",
              o.problem.kind == ProblemKind::max_cut
                  ? fmt::format("a cut of {} or more", short_number(o.problem.cut_of_energy(target), 10))
                  : fmt::format("an energy of {} or less", short_number(target, 10)));
  }
  table.row("at any step",
            fmt::format("{} of {} runs: P = {} {}", grouped(s.successes_best), grouped(s.trials),
                        percent(s.p_best), interval_text(s.p_best_interval.low, s.p_best_interval.high)));
  table.row("at the last step",
            fmt::format("{} of {} runs: P = {} {}", grouped(s.successes_final), grouped(s.trials),
                        percent(s.p_final), interval_text(s.p_final_interval.low, s.p_final_interval.high)));

  table.heading(
      "Time to solution: until one run succeeds with 99% probability, repeating runs (95% interval)");
  // Three digits: the interval is wider than the fourth.
  const auto count = [](double value) {
    if (!(value >= 1000) || std::isinf(value)) return short_number(value, 3);
    const double unit = std::pow(10, std::floor(std::log10(value)) - 2);
    return short_number(std::round(value / unit) * unit);
  };
  table.row(step_word(o.result) + "s", time_text(s.round_trips, count));
  if (s.matrix_products)
    table.row("matrix products", time_text(*s.matrix_products, count) + ", each J times one state");
  table.row("wall time", time_text(s.wall_s, short_seconds) + ", throughput: a batch's time over its runs");
  if (s.latency_wall_s) {
    table.row("latency", std::isfinite(*s.latency_wall_s)
                             ? fmt::format("{}, until one whole batch of {} first succeeds",
                                           short_seconds(*s.latency_wall_s), counted(s.trials, "run"))
                             : "unknown: no run succeeded");
  }
  table.row("machine time", s.machine_s
                                ? time_text(*s.machine_s, short_seconds) + ", on the machine of the preset"
                                : "unknown: no machine chosen (see: opoloop devices)");
}

ClippingCounts clipping_of_all(const Result& result) {
  ClippingCounts sum;
  for (const Sample& sample : result.samples) {
    sum.adc_saturations += sample.clipping.adc_saturations;
    sum.dac_saturations += sample.clipping.dac_saturations;
    sum.fixed_point_overflows += sample.clipping.fixed_point_overflows;
  }
  return sum;
}

/// Only where something was out of range: whoever asked for converters wants to know.
void add_clipping(Table& table, const SolveOutcome& o) {
  const ClippingCounts sum = clipping_of_all(o.result);
  if (sum.total() == 0) return;
  double values = 0;
  for (const Sample& sample : o.result.samples)
    values += static_cast<double>(sample.rounds) * static_cast<double>(o.problem.ising.size());
  std::string text;
  const auto part = [&](std::int64_t count, const char* what) {
    if (count == 0) return;
    text += fmt::format("{}{} {} ({})", text.empty() ? "" : ", ", grouped(count), what,
                        percent(static_cast<double>(count) / std::max(1.0, values)));
  };
  part(sum.adc_saturations, "measured values");
  part(sum.dac_saturations, "injections");
  part(sum.fixed_point_overflows, "fixed-point overflows");
  table.row("out of range", text + " of all");
}

void add_speed(Table& table, const SolveOutcome& o) {
  table.heading("Speed of this computer");
  table.row("wall time", fmt::format("{} ({} more to set up)", short_seconds(o.result.timing.wall_s),
                                     short_seconds(o.result.timing.setup_s)));
  table.row("one " + step_word(o.result),
            fmt::format("{} µs a run", short_number(o.statistics.us_per_round_trip, 3)));
  if (o.statistics.gflops > 0) {
    table.row("arithmetic", fmt::format("{} GFLOP/s in products with J ({})",
                                        short_number(o.statistics.gflops, 3), o.result.coupling_storage));
  }
}

Json number_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json integer_where_exact(double value) {
  if (std::abs(value) < 9e15 && value == std::floor(value)) return Json(static_cast<std::int64_t>(value));
  return number_or_null(value);
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json value_or_null(const std::optional<TimeToSolution>& time) {
  return time ? number_or_null(time->value) : Json(nullptr);
}

}  // namespace

std::string solve_text(const SolveOutcome& o) {
  Table table;
  add_problem(table, o);
  table.heading("Result");
  add_best(table, o);
  if (o.statistics.trials > 0) {
    add_clipping(table, o);
    add_statistics(table, o);
    add_speed(table, o);
  }
  if (o.run_file || o.report) table.heading("Files");
  if (o.run_file) table.row("run file", *o.run_file);
  if (o.report) table.row("report", *o.report);
  return table.text();
}

std::string solve_json(const SolveOutcome& o) {
  const Problem& problem = o.problem;
  const SolveStatistics& s = o.statistics;
  const bool cut = problem.kind == ProblemKind::max_cut;
  const double best = best_energy(o.result);
  Json json;
  Json& p = json["problem"];
  p["name"] = problem.name;
  p["kind"] = kind_name(problem.kind);
  p["n"] = problem.ising.size();
  p["couplings"] = problem.ising.edge_count();
  p["sha256"] = problem.sha256.empty() ? Json(nullptr) : Json(problem.sha256);
  p["best_known"] = problem.best_known_energy
                        ? integer_where_exact(cut ? problem.cut_of_energy(*problem.best_known_energy)
                                                  : *problem.best_known_energy)
                        : Json(nullptr);
  p["best_known_energy"] = or_null(problem.best_known_energy);
  json["device"] = o.result.device_uri;
  json["model"] = or_null(parameter(o.result, "model"));
  json["law"] = or_null(parameter(o.result, "law"));
  json["runs"] = o.result.runs;
  json["runs_done"] = s.trials;
  json["steps"] = o.result.steps;
  const auto dt = parameter(o.result, "dt");
  json["dt"] = dt ? number_or_null(std::strtod(dt->c_str(), nullptr)) : Json(nullptr);
  json["seed"] = o.settings.seed;
  json["threads"] = o.settings.threads;
  json["best_energy"] = number_or_null(best);
  json["best_cut"] =
      cut && std::isfinite(best) ? integer_where_exact(problem.cut_of_energy(best)) : Json(nullptr);
  json["proven"] = o.result.proven;
  json["target_energy"] = or_null(o.settings.target_energy);
  json["p_success"] = {{"final", s.p_final},
                       {"best", s.p_best},
                       {"low", s.p_best_interval.low},
                       {"high", s.p_best_interval.high}};
  Json& tts = json["tts"];
  tts["round_trips"] = number_or_null(s.round_trips.value);
  tts["matrix_products"] = value_or_null(s.matrix_products);
  tts["wall_s"] = number_or_null(s.wall_s.value);
  tts["machine_s"] = value_or_null(s.machine_s);
  tts["low"] = number_or_null(s.round_trips.low);
  tts["high"] = number_or_null(s.round_trips.high);
  tts["lower_bound"] = s.round_trips.lower_bound;
  tts["latency_wall_s"] = s.latency_wall_s ? number_or_null(*s.latency_wall_s) : Json(nullptr);
  json["wall_s"] = o.result.timing.wall_s;
  json["setup_s"] = o.result.timing.setup_s;
  json["us_per_round_trip"] = number_or_null(s.us_per_round_trip);
  json["gflops"] = number_or_null(s.gflops);
  if (o.result.counts_clipping) {
    const ClippingCounts sum = clipping_of_all(o.result);
    json["clipping"] = {{"adc_saturations", sum.adc_saturations},
                        {"dac_saturations", sum.dac_saturations},
                        {"fixed_point_overflows", sum.fixed_point_overflows}};
  } else {
    json["clipping"] = nullptr;
  }
  json["adaptations"] = o.result.adaptations;
  json["warnings"] = o.result.warnings;
  json["interrupted"] = o.result.interrupted;
  json["time_limited"] = o.result.time_limited;
  json["run_file"] = or_null(o.run_file);
  json["report"] = or_null(o.report);
  // A file name may hold bytes that are not UTF-8; the object stays valid JSON.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace opoloop
