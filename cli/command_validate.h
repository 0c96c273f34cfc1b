#pragma once

#include "cli/verb.h"

namespace opoloop {

/// `opoloop validate`: every closed form of the physics, predicted and measured. Exit code 1 if one fails.
Verb add_validate(CLI::App& program);

}  // namespace opoloop
