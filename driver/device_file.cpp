#include "driver/device_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cim_model/presets.h"
#include "core/error.h"
#include "driver/device_parameters.h"
#include "driver/emulator_parameters.h"

namespace opoloop {
namespace {

int line_of(const toml::node& node) {
  return static_cast<int>(node.source().begin.line);
}

/// The text a value would have in a URI.
std::string text_of(const std::string& path, const std::string& key, const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto whole = node.value_exact<std::int64_t>()) return fmt::format("{}", *whole);
  if (const auto number = node.value_exact<double>()) return number_text(*number);
  if (const toml::array* array = node.as_array()) {
    std::string text;
    for (const toml::node& element : *array) {
      if (!element.is_number()) throw_file_error(path, line_of(element), key, "expected a list of numbers");
      text += text.empty() ? "" : ",";
      text += element.is_integer() ? fmt::format("{}", *element.value<std::int64_t>())
                                   : number_text(*element.value<double>());
    }
    return text.empty() ? "none" : text;
  }
  throw_file_error(path, line_of(node), key, "expected a number, a string or a list of numbers");
}

std::string string_of(const std::string& path, const std::string& key, const toml::node& node) {
  const auto text = node.value_exact<std::string>();
  if (!text) throw_file_error(path, line_of(node), key, "expected a string");
  return *text;
}

void take(DeviceFile& file, const std::string& key, const toml::node& node) {
  if (key == "format") {
    if (node.value_exact<std::int64_t>() != 1)
      throw_file_error(file.path, line_of(node), key, "this program reads format 1");
  } else if (key == "description") {
    file.description = string_of(file.path, key, node);
  } else if (key == "machine") {
    file.machine = string_of(file.path, key, node);
    try {
      machine_preset(file.machine);
    } catch (const InputError& error) {
      throw_file_error(file.path, line_of(node), key, error.what());
    }
  } else {
    file.parameters[key] = text_of(file.path, key, node);
    file.lines[key] = line_of(node);
    try {
      check_emulator_parameter(key, file.parameters[key]);
    } catch (const InputError& error) {
      throw_file_error(file.path, line_of(node), key, error.what());
    }
  }
}

}  // namespace

bool names_device_file(const std::string& rest) {
  return rest.ends_with(".toml");
}

DeviceFile read_device_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream || !std::filesystem::is_regular_file(path))
    throw_file_error(path, 0, "", "is not a readable file");
  std::ostringstream text;
  text << stream.rdbuf();
  return parse_device_file(text.str(), path);
}

DeviceFile parse_device_file(const std::string& text, const std::string& path) {
  DeviceFile file;
  file.path = path;
  try {
    const toml::table table = toml::parse(text, path);
    for (const auto& [key, node] : table) take(file, std::string(key.str()), node);
  } catch (const toml::parse_error& error) {
    throw_file_error(path, static_cast<std::int64_t>(error.source().begin.line), "",
                     std::string(error.description()));
  }
  return file;
}

}  // namespace opoloop
