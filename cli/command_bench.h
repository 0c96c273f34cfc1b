#pragma once

#include "cli/verb.h"

namespace opoloop {

/// `opoloop bench`: how fast this computer is, and the engine on it.
Verb add_bench(CLI::App& program);

}  // namespace opoloop
