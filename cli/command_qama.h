#pragma once

#include <string>

#include "cli/verb.h"

namespace opoloop {

/// `opoloop qama solve|inspect|export`: batches of attention's problems (docs/qama.md, 6).
Verb add_qama(CLI::App& program, const std::string& command_line);

}  // namespace opoloop
