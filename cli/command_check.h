#pragma once

#include "cli/verb.h"

namespace opoloop {

/// `opoloop check RUN.h5`: is a run file whole, and what does it hold.
Verb add_check(CLI::App& program);

}  // namespace opoloop
