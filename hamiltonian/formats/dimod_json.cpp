#include "hamiltonian/formats/dimod_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json_size.h"
#include "hamiltonian/formats/dimod_bias.h"
#include "hamiltonian/formats/pair_list.h"
#include "hamiltonian/formats/text_scanner.h"

namespace opoloop {

namespace {

using Json = nlohmann::json;

Json parse(std::string_view text, const ReadContext& context) {
  const JsonSize size = json_size(text);
  if (size.too_deep_line > 0) {
    throw_file_error(context.file, size.too_deep_line, {},
                     fmt::format("the JSON text is nested more than {} deep", JsonSize::kDeepest));
  }
  context.require_memory(size.tree_bytes(), "this JSON text, parsed,");
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const Json::parse_error& error) {
    const std::size_t at = std::min<std::size_t>(error.byte, text.size());
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    const std::size_t begin = text.find_last_of(" \t\r\n,:[{", at > 1 ? at - 2 : 0) + 1;
    std::string_view token = text.substr(std::min(begin, at), 40);
    token = token.substr(0, token.find_first_of(" \t\r\n,:]}"));
    // At the end nlohmann has counted one byte more than there is.
    const bool truncated = error.byte > text.size();
    throw_file_error(context.file, line, std::string(token),
                     truncated ? "truncated: the JSON text ends too early" : "not valid JSON here");
  } catch (const Json::exception&) {
    // out_of_range.406: a number such as 1e999; nlohmann does not say where.
    throw_file_error(context.file, 0, {}, "a number in the JSON text is outside the range of a double");
  }
}

class Reader {
 public:
  Reader(const Json& root, const ReadContext& context) : root_(root), context_(context) {}

  [[noreturn]] void fail(const std::string& key, const std::string& expected) const {
    throw_file_error(context_.file, 0, key, expected);
  }

  const Json& member(const char* key) const {
    const auto found = root_.find(key);
    if (found == root_.end()) fail(key, "missing from the BinaryQuadraticModel");
    return *found;
  }
  std::string text(const char* key) const {
    const Json& value = member(key);
    if (!value.is_string()) fail(key, "must be a string");
    return value.get<std::string>();
  }
  const Json& array(const char* key) const {
    const Json& value = member(key);
    if (!value.is_array()) fail(key, "must be an array");
    return value;
  }
  std::int64_t count(const char* key) const {
    const Json& value = member(key);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > (std::uint64_t{1} << 62)) {
      fail(key, "must be a non-negative integer");
    }
    return value.get<std::int64_t>();
  }
  double number(const Json& value, const char* key, std::size_t at) const {
    if (!value.is_number()) fail(fmt::format("{}[{}]", key, at), "must be a number");
    return value.get<double>();
  }
  /// An array of exactly `count` values.
  const Json& array_of(const char* key, std::int64_t count, const char* count_key) const {
    const Json& value = array(key);
    if (value.size() != static_cast<std::size_t>(count)) {
      fail(key, fmt::format("has {} entries, {} says {}", value.size(), count_key, count));
    }
    return value;
  }
  std::int32_t position(const Json& value, const char* key, std::size_t at, std::int32_t n) const {
    if (!value.is_number_integer() || value.get<std::int64_t>() < 0 || value.get<std::int64_t>() >= n) {
      fail(fmt::format("{}[{}]", key, at), fmt::format("must be a position between 0 and {}", n - 1));
    }
    return value.get<std::int32_t>();
  }

 private:
  const Json& root_;
  const ReadContext& context_;
};

}  // namespace

Problem read_dimod_json(std::string_view text, const ReadContext& context) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  const Json root = parse(text, context);
  const Reader read(root, context);
  if (!root.is_object())
    throw_file_error(context.file, 0, {}, "not a dimod model: the JSON text is no object");
  if (read.text("type") != "BinaryQuadraticModel") read.fail("type", "must be \"BinaryQuadraticModel\"");
  const Json& version = read.member("version");
  const auto schema = version.is_object() ? version.find("bqm_schema") : version.end();
  if (!version.is_object() || schema == version.end() || !schema->is_string() ||
      schema->get<std::string>().rfind("3.", 0) != 0) {
    read.fail("version", "bqm_schema must be 3.x");
  }
  if (root.contains("use_bytes") && root["use_bytes"] != Json(false)) {
    read.fail("use_bytes", "binary biases are not read: serialise with use_bytes=False");
  }
  DimodModel model;
  const std::string variable_type = read.text("variable_type");
  if (variable_type != "SPIN" && variable_type != "BINARY")
    read.fail("variable_type", "must be SPIN or BINARY");
  model.binary = variable_type == "BINARY";
  const std::int32_t n = context.checked_spins(read.count("num_variables"));
  const std::int64_t interactions = read.count("num_interactions");
  if (root.contains("variable_labels")) read.array_of("variable_labels", n, "num_variables");
  model.offset = read.number(read.member("offset"), "offset", 0);
  const Json& linear = read.array_of("linear_biases", n, "num_variables");
  for (std::size_t i = 0; i < linear.size(); ++i) {
    model.linear.push_back(read.number(linear[i], "linear_biases", i));
  }
  const Json& biases = read.array_of("quadratic_biases", interactions, "num_interactions");
  const Json& head = read.array_of("quadratic_head", interactions, "num_interactions");
  const Json& tail = read.array_of("quadratic_tail", interactions, "num_interactions");
  PairList pairs(false);
  pairs.reserve(biases.size());
  for (std::size_t k = 0; k < biases.size(); ++k) {
    const std::int32_t u = read.position(head[k], "quadratic_head", k, n);
    const std::int32_t v = read.position(tail[k], "quadratic_tail", k, n);
    if (u == v)
      read.fail(fmt::format("quadratic_head[{}]", k), "self loop: head and tail are the same variable");
    pairs.add(u, v, read.number(biases[k], "quadratic_biases", k), static_cast<std::int64_t>(k));
  }
  model.quadratic = pairs.take(context.file, 0);
  return problem_from_dimod(std::move(model));
}

std::string write_dimod_json(const Problem& problem) {
  const DimodModel model = dimod_from_problem(problem);
  std::string out = fmt::format(
      "{{\"type\": \"BinaryQuadraticModel\", \"version\": {{\"bqm_schema\": \"3.0.0\"}}, \"use_bytes\": "
      "false,\n"
      " \"index_type\": \"int32\", \"bias_type\": \"float64\", \"num_variables\": {}, \"num_interactions\": "
      "{},\n"
      " \"variable_type\": \"{}\", \"offset\": ",
      model.linear.size(), model.quadratic.size(), model.binary ? "BINARY" : "SPIN");
  append_number(out, model.offset);
  out += ", \"info\": {}";
  const auto list = [&out](const char* key, std::size_t count, const auto& append) {
    out += fmt::format(",\n \"{}\": [", key);
    for (std::size_t k = 0; k < count; ++k) {
      if (k > 0) out += ", ";
      append(k);
    }
    out += ']';
  };
  list("variable_labels", model.linear.size(), [&](std::size_t k) { out += std::to_string(k); });
  list("linear_biases", model.linear.size(), [&](std::size_t k) { append_number(out, model.linear[k]); });
  const auto& quadratic = model.quadratic;
  list("quadratic_biases", quadratic.size(), [&](std::size_t k) { append_number(out, quadratic[k].J); });
  list("quadratic_head", quadratic.size(), [&](std::size_t k) { out += std::to_string(quadratic[k].i); });
  list("quadratic_tail", quadratic.size(), [&](std::size_t k) { out += std::to_string(quadratic[k].j); });
  out += "}\n";
  return out;
}

}  // namespace opoloop
