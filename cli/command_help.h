#pragma once

#include "cli/verb.h"

namespace opoloop {

/// `opoloop help [VERB]`, and `help --all`: the whole reference as Markdown (docs/cli-reference.md).
Verb add_help(CLI::App& program);

}  // namespace opoloop
