#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace opoloop {

/// The search methods of NLopt that `opoloop tune` offers; docs/tts.md has what they were chosen by.
struct SearchMethod {
  const char* name;
  const char* what;
};
const std::vector<SearchMethod>& search_methods();

/// Whether this program was built with NLopt.
bool can_search();

/// A point of the unit cube to its value; nothing: stop at once.
using Objective = std::function<std::optional<double>(const std::vector<double>&)>;

struct Found {
  std::vector<double> point;
  double value = 0;
  int evaluations = 0;
  bool stopped = false;
};

/// Minimises over the unit cube from its middle with at most so many evaluations. The points depend on the
/// method, the seed and the values alone: a search that is repeated with remembered values goes on where it
/// was. Throws InputError on an unknown method, Error where NLopt is not there or fails.
Found minimise(const std::string& method, std::size_t dimensions, int evaluations, std::uint64_t seed,
               const Objective& objective);

}  // namespace opoloop
