#include "driver/energy_counts.h"

#include <charconv>
#include <cmath>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "core/error.h"
#include "driver/device_parameters.h"

namespace opoloop {
namespace {

/// The beginning of a text for a message of one line.
std::string shown(std::string_view text, std::size_t most) {
  std::string line;
  for (const char c : text.substr(0, most)) line += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  return line;
}

/// The next number of `text`, up to `mark`, cut off its front.
double take_number(std::string_view& text, char mark, const std::string& all) {
  const std::size_t at = text.find(mark);
  const std::string_view token = text.substr(0, at);
  double value = 0;
  const auto [end, code] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (code != std::errc() || end != token.data() + token.size() || !std::isfinite(value)) {
    throw InputError(fmt::format("energies '{}': '{}': expected a number", shown(all, 60), shown(token, 30)));
  }
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return value;
}

}  // namespace

std::string energies_text(const std::vector<Sample>& samples) {
  std::map<double, int> counts;
  for (const Sample& sample : samples) {
    if (!sample.diverged && std::isfinite(sample.energy_best)) ++counts[sample.energy_best];
  }
  std::string text;
  for (const auto& [energy, runs] : counts)
    text += fmt::format("{}{}*{}", text.empty() ? "" : ";", number_text(energy), runs);
  return text;
}

EnergyCounts parse_energies(const std::string& text) {
  EnergyCounts counts;
  for (std::string_view left = text; !left.empty();) {
    if (left.substr(0, left.find(';')).find('*') == std::string_view::npos)
      throw InputError(fmt::format("energies '{}': expected energy*runs;energy*runs", shown(text, 60)));
    const double energy = take_number(left, '*', text);
    const double runs = take_number(left, ';', text);
    if (!(runs >= 1) || runs != std::floor(runs))
      throw InputError(fmt::format("energies '{}': {}: expected a number of runs", shown(text, 60), runs));
    counts.emplace_back(energy, runs);
  }
  return counts;
}

}  // namespace opoloop
