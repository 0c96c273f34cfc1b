#include "driver/host_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/error.h"

namespace opoloop {

HostAddress parse_host_address(const DeviceUri& uri, int default_port, const std::string& expected) {
  const auto refuse = [&](const std::string& why) {
    throw InputError(fmt::format("device '{}': {}; expected {}", uri.text, why, expected));
  };
  if (!uri.rest.starts_with("//")) refuse("no //HOST after the scheme");
  const std::string all = uri.rest.substr(2);
  const std::size_t slash = std::min(all.find('/'), all.size());
  const std::string authority = all.substr(0, slash);
  HostAddress address;
  address.port = default_port;
  address.path = slash < all.size() ? all.substr(slash + 1) : "";
  std::size_t colon = authority.rfind(':');
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string::npos) refuse("'[' without ']'");
    address.host = authority.substr(1, close - 1);
    colon = authority.find(':', close);
  } else {
    address.host = authority.substr(0, std::min(colon, authority.size()));
  }
  if (address.host.empty()) refuse("no host");
  if (address.host.find('@') != std::string::npos) refuse("a secret does not belong into an address");
  if (colon != std::string::npos) {
    const char* const end = authority.data() + authority.size();
    const auto [stop, error] = std::from_chars(authority.data() + colon + 1, end, address.port);
    if (error != std::errc() || stop != end || address.port < 1 || address.port > 65535) {
      refuse("the port is not a number from 1 to 65535");
    }
  }
  return address;
}

}  // namespace opoloop
