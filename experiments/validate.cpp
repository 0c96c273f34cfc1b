#include "experiments/validate.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "core/clock.h"
#include "core/version.h"
#include "experiments/closed_forms/groups.h"
#include "experiments/html_table.h"
#include "experiments/page.h"
#include "experiments/plot.h"

namespace opoloop {
namespace {

struct Group {
  const char* name;
  void (*add)(const ValidationSettings&, std::vector<ClosedForm>&);
};
constexpr Group kGroups[] = {
    {"threshold and growth", add_growth},
    {"below threshold", add_below_threshold},
    {"above threshold", add_above_threshold},
    {"spectra", add_spectra},
    {"measurement", add_measurement},
    {"optics", add_optics},
    {"coupled pulses", add_coupled_pulses},
    {"feedback laws", add_laws},
    {"other loops", add_other_loops},
    {"steppers", add_steppers},
    {"fast path", add_fast_path},
};

/// "1.2 σ" or "0.03 of bound".
std::string deviation_text(const ClosedForm& row) {
  return row.judged == ClosedForm::Judged::sampling
             ? fmt::format("{:.1f} σ", row.deviation())
             : fmt::format("{:.2g} of bound", std::abs(row.deviation()));
}

std::string statistics_text(const Validation& validation) {
  return fmt::format("{} replicas of each sampled quantity", validation.settings.replicas);
}

/// Columns on a screen that a UTF-8 text takes: every code point here is one wide.
std::size_t columns(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string padded(const std::string& text, std::size_t width) {
  const std::size_t used = columns(text);
  return text + std::string(used < width ? width - used : 0, ' ');
}

}  // namespace

std::size_t Validation::failed() const {
  return static_cast<std::size_t>(
      std::count_if(rows.begin(), rows.end(), [](const ClosedForm& row) { return !row.holds(); }));
}

Validation validate_physics(const ValidationSettings& settings) {
  const auto begin = Clock::now();
  Validation validation;
  validation.settings = settings;
  for (const Group& group : kGroups) {
    if (settings.stop && settings.stop()) {
      validation.interrupted = true;
      break;
    }
    if (settings.progress) settings.progress(group.name);
    group.add(settings, validation.rows);
  }
  validation.wall_s = seconds_since(begin);
  return validation;
}

void print_validation(const Validation& validation, std::ostream& out) {
  std::size_t widest = 8;
  for (const ClosedForm& row : validation.rows) widest = std::max(widest, columns(row.quantity));
  const auto line = [&](const std::string& quantity, const std::string& model, const std::string& predicted,
                        const std::string& measured, const std::string& deviation,
                        const std::string& verdict) {
    out << padded(quantity, widest) << "  " << padded(model, 16) << "  " << padded(predicted, 12) << "  "
        << padded(measured, 12) << "  " << padded(deviation, 16) << "  " << verdict << '\n';
  };
  std::string group;
  for (const ClosedForm& row : validation.rows) {
    if (row.group != group) {
      group = row.group;
      out << (&row == &validation.rows.front() ? "" : "\n") << group << '\n';
      line("quantity", "model", "predicted", "measured", "error", "");
    }
    line(row.quantity, row.model, fmt::format("{:.7g}", row.predicted), fmt::format("{:.7g}", row.measured),
         deviation_text(row), row.holds() ? "pass" : "FAIL");
  }
  out << fmt::format("\n{} of {} statements hold ({}, seed {}, {:.1f} s on {} thread{}){}\n",
                     validation.rows.size() - validation.failed(), validation.rows.size(),
                     statistics_text(validation), validation.settings.seed, validation.wall_s,
                     validation.settings.threads, validation.settings.threads == 1 ? "" : "s",
                     validation.interrupted ? "; interrupted" : "");
}

void print_validation_json(const Validation& validation, std::ostream& out) {
  nlohmann::json rows = nlohmann::json::array();
  for (const ClosedForm& row : validation.rows) {
    const bool sampled = row.judged == ClosedForm::Judged::sampling;
    rows.push_back({{"group", row.group},
                    {"quantity", row.quantity},
                    {"model", row.model},
                    {"predicted", row.predicted},
                    {"measured", row.measured},
                    {"judged_by", sampled ? "sampling" : "bound"},
                    {sampled ? "standard_error" : "bound", row.unit},
                    {sampled ? "sigmas" : "of_bound", row.deviation()},
                    {"pass", row.holds()}});
  }
  const nlohmann::json json = {{"rows", rows},
                               {"failed", validation.failed()},
                               {"replicas", validation.settings.replicas},
                               {"seed", validation.settings.seed},
                               {"wall_s", validation.wall_s},
                               {"interrupted", validation.interrupted},
                               {"opoloop_version", kVersion}};
  out << json.dump(2) << '\n';
}

std::string validation_html(const Validation& validation, const std::vector<ValidationFigure>& figures) {
  const std::size_t failed = validation.failed();
  std::string body =
      "<p class='over'>opoloop validate</p>\n<h1>Does the simulator obey its closed forms?</h1>\n";
  body += fmt::format(
      "<p class='sub'>{} of {} statements hold · {} · seed {} · <span class='state{}'>{}</span></p>\n",
      validation.rows.size() - failed, validation.rows.size(), statistics_text(validation),
      validation.settings.seed, failed > 0 || validation.interrupted ? " open" : "",
      failed > 0               ? "fails"
      : validation.interrupted ? "interrupted"
                               : "passes");
  body += fmt::format(
      "<p>Sampled quantities may be off by {:.0f} standard errors; the others by the stated bound of "
      "rounding. "
      "docs/physics.md has the equations and their sources.</p>\n",
      kSigmas);
  for (const ValidationFigure& figure : figures) {
    body += fmt::format("<h2>{}</h2>\n{}", html_escape(figure.title), html_of(figure.figure));
  }
  HtmlTable table({"Quantity", "Model", "Predicted", "Measured", "Error", ""});
  std::string group;
  for (const ClosedForm& row : validation.rows) {
    if (row.group != group) {
      group = row.group;
      table.row(html_escape(group), "scope='rowgroup' colspan='6'");
    }
    table.row()
        .cell(html_escape(row.quantity))
        .cell(html_escape(row.model))
        .number(readable_number(row.predicted))
        .number(readable_number(row.measured))
        .number(deviation_text(row))
        .cell(row.holds() ? "pass" : "<strong>FAIL</strong>");
  }
  body += fmt::format("<h2>All statements</h2>\n{}", table.html());
  return html_page("opoloop validate", body, fmt::format("Written by opoloop {}.", kVersion));
}

}  // namespace opoloop
