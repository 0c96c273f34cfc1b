#include "cli/run_command.h"

namespace opoloop {

int run_command(std::span<const std::string>, std::ostream&, std::ostream& err) {
  err << "opoloop: no verbs yet\n";
  return 2;
}

}  // namespace opoloop
