#pragma once

#include "cli/verb.h"

namespace opoloop {

/// `opoloop report RUN.h5`: the run file as one HTML page; `--compare A.h5 B.h5`.
Verb add_report(CLI::App& program, const std::string& command_line);

}  // namespace opoloop
