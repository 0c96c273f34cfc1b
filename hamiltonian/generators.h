#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/error.h"
#include "hamiltonian/problem.h"

namespace opoloop {

// Seeded random problems. Each is a pure function of its arguments: the numbers of RandomSequence(seed,
// Stream::generator) are integers and so are the same on every machine; Gaussian couplings pass through log
// and cos and may differ in the last bit between C libraries. Each returns the problem with a name, the
// command that makes it again as `source`, and its optimum where that is known by construction.

enum class CouplingKind { gaussian, plus_minus_one };
enum class WeightKind { one, plus_minus_one };

/// Sherrington–Kirkpatrick: all pairs, J_ij ~ N(0, variance) or ±√variance. Ising problem.
Problem sherrington_kirkpatrick(std::int32_t n, CouplingKind couplings, bool variance_one_over_n,
                                std::uint64_t seed);

/// Max-cut on G(n, p): each pair is an edge with probability p.
Problem erdos_renyi(std::int32_t n, double p, WeightKind weights, std::uint64_t seed);

/// Max-cut on G(n, m): m different pairs, uniformly.
Problem erdos_renyi_edges(std::int32_t n, std::int64_t m, WeightKind weights, std::uint64_t seed);

/// Max-cut on a simple random d-regular graph, n·d even, d < n: the pairing model, with self loops and
/// repeated edges repaired by random switches (close to uniform; exactly regular and simple).
Problem random_regular(std::int32_t n, std::int32_t d, WeightKind weights, std::uint64_t seed);

/// Max-cut on the complete graph with weights ±1, the family of K2000 (Inagaki et al. 2016).
Problem complete_plus_minus_one(std::int32_t n, std::uint64_t seed);

/// Max-cut on the Möbius ladder, n even, n ≥ 4: edges i ~ i+1 (mod n) and i ~ i + n/2, weight 1. Optimum
/// known: with n/2 odd the graph is bipartite (cut 3n/2); with n/2 even every edge is avoided by some odd
/// cycle, so at least two edges stay uncut, and two suffice (cut 3n/2 − 2).
Problem moebius_ladder(std::int32_t n);

/// Max-cut or spin glass on an L × L square lattice with periodic boundary, L ≥ 3: J = ±1 or Gaussian.
Problem torus(std::int32_t length, CouplingKind couplings, std::uint64_t seed);

/// Wishart-planted (Hamze et al. 2020, arXiv:1906.00275): with t the planted state and M = round(α n) columns
/// w^μ orthogonal to it, J = −(W Wᵀ − diag)/N has ground state ±t with E = −(1/2N) Σ_μ |w^μ|². `integer`:
/// w^μ ∈ {−1,+1}^N (n even) and J without the factor 1/N, so that all is exact and E = −N M/2; otherwise w^μ
/// is Gaussian with covariance N/(N−1) (1 − t tᵀ/N), eq. (4) there.
Problem wishart_planted(std::int32_t n, double alpha, bool integer, std::uint64_t seed);

/// Tile-planted on an L × L square lattice with periodic boundary, L even, L ≥ 4 (Hamze et al. 2018,
/// arXiv:1711.04083; classes as in Perera et al. 2020, arXiv:1907.10809): every other plaquette, as on a
/// chessboard, is a cell of class C_k, k = 1…4 with probability p1, p2, p3, 1−p1−p2−p3: k weak bonds |J| = 1
/// of which one is −1, the others +2, so that it has k ground states up to sign, all-up among them. A random
/// gauge hides the planted state. E = Σ over cells of (2 − Σ|J|).
Problem tile_planted(std::int32_t length, double p1, double p2, double p3, std::uint64_t seed);

/// Maximum independent set whose annealing gap closes fast: minimise −Σ x_i + penalty Σ_{edges} x_i x_j,
/// penalty > 1. m = `cliques` complete graphs share n − m − 1 nodes as evenly as they can; the other m + 1,
/// g_0 … g_m, are free: no edge among them. Every node of clique k is joined to g_k and g_{k+1}, and to each
/// other g with probability p. A node from each of some k ≥ 1 cliques rules out at least k + 1 free ones, so
/// {g_0, …, g_m} is the one largest set: E = −(m+1). The many sets with one node of each clique are one short
/// of it where p = 1; a transverse field favours them for their number, and late in the anneal everything has
/// to turn over at once. Degenerate local minima from cliques against one global minimum, and why their gap
/// is exponentially small: V. Choi, arXiv:2509.16265 and arXiv:2105.02110. Joining by g_k, g_{k+1} and p is
/// ours: it makes random instances with a proven optimum. 1 ≤ m ≤ (n − 1)/2.
Problem independent_set(std::int32_t n, std::int32_t cliques, double p, double penalty, std::uint64_t seed);

/// For the command line: one option of a family.
enum class OptionKind { real, count, seed, word };
struct GeneratorOption {
  std::string name;
  std::string default_value;  ///< empty: must be given
  std::string help;
  OptionKind kind = OptionKind::real;
  std::vector<std::string> words = {};  ///< taken beside numbers, or by a word option alone
};
struct GeneratorFamily {
  std::string name;
  std::string help;
  std::vector<GeneratorOption> options;
};
const std::vector<GeneratorFamily>& generator_families();

/// An option's value is of another kind than the option: no number, or a word that is not one of its words.
class OptionValueError : public InputError {
 public:
  using InputError::InputError;
};

/// Makes a problem of a family from options as text. Throws InputError on an unknown family (listing them),
/// an unknown option (listing the family's), a missing one, and values out of range.
Problem generate_problem(const std::string& family, const std::map<std::string, std::string>& options);

}  // namespace opoloop
