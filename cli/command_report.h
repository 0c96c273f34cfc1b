#pragma once

#include "cli/verb.h"

namespace opoloop {

/// `opoloop report RUN.h5`: the run file as one HTML page.
Verb add_report(CLI::App& program);

}  // namespace opoloop
