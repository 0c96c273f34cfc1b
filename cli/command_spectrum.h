#pragma once

#include "cli/verb.h"

namespace opoloop {

/// `opoloop spectrum`: the classical, the quantum and the machine's own gaps of a problem.
Verb add_spectrum(CLI::App& program);

}  // namespace opoloop
