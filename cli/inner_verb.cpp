#include "cli/inner_verb.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "core/error.h"

namespace opoloop {

const CLI::App& chosen_family(const CLI::App& verb) {
  const std::vector<CLI::App*> chosen = verb.get_subcommands();
  const std::vector<std::string> unknown = verb.remaining(true);
  if (chosen.empty()) {
    std::string names;
    for (const CLI::App* family : verb.get_subcommands([](const CLI::App*) { return true; }))
      names += (names.empty() ? "" : ", ") + family->get_name();
    const std::string fault =
        unknown.empty() ? "FAMILY is missing" : fmt::format("unknown family '{}'", unknown.front());
    throw InputError(fmt::format("{}: {}; known are {}", verb.get_name(), fault, names));
  }
  if (!unknown.empty()) {
    throw InputError(
        fmt::format("{0} {1}: The following argument was not expected: {2} (see: opoloop help {0} {1})",
                    verb.get_name(), chosen.front()->get_name(), unknown.front()));
  }
  return *chosen.front();
}

}  // namespace opoloop
