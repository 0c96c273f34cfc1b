#pragma once

#include <string>

#include "cli/verb.h"

namespace opoloop {

/// `opoloop hil plant|controller`: the loop over a wire, from either side (docs/hil.md).
Verb add_hil(CLI::App& program, const std::string& command_line);

}  // namespace opoloop
