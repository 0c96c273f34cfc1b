#pragma once

#include "cli/verb.h"

namespace opoloop {

/// `opoloop devices`: what --device takes, machine data sheets, published settings.
Verb add_devices(CLI::App& program);

}  // namespace opoloop
