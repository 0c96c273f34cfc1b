#include "cli/config_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "core/error.h"

namespace opoloop {
namespace {

constexpr const char* kConfigOption = "--config";
constexpr const char* kParameterTable = "parameters";
constexpr const char* kParameterOption = "--set";

struct ConfigFile {
  std::string path;
  CLI::App* verb;
  ConfigParameters parameters;

  [[noreturn]] void refuse(const toml::node& node, const std::string& key, const std::string& why) const {
    throw_file_error(path, static_cast<std::int64_t>(node.source().begin.line), key, why);
  }

  /// The text an option would be given on the command line for this value.
  std::string text_of(const toml::node& node, const std::string& key) const {
    if (const auto text = node.value_exact<std::string>()) return *text;
    if (const auto flag = node.value_exact<bool>()) return *flag ? "true" : "false";
    if (node.is_integer() || node.is_floating_point()) {
      std::ostringstream text;
      if (node.is_integer()) {
        text << *node.value<std::int64_t>();
      } else {
        text.precision(17);
        text << *node.value<double>();
      }
      return text.str();
    }
    refuse(node, key, "expected a string, a number, true or false");
  }

  std::vector<std::string> texts_of(const toml::node& node, const std::string& key) const {
    const toml::array* array = node.as_array();
    if (!array) return {text_of(node, key)};
    std::vector<std::string> texts;
    for (const toml::node& element : *array) texts.push_back(text_of(element, key));
    return texts;
  }

  CLI::Option* option_of(const std::string& key) const {
    if (CLI::Option* option = verb->get_option_no_throw("--" + key)) return option;
    // Positional arguments are FILE, IN, OUT on the command line and lower case here.
    std::string positional = key;
    for (char& c : positional) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return verb->get_option_no_throw(positional);
  }

  void set(const std::string& key, const toml::node& node) const {
    CLI::Option* option = key == "config" || key == "help" ? nullptr : option_of(key);
    if (!option) refuse(node, key, "no such option of 'opoloop " + verb->get_name() + "'");
    if (option->count() > 0) return;  // the command line goes before the file
    if (option->get_expected_min() == 0) {
      const auto flag = node.value_exact<bool>();
      if (!flag) refuse(node, key, "expected true or false");
      if (!*flag) return;
      option->add_result("true");
    } else {
      option->add_result(texts_of(node, key));
    }
    try {
      option->run_callback();
    } catch (const CLI::ParseError& error) {
      refuse(node, key, error.what());
    }
  }

  /// [parameters]: name = value for the device, each as --set name=value. Called before the options of the
  /// file are applied: an option that has a value was on the command line.
  void set_parameters(const toml::table& table, const toml::table& options) {
    CLI::Option* option = verb->get_option_no_throw(kParameterOption);
    if (!option) refuse(table, kParameterTable, "'opoloop " + verb->get_name() + "' takes no parameters");
    std::vector<std::string> given = option->results();
    option->clear();
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      if (options.contains(name)) refuse(node, name, "is given outside [parameters], too: give one");
      const CLI::Option* own = verb->get_option_no_throw("--" + name);
      bool on_command_line = own && own->count() > 0;
      for (const std::string& item : given) on_command_line |= item.starts_with(name + "=");
      if (on_command_line) continue;
      option->add_result(name + "=" + text_of(node, name));
      parameters.lines[name] = static_cast<std::int64_t>(node.source().begin.line);
    }
    option->add_result(given);
    if (option->count() > 0) option->run_callback();
  }

  void apply(const toml::table& table, bool top_level) {
    if (const toml::table* inner = table[kParameterTable].as_table()) set_parameters(*inner, table);
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      const toml::table* inner = node.as_table();
      if (inner && name == kParameterTable) continue;
      if (inner && top_level && name == verb->get_name()) {
        apply(*inner, false);
      } else {
        set(name, node);
      }
    }
  }
};

/// Whether a message is about a parameter: "dt = 0: must be…", after the device's name or without, or "has no
/// parameter 'dt'".
bool is_about(const std::string& message, const std::string& name) {
  return message.starts_with(name + " = ") || message.find(": " + name + " = ") != std::string::npos ||
         message.find("parameter '" + name + "'") != std::string::npos;
}

}  // namespace

void add_config_option(CLI::App& verb, std::string& path) {
  verb.add_option(kConfigOption, path,
                  "Read options not given here from this TOML file: `runs = 256`, one a line")
      ->type_name("FILE.toml");
}

std::optional<InputError> ConfigParameters::located(const InputError& error) const {
  for (const auto& [name, line] : lines) {
    if (is_about(error.what(), name))
      return InputError(fmt::format("{}:{}: '{}': {}", path, line, name, error.what()));
  }
  return std::nullopt;
}

ConfigParameters apply_config_file(CLI::App& verb) {
  const CLI::Option* option = verb.get_option_no_throw(kConfigOption);
  if (!option || option->count() == 0) return {};
  const auto path = option->as<std::string>();
  std::ifstream file(path, std::ios::binary);
  if (!file || !std::filesystem::is_regular_file(path))
    throw_file_error(path, 0, "", "is not a readable file");
  try {
    const toml::table table = toml::parse(file, path);
    ConfigFile config{path, &verb, {path, {}}};
    config.apply(table, true);
    return config.parameters;
  } catch (const toml::parse_error& error) {
    throw_file_error(path, static_cast<std::int64_t>(error.source().begin.line), "",
                     std::string(error.description()));
  }
}

}  // namespace opoloop
