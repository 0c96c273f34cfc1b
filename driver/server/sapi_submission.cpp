#include "driver/server/sapi_submission.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/json_size.h"
#include "driver/server/random_id.h"

namespace opoloop {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kNote = "sapi";
constexpr std::size_t kLongestLabel = 200;
constexpr double kMostSteps = 1e12;

/// Names and meanings of the parameters; the client refuses all others before it sends anything.
constexpr std::array<std::pair<const char*, const char*>, 12> kParameters = {{
    {"num_reads", "Trajectories, each of which answers with the best state it passed."},
    {"answer_mode", "histogram (the default): equal states once, lowest energy first; raw: all in order."},
    {"max_answers", "Largest number of states in the answer."},
    {"steps", "Round trips of a trajectory."},
    {"seed", "Random stream: the same problem, parameters and seed give the same answer."},
    {"time_limit", "Seconds after which no new work begins."},
    {"annealing_time", "Taken and not used."},
    {"auto_scale", "Taken and not used: biases of any size are solved as they are."},
    {"programming_thermalization", "Taken and not used."},
    {"readout_thermalization", "Taken and not used."},
    {"reduce_intersample_correlation", "Taken and not used: trajectories are independent."},
    {"label", "The user's own name of the problem."},
}};

[[noreturn]] void refuse(const std::string& key, const std::string& allowed) {
  throw InputError(fmt::format("{}: {}", key, allowed));
}

std::string shown(const std::string& key) {
  std::string text = key.substr(0, 40);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  }
  return text;
}

const Json& member(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) refuse(key, "missing");
  return *found;
}

std::string text_of(const Json& value, const char* key) {
  if (!value.is_string()) refuse(key, "must be a text");
  return value.get<std::string>();
}

double number_of(const Json& value, const char* key, double least, double most) {
  const double number = value.is_number() ? value.get<double>() : std::nan("");
  if (!(number >= least && number <= most)) refuse(key, fmt::format("must be from {} to {}", least, most));
  return number;
}

std::int64_t count_of(const Json& value, const char* key, double most) {
  const double number = number_of(value, key, 1, most);
  if (number != std::floor(number)) refuse(key, "must be a whole number");
  return static_cast<std::int64_t>(number);
}

/// Version 3 sends {"name": …, "version": …}.
std::string solver_name(const Json& value) {
  return text_of(value.is_object() ? member(value, "name") : value, "solver");
}

void take_parameters(const Json& params, const SapiSolver& solver, JobSettings& settings, SapiNote& note) {
  if (!params.is_object()) refuse("params", "must be an object");
  settings.runs = 1;
  settings.seed = random_seed();
  note.max_answers = static_cast<std::size_t>(solver.max_reads);
  for (const auto& [key, value] : params.items()) {
    if (value.is_null()) continue;
    if (key == "num_reads") {
      settings.runs = static_cast<int>(count_of(value, "num_reads", solver.max_reads));
    } else if (key == "answer_mode") {
      const std::string mode = text_of(value, "answer_mode");
      if (mode != "histogram" && mode != "raw") refuse("answer_mode", "must be histogram or raw");
      note.histogram = mode == "histogram";
    } else if (key == "max_answers") {
      note.max_answers = static_cast<std::size_t>(count_of(value, "max_answers", solver.max_reads));
    } else if (key == "steps") {
      settings.steps = count_of(value, "steps", kMostSteps);
    } else if (key == "seed") {
      const bool whole =
          value.is_number_unsigned() || (value.is_number_integer() && value.get<std::int64_t>() >= 0);
      if (!whole) refuse("seed", "must be an integer from 0 to 2^64 - 1");
      settings.seed = value.get<std::uint64_t>();
    } else if (key == "time_limit") {
      settings.time_limit_s = number_of(value, "time_limit", 1e-3, 1e7);
    } else if (std::none_of(kParameters.begin(), kParameters.end(),
                            [&name = key](const auto& known) { return name == known.first; })) {
      refuse("params", fmt::format("'{}' is not a parameter of this solver", shown(key)));
    }
  }
}

Json properties_json(const SapiSolver& solver) {
  Json qubits = Json::array();
  for (std::int32_t i = 0; i < solver.qubits; ++i) qubits.push_back(i);
  Json parameters = Json::object();
  for (const auto& [name, meaning] : kParameters) parameters[name] = meaning;
  constexpr double kAny = 1e12;
  return {{"category", "qpu"},  // what the client's structured solvers are; the description says what this is
          {"chip_id", solver.name},
          {"tags", Json::array({"emulator"})},
          {"supported_problem_types", {"ising", "qubo"}},
          {"topology", {{"type", "clique"}, {"shape", {solver.qubits}}}},
          {"num_qubits", solver.qubits},
          {"parameters", parameters},
          {"h_range", {-kAny, kAny}},
          {"j_range", {-kAny, kAny}},
          {"extended_j_range", {-kAny, kAny}},
          {"num_reads_range", {1, solver.max_reads}},
          {"annealing_time_range", {0.5, 2000.0}},
          {"default_annealing_time", 20.0},
          {"programming_thermalization_range", {0.0, 10000.0}},
          {"default_programming_thermalization", 0.0},
          {"readout_thermalization_range", {0.0, 10000.0}},
          {"default_readout_thermalization", 0.0},
          {"problem_run_duration_range", {0.0, 1e12}},
          {"quota_conversion_rate", 1},
          {"vfyc", false},
          {"qubits", qubits}};
}

std::string couplers_text(std::int32_t qubits) {
  fmt::memory_buffer text;
  for (std::int32_t i = 0; i < qubits; ++i) {
    for (std::int32_t j = i + 1; j < qubits; ++j) {
      fmt::format_to(std::back_inserter(text), "{}[{},{}]", text.size() == 0 ? "" : ",", i, j);
    }
  }
  return fmt::format("[{}]", fmt::to_string(text));
}

/// The names that a filter leaves of `all`; an empty filter leaves everything.
std::set<std::string> filtered(std::set<std::string> all, const std::string& filter) {
  if (filter.empty()) return all;
  std::set<std::string> names = all;
  for (std::size_t at = 0; at <= filter.size();) {
    const std::size_t end = std::min(filter.find(',', at), filter.size());
    const std::string word = filter.substr(at, end - at);
    at = end + 1;
    if (word == "none") names.clear();
    if (word == "all") names = all;
    if (word.starts_with('-')) names.erase(word.substr(1));
    // A plus that was not escaped arrives as a blank.
    if ((word.starts_with('+') || word.starts_with(' ')) && all.contains(word.substr(1))) {
      names.insert(word.substr(1));
    }
  }
  return names;
}

}  // namespace

std::string sapi_note_text(const SapiNote& note) {
  // Qubits as a bit each: the note of every job is kept in memory.
  std::string bits;
  for (const std::int32_t i : note.active) {
    const auto at = static_cast<std::size_t>(i) / 8;
    if (bits.size() <= at) bits.resize(at + 1, '\0');
    bits[at] = static_cast<char>(static_cast<unsigned char>(bits[at]) | 1U << (static_cast<unsigned>(i) % 8));
  }
  return Json{{"interface", kNote},           {"binary", note.binary},
              {"solver", note.solver},        {"offset", note.offset},
              {"histogram", note.histogram},  {"max_answers", note.max_answers},
              {"active", base64_encode(bits)}}
      .dump();
}

bool read_sapi_note(const std::string& text, SapiNote& note) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("interface", "") != kNote) return false;
  note.binary = json.at("binary");
  note.solver = json.at("solver");
  note.offset = json.at("offset");
  note.histogram = json.at("histogram");
  note.max_answers = json.at("max_answers");
  note.active.clear();
  const std::string bits = base64_decode(json.at("active").get<std::string>(), "active");
  for (std::size_t k = 0; k < 8 * bits.size(); ++k) {
    if ((static_cast<unsigned char>(bits[k / 8]) >> (k % 8) & 1U) != 0) {
      note.active.push_back(static_cast<std::int32_t>(k));
    }
  }
  return true;
}

std::string sapi_solver_text(const SapiSolver& solver, bool version_3, double load,
                             const std::string& fields) {
  const char* const id = version_3 ? "identity" : "id";
  const std::set<std::string> names =
      filtered({id, "status", "description", "properties", "avg_load"}, fields);
  Json json = Json::object();
  if (names.contains("id")) json["id"] = solver.name;
  if (names.contains("identity")) {
    json["identity"] = {{"name", solver.name},
                        {"version", {{"graph_id", fmt::format("clique-{}", solver.qubits)}}}};
  }
  if (names.contains("status")) json["status"] = "ONLINE";
  if (names.contains("description")) json["description"] = solver.description;
  if (names.contains("avg_load")) json["avg_load"] = load;
  if (!names.contains("properties")) return json.dump();
  // Half a million couplers are no tree: they are written straight behind the other properties.
  std::string properties = properties_json(solver).dump();
  properties.pop_back();
  properties += fmt::format(",\"couplers\":{}}}", couplers_text(solver.qubits));
  std::string text = json.dump();
  text.pop_back();
  return fmt::format("{}{}\"properties\":{}}}", text, json.empty() ? "" : ",", properties);
}

Json parse_sapi_json(std::string_view text, std::uint64_t memory_bytes) {
  require_parsable_json(text, memory_bytes);  // long texts are cheap: base64 is one value
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const Json::parse_error& error) {
    throw InputError(fmt::format("not valid JSON at byte {}", error.byte));
  } catch (const Json::exception&) {
    throw InputError("a number in the JSON text is outside the range of a double");
  }
}

JobRequest parse_sapi_problem(const Json& json, const SapiSolver& solver) {
  if (!json.is_object()) throw InputError("a problem must be a JSON object");
  if (solver_name(member(json, "solver")) != solver.name) {
    refuse("solver", fmt::format("there is only {} here", solver.name));
  }
  SapiNote note;
  note.solver = solver.name;
  const std::string type = text_of(member(json, "type"), "type");
  if (type != "ising" && type != "qubo") refuse("type", "must be ising or qubo");
  note.binary = type == "qubo";
  const Json& data = member(json, "data");
  if (!data.is_object()) refuse("data", "must be an object");
  if (text_of(member(data, "format"), "data.format") != "qp") refuse("data.format", "must be qp");
  constexpr double kMost = std::numeric_limits<double>::max();
  if (const auto offset = data.find("offset"); offset != data.end() && !offset->is_null()) {
    note.offset = number_of(*offset, "data.offset", -kMost, kMost);
  }
  JobRequest job;
  if (const auto label = json.find("label"); label != json.end() && !label->is_null()) {
    job.description.label = text_of(*label, "label");
    if (job.description.label.size() > kLongestLabel) {
      refuse("label", fmt::format("longer than {} bytes", kLongestLabel));
    }
  }
  const auto params = json.find("params");
  static const Json none = Json::object();
  const Json& given = params != json.end() && !params->is_null() ? *params : none;
  take_parameters(given, solver, job.description.settings, note);
  QpProblem decoded = decode_qp(
      note.binary, member(data, "lin").is_string() ? data["lin"].get_ref<const std::string&>() : "?",
      member(data, "quad").is_string() ? data["quad"].get_ref<const std::string&>() : "?", solver.qubits);
  note.active = std::move(decoded.active);
  job.problem = std::move(decoded.problem);
  job.note = sapi_note_text(note);
  return job;
}

}  // namespace opoloop
