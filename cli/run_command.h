#pragma once

#include <ostream>
#include <span>
#include <string>

namespace opoloop {

/// The whole program behind main(): argv without the program's name, streams instead of the terminal.
/// Returns the exit code: 0 done, 1 failed, 2 bad usage or bad input.
int run_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err);

}  // namespace opoloop
