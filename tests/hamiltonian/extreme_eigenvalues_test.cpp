#include "hamiltonian/extreme_eigenvalues.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>

#include "core/random.h"

using namespace opoloop;

TEST_CASE("the ends of known spectra, dense and by Lanczos") {
  const int n = GENERATE(10, 40, 200, 1000);
  CAPTURE(n);
  SECTION("ring: 2 cos(2πk/n)") {
    std::vector<IsingEdge> edges;
    for (int i = 0; i < n; ++i) edges.push_back({i, (i + 1) % n, 1.0});
    const ExtremeEigenvalues e = extreme_eigenvalues(IsingModel(n, std::move(edges)));
    CHECK(e.largest == Approx(2).epsilon(0.02));
    CHECK(e.smallest == Approx(-2).epsilon(0.02));
  }
  SECTION("complete antiferromagnet: −(n−1) once, 1 otherwise") {
    std::vector<IsingEdge> edges;
    for (int i = 0; i < n; ++i) {
      for (int j = i + 1; j < n; ++j) edges.push_back({i, j, -1.0});
    }
    const ExtremeEigenvalues e = extreme_eigenvalues(IsingModel(n, std::move(edges)));
    CHECK(e.largest == Approx(1).epsilon(0.02));
    CHECK(e.smallest == Approx(-(n - 1.0)).epsilon(0.01));
  }
  SECTION("fields alone are a star around the ancilla: ±|h|") {
    const ExtremeEigenvalues e =
        extreme_eigenvalues(IsingModel(n, {}, std::vector<double>(static_cast<std::size_t>(n), 0.5)));
    CHECK(e.largest == Approx(0.5 * std::sqrt(n)).epsilon(0.01));
    CHECK(e.smallest == Approx(-0.5 * std::sqrt(n)).epsilon(0.01));
  }
}

TEST_CASE("no couplings, no spectrum") {
  const ExtremeEigenvalues e = extreme_eigenvalues(IsingModel(100, {}));
  CHECK(e.largest >= 0);
  CHECK(e.largest < 1e-9);
  CHECK(e.smallest > -1e-9);
}
