#pragma once

#include "cli/verb.h"

namespace opoloop {

/// `opoloop convert IN OUT`: one problem, another file format.
Verb add_convert(CLI::App& program);

}  // namespace opoloop
