#pragma once

#include <functional>
#include <ostream>

namespace CLI {
class App;
}

namespace opoloop {

/// Where a command writes: results to `out`, everything else to `err`.
struct Streams {
  std::ostream& out;
  std::ostream& err;
  bool live = false;  ///< err is a terminal: a progress line may be drawn and redrawn
};

/// One verb of the command: its subcommand with options bound to state that `run` owns, and what to do once
/// the arguments are parsed. run returns the exit code and throws InputError on bad input.
struct Verb {
  CLI::App* app = nullptr;
  std::function<int(const Streams&)> run;
};

}  // namespace opoloop
