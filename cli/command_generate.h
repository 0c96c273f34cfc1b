#pragma once

#include "cli/verb.h"

namespace opoloop {

/// `opoloop generate KIND OUT`: a seeded random or planted problem.
Verb add_generate(CLI::App& program);

}  // namespace opoloop
