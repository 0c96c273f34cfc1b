#pragma once

#include "cli/verb.h"

namespace opoloop {

/// `opoloop info FILE`: what a problem file holds.
Verb add_info(CLI::App& program);

}  // namespace opoloop
