#pragma once

#include <string>

#include "driver/uri.h"

namespace opoloop {

/// Whom a device over the network is reached at: `scheme://host:port/path`.
struct HostAddress {
  std::string host;  ///< a name, or an address; IPv6 without its brackets
  int port = 0;
  std::string path;  ///< what follows the slash after the port; may be empty
};

/// Takes the rest of a URI apart. Throws InputError that names the URI, what is wrong, and `expected`, the
/// form this device takes ("opoloop://HOST:PORT"): no //, no host, a secret in the host, a port out of range.
HostAddress parse_host_address(const DeviceUri& uri, int default_port, const std::string& expected);

}  // namespace opoloop
