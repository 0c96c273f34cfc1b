#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/error.h"

namespace CLI {
class App;
}

namespace opoloop {

/// Gives a verb the option --config FILE, whose path goes into `path`.
void add_config_option(CLI::App& verb, std::string& path);

/// The parameters a configuration file gave the device, and their lines.
struct ConfigParameters {
  std::string path;
  std::map<std::string, std::int64_t> lines;

  /// The same error with file, line and name in front where it is about one of them.
  std::optional<InputError> located(const InputError& error) const;
};

/// Fills in from the TOML file of --config what the command line left unset; does nothing without --config.
/// A key is the long name of an option (`time-limit = 10`), at top level or in a table named like the verb;
/// FILE and its like are `file`. For `solve`, the table [parameters] holds what --set takes; a --set and an
/// option of the same name, such as --dt, go before it. Throws InputError naming file, line and key where a
/// key is unknown or a value does not fit, CLI::ParseError where an option refuses its value.
ConfigParameters apply_config_file(CLI::App& verb);

}  // namespace opoloop
