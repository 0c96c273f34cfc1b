#include "experiments/spectrum_report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "core/version.h"
#include "experiments/html_table.h"
#include "experiments/page.h"
#include "experiments/plot.h"

namespace opoloop {
namespace {

std::string number(double value, int digits = 5) {
  if (std::isnan(value)) return "-";
  if (std::isinf(value)) return "infinite";
  return fmt::format("{:.{}g}", value, digits);
}

/// A table as rows of text: printed in columns on a terminal, as HTML in the page.
struct Table {
  std::string title;
  std::string note;
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
};

void print_table(const Table& table, std::ostream& out) {
  std::vector<std::size_t> widths;
  for (const std::string& cell : table.head) widths.push_back(cell.size());
  for (const auto& row : table.rows) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  const auto line = [&](const std::vector<std::string>& row) {
    std::string text;
    for (std::size_t c = 0; c < row.size(); ++c) text += fmt::format("{:<{}}  ", row[c], widths[c]);
    text.erase(text.find_last_not_of(' ') + 1);
    out << text << '\n';
  };
  out << '\n' << table.title << '\n';
  if (!table.rows.empty()) line(table.head);
  for (const auto& row : table.rows) line(row);
  if (!table.note.empty()) out << table.note << '\n';
}

std::string html_table(const Table& table) {
  std::string html = fmt::format("<h2>{}</h2>\n", html_escape(table.title));
  if (!table.note.empty()) html += fmt::format("<p class='sub'>{}</p>\n", html_escape(table.note));
  if (table.rows.empty()) return html;
  HtmlTable grid;
  for (const std::string& cell : table.head) grid.title(html_escape(cell));
  for (const auto& row : table.rows) {
    grid.row();
    for (const std::string& cell : row) grid.number(html_escape(cell));
  }
  return html + grid.html();
}

Table chain_table(const ProblemSpectrum& spectrum) {
  Table table;
  table.title = "Classical: single-spin-flip chain";
  table.head = {"rule",     "beta", "lambda_2",    "lambda_min", "gap",         "t_rel",
                "even gap", "pi_G", "t_mix bound", "TTS bound",  "hitting time"};
  bool unfinished = false;
  for (const ChainRow& row : spectrum.chains) {
    const ChainGap& gap = row.gap;
    if (!gap.converged) {
      unfinished = true;
      table.rows.push_back({name_of(gap.rule), number(gap.beta), "not converged", "", "", "", "",
                            number(gap.ground_weight), "", "", ""});
    } else {
      const ChainSpectrum& tts = gap.even ? *gap.even : gap.all;
      table.rows.push_back({name_of(gap.rule), number(gap.beta), number(gap.all.lambda_2, 8),
                            number(gap.all.lambda_min), number(gap.all.gap), number(gap.all.relaxation),
                            gap.even ? number(gap.even->gap) : "-", number(gap.ground_weight),
                            number(tts.mixing_bound), number(tts.tts_bound), ""});
    }
    table.rows.back().back() = !row.hitting             ? "-"
                               : row.hitting->converged ? number(row.hitting->from_uniform)
                                                        : "not converged";
  }
  table.note =
      "Times are in steps, a proposed flip each. The bounds use the even gap where there is one. Hitting "
      "time: "
      "exact mean number of steps to a ground state from a uniformly drawn state, up to 16 spins.";
  if (unfinished) table.note += " Not converged: the levels lie too close together for the search.";
  return table;
}

Table quantum_table(const QuantumGap& quantum) {
  Table table;
  table.title = "Quantum: H(s) = -(1-s) sum sigma_x + s c H_P";
  table.note = fmt::format("c = {}, |H_P| = {}; {}, final ground state {}-fold there; {}.",
                           number(quantum.scale), number(quantum.norm),
                           quantum.even_sector ? "states even under reversal of all spins" : "all states",
                           quantum.final_degeneracy, name_of(quantum.status));
  table.head = {"minimum", "s*", "gap", "|<1|dH/ds|0>|", "adiabatic time", "largest residual"};
  for (std::size_t k = 0; k < quantum.minima.size(); ++k) {
    const GapPoint& point = quantum.minima[k];
    table.rows.push_back({k == quantum.smallest ? "smallest" : "local", number(point.s, 6),
                          number(point.gap, 8), number(point.slope_element),
                          number(point.slope_element / (point.gap * point.gap)), number(point.residual, 2)});
  }
  if (!quantum.minima.empty()) {
    table.note += fmt::format(" Adiabatic time, max over s of |<1|dH/ds|0>| / gap^2: {}.",
                              number(quantum.adiabatic_time));
  }
  if (!quantum.minima.empty() && quantum.minima[quantum.smallest].slope_element < 1e-6) {
    table.note +=
        " At the smallest gap dH/ds does not connect the two levels (another symmetry): the criterion says "
        "nothing there, and annealing passes it.";
  }
  const auto missing = std::count_if(quantum.curve.begin(), quantum.curve.end(),
                                     [](const GapPoint& point) { return !point.converged; });
  if (missing > 0)
    table.note += fmt::format(" {} of {} values of s are missing.", missing, quantum.curve.size());
  return table;
}

Table machine_table(const MachineSpectrum& machine) {
  Table table;
  table.title = "Machine: modes of the coupling and of the mean-field loop";
  table.head = {"quantity", "value"};
  table.rows.push_back({"coupling strength xi", number(machine.xi)});
  if (!machine.converged) {
    table.rows.push_back({"lambda_max(J)", "not converged"});
    return table;
  }
  table.rows.push_back({"lambda_max(J)", number(machine.couplings[0], 8)});
  table.rows.push_back({"threshold p_th = 1 - xi lambda_max", number(machine.threshold, 8)});
  if (machine.competition) {
    table.rows.push_back({"mode competition xi (lambda_1 - lambda_2)", number(*machine.competition, 8)});
  }
  for (const JacobianPoint& point : machine.run) {
    std::string values;
    for (const double value : point.values) values += (values.empty() ? "" : "  ") + number(value, 4);
    table.rows.push_back(
        {fmt::format("Jacobian at p = {:.4g}", point.pump), point.converged ? values : "not converged"});
  }
  table.note = fmt::format(
      "Largest eigenvalues of diag(-(1-p) - 3 x^2) + xi J along a run of {} signal lifetimes "
      "in which p rises steadily; positive means unstable.",
      number(machine.run_time));
  return table;
}

std::vector<Table> tables(const ProblemSpectrum& spectrum) {
  std::vector<Table> all;
  if (!spectrum.chains.empty()) all.push_back(chain_table(spectrum));
  if (spectrum.quantum) all.push_back(quantum_table(*spectrum.quantum));
  if (spectrum.machine) all.push_back(machine_table(*spectrum.machine));
  return all;
}

std::string seconds_text(const ProblemSpectrum& spectrum) {
  return fmt::format("classical {:.1f} s, quantum {:.1f} s, machine {:.1f} s", spectrum.classical_s,
                     spectrum.quantum_s, spectrum.machine_s);
}

nlohmann::json json_of(const ChainSpectrum& spectrum) {
  return {{"lambda_2", spectrum.lambda_2},
          {"lambda_min", spectrum.lambda_min},
          {"gap", spectrum.gap},
          {"relaxation_steps", spectrum.relaxation},
          {"mixing_bound_steps", spectrum.mixing_bound},
          {"tts_bound_steps", spectrum.tts_bound}};
}

nlohmann::json json_of(const GapPoint& point) {
  return {{"s", point.s},     {"converged", point.converged},         {"levels", point.levels},
          {"gap", point.gap}, {"slope_element", point.slope_element}, {"residual", point.residual}};
}

nlohmann::json json_of(const ChainRow& row) {
  nlohmann::json json = {{"rule", name_of(row.gap.rule)},
                         {"beta", row.gap.beta},
                         {"converged", row.gap.converged},
                         {"all", json_of(row.gap.all)},
                         {"even", nullptr},
                         {"ground_weight", row.gap.ground_weight},
                         {"ground_states", row.gap.ground_states},
                         {"log_smallest_weight", row.gap.log_smallest_weight},
                         {"hitting_time", nullptr}};
  if (row.gap.even) json["even"] = json_of(*row.gap.even);
  if (row.hitting) {
    json["hitting_time"] = {{"converged", row.hitting->converged},
                            {"from_uniform_steps", row.hitting->from_uniform},
                            {"from_stationary_steps", row.hitting->from_stationary},
                            {"from_worst_steps", row.hitting->from_worst},
                            {"residual", row.hitting->residual}};
  }
  return json;
}

nlohmann::json json_of(const QuantumGap& quantum) {
  nlohmann::json json = {{"status", name_of(quantum.status)},
                         {"even_sector", quantum.even_sector},
                         {"final_degeneracy", quantum.final_degeneracy},
                         {"norm", quantum.norm},
                         {"scale", quantum.scale},
                         {"curve", nlohmann::json::array()},
                         {"minima", nlohmann::json::array()},
                         {"gap_min", nullptr},
                         {"s_min", nullptr},
                         {"slope_element", nullptr},
                         {"adiabatic_time", nullptr}};
  for (const GapPoint& point : quantum.curve) json["curve"].push_back(json_of(point));
  for (const GapPoint& point : quantum.minima) json["minima"].push_back(json_of(point));
  if (!quantum.minima.empty()) {
    const GapPoint& smallest = quantum.minima[quantum.smallest];
    json["gap_min"] = smallest.gap;
    json["s_min"] = smallest.s;
    json["slope_element"] = smallest.slope_element;
    json["adiabatic_time"] = quantum.adiabatic_time;
  }
  return json;
}

nlohmann::json json_of(const MachineSpectrum& machine) {
  nlohmann::json json = {{"xi", machine.xi},
                         {"converged", machine.converged},
                         {"coupling_eigenvalues", machine.couplings},
                         {"threshold", nullptr},
                         {"mode_competition", nullptr},
                         {"run_lifetimes", machine.run_time},
                         {"jacobian", nlohmann::json::array()}};
  if (machine.converged) json["threshold"] = machine.threshold;
  if (machine.competition) json["mode_competition"] = *machine.competition;
  for (const JacobianPoint& point : machine.run) {
    json["jacobian"].push_back(
        {{"pump", point.pump}, {"eigenvalues", point.values}, {"converged", point.converged}});
  }
  return json;
}

}  // namespace

void print_spectrum(const Problem& problem, const ProblemSpectrum& spectrum, std::ostream& out) {
  out << fmt::format("{}: {} spins, {} couplings, {}\n", problem.name, problem.ising.size(),
                     problem.ising.edge_count(),
                     problem.ising.has_field() ? "with a linear term" : "no linear term");
  for (const Table& table : tables(spectrum)) print_table(table, out);
  out << '\n' << seconds_text(spectrum) << (spectrum.interrupted ? "; interrupted" : "") << '\n';
}

void print_spectrum_json(const Problem& problem, const ProblemSpectrum& spectrum, std::ostream& out) {
  nlohmann::json json = {{"name", problem.name},
                         {"n", problem.ising.size()},
                         {"classical", nlohmann::json::array()},
                         {"quantum", nullptr},
                         {"machine", nullptr},
                         {"wall_s",
                          {{"classical", spectrum.classical_s},
                           {"quantum", spectrum.quantum_s},
                           {"machine", spectrum.machine_s}}},
                         {"interrupted", spectrum.interrupted},
                         {"opoloop_version", kVersion}};
  for (const ChainRow& row : spectrum.chains) json["classical"].push_back(json_of(row));
  if (spectrum.quantum) json["quantum"] = json_of(*spectrum.quantum);
  if (spectrum.machine) json["machine"] = json_of(*spectrum.machine);
  out << json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

std::string spectrum_html(const Problem& problem, const ProblemSpectrum& spectrum) {
  std::string body = fmt::format(
      "<p class='over'>opoloop spectrum</p>\n<h1>{}</h1>\n<p class='sub'>{} spins · {} couplings · {}{}</p>\n"
      "<p>How hard is this problem, by its gaps? docs/spectra.md has the definitions.</p>\n",
      html_escape(problem.name), problem.ising.size(), problem.ising.edge_count(), seconds_text(spectrum),
      spectrum.interrupted ? " · <span class='state open'>interrupted</span>" : "");
  for (const Figure& figure : spectrum_figures(spectrum)) {
    body += html_of(figure);
  }
  for (const Table& table : tables(spectrum)) body += html_table(table);
  return html_page("opoloop spectrum", body, fmt::format("Written by opoloop {}.", kVersion));
}

}  // namespace opoloop
