#pragma once

#include <string>

namespace CLI {
class App;
}

namespace opoloop {

/// Gives a verb the option --config FILE.
void add_config_option(CLI::App& verb);

/// Fills in from the TOML file of --config what the command line left unset; does nothing without --config.
/// A key is the long name of an option (`time-limit = 10`), at top level or in a table named like the verb;
/// FILE and its like are `file`. For `solve`, the table [parameters] holds what --set takes. Throws
/// InputError naming file, line and key where a key is unknown or a value does not fit, CLI::ParseError
/// where an option refuses its value.
void apply_config_file(CLI::App& verb);

}  // namespace opoloop
