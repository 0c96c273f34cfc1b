#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "hamiltonian/generators.h"
#include "hamiltonian/generators/common.h"

namespace opoloop {

using generators::check_complete;
using generators::max_cut;
using generators::sign_of;

namespace {

const char* text_of(WeightKind weights) {
  return weights == WeightKind::one ? "1" : "pm1";
}
const char* text_of(CouplingKind couplings) {
  return couplings == CouplingKind::gaussian ? "gaussian" : "pm1";
}

double draw(WeightKind weights, RandomSequence& random) {
  return weights == WeightKind::one ? 1.0 : sign_of(random);
}

double draw(CouplingKind couplings, RandomSequence& random) {
  return couplings == CouplingKind::gaussian ? random.normal() : sign_of(random);
}

void check_nodes(const char* family, std::int64_t n, std::int64_t least) {
  constexpr std::int64_t kMost = 10'000'000;
  if (n < least || n > kMost) {
    throw InputError(fmt::format("{}: n = {}: expected {} to {} spins", family, n, least, kMost));
  }
}

std::uint64_t pair_key(std::int32_t i, std::int32_t j) {
  return static_cast<std::uint64_t>(std::min(i, j)) << 32 | static_cast<std::uint32_t>(std::max(i, j));
}

/// A simple d-regular graph by the pairing model, in row order, J = 0.
std::vector<IsingEdge> regular_edges(std::int32_t n, std::int32_t d, RandomSequence& random) {
  std::vector<std::int32_t> ends;
  ends.reserve(static_cast<std::size_t>(n) * static_cast<std::size_t>(d));
  for (std::int32_t i = 0; i < n; ++i) ends.insert(ends.end(), static_cast<std::size_t>(d), i);
  generators::shuffle(ends, random);

  // Edge e joins ends[2e] and ends[2e+1]. A bad edge (loop or repeat) trades one end with a random edge
  // where both come out good; degrees never change.
  const std::size_t count = ends.size() / 2;
  std::unordered_multiset<std::uint64_t> present;
  present.reserve(count);
  for (std::size_t e = 0; e < count; ++e) present.insert(pair_key(ends[2 * e], ends[2 * e + 1]));
  const auto bad = [&](std::size_t e) {
    return ends[2 * e] == ends[2 * e + 1] || present.count(pair_key(ends[2 * e], ends[2 * e + 1])) > 1;
  };
  const auto remove = [&](std::size_t e) {
    present.erase(present.find(pair_key(ends[2 * e], ends[2 * e + 1])));
  };
  const auto fits = [&](std::int32_t a, std::int32_t b) {
    return a != b && !present.contains(pair_key(a, b));
  };
  for (bool again = true; again;) {
    again = false;
    for (std::size_t e = 0; e < count; ++e) {
      // Very small graphs may have no good partner at all: after many misses trade unconditionally and go on,
      // which keeps the walk connected.
      for (int attempt = 0; bad(e); ++attempt) {
        const std::size_t other = random.below(count);
        const std::size_t side = random.below(2);
        if (other == e) continue;
        const std::int32_t a = ends[2 * e], b = ends[2 * e + 1];
        const std::int32_t c = ends[2 * other + side], x = ends[2 * other + 1 - side];
        remove(e);
        remove(other);
        const bool good = fits(a, c) && fits(b, x) && pair_key(a, c) != pair_key(b, x);
        if (good || attempt > 1000) {
          ends[2 * e + 1] = c;
          ends[2 * other + side] = b;
          again = again || !good;
          if (!good) attempt = 0;
        }
        present.insert(pair_key(ends[2 * e], ends[2 * e + 1]));
        present.insert(pair_key(ends[2 * other], ends[2 * other + 1]));
      }
    }
  }
  std::vector<IsingEdge> edges;
  edges.reserve(count);
  for (std::size_t e = 0; e < count; ++e) {
    edges.push_back({std::min(ends[2 * e], ends[2 * e + 1]), std::max(ends[2 * e], ends[2 * e + 1]), 0.0});
  }
  std::sort(edges.begin(), edges.end(),
            [](const IsingEdge& a, const IsingEdge& b) { return a.i != b.i ? a.i < b.i : a.j < b.j; });
  return edges;
}

/// The pairs that are not in `edges` (row order).
std::vector<IsingEdge> complement_of(std::int32_t n, const std::vector<IsingEdge>& edges) {
  std::vector<IsingEdge> others;
  auto next = edges.begin();
  for (std::int32_t i = 0; i < n; ++i) {
    for (std::int32_t j = i + 1; j < n; ++j) {
      if (next != edges.end() && next->i == i && next->j == j) {
        ++next;
      } else {
        others.push_back({i, j, 0.0});
      }
    }
  }
  return others;
}

}  // namespace

Problem sherrington_kirkpatrick(std::int32_t n, CouplingKind couplings, bool variance_one_over_n,
                                std::uint64_t seed) {
  check_complete("sk", n, 2);
  RandomSequence random(seed, Stream::generator);
  const double scale = variance_one_over_n ? 1 / std::sqrt(static_cast<double>(n)) : 1.0;
  std::vector<IsingEdge> edges;
  edges.reserve(static_cast<std::size_t>(n) * static_cast<std::size_t>(n - 1) / 2);
  for (std::int32_t i = 0; i < n; ++i) {
    for (std::int32_t j = i + 1; j < n; ++j) edges.push_back({i, j, scale * draw(couplings, random)});
  }
  Problem problem;
  problem.ising = IsingModel(n, std::move(edges));
  problem.name = fmt::format("sk-{}-{}-{}", n, text_of(couplings), seed);
  problem.source = fmt::format("opoloop generate sk --n {} --couplings {} --variance {} --seed {}", n,
                               text_of(couplings), variance_one_over_n ? "1/n" : "1", seed);
  return problem;
}

Problem erdos_renyi(std::int32_t n, double p, WeightKind weights, std::uint64_t seed) {
  check_complete("erdos-renyi", n, 2);
  if (!(p >= 0 && p <= 1)) throw_parameter_error("erdos-renyi: p", p, "a probability in [0, 1]");
  RandomSequence random(seed, Stream::generator);
  std::vector<IsingEdge> edges;
  for (std::int32_t i = 0; i < n; ++i) {
    for (std::int32_t j = i + 1; j < n; ++j) {
      if (random.uniform() < p) edges.push_back({i, j, draw(weights, random)});
    }
  }
  return max_cut(n, std::move(edges), fmt::format("er-{}-p{}-{}", n, p, seed),
                 fmt::format("opoloop generate erdos-renyi --n {} --p {} --weights {} --seed {}", n, p,
                             text_of(weights), seed));
}

Problem erdos_renyi_edges(std::int32_t n, std::int64_t m, WeightKind weights, std::uint64_t seed) {
  check_nodes("erdos-renyi", n, 2);
  const std::int64_t pairs = static_cast<std::int64_t>(n) * (n - 1) / 2;
  constexpr std::int64_t kMostEdges = 450'000'000;
  if (m < 0 || m > std::min(pairs, kMostEdges)) {
    throw InputError(
        fmt::format("erdos-renyi: m = {}: expected 0 to {} edges", m, std::min(pairs, kMostEdges)));
  }
  // Floyd's algorithm: a uniform m-subset of the numbered pairs, without listing all of them.
  RandomSequence random(seed, Stream::generator);
  std::unordered_set<std::int64_t> chosen;
  chosen.reserve(static_cast<std::size_t>(m));
  for (std::int64_t top = pairs - m; top < pairs; ++top) {
    const auto pick = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(top) + 1));
    if (!chosen.insert(pick).second) chosen.insert(top);
  }
  std::vector<std::int64_t> numbers(chosen.begin(), chosen.end());
  std::sort(numbers.begin(), numbers.end());
  std::vector<IsingEdge> edges;
  edges.reserve(numbers.size());
  std::int32_t row = 0;
  std::int64_t row_start = 0;  // number of the pair (row, row + 1)
  for (const std::int64_t number : numbers) {
    while (number >= row_start + (n - 1 - row)) row_start += n - 1 - row++;
    edges.push_back({row, row + 1 + static_cast<std::int32_t>(number - row_start), draw(weights, random)});
  }
  return max_cut(n, std::move(edges), fmt::format("er-{}-m{}-{}", n, m, seed),
                 fmt::format("opoloop generate erdos-renyi --n {} --m {} --weights {} --seed {}", n, m,
                             text_of(weights), seed));
}

Problem random_regular(std::int32_t n, std::int32_t d, WeightKind weights, std::uint64_t seed) {
  check_nodes("regular", n, 2);
  if (d < 1 || d >= n) throw InputError(fmt::format("regular: d = {}: expected 1 to n − 1 = {}", d, n - 1));
  const std::int64_t stubs = static_cast<std::int64_t>(n) * d;
  if (stubs % 2 != 0) throw InputError(fmt::format("regular: n · d = {} · {} must be even", n, d));
  if (stubs > 900'000'000) throw InputError(fmt::format("regular: n · d = {} is too large", stubs));
  RandomSequence random(seed, Stream::generator);
  // Above half the degree of a complete graph the complement is the sparse one, and as random.
  const bool complement = d > (n - 1) / 2;
  std::vector<IsingEdge> edges = regular_edges(n, complement ? n - 1 - d : d, random);
  if (complement) edges = complement_of(n, edges);
  for (IsingEdge& edge : edges) edge.J = draw(weights, random);
  return max_cut(n, std::move(edges), fmt::format("regular-{}-d{}-{}", n, d, seed),
                 fmt::format("opoloop generate regular --n {} --d {} --weights {} --seed {}", n, d,
                             text_of(weights), seed));
}

Problem complete_plus_minus_one(std::int32_t n, std::uint64_t seed) {
  check_complete("complete", n, 2);
  RandomSequence random(seed, Stream::generator);
  std::vector<IsingEdge> edges;
  edges.reserve(static_cast<std::size_t>(n) * static_cast<std::size_t>(n - 1) / 2);
  for (std::int32_t i = 0; i < n; ++i) {
    for (std::int32_t j = i + 1; j < n; ++j) edges.push_back({i, j, sign_of(random)});
  }
  return max_cut(n, std::move(edges), fmt::format("complete-{}-{}", n, seed),
                 fmt::format("opoloop generate complete --n {} --seed {}", n, seed));
}

Problem moebius_ladder(std::int32_t n) {
  check_nodes("moebius", n, 4);
  if (n % 2 != 0) throw InputError(fmt::format("moebius: n = {}: expected an even number of spins", n));
  std::vector<IsingEdge> edges;
  for (std::int32_t i = 0; i < n; ++i) edges.push_back({i, (i + 1) % n, 1.0});
  for (std::int32_t i = 0; i < n / 2; ++i) edges.push_back({i, i + n / 2, 1.0});
  Problem problem = max_cut(n, std::move(edges), fmt::format("moebius-{}", n),
                            fmt::format("opoloop generate moebius --n {}", n));
  const std::int64_t cut = 3 * static_cast<std::int64_t>(n) / 2 - (n / 2 % 2 == 0 ? 2 : 0);
  problem.best_known_energy = problem.energy_of_cut(static_cast<double>(cut));
  problem.best_known_source = "closed form";
  return problem;
}

Problem torus(std::int32_t length, CouplingKind couplings, std::uint64_t seed) {
  check_nodes("torus", static_cast<std::int64_t>(length) * std::max(length, 0), 9);
  if (length < 3) throw InputError(fmt::format("torus: l = {}: expected at least 3", length));
  RandomSequence random(seed, Stream::generator);
  std::vector<IsingEdge> edges;
  const auto site = [length](std::int32_t x, std::int32_t y) { return x % length + length * (y % length); };
  for (std::int32_t y = 0; y < length; ++y) {
    for (std::int32_t x = 0; x < length; ++x) {
      edges.push_back({site(x, y), site(x + 1, y), draw(couplings, random)});
      edges.push_back({site(x, y), site(x, y + 1), draw(couplings, random)});
    }
  }
  return max_cut(length * length, std::move(edges),
                 fmt::format("torus-{}-{}-{}", length, text_of(couplings), seed),
                 fmt::format("opoloop generate torus --l {} --couplings {} --seed {}", length,
                             text_of(couplings), seed));
}

}  // namespace opoloop
