#include "driver/hil/carrier.h"

#include <fmt/format.h>

#include <charconv>

#include "core/error.h"
#include "driver/hil/shm_carrier.h"
#include "driver/hil/udp_carrier.h"

namespace opoloop::hil {

std::unique_ptr<Carrier> open_carrier(const std::string& uri, Side side, double wait_s) {
  if (uri.starts_with("shm:")) {
    const std::string name = uri.substr(4);
    if (name.empty() || name.size() > 200 ||
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") !=
            std::string::npos) {
      throw InputError(
          fmt::format("'{}': a name of up to 200 letters, digits, '-', '_' and '.' follows shm:", uri));
    }
    return std::make_unique<ShmCarrier>(name, side, wait_s);
  }
  if (uri.starts_with("udp:")) {
    const std::string rest = uri.substr(4);
    const auto colon = rest.rfind(':');
    const std::string host = colon == std::string::npos ? "127.0.0.1" : rest.substr(0, colon);
    const std::string port_text = colon == std::string::npos ? rest : rest.substr(colon + 1);
    int port = -1;
    const auto [end, code] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
    const bool number = code == std::errc() && end == port_text.data() + port_text.size();
    const int lowest = side == Side::plant ? 0 : 1;
    if (!number || port < lowest || port > 65535 || host.empty()) {
      throw InputError(
          fmt::format("'{}': must be udp:PORT or udp:HOST:PORT with a port of {} to 65535", uri, lowest));
    }
    return std::make_unique<UdpCarrier>(host, static_cast<std::uint16_t>(port), side);
  }
  throw InputError(fmt::format("'{}': must be shm:NAME, udp:PORT or udp:HOST:PORT", uri));
}

}  // namespace opoloop::hil
