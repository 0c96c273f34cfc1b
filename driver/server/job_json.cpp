#include "driver/server/job_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json_size.h"
#include "driver/server/hdf5_upload.h"
#include "hamiltonian/formats/detect.h"
#include "hamiltonian/problem_file.h"

namespace opoloop {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLongestLabel = 200;
constexpr std::size_t kMostParameters = 200;

/// Something from outside, for a message of one line.
std::string shown(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

[[noreturn]] void refuse(const std::string& key, const std::string& what) {
  throw InputError(fmt::format("{}: {}", shown(key), what));
}

Json parse_text(std::string_view text, std::uint64_t memory) {
  require_parsable_json(text, memory, "; send the problem as a file");
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const Json::parse_error& error) {
    throw InputError(fmt::format("not valid JSON at byte {} (NaN and Infinity are not JSON)", error.byte));
  } catch (const Json::exception&) {
    throw InputError("a number in the JSON text is outside the range of a double");
  }
}

void require_object(const Json& value, const std::string& key) {
  if (!value.is_object()) refuse(key, "must be an object");
}

void require_known(const Json& object, const std::string& key, std::initializer_list<const char*> known) {
  require_object(object, key);
  for (const auto& item : object.items()) {
    const bool ok =
        std::any_of(known.begin(), known.end(), [&](const char* name) { return item.key() == name; });
    if (!ok) refuse(key, fmt::format("unknown key '{}'", shown(item.key())));
  }
}

const Json* find(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string text_of(const Json& object, const char* key, const std::string& otherwise = {}) {
  const Json* value = find(object, key);
  if (value == nullptr) return otherwise;
  if (!value->is_string()) refuse(key, "must be a text");
  return value->get<std::string>();
}

/// A finite number; the names of those that are not only where `any` allows them.
double number_of(const Json& value, const std::string& key, bool any = false) {
  if (any && value.is_string()) {
    const auto text = value.get<std::string>();
    if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
    if (text == "inf") return std::numeric_limits<double>::infinity();
    if (text == "-inf") return -std::numeric_limits<double>::infinity();
  }
  if (!value.is_number() || !std::isfinite(value.get<double>())) refuse(key, "must be a finite number");
  return value.get<double>();
}

std::int64_t integer_of(const Json& value, const std::string& key, std::int64_t low, std::int64_t high) {
  // A whole number that a program wrote as 5.0 is one.
  if (value.is_number_float() && std::abs(value.get<double>()) < 9e15 &&
      value.get<double>() == std::floor(value.get<double>())) {
    return integer_of(Json(static_cast<std::int64_t>(value.get<double>())), key, low, high);
  }
  const bool in_range = value.is_number_unsigned()
                            ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(high)
                            : value.is_number_integer() && value.get<std::int64_t>() <= high;
  if (!in_range || (!value.is_number_unsigned() && value.get<std::int64_t>() < low) ||
      (value.is_number_unsigned() && low > 0 &&
       value.get<std::uint64_t>() < static_cast<std::uint64_t>(low))) {
    refuse(key, fmt::format("must be an integer from {} to {}", low, high));
  }
  return value.get<std::int64_t>();
}

bool flag_of(const Json& object, const char* key) {
  const Json* value = find(object, key);
  if (value == nullptr) return false;
  if (!value->is_boolean()) refuse(key, "must be true or false");
  return value->get<bool>();
}

JobSettings settings_of(const Json& json, const JobLimits& limits) {
  require_known(json, "settings",
                {"runs", "steps", "seed", "target_energy", "until_target", "time_limit_s", "log_trajectories",
                 "log_every", "parameters"});
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  JobSettings s;
  if (const Json* v = find(json, "runs"))
    s.runs = static_cast<int>(integer_of(*v, "runs", 1, limits.max_runs));
  if (const Json* v = find(json, "steps")) s.steps = integer_of(*v, "steps", 1, kMost);
  if (const Json* v = find(json, "seed")) {
    if (!v->is_number_unsigned()) refuse("seed", "must be an integer from 0 to 2^64 - 1");
    s.seed = v->get<std::uint64_t>();
  }
  if (const Json* v = find(json, "target_energy")) s.target_energy = number_of(*v, "target_energy");
  s.until_target = flag_of(json, "until_target");
  if (const Json* v = find(json, "time_limit_s")) {
    s.time_limit_s = number_of(*v, "time_limit_s");
    if (!(*s.time_limit_s > 0)) refuse("time_limit_s", "must be above 0 seconds");
  }
  if (const Json* v = find(json, "log_trajectories")) {
    s.log_trajectories = static_cast<int>(integer_of(*v, "log_trajectories", 0, limits.max_runs));
  }
  if (const Json* v = find(json, "log_every")) s.log_every = integer_of(*v, "log_every", 1, kMost);
  if (const Json* v = find(json, "parameters")) {
    require_object(*v, "parameters");
    if (v->size() > kMostParameters) refuse("parameters", fmt::format("more than {}", kMostParameters));
    for (const auto& item : v->items()) {
      // Numbers may be written as such; a device reads the text.
      if (item.value().is_string()) {
        s.parameters.emplace(item.key(), item.value().get<std::string>());
      } else if (item.value().is_number()) {
        s.parameters.emplace(item.key(), item.value().dump());
      } else {
        refuse("parameters." + item.key(), "must be a text or a number");
      }
    }
  }
  return s;
}

JobDescription description_of(const Json& json, const JobLimits& limits) {
  JobDescription d;
  d.device = text_of(json, "device");
  d.label = text_of(json, "label");
  if (d.label.size() > kLongestLabel) refuse("label", fmt::format("longer than {} bytes", kLongestLabel));
  if (const Json* settings = find(json, "settings")) d.settings = settings_of(*settings, limits);
  return d;
}

ProblemKind kind_of(const std::string& name) {
  for (const ProblemKind kind : {ProblemKind::ising, ProblemKind::qubo, ProblemKind::max_cut}) {
    if (kind_name(kind) == name) return kind;
  }
  refuse("problem.kind", "must be ising, qubo or max_cut");
}

Problem listed_problem(const Json& json, const JobLimits& limits) {
  require_known(json, "problem", {"n", "couplings", "h", "offset", "kind", "name"});
  const Json* n_value = find(json, "n");
  if (n_value == nullptr) refuse("problem.n", "missing: the number of spins");
  const auto n = static_cast<std::int32_t>(integer_of(*n_value, "problem.n", 1, limits.max_spins));
  std::vector<IsingEdge> edges;
  if (const Json* list = find(json, "couplings")) {
    if (!list->is_array()) refuse("problem.couplings", "must be an array of [i, j, J]");
    edges.reserve(list->size());
    for (std::size_t k = 0; k < list->size(); ++k) {
      const Json& entry = (*list)[k];
      const std::string key = fmt::format("problem.couplings[{}]", k);
      if (!entry.is_array() || entry.size() != 3) refuse(key, "must be [i, j, J]");
      edges.push_back({static_cast<std::int32_t>(integer_of(entry[0], key, 0, n - 1)),
                       static_cast<std::int32_t>(integer_of(entry[1], key, 0, n - 1)),
                       number_of(entry[2], key)});
    }
  }
  std::vector<double> h;
  if (const Json* list = find(json, "h")) {
    if (!list->is_array() || list->size() != static_cast<std::size_t>(n)) {
      refuse("problem.h", fmt::format("must be an array of {} numbers", n));
    }
    for (std::size_t k = 0; k < list->size(); ++k) {
      h.push_back(number_of((*list)[k], fmt::format("problem.h[{}]", k)));
    }
  }
  double offset = 0;
  if (const Json* v = find(json, "offset")) offset = number_of(*v, "problem.offset");
  Problem problem;
  problem.ising = IsingModel(n, std::move(edges), std::move(h), offset);
  problem.kind = kind_of(text_of(json, "kind", "ising"));
  problem.name = shown(text_of(json, "name", "problem"));
  problem.source = "request";
  return problem;
}

Problem problem_of(const Json& json, const JobLimits& limits) {
  require_object(json, "problem");
  if (find(json, "text") != nullptr) {
    require_known(json, "problem", {"text", "name", "format"});
    return parse_problem_bytes(text_of(json, "text"), text_of(json, "name", "problem"),
                               text_of(json, "format"), limits);
  }
  if (find(json, "type") != nullptr) {
    return parse_problem_bytes(json.dump(-1, ' ', false, Json::error_handler_t::replace), "problem.json",
                               "dimod-json", limits);
  }
  return listed_problem(json, limits);
}

Json number_json(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

Json optional_json(const std::optional<double>& value) {
  return value ? number_json(*value) : Json(nullptr);
}

std::string signs(const std::vector<std::int8_t>& spins) {
  std::string text(spins.size(), '-');
  for (std::size_t i = 0; i < spins.size(); ++i) {
    if (spins[i] > 0) text[i] = '+';
  }
  return text;
}

std::vector<std::int8_t> spins_of(const std::string& text, const char* key) {
  std::vector<std::int8_t> spins(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '+' && text[i] != '-') refuse(key, "must be a text of + and -");
    spins[i] = text[i] == '+' ? std::int8_t{1} : std::int8_t{-1};
  }
  return spins;
}

const Json& member(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) refuse(key, "missing from the answer");
  return *found;
}

std::vector<std::string> lines_of(const Json& object, const char* key) {
  const Json& list = member(object, key);
  if (!list.is_array()) refuse(key, "must be an array of texts");
  std::vector<std::string> lines;
  for (const Json& line : list) {
    if (!line.is_string()) refuse(key, "must be an array of texts");
    lines.push_back(line.get<std::string>());
  }
  return lines;
}

std::int64_t count_of(const Json& object, const char* key,
                      std::int64_t most = std::numeric_limits<std::int64_t>::max()) {
  return integer_of(member(object, key), key, 0, most);
}

std::optional<double> optional_of(const Json& object, const char* key) {
  const Json* value = find(object, key);
  return value == nullptr ? std::nullopt : std::optional<double>(number_of(*value, key, true));
}

Sample sample_of(const Json& json) {
  require_object(json, "samples");
  Sample s;
  s.trajectory =
      static_cast<std::uint32_t>(count_of(json, "trajectory", std::numeric_limits<std::uint32_t>::max()));
  s.energy_final = number_of(member(json, "energy_final"), "energy_final", true);
  s.energy_best = number_of(member(json, "energy_best"), "energy_best", true);
  s.round_best = count_of(json, "round_best");
  s.rounds = count_of(json, "rounds");
  s.diverged = flag_of(json, "diverged");
  if (const Json* clipped = find(json, "clipped")) {
    if (!clipped->is_array() || clipped->size() != 3) refuse("clipped", "must be an array of three numbers");
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
    s.clipping = {integer_of((*clipped)[0], "clipped", 0, kMost),
                  integer_of((*clipped)[1], "clipped", 0, kMost),
                  integer_of((*clipped)[2], "clipped", 0, kMost)};
  }
  s.spins_best = spins_of(text_of(json, "spins_best"), "spins_best");
  s.spins_final = spins_of(text_of(json, "spins_final"), "spins_final");
  return s;
}

}  // namespace

JobDescription parse_description(std::string_view text, const JobLimits& limits) {
  if (text.empty()) return {};
  const Json json = parse_text(text, limits.memory_bytes);
  require_known(json, "job", {"device", "label", "settings"});
  return description_of(json, limits);
}

JobRequest parse_job(std::string_view text, const JobLimits& limits) {
  const Json json = parse_text(text, limits.memory_bytes);
  require_known(json, "job", {"device", "label", "settings", "problem"});
  JobRequest request;
  request.description = description_of(json, limits);
  const Json* problem = find(json, "problem");
  if (problem == nullptr) refuse("problem", "missing");
  request.problem = problem_of(*problem, limits);
  return request;
}

Problem parse_problem_bytes(std::string_view bytes, const std::string& name, const std::string& format,
                            const JobLimits& limits) {
  LoadOptions options;
  options.memory_limit_bytes = limits.memory_bytes;
  if (!format.empty()) options.format = parse_problem_format(shown(format));
  // Only the last part of a path, which is all that a message or a result should repeat.
  std::string file = name.substr(name.find_last_of('/') + 1);
  file = file.empty() ? "problem" : shown(file);
  if (begins_like_hdf5(bytes)) return read_uploaded_hdf5(bytes, file, limits);
  Problem problem = load_problem_from_bytes(bytes, file, options);
  if (problem.ising.size() > limits.max_spins) {
    throw InputError(fmt::format("{}: {} spins, this server takes at most {}", file, problem.ising.size(),
                                 limits.max_spins));
  }
  return problem;
}

std::string description_json(const JobDescription& d) {
  Json settings = Json::object();
  const JobSettings& s = d.settings;
  if (s.runs) settings["runs"] = *s.runs;
  if (s.steps) settings["steps"] = *s.steps;
  settings["seed"] = s.seed;
  if (s.target_energy) settings["target_energy"] = *s.target_energy;
  if (s.until_target) settings["until_target"] = true;
  if (s.time_limit_s) settings["time_limit_s"] = *s.time_limit_s;
  if (s.log_trajectories > 0) {
    settings["log_trajectories"] = s.log_trajectories;
    settings["log_every"] = s.log_every;
  }
  if (!s.parameters.empty()) {
    settings["parameters"] = Json::object();
    for (const auto& [name, value] : s.parameters) settings["parameters"][name] = value;
  }
  const Json json = {{"device", d.device}, {"label", d.label}, {"settings", settings}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string result_json(const Result& r) {
  Json json;
  json["version"] = 1;
  json["device"] = r.device_uri;
  Json& parameters = json["parameters"] = Json::object();
  for (const auto& [name, p] : r.parameters) parameters[name] = {{"value", p.value}, {"unit", p.unit}};
  json["adaptations"] = r.adaptations;
  json["warnings"] = r.warnings;
  json["steps"] = r.steps;
  json["runs"] = r.runs;
  json["products_per_step"] = r.products_per_step;
  json["round_trip_time_s"] = optional_json(r.round_trip_time_s);
  json["machine_time_s"] = optional_json(r.machine_time_s);
  json["stored_couplings"] = r.stored_couplings;
  json["coupling_storage"] = r.coupling_storage;
  json["timing"] = {{"wall_s", r.timing.wall_s},
                    {"setup_s", r.timing.setup_s},
                    {"queue_s", optional_json(r.timing.queue_s)},
                    {"anneal_s", optional_json(r.timing.anneal_s)},
                    {"read_out_s", optional_json(r.timing.read_out_s)}};
  json["counts_clipping"] = r.counts_clipping;
  json["interrupted"] = r.interrupted;
  json["time_limited"] = r.time_limited;
  json["proven"] = r.proven;
  Json& samples = json["samples"] = Json::array();
  for (const Sample& s : r.samples) {
    Json sample;
    sample["trajectory"] = s.trajectory;
    sample["energy_final"] = number_json(s.energy_final);
    sample["energy_best"] = number_json(s.energy_best);
    sample["round_best"] = s.round_best;
    sample["rounds"] = s.rounds;
    sample["diverged"] = s.diverged;
    if (r.counts_clipping) {
      sample["clipped"] = {s.clipping.adc_saturations, s.clipping.dac_saturations,
                           s.clipping.fixed_point_overflows};
    }
    sample["spins_best"] = signs(s.spins_best);
    sample["spins_final"] = signs(s.spins_final);
    samples.push_back(std::move(sample));
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result parse_result(std::string_view text) {
  const Json json = parse_text(text, std::numeric_limits<std::uint64_t>::max());
  require_object(json, "answer");
  if (count_of(json, "version") != 1) refuse("version", "this program reads answers of version 1");
  Result r;
  r.device_uri = text_of(json, "device");
  const Json& parameters = member(json, "parameters");
  require_object(parameters, "parameters");
  for (const auto& item : parameters.items()) {
    require_object(item.value(), item.key());
    r.parameters[item.key()] = {text_of(item.value(), "value"), text_of(item.value(), "unit")};
  }
  r.adaptations = lines_of(json, "adaptations");
  r.warnings = lines_of(json, "warnings");
  r.steps = count_of(json, "steps");
  r.runs = static_cast<int>(count_of(json, "runs", std::numeric_limits<int>::max()));
  r.products_per_step = number_of(member(json, "products_per_step"), "products_per_step");
  r.round_trip_time_s = optional_of(json, "round_trip_time_s");
  r.machine_time_s = optional_of(json, "machine_time_s");
  r.stored_couplings = count_of(json, "stored_couplings");
  r.coupling_storage = text_of(json, "coupling_storage");
  const Json& timing = member(json, "timing");
  require_object(timing, "timing");
  r.timing.wall_s = number_of(member(timing, "wall_s"), "wall_s");
  r.timing.setup_s = number_of(member(timing, "setup_s"), "setup_s");
  r.timing.queue_s = optional_of(timing, "queue_s");
  r.timing.anneal_s = optional_of(timing, "anneal_s");
  r.timing.read_out_s = optional_of(timing, "read_out_s");
  r.counts_clipping = flag_of(json, "counts_clipping");
  r.interrupted = flag_of(json, "interrupted");
  r.time_limited = flag_of(json, "time_limited");
  r.proven = flag_of(json, "proven");
  const Json& samples = member(json, "samples");
  if (!samples.is_array()) refuse("samples", "must be an array");
  for (const Json& sample : samples) r.samples.push_back(sample_of(sample));
  return r;
}

namespace {
constexpr std::array<std::pair<JobStatus, const char*>, 5> kStatusNames{
    {{JobStatus::queued, "queued"},
     {JobStatus::running, "running"},
     {JobStatus::done, "done"},
     {JobStatus::failed, "failed"},
     {JobStatus::cancelled, "cancelled"}}};
}  // namespace

std::string status_name(JobStatus status) {
  for (const auto& [value, name] : kStatusNames) {
    if (value == status) return name;
  }
  return "unknown";
}

JobStatus parse_status(const std::string& name) {
  for (const auto& [value, known] : kStatusNames) {
    if (name == known) return value;
  }
  refuse("state", fmt::format("'{}' is not a state of a job", shown(name)));
}

}  // namespace opoloop
