#include "driver/spin_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "hamiltonian/formats/text_scanner.h"

namespace opoloop {
namespace {

using Json = nlohmann::json;

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw InputError(where + ": " + what);
}

Json parsed(std::string_view text, const std::string& where) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) refuse(where, "is not JSON");
  return json;
}

/// Collects solutions and finds out which of the two alphabets they are in.
class SolutionReader {
 public:
  SolutionReader(std::size_t spins, std::string where) : spins_(spins), where_(std::move(where)) {}

  void begin() { solutions_.emplace_back().reserve(spins_); }
  /// Returns false where the value is none of −1, 0, 1, or mixes the alphabets.
  bool take(double value) {
    if (value != -1 && value != 0 && value != 1) return false;
    if (value == -1) minus_ = true;
    if (value == 0) zero_ = true;
    if (minus_ && zero_) return false;
    solutions_.back().push_back(static_cast<std::int8_t>(value));
    return true;
  }
  std::size_t taken() const { return solutions_.back().size(); }
  const char* allowed() const { return "every value must be 0 or 1, or every one -1 or +1"; }

  void list(const Json& values, const std::string& what) {
    if (!values.is_array()) refuse(where_, what + " is not a list");
    if (values.size() != spins_) {
      refuse(where_, fmt::format("{} has {} values, {} were sent", what, values.size(), spins_));
    }
    begin();
    for (const Json& value : values) {
      if (!value.is_number() || !take(value.get<double>())) {
        refuse(where_, fmt::format("{}[{}]: {}", what, taken(), allowed()));
      }
    }
  }

  SpinSets spins() && {
    if (zero_) {
      for (auto& solution : solutions_) {
        for (std::int8_t& value : solution) value = static_cast<std::int8_t>(2 * value - 1);
      }
    }
    return std::move(solutions_);
  }

 private:
  std::size_t spins_;
  std::string where_;
  SpinSets solutions_;
  bool minus_ = false;
  bool zero_ = false;
};

}  // namespace

SpinSets parse_solution_json(std::string_view text, std::size_t spins, const std::string& where) {
  const Json answer = parsed(text, where);
  const char* const kKey = "solutionVector";
  if (!answer.is_array() || answer.empty() || !answer[0].is_object() || !answer[0].contains(kKey)) {
    refuse(where, "expected a list of solutions, [{\"solutionVector\": [...]}, ...]");
  }
  SolutionReader reader(spins, where);
  for (std::size_t k = 0; k < answer.size(); ++k) {
    if (!answer[k].is_object() || !answer[k].contains(kKey)) continue;
    reader.list(answer[k][kKey], fmt::format("solutionVector of element {}", k));
  }
  return std::move(reader).spins();
}

SpinSets parse_solution_csv(std::string_view text, std::size_t spins, const std::string& where) {
  TextScanner scan(text, where, ',');
  SolutionReader reader(spins, where);
  bool any = false;
  while (scan.next_line()) {
    any = true;
    reader.begin();
    while (!scan.at_line_end()) {
      if (reader.taken() == spins) scan.fail(fmt::format("the line has more than the {} values sent", spins));
      if (!reader.take(scan.number("-1, 0 or 1"))) scan.fail(reader.allowed());
    }
    if (reader.taken() != spins) {
      scan.fail(fmt::format("the line has {} values, {} were sent", reader.taken(), spins));
    }
  }
  if (!any) refuse(where, "is empty; expected one solution a line, its values separated by commas");
  return std::move(reader).spins();
}

QuanfluenceSolution parse_quanfluence_solution(std::string_view text, std::size_t spins,
                                               const std::string& where) {
  Json answer = parsed(text, where);
  // A job's record carries the answer beside its own fields, or inside "result", as an object or as its text.
  if (answer.is_object() && answer.contains("result") && answer["result"].is_string()) {
    answer = parsed(answer["result"].get<std::string>(), where);
  } else if (answer.is_object() && answer.contains("result") && answer["result"].is_object() &&
             answer["result"].contains("result")) {
    const Json inner = answer["result"];
    answer = inner;
  }
  if (!answer.is_object() || !answer.contains("result") || !answer["result"].is_object()) {
    refuse(where, "expected {\"result\": {\"0\": -1.0, ...}, \"energy\": ...}");
  }
  const Json& values = answer["result"];
  if (values.size() != spins) {
    refuse(where, fmt::format("\"result\" has {} variables, {} were sent", values.size(), spins));
  }
  std::vector<double> ordered(spins, NAN);
  for (const auto& [name, value] : values.items()) {
    std::size_t index = spins;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
    if (error != std::errc() || end != name.data() + name.size() || index >= spins || !value.is_number() ||
        !std::isnan(ordered[index])) {
      refuse(where, fmt::format("\"result\" must give a number for each variable 0 to {}",
                                spins == 0 ? 0 : spins - 1));
    }
    ordered[index] = value.get<double>();
  }
  SolutionReader reader(spins, where);
  reader.begin();
  for (const double value : ordered) {
    if (!reader.take(value)) refuse(where, fmt::format("\"result\": {}", reader.allowed()));
  }
  QuanfluenceSolution solution;
  solution.spins = std::move(std::move(reader).spins().front());
  if (answer.contains("energy") && answer["energy"].is_number())
    solution.energy = answer["energy"].get<double>();
  return solution;
}

KaiwuAnswer parse_kaiwu_answer(std::string_view line, std::size_t spins, const std::string& where) {
  const Json json = parsed(line, where);
  KaiwuAnswer answer;
  const auto text_of = [&](const Json& object, const char* key) {
    std::string text;
    if (object.contains(key) && object[key].is_string()) text = object[key].get<std::string>();
    std::replace_if(text.begin(), text.end(), [](unsigned char c) { return c < 0x20; }, ' ');
    return text;
  };
  if (!json.is_object() || (!json.contains("solutions") && !json.contains("error"))) {
    refuse(where, "expected an object with \"solutions\" or \"error\"");
  }
  answer.sdk_version = text_of(json, "sdk_version");
  if (json.contains("ignored") && json["ignored"].is_array()) {
    for (const Json& name : json["ignored"]) {
      if (name.is_string()) answer.ignored.push_back(name.get<std::string>());
    }
  }
  if (json.contains("error")) {
    const Json& error = json["error"];
    if (!error.is_object()) refuse(where, "\"error\" must be an object");
    answer.error_kind = text_of(error, "kind");
    answer.error = text_of(error, "message");
    if (answer.error_kind.empty()) answer.error_kind = "vendor";
    return answer;
  }
  if (!json["solutions"].is_array()) refuse(where, "\"solutions\" must be a list");
  SolutionReader reader(spins, where);
  std::size_t k = 0;
  for (const Json& solution : json["solutions"]) reader.list(solution, fmt::format("solutions[{}]", k++));
  answer.solutions = std::move(reader).spins();
  return answer;
}

}  // namespace opoloop
