#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/error.h"
#include "hamiltonian/generators.h"
#include "hamiltonian/generators/common.h"
#include "hamiltonian/qubo_model.h"

namespace opoloop {

Problem independent_set(std::int32_t n, std::int32_t cliques, double p, double penalty, std::uint64_t seed) {
  generators::check_complete("mis", n, 3);
  if (cliques < 1 || cliques > (n - 1) / 2) {
    throw_parameter_error("mis: cliques", cliques, fmt::format("1 to (n − 1)/2 = {}", (n - 1) / 2));
  }
  if (!(p >= 0 && p <= 1)) throw_parameter_error("mis: p", p, "a probability in [0, 1]");
  if (!(penalty > 1 && penalty <= 1000))
    throw_parameter_error("mis: penalty", penalty, "above 1, up to 1000");
  const std::int32_t in_cliques = n - cliques - 1;
  RandomSequence random(seed, Stream::generator);
  std::vector<std::int32_t> label(static_cast<std::size_t>(n));
  for (std::int32_t i = 0; i < n; ++i) label[static_cast<std::size_t>(i)] = i;
  generators::shuffle(label, random);

  QuboModel qubo;
  qubo.n = n;
  qubo.linear.assign(static_cast<std::size_t>(n), -1.0);
  const auto join = [&](std::int32_t a, std::int32_t b) {
    const std::int32_t i = label[static_cast<std::size_t>(a)], j = label[static_cast<std::size_t>(b)];
    qubo.terms.push_back({std::min(i, j), std::max(i, j), penalty});
  };
  std::int32_t first = 0;
  for (std::int32_t clique = 0; clique < cliques; ++clique) {
    const std::int32_t end = first + in_cliques / cliques + (clique < in_cliques % cliques ? 1 : 0);
    for (std::int32_t a = first; a < end; ++a) {
      for (std::int32_t b = a + 1; b < end; ++b) join(a, b);
      for (std::int32_t g = 0; g <= cliques; ++g) {
        // Drawn for every pair: a larger p only adds edges.
        const bool drawn = random.uniform() < p;
        if (drawn || g == clique || g == clique + 1) join(a, in_cliques + g);
      }
    }
    first = end;
  }
  Problem problem;
  problem.ising = to_ising(qubo);
  problem.kind = ProblemKind::qubo;
  problem.name = fmt::format("mis-{}-{}-p{}-{}", n, cliques, p, seed);
  problem.source = fmt::format("opoloop generate mis --n {} --cliques {} --p {} --penalty {} --seed {}", n,
                               cliques, p, penalty, seed);
  problem.best_known_energy = -static_cast<double>(cliques + 1);
  problem.best_known_source = "planted";
  return problem;
}

}  // namespace opoloop
