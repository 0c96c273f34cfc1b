#pragma once

#include <string>

#include "cli/verb.h"

namespace opoloop {

/// `opoloop solve FILE`: open the problem, run it on a device, say what came out. `command_line` goes into
/// the run file.
Verb add_solve(CLI::App& program, const std::string& command_line);

}  // namespace opoloop
