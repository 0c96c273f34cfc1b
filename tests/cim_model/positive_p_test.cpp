#include "cim_model/models/positive_p.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "loop_helpers.h"

using namespace opoloop;

namespace {

LoopParameters positive_p(double pump, double g2, double dt, std::int64_t rounds, int substeps = 1) {
  LoopParameters p;
  p.model = ModelKind::positive_p;
  p.law = LawKind::linear;
  p.pump = pump;
  p.g2 = g2;
  p.dt = dt;
  p.rounds = rounds;
  p.substeps = substeps;
  return p;
}

NormallyOrdered moments(const std::vector<PulseVariable>& v, std::size_t i) {
  return normally_ordered({v[0].values[i], v[1].values[i]}, {v[2].values[i], v[3].values[i]});
}

}  // namespace

TEST_CASE(
    "below threshold ⟨X²⟩ = 1/4(1 − p), ⟨Y²⟩ = 1/4(1 + p), also for p < 0 where α leaves the real axis") {
  const double dt = 0.05;
  const int n = 1500;
  for (const double p : {0.6, -0.6}) {
    Mean x2, y2, photons, record2;
    observe_loop(uncoupled(n), positive_p(p, 1e-8, dt, 1000), 1, [&](const LoopObservation& o) {
      if (o.round < 400 || o.round % 200 != 0) return;  // four lifetimes of the slower quadrature
      const auto v = o.model.variables();
      for (std::size_t i = 0; i < n; ++i) {
        const NormallyOrdered m = moments(v, i);
        x2.add(m.x2), y2.add(m.y2), photons.add(m.photons), record2.add(o.measured[i] * o.measured[i] / 1e-8);
      }
    });
    // The Euler step multiplies the normally ordered part, p/4(1 ∓ p), by 1/(1 − a dt/2).
    const auto exact = [&](double sign, double step) {
      return 0.25 + sign * p / (4 * (1 - sign * p)) / (1 - (1 - sign * p) * step / 2);
    };
    CHECK(exact(1, 0) == Approx(1 / (4 * (1 - p))));
    CHECK(exact(-1, 0) == Approx(1 / (4 * (1 + p))));
    CAPTURE(p, x2.value(), y2.value(), photons.value());
    CHECK(std::abs(x2.value() - exact(1, dt)) < 5 * x2.standard_error());
    CHECK(std::abs(y2.value() - exact(-1, dt)) < 5 * y2.standard_error());
    CHECK(photons.value() == Approx(x2.value() + y2.value() - 0.5).epsilon(1e-9));
    // On the real manifold the record scatters as X does. For p < 0 the amplitude's fluctuations are
    // imaginary and the record is left with the vacuum alone.
    CHECK(std::abs(record2.value() - (p > 0 ? exact(1, dt) : 0.25)) < 5 * record2.standard_error());
  }
}

TEST_CASE("above threshold x² = p − 1, and a common injection moves α and α⁺ alike") {
  double x = 0, difference = 0;
  LoopParameters p = positive_p(1.5, 1e-10, 0.02, 1500);
  p.field_mode = FieldMode::sqrt_alpha;
  p.xi = 0.1;
  observe_loop({1, {}, {-1}}, p, 2, [&](const LoopObservation& o) {
    const auto v = o.model.variables();
    x = o.model.amplitude()[0];
    difference = 1e-5 * std::abs(v[0].values[0] - v[2].values[0]);
  });
  // (p − 1) x − x³ = 0.1, the negative root.
  CHECK((p.pump.at(0, 1) - 1) * x - x * x * x == Approx(0.1).epsilon(1e-3));
  CHECK(x < -0.7);
  CHECK(difference < 1e-4);
}

TEST_CASE("from vacuum α and α⁺ stay on the real interval |gα| ≤ √p, where the noise ends") {
  // Stationary density near the ends ∝ (p − g²α²)^{1/g² − 1}: the ninth power here, so none is ever near
  // them; with noise that does not vanish there, x of 0.36 standard deviation would cross them all the time.
  const double p = 1;
  double largest = 0, imaginary = 0;
  observe_loop(uncoupled(300), positive_p(p, 0.1, 0.02, 1500), 7, [&](const LoopObservation& o) {
    const auto v = o.model.variables();
    for (std::size_t i = 0; i < 300; ++i) {
      largest = std::max({largest, std::abs(v[0].values[i]), std::abs(v[2].values[i])});
      imaginary = std::max({imaginary, std::abs(v[1].values[i]), std::abs(v[3].values[i])});
    }
  });
  CHECK(imaginary == 0);
  CHECK(largest * std::sqrt(0.1) < std::sqrt(p));
  CHECK(largest * std::sqrt(0.1) > 0.7 * std::sqrt(p));
}

TEST_CASE("quadrature injection turns α and α⁺ opposite ways: ⟨Y⟩ = quadrature/g(1 + p)") {
  PositiveP model(positive_p(0.5, 1e-12, 0.05, 1), 1);
  model.start(1, 0);
  const std::vector<double> pump{0.5}, none{0.0}, quadrature{0.003};  // its y³ is 1e-6 of it
  for (int k = 0; k < 400; ++k) model.advance(k, {pump, none, quadrature});
  const auto v = model.variables();
  CHECK(1e-6 * v[1].values[0] == Approx(0.003 / 1.5).epsilon(5e-3));
  CHECK(1e-6 * v[3].values[0] == Approx(-0.003 / 1.5).epsilon(5e-3));  // noise: g = 1e-6 against 2e-3
  CHECK(model.amplitude()[0] == Approx(0).margin(1e-4));
}

TEST_CASE("a spike is marked: g²|α|² above 1/h ends the trajectory, the energies before it stay") {
  // A field injects 40 per time unit: after one step of h = 0.1 x = 4 > 1/√h = 3.2; at h = 0.02 the same
  // drive settles at x³ ≈ 40.
  LoopParameters p = positive_p(0.5, 1e-4, 0.1, 50);
  p.field_mode = FieldMode::sqrt_alpha;
  p.xi = 40;
  const IsingModel problem(1, {}, {1});
  const TrajectoryResult spiked = observe_loop(problem, p, 3, [](const LoopObservation&) {});
  CHECK(spiked.diverged);
  CHECK(spiked.rounds == 0);
  CHECK(spiked.energy_best == -1);
  double x = 0;
  p.substeps = 5;
  const TrajectoryResult fine =
      observe_loop(problem, p, 3, [&](const LoopObservation& o) { x = o.model.amplitude()[0]; });
  CHECK_FALSE(fine.diverged);
  CHECK(0.5 * x + x * x * x == Approx(40).epsilon(0.02));
}

TEST_CASE("spikes are counted where the method fails: g² above 1, less so with finer steps") {
  // The stationary distribution ∝ (p − g²α²)^{1/g² − 1} … vanishes at the ends ±√p/g of the real manifold for
  // g² < 1 and is infinite there for g² > 1: then finite steps leave it. √p = 1.7 is far within 1/√h = 4.5.
  const auto diverged = [](double g2, int substeps) {
    int count = 0;
    for (std::uint32_t t = 0; t < 40; ++t) {
      const LoopParameters p = positive_p(3, g2, 0.4, 200, substeps);
      count += observe_loop(uncoupled(1), p, 4, [](const LoopObservation&) {}, t).diverged;
    }
    return count;
  };
  const int strong = diverged(2, 8), finer = diverged(2, 40), weak = diverged(0.3, 8);
  CAPTURE(strong, finer, weak);
  CHECK(strong > 20);
  CHECK(finer < strong / 2);
  CHECK(weak == 0);
}

TEST_CASE("clamping shrinks α and α⁺ by one factor") {
  PositiveP model(positive_p(2, 1e-4, 0.05, 1), 4);
  model.start(5, 0);
  const std::vector<double> pump(4, 2.0), injection{3, -3, 0.01, 0}, none{};
  for (int k = 0; k < 20; ++k) model.advance(k, {pump, injection, none});
  const double before = model.amplitude()[0], alpha = model.variables()[0].values[0];
  const double small = model.amplitude()[3];
  REQUIRE(before > 1);
  model.clamp(0.8);
  CHECK(model.amplitude()[0] == Approx(0.8));
  CHECK(model.amplitude()[1] == Approx(-0.8));
  CHECK(model.variables()[0].values[0] == Approx(alpha * 0.8 / before));
  if (std::abs(small) < 0.8) CHECK(model.amplitude()[3] == small);
}
