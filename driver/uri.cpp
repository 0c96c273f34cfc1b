#include "driver/uri.h"

#include <fmt/format.h>

#include <string_view>

#include "core/error.h"

namespace opoloop {
namespace {

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  throw InputError(fmt::format("device '{}': {}", text, why));
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decode(const std::string& text, std::string_view part) {
  std::string out;
  out.reserve(part.size());
  for (std::size_t k = 0; k < part.size(); ++k) {
    if (part[k] != '%') {
      out.push_back(part[k]);
      continue;
    }
    const int high = k + 1 < part.size() ? hex_value(part[k + 1]) : -1;
    const int low = k + 2 < part.size() ? hex_value(part[k + 2]) : -1;
    if (high < 0 || low < 0) {
      refuse(text, fmt::format("'{}' is not a percent escape of two hexadecimal digits", part.substr(k, 3)));
    }
    out.push_back(static_cast<char>(high * 16 + low));
    k += 2;
  }
  return out;
}

bool is_scheme(std::string_view scheme) {
  if (scheme.empty() || scheme[0] < 'a' || scheme[0] > 'z') return false;
  for (const char c : scheme) {
    const bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!letter_or_digit && c != '+' && c != '-' && c != '.') return false;
  }
  return true;
}

}  // namespace

DeviceUri parse_device_uri(const std::string& text) {
  DeviceUri uri;
  uri.text = text;
  const std::string_view all = text;
  const std::size_t colon = all.find(':');
  if (colon == std::string_view::npos) {
    refuse(text, fmt::format("expected scheme:rest?key=value&key=value; did you mean '{}:'?", text));
  }
  if (!is_scheme(all.substr(0, colon))) {
    refuse(text, fmt::format("'{}' is not a scheme (lower-case letters, digits, '+', '-', '.')",
                             all.substr(0, colon)));
  }
  uri.scheme = text.substr(0, colon);
  const std::size_t question = all.find('?', colon);
  const std::size_t rest_end = question == std::string_view::npos ? all.size() : question;
  uri.rest = percent_decode(text, all.substr(colon + 1, rest_end - colon - 1));
  if (question == std::string_view::npos) return uri;

  std::string_view query = all.substr(question + 1);
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view item = query.substr(0, end);
    query = end < query.size() ? query.substr(end + 1) : std::string_view{};
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      refuse(text, fmt::format("'{}' in the query is not key=value", item));
    }
    const std::string key = percent_decode(text, item.substr(0, equals));
    if (!uri.query.emplace(key, percent_decode(text, item.substr(equals + 1))).second) {
      refuse(text, fmt::format("'{}' is given twice", key));
    }
  }
  return uri;
}

void require_empty_rest(const DeviceUri& uri) {
  if (!uri.rest.empty()) {
    refuse(uri.text,
           fmt::format("'{}:' takes nothing but ?key=value after the colon, got '{}'", uri.scheme, uri.rest));
  }
}

NamedUri split_named_uri(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || text.find(':') < equals) return {text, text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace opoloop
