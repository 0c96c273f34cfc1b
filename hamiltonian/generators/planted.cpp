#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "hamiltonian/generators.h"
#include "hamiltonian/generators/common.h"

namespace opoloop {

using generators::sign_of;

namespace {

std::vector<double> random_signs(std::int32_t n, RandomSequence& random) {
  std::vector<double> signs(static_cast<std::size_t>(n));
  for (double& s : signs) s = sign_of(random);
  return signs;
}

/// A uniform vector of n/2 ones and n/2 minus ones, times t: orthogonal to t, entries ±1.
std::vector<double> orthogonal_signs(const std::vector<double>& t, RandomSequence& random) {
  std::vector<double> w(t.size());
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = i < w.size() / 2 ? 1.0 : -1.0;
  generators::shuffle(w, random);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] *= t[i];
  return w;
}

/// A Gaussian vector without its part along t: covariance N/(N−1) (1 − t tᵀ/N), so that entries have
/// variance 1.
std::vector<double> orthogonal_normals(const std::vector<double>& t, RandomSequence& random) {
  const auto n = static_cast<double>(t.size());
  std::vector<double> w(t.size());
  double along = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    w[i] = random.normal();
    along += w[i] * t[i];
  }
  const double scale = std::sqrt(n / (n - 1));
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = scale * (w[i] - along / n * t[i]);
  return w;
}

}  // namespace

Problem wishart_planted(std::int32_t n, double alpha, bool integer, std::uint64_t seed) {
  generators::check_complete("wishart", n, 3);
  if (integer && n % 2 != 0) {
    throw InputError(fmt::format("wishart: n = {}: integer couplings need an even number of spins", n));
  }
  if (!(alpha > 0 && alpha <= 100)) throw_parameter_error("wishart: alpha", alpha, "M/N in (0, 100]");
  const auto columns = std::max<std::int64_t>(1, std::llround(alpha * n));
  RandomSequence random(seed, Stream::generator);
  const std::vector<double> t = random_signs(n, random);
  const auto size = static_cast<std::size_t>(n);
  std::vector<double> product(size * size, 0.0);  // W Wᵀ, upper triangle
  double squares = 0;                             // its trace
  for (std::int64_t mu = 0; mu < columns; ++mu) {
    const std::vector<double> w = integer ? orthogonal_signs(t, random) : orthogonal_normals(t, random);
    for (std::size_t i = 0; i < size; ++i) {
      squares += w[i] * w[i];
      for (std::size_t j = i + 1; j < size; ++j) product[i * size + j] += w[i] * w[j];
    }
  }
  const double scale = integer ? 1.0 : 1.0 / n;
  std::vector<IsingEdge> edges;
  edges.reserve(size * (size - 1) / 2);
  for (std::int32_t i = 0; i < n; ++i) {
    for (std::int32_t j = i + 1; j < n; ++j) {
      edges.push_back(
          {i, j, -scale * product[static_cast<std::size_t>(i) * size + static_cast<std::size_t>(j)]});
    }
  }
  Problem problem;
  problem.ising = IsingModel(n, std::move(edges));
  problem.name = fmt::format("wishart-{}-a{}-{}", n, alpha, seed);
  problem.source = fmt::format("opoloop generate wishart --n {} --alpha {} --couplings {} --seed {}", n,
                               alpha, integer ? "integer" : "gaussian", seed);
  // σᵀ W Wᵀ σ ≥ 0 with equality at ±t, so E = ½ scale (σᵀ W Wᵀ σ − tr W Wᵀ) ≥ −½ scale tr W Wᵀ.
  problem.best_known_energy = -0.5 * scale * squares;
  problem.best_known_source = "planted";
  return problem;
}

Problem tile_planted(std::int32_t length, double p1, double p2, double p3, std::uint64_t seed) {
  if (length < 4 || length > 3000 || length % 2 != 0) {
    throw InputError(fmt::format("tile2d: l = {}: expected an even length from 4 to 3000", length));
  }
  for (const double p : {p1, p2, p3}) {
    if (!(p >= 0 && p <= 1)) throw_parameter_error("tile2d: p1, p2, p3", p, "probabilities in [0, 1]");
  }
  if (p1 + p2 + p3 > 1 + 1e-12) throw_parameter_error("tile2d: p1 + p2 + p3", p1 + p2 + p3, "at most 1");
  RandomSequence random(seed, Stream::generator);
  const std::int32_t n = length * length;
  const std::vector<double> gauge = random_signs(n, random);
  const auto site = [length](std::int32_t x, std::int32_t y) { return x % length + length * (y % length); };
  std::vector<IsingEdge> edges;
  double energy = 0;
  for (std::int32_t y = 0; y < length; ++y) {
    for (std::int32_t x = y % 2; x < length; x += 2) {
      const double u = random.uniform();
      const std::size_t weak = u < p1 ? 1 : u < p1 + p2 ? 2 : u < p1 + p2 + p3 ? 3 : 4;
      std::vector<std::size_t> order = {0, 1, 2, 3};
      generators::shuffle(order, random);
      const std::array<std::int32_t, 5> corner = {site(x, y), site(x + 1, y), site(x + 1, y + 1),
                                                  site(x, y + 1), site(x, y)};
      for (std::size_t k = 0; k < 4; ++k) {
        const double J = k == 0 ? -1.0 : k < weak ? 1.0 : 2.0;
        const std::int32_t a = corner[order[k]], b = corner[order[k] + 1];
        edges.push_back({a, b, J * gauge[static_cast<std::size_t>(a)] * gauge[static_cast<std::size_t>(b)]});
        energy -= J;  // all-up in the gauge: each cell breaks its one negative, weakest bond
      }
    }
  }
  Problem problem;
  problem.ising = IsingModel(n, std::move(edges));
  problem.name = fmt::format("tile2d-{}-{}", length, seed);
  problem.source = fmt::format("opoloop generate tile2d --l {} --p1 {} --p2 {} --p3 {} --seed {}", length, p1,
                               p2, p3, seed);
  problem.best_known_energy = energy;
  problem.best_known_source = "planted";
  return problem;
}

}  // namespace opoloop
