#include <cmath>
#include <nlohmann/json.hpp>

#include "core/version.h"
#include "experiments/calibration_report.h"

namespace opoloop {
namespace {

using Json = nlohmann::ordered_json;
using calibration::DeviceComparison;
using calibration::Estimate;

/// JSON has no infinity.
Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json json_of(const Estimate& e) {
  Json j = {{"name", e.name}, {"unit", e.unit}, {"what", e.what}, {"value", number(e.value)}};
  if (e.only_lower_bound) {
    j["beyond"] = number(e.low);
    return j;
  }
  j["interval_95"] = {number(e.low), number(e.high)};
  j["jacobian_95"] = {number(e.jacobian_low), number(e.jacobian_high)};
  j["bootstrap_95"] = {number(e.bootstrap_low), number(e.bootstrap_high)};
  return j;
}

Json list_of(const std::vector<Estimate>& estimates) {
  Json list = Json::array();
  for (const Estimate& e : estimates) list.push_back(json_of(e));
  return list;
}

Json json_of(const DeviceComparison& c) {
  Json j = {{"a", c.a},
            {"b", c.b},
            {"agree", c.agree()},
            {"success_a", c.success_a},
            {"success_a_95", {c.success_a_interval.low, c.success_a_interval.high}},
            {"success_b", c.success_b},
            {"success_b_95", {c.success_b_interval.low, c.success_b_interval.high}},
            {"success_p", c.success_p},
            {"energy_p", c.energy_p},
            {"bias_p", c.bias_p}};
  for (const calibration::JobComparison& job : c.jobs) {
    j["jobs"].push_back({{"problem", job.problem},
                         {"target", job.target},
                         {"target_proven", job.target_proven},
                         {"runs_a", job.runs_a},
                         {"runs_b", job.runs_b},
                         {"successes_a", job.successes_a},
                         {"successes_b", job.successes_b},
                         {"success_z", job.success_z},
                         {"mean_energy_a", job.mean_energy_a},
                         {"mean_energy_b", job.mean_energy_b},
                         {"energy_distance", job.energy_distance},
                         {"energy_p", job.energy_p},
                         {"largest_bias_z", job.largest_bias_z},
                         {"most_biased_spin", job.most_biased_spin}});
  }
  j["warnings"] = c.warnings;
  return j;
}

std::string text_of(Json j, const std::string& command_line) {
  j["opoloop_version"] = kVersion;
  j["command_line"] = command_line;
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string calibration_json(const calibration::Calibration& r, const DeviceComparison* comparison,
                             const std::string& command_line) {
  Json j = {{"source", r.source},
            {"description", r.description},
            {"estimates", list_of(r.estimates)},
            {"gain_map", list_of(r.gain_map)},
            {"dead_pulses", r.dead_pulses}};
  if (r.drift && r.drift->exponent_error > 0)
    j["drift_exponent"] = {{"value", r.drift->exponent}, {"standard_error", r.drift->exponent_error}};
  for (const calibration::BlockResiduals& b : r.blocks) {
    j["records"].push_back(
        {{"name", b.name}, {"kind", name_of(b.kind)}, {"mean_squared_residual", b.chi_squared()}});
  }
  j["notes"] = r.notes;
  if (comparison != nullptr) j["comparison"] = json_of(*comparison);
  return text_of(std::move(j), command_line);
}

std::string sample_calibration_json(const calibration::SampleCalibration& r, const std::string& device,
                                    const std::string& command_line) {
  Json j = {{"source", device}, {"estimates", list_of(r.estimates)}, {"misfit", r.misfit}};
  for (std::size_t i = 0; i < r.settings.size(); ++i) {
    const calibration::EnergySetting& s = r.settings[i];
    j["settings"].push_back({{"pump", s.pump},
                             {"coupling", s.coupling},
                             {"rounds", s.rounds},
                             {"runs", s.satisfied.size()},
                             {"pairs", s.pairs},
                             {"satisfied", s.fraction()},
                             {"predicted", r.predicted[i]},
                             {"success", s.success()}});
  }
  j["notes"] = r.notes;
  return text_of(std::move(j), command_line);
}

std::string comparison_json(const DeviceComparison& comparison, const std::string& command_line) {
  return text_of(json_of(comparison), command_line);
}

}  // namespace opoloop
