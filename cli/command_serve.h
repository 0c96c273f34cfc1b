#pragma once

#include "cli/verb.h"

namespace opoloop {

/// `opoloop serve`: the devices of this computer for others, over HTTP (docs/server.md).
Verb add_serve(CLI::App& program);

}  // namespace opoloop
