#include "cli/qama_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "cli/text_format.h"
#include "hamiltonian/qama/qama_decoder.h"

namespace opoloop {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kShownProblems = 8;

std::string counted(std::int64_t number, const std::string& what) {
  return grouped(number) + " " + what + (number == 1 ? "" : "s");
}

/// Share of the live tokens that each head selects, of one problem.
std::vector<double> selected_shares(const QamaOutcome& o, std::size_t b) {
  const QamaProblem& problem = o.batch.problems()[b];
  const std::size_t size = o.solution.x.size() / o.batch.shape().samples();
  const auto x = std::span(o.solution.x).subspan(b * size, size);
  return selected_fraction(problem, decode_selection(problem, encode_selection(problem, x)));
}

std::string shares_text(const std::vector<double>& shares) {
  constexpr std::size_t kMost = 16;
  std::string text;
  for (std::size_t t = 0; t < std::min(shares.size(), kMost); ++t) {
    text += (t > 0 ? "  " : "") + percent(shares[t]);
  }
  return shares.size() > kMost ? text + "  …" : text;
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

std::string coefficients_text(const QamaSpec& spec) {
  std::string text =
      fmt::format("form {}, c_q {}, c_l {}, c_m {}", name_of(spec.form), spec.c_q, spec.c_l, spec.c_m);
  if (spec.bits > 1) text += fmt::format(", {} bits a selection", spec.bits);
  if (spec.sparsity != 0) {
    text += fmt::format(", sparsity {} towards {}", spec.sparsity, percent(spec.sparsity_target));
  }
  if (spec.long_range != 0) text += fmt::format(", long range {}", spec.long_range);
  return text;
}

void add_input(Table& table, const QamaOutcome& o) {
  const QamaShape& s = o.batch.shape();
  std::int64_t largest = 0, masked = 0;
  for (const QamaProblem& problem : o.batch.problems()) {
    largest = std::max<std::int64_t>(largest, problem.spins());
    masked += problem.tokens() - problem.live();
  }
  table.row("input",
            fmt::format("{}: {}, {}, {}, head width {}{}", o.batch.file().name, counted(s.batch, "problem"),
                        counted(s.heads, "head"), counted(s.tokens, "token"), s.width,
                        masked > 0 ? fmt::format(", {} masked", counted(masked, "token")) : ""));
  table.row("Hamiltonian", fmt::format("{}, {} a problem{}", coefficients_text(o.batch.spec()),
                                       counted(largest, "spin"), masked > 0 ? " at most" : ""));
  if (!o.batch.file().u_given) table.row("u", "ones: the file has none");
  table.row("device", o.device_uri);
  table.row("work", fmt::format("{} of {} a problem, seed {}, {}",
                                o.solution.runs > 0 ? counted(o.solution.runs, "run") : "runs",
                                counted(o.solution.steps, "step"), o.settings.seed,
                                counted(o.settings.threads, "thread")));
  for (const std::string& change : o.solution.adaptations) table.row("adapted", change);
}

void add_result(Table& table, const QamaOutcome& o) {
  const QamaSolution& solution = o.solution;
  const std::size_t asked = o.only ? 1 : o.batch.shape().samples();
  table.row("solved", fmt::format("{} of {}", counted(static_cast<std::int64_t>(solution.done()), "problem"),
                                  grouped(static_cast<std::int64_t>(asked))));
  if (solution.done() == 0) return;
  double low = std::numeric_limits<double>::infinity(), high = -low, sum = 0;
  std::vector<double> shares(static_cast<std::size_t>(o.batch.shape().heads), 0.0);
  for (std::size_t b = 0; b < solution.energy.size(); ++b) {
    if (solution.answered[b] == 0) continue;
    low = std::min(low, solution.energy[b]);
    high = std::max(high, solution.energy[b]);
    sum += solution.energy[b];
    const std::vector<double> own = selected_shares(o, b);
    for (std::size_t t = 0; t < own.size(); ++t) shares[t] += own[t] / static_cast<double>(solution.done());
  }
  if (solution.done() == 1) {
    table.row("energy", short_number(low, 8));
  } else {
    table.row("energy", fmt::format("mean {}, from {} to {}",
                                    short_number(sum / static_cast<double>(solution.done()), 8),
                                    short_number(low, 8), short_number(high, 8)));
  }
  table.row("tokens selected", shares_text(shares) + (shares.size() > 1 ? "   by head" : ""));
  if (solution.done() == 1 || o.only) return;
  table.heading("Problems                energy          tokens selected, by head");
  int shown = 0;
  for (std::size_t b = 0; b < solution.energy.size(); ++b) {
    if (solution.answered[b] == 0) continue;
    if (shown++ == kShownProblems) {
      table.row("…", "--json, --npz and --out have all");
      break;
    }
    table.row(fmt::format("{}", b), fmt::format("{:>12}          {}", short_number(solution.energy[b], 8),
                                                shares_text(selected_shares(o, b))));
  }
}

}  // namespace

std::string qama_text(const QamaOutcome& o) {
  Table table;
  add_input(table, o);
  table.heading("Result");
  add_result(table, o);
  table.heading("Wall time");
  table.row("reading", short_seconds(o.read_s));
  table.row("scores", short_seconds(o.batch.scores_s()));
  table.row("solving", short_seconds(o.solution.solve_s));
  table.row("read-out", short_seconds(o.solution.read_out_s));
  if (o.run_file || o.npz) table.heading("Files");
  if (o.run_file) table.row("run file", *o.run_file);
  if (o.npz) table.row("arrays", *o.npz);
  return table.text();
}

std::string qama_json(const QamaOutcome& o) {
  const QamaSpec& spec = o.batch.spec();
  const QamaShape& s = o.batch.shape();
  Json json;
  json["input"] = {{"file", o.batch.file().source},
                   {"sha256", o.batch.file().sha256},
                   {"layer", o.batch.file().layer},
                   {"u", o.batch.file().u_given ? "given" : "ones"},
                   {"batch", s.batch},
                   {"heads", s.heads},
                   {"tokens", s.tokens},
                   {"head_width", s.width}};
  json["hamiltonian"] = {{"form", name_of(spec.form)},
                         {"bits", spec.bits},
                         {"c_q", spec.c_q},
                         {"c_l", spec.c_l},
                         {"c_m", spec.c_m},
                         {"sparsity", spec.sparsity},
                         {"sparsity_target", spec.sparsity_target},
                         {"long_range", spec.long_range},
                         {"scale", o.batch.scale()}};
  json["device"] = o.device_uri;
  json["runs"] = o.solution.runs;
  json["steps"] = o.solution.steps;
  json["seed"] = o.settings.seed;
  json["threads"] = o.settings.threads;
  json["solved"] = o.solution.done();
  Json problems = Json::array();
  for (std::size_t b = 0; b < s.samples(); ++b) {
    if (o.only && static_cast<std::size_t>(*o.only) != b) continue;
    const bool answered = o.solution.answered[b] != 0;
    problems.push_back({{"problem", b},
                        {"spins", o.batch.problems()[b].spins()},
                        {"best_energy", answered ? Json(o.solution.energy[b]) : Json(nullptr)},
                        {"selected", answered ? Json(selected_shares(o, b)) : Json(nullptr)}});
  }
  json["problems"] = std::move(problems);
  json["time_s"] = {{"reading", o.read_s},
                    {"scores", o.batch.scores_s()},
                    {"solving", o.solution.solve_s},
                    {"read_out", o.solution.read_out_s}};
  json["adaptations"] = o.solution.adaptations;
  json["failure"] = o.solution.failure.empty() ? Json(nullptr) : Json(o.solution.failure);
  json["run_file"] = o.run_file ? Json(*o.run_file) : Json(nullptr);
  json["npz"] = o.npz ? Json(*o.npz) : Json(nullptr);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string qama_failure(const QamaOutcome& o) {
  const std::size_t asked = o.only ? 1 : o.batch.shape().samples();
  std::string missing;
  std::size_t listed = 0;
  for (std::size_t b = 0; b < o.solution.answered.size(); ++b) {
    if (o.solution.answered[b] != 0 || (o.only && static_cast<std::size_t>(*o.only) != b)) continue;
    if (++listed > 8) {
      missing += ", …";
      break;
    }
    missing += fmt::format("{}{}", listed > 1 ? ", " : "", b);
  }
  std::string files;
  for (const auto& file : {o.run_file, o.npz}) {
    if (file) files += (files.empty() ? "; what was done is in " : " and ") + *file;
  }
  return fmt::format("device '{}' failed after {} of {} problems ({}); not solved: {}{}", o.device_uri,
                     o.solution.done(), asked, o.solution.failure, missing, files);
}

}  // namespace opoloop
