#pragma once

#include <string>

#include "cli/verb.h"

namespace opoloop {

Verb add_calibrate(CLI::App& program, const std::string& command_line);

}  // namespace opoloop
