#pragma once

#include <string>

#include "cli/verb.h"

namespace opoloop {

Verb add_tune(CLI::App& program, const std::string& command_line);

}  // namespace opoloop
