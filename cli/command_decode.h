#pragma once

#include "cli/verb.h"

namespace opoloop {

/// `opoloop decode FAMILY RUN.h5`: what the answer of a run means for the application it came from.
Verb add_decode(CLI::App& program);

}  // namespace opoloop
