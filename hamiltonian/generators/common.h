#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "hamiltonian/problem.h"

namespace opoloop::generators {

inline double sign_of(RandomSequence& random) {
  return (random.next_word() >> 31) != 0 ? 1.0 : -1.0;
}

/// Fisher–Yates.
template <class T>
void shuffle(std::vector<T>& items, RandomSequence& random) {
  for (std::size_t k = items.size(); k > 1; --k) std::swap(items[k - 1], items[random.below(k)]);
}

/// The couplings of a complete graph need 16 bytes a pair here: refuse what no machine would hold.
inline void check_complete(const char* family, std::int32_t n, std::int32_t least) {
  constexpr std::int32_t kMost = 30000;
  if (n < least || n > kMost) {
    throw InputError(fmt::format("{}: n = {}: expected {} to {} spins", family, n, least, kMost));
  }
}

/// A max-cut problem of weights w: J = −w.
inline Problem max_cut(std::int32_t n, std::vector<IsingEdge> weights, std::string name, std::string source) {
  for (IsingEdge& e : weights) e.J = -e.J;
  Problem problem;
  problem.ising = IsingModel(n, std::move(weights));
  problem.kind = ProblemKind::max_cut;
  problem.name = std::move(name);
  problem.source = std::move(source);
  return problem;
}

}  // namespace opoloop::generators
