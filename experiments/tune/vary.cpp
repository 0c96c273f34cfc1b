#include "experiments/tune/vary.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include <fmt/format.h>

#include "core/error.h"
#include "driver/device_parameters.h"

namespace opoloop {
namespace {

constexpr int kDigits = 3;

double rounded(double value, bool integer) {
  if (integer || value == 0) return std::round(value);
  const double scale = std::pow(10.0, kDigits - 1 - std::floor(std::log10(std::abs(value))));
  return std::round(value * scale) / scale;
}

double parse_end(const std::string& token, const std::string& text) {
  double value = 0;
  const auto [end, code] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (code != std::errc() || end != token.data() + token.size() || !std::isfinite(value))
    throw InputError(fmt::format("--vary '{}': '{}': expected a number", text, token));
  return value;
}

}  // namespace

double Vary::value(double u) const {
  const double at = std::clamp(u, 0.0, 1.0);
  const double exact = logarithmic ? low * std::pow(high / low, at) : low + (high - low) * at;
  return std::clamp(rounded(exact, integer), low, high);
}

std::string Vary::text(double u) const {
  return number_text(value(u));
}

Vary parse_vary(const std::string& text) {
  Vary vary;
  const std::size_t equals = text.find('=');
  const std::size_t colon = text.find(':', equals == std::string::npos ? 0 : equals);
  if (equals == std::string::npos || equals == 0 || colon == std::string::npos)
    throw InputError(fmt::format("--vary '{}': expected NAME=LOW:HIGH, NAME=LOW:HIGH,log", text));
  vary.name = text.substr(0, equals);
  std::istringstream tail(text.substr(colon + 1));
  std::string high;
  std::getline(tail, high, ',');
  vary.low = parse_end(text.substr(equals + 1, colon - equals - 1), text);
  vary.high = parse_end(high, text);
  for (std::string word; std::getline(tail, word, ',');) {
    if (word == "log") {
      vary.logarithmic = true;
    } else if (word == "integer") {
      vary.integer = true;
    } else {
      throw InputError(fmt::format("--vary '{}': '{}': expected log or integer", text, word));
    }
  }
  if (vary.name == kStepsName) vary.integer = true;
  if (!(vary.low < vary.high))
    throw InputError(fmt::format("--vary '{}': the lower end must be below the upper", text));
  if (vary.logarithmic && !(vary.low > 0))
    throw InputError(fmt::format("--vary '{}': log needs a lower end above 0", text));
  if (vary.integer && (vary.low != std::floor(vary.low) || vary.high != std::floor(vary.high)))
    throw InputError(fmt::format("--vary '{}': both ends must be integers", text));
  if (vary.name == kStepsName && vary.low < 1)
    throw InputError(fmt::format("--vary '{}': a run has at least 1 step", text));
  return vary;
}

Setting setting_at(const std::vector<Vary>& vary, const Setting& fixed, const std::vector<double>& point) {
  Setting setting = fixed;
  for (std::size_t k = 0; k < vary.size(); ++k) {
    const std::string mark = "{" + vary[k].name + "}", text = vary[k].text(point.at(k));
    bool placed = false;
    for (auto& [name, value] : setting) {
      for (std::size_t at = value.find(mark); at != std::string::npos; at = value.find(mark, at)) {
        value.replace(at, mark.size(), text);
        placed = true;
      }
    }
    if (!placed) setting[vary[k].name] = text;
  }
  return setting;
}

std::string setting_words(const Setting& setting) {
  std::string words;
  for (const auto& [name, value] : setting)
    words += fmt::format("{}{}={}", words.empty() ? "" : " ", name, value);
  return words;
}

}  // namespace opoloop
