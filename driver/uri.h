#pragma once

#include <map>
#include <string>

namespace opoloop {

/// The address of a device, taken apart: `scheme:rest?key=value&key=value` (docs/devices.md).
/// Percent escapes (%2F) are decoded in the rest, the keys and the values; '+' stays a plus.
struct DeviceUri {
  std::string text;    ///< as the user wrote it
  std::string scheme;  ///< lower-case letter, then lower-case letters, digits, '+', '-', '.'
  std::string rest;    ///< between the colon and the question mark; a preset, a host, a folder, or empty
  std::map<std::string, std::string> query;
};

/// Throws InputError that names the URI and the part that is wrong: no scheme, a broken percent escape,
/// a query item without '=', a key given twice.
DeviceUri parse_device_uri(const std::string& text);

/// "NAME=URI" taken apart, or a URI that is its own name: a name has no colon, a URI has one before any '='.
struct NamedUri {
  std::string name;
  std::string uri;
};
NamedUri split_named_uri(const std::string& text);

/// For devices that have no presets: throws InputError unless nothing stands between the colon and the query.
void require_empty_rest(const DeviceUri& uri);

}  // namespace opoloop
