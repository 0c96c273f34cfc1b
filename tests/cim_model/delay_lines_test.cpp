#include "cim_model/models/delay_lines.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/random.h"
#include "loop_helpers.h"

using namespace opoloop;

namespace {

LoopParameters lines(double pump, double g2, double dt, std::int64_t rounds) {
  LoopParameters p;
  p.model = ModelKind::delay_lines;
  p.law = LawKind::linear;
  p.pump = pump;
  p.g2 = g2;
  p.dt = dt;
  p.rounds = rounds;
  return p;
}

std::span<const double> quadrature(const LoopObservation& o) {
  return o.model.variables()[1].values;
}

/// A graph that is not circulant, with couplings of both signs.
IsingModel random_graph(int n) {
  RandomSequence random(8, Stream::generator);
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) {
      if (random.below(3) == 0) edges.push_back({i, j, random.normal()});
    }
  }
  return {n, std::move(edges)};
}

/// Amplitudes and quadratures of every round.
std::vector<std::vector<double>> path(const IsingModel& problem, const LoopParameters& p) {
  std::vector<std::vector<double>> all;
  observe_loop(problem, p, 3, [&](const LoopObservation& o) {
    for (const PulseVariable& v : o.model.variables()) all.emplace_back(v.values.begin(), v.values.end());
  });
  return all;
}

}  // namespace

TEST_CASE("the lines of a problem make its matrix; rings take two, open ends take modulators") {
  const auto rebuilt = [](const IsingModel& problem) {
    const auto all = delay_lines_of(problem, 0, true);
    const int n = problem.size();
    std::vector<double> J(static_cast<std::size_t>(n * n), 0);
    for (const DelayLine& line : all) {
      for (int i = 0; i < n; ++i) {
        const double open = line.modulator.empty() ? 1 : line.modulator[static_cast<std::size_t>(i)];
        CHECK(std::abs(open) <= 1);
        J[static_cast<std::size_t>(i * n + (i - line.delay + n) % n)] = line.amplitude * open;
      }
    }
    for (const IsingEdge& e : problem.edges()) {
      CHECK(J[static_cast<std::size_t>(e.i * n + e.j)] == Approx(e.J).epsilon(1e-15));
      CHECK(J[static_cast<std::size_t>(e.j * n + e.i)] == Approx(e.J).epsilon(1e-15));
      J[static_cast<std::size_t>(e.i * n + e.j)] = J[static_cast<std::size_t>(e.j * n + e.i)] = 0;
    }
    for (const double left : J) CHECK(left == 0);
    return all;
  };
  const auto of_ring = rebuilt(ring(10, -0.5));
  REQUIRE(of_ring.size() == 2);
  CHECK(of_ring[0].delay == 1);
  CHECK(of_ring[1].delay == 9);
  CHECK(of_ring[0].modulator.empty());
  CHECK(of_ring[0].amplitude == -0.5);
  std::vector<IsingEdge> chain;
  for (int i = 0; i < 9; ++i) chain.push_back({i, i + 1, 2.0});
  const auto of_chain = rebuilt({10, chain});
  REQUIRE(of_chain.size() == 2);
  CHECK(of_chain[0].modulator[0] == 0);  // pulse 0 has nobody before it
  CHECK(of_chain[0].modulator[5] == 1);
  rebuilt(random_graph(11));

  CHECK_THROWS_WITH(
      delay_lines_of(ring(10, 1), 1, true),
      "line_limit = 1: these couplings take 2 delay lines, one for every distance around the ring");
  CHECK_THROWS_WITH(delay_lines_of({10, chain}, 0, false), Catch::Contains("line_modulators = false"));
}

TEST_CASE("delay lines refuse electronics and linear terms, and say why") {
  LoopParameters p = lines(0.5, 1e-4, 0.1, 10);
  p.law = LawKind::cac;
  CHECK_THROWS_WITH(p.validate(), Catch::Contains("no electronics"));
  p.law = LawKind::linear;
  const IsingModel with_h(2, {{0, 1, 1.0}}, {0.5, 0});
  CHECK_THROWS_WITH(make_pulse_model(p, with_h), Catch::Contains("must be ancilla"));
}

TEST_CASE("without its quadrature a delay-line pulse is that of (b) with the linear law, path by path") {
  // Model (b)'s own quadrature, fed ξ Σ J s by hand, must give every bit of (g); and where s is not fed, (b).
  const IsingModel problem = random_graph(9);
  LoopParameters p = lines(0.4, 0.02, 0.05, 200);
  p.gain = 0.4;
  const auto optical = path(problem, p);
  TruncatedWigner by_hand(p, 9);
  const double strength = coupling_strength(problem, p);
  by_hand.start(3, 0);
  const std::vector<double> pumps(9, 0.4);
  for (std::size_t k = 0; k < 200; ++k) {
    std::vector<double> in(9, 0), quad(9, 0);
    const auto c = by_hand.amplitude(), s = by_hand.quadrature();
    for (const IsingEdge& e : problem.edges()) {
      const auto i = static_cast<std::size_t>(e.i), j = static_cast<std::size_t>(e.j);
      in[i] += strength * e.J * c[j], in[j] += strength * e.J * c[i];
      quad[i] += strength * e.J * s[j], quad[j] += strength * e.J * s[i];
    }
    by_hand.advance(static_cast<std::int64_t>(k), {pumps, in, quad});
    for (std::size_t i = 0; i < 9; ++i) {
      CHECK(std::abs(by_hand.amplitude()[i] - optical[2 * k + 2][i]) < 1e-12);
      CHECK(std::abs(by_hand.quadrature()[i] - optical[2 * k + 3][i]) < 1e-12);
    }
  }
  // Small amplitudes: the quadratures do not meet, so the in-phase one is that of (b).
  p.g2 = 1e-20;
  LoopParameters electronic = p;
  electronic.model = ModelKind::truncated_wigner;
  const auto small = path(problem, p), measured = path(problem, electronic);
  double largest = 0, off = 0, quadrature_off = 0;
  for (std::size_t k = 0; k <= 200; ++k) {
    for (std::size_t i = 0; i < 9; ++i) {
      largest = std::max(largest, std::abs(measured[2 * k][i]));
      off = std::max(off, std::abs(small[2 * k][i] - measured[2 * k][i]));
      quadrature_off = std::max(quadrature_off, std::abs(small[2 * k + 1][i] - measured[2 * k + 1][i]));
    }
  }
  CHECK(off < 1e-12 * largest);
  CHECK(quadrature_off > 0.1 * largest);
}

TEST_CASE("two pulses by light: modes of both quadratures have g²/4(1 ∓ p − ξλ)") {
  const double p = 0.3, xi = 0.35, dt = 0.1, g2 = 1e-8;
  const int pairs = 4000;
  for (const double J : {1.0, -1.0}) {
    std::vector<IsingEdge> edges;
    for (int k = 0; k < pairs; ++k) edges.push_back({2 * k, 2 * k + 1, J});
    LoopParameters parameters = lines(p, g2, dt, 600);
    parameters.xi = xi;
    // [quadrature][mode]: sums of squares of (a ± b)/√2.
    double square[2][2] = {};
    std::int64_t m = 0;
    observe_loop({2 * pairs, edges}, parameters, 5, [&](const LoopObservation& o) {
      if (o.round < 200 || o.round % 150 != 0) return;  // 150 rounds: five lifetimes of the slowest mode
      const auto c = o.model.amplitude(), s = quadrature(o);
      for (std::size_t k = 0; k < static_cast<std::size_t>(2 * pairs); k += 2) {
        square[0][0] += std::pow(c[k] + c[k + 1], 2) / 2;
        square[0][1] += std::pow(c[k] - c[k + 1], 2) / 2;
        square[1][0] += std::pow(s[k] + s[k + 1], 2) / 2;
        square[1][1] += std::pow(s[k] - s[k + 1], 2) / 2;
        ++m;
      }
    });
    const double b = std::sqrt(g2 / 2);
    for (const int q : {0, 1}) {
      const double loss = q == 0 ? 1 - p : 1 + p;
      double mode[2];
      for (const int k : {0, 1}) {
        const double rate = loss - xi * J * (k == 0 ? 1 : -1);
        CHECK(euler_variance(rate, b, 1e-12) == Approx(g2 / (4 * rate)).epsilon(1e-9));
        mode[k] = square[q][k] / static_cast<double>(m);
        CAPTURE(J, q, k);
        // The relative error of a variance of m independent normals is √(2/m).
        CHECK(mode[k] ==
              Approx(euler_variance(rate, b, dt)).epsilon(5 * std::sqrt(2.0 / static_cast<double>(m))));
      }
      // The correlation ξJ/(1 ∓ p): with measurement and feedback that of s would be 0.
      const auto exact = [&](double step) {
        const double even = euler_variance(loss - xi * J, b, step),
                     odd = euler_variance(loss + xi * J, b, step);
        return (even - odd) / (even + odd);
      };
      CHECK(exact(1e-12) == Approx(J * xi / loss).epsilon(1e-9));
      const double correlation = (mode[0] - mode[1]) / (mode[0] + mode[1]);
      const double r = exact(dt);
      CHECK(std::abs(correlation - r) < 5 * (1 - r * r) / std::sqrt(static_cast<double>(m)));
    }
  }
}

TEST_CASE("a long ring of light: C_n ∝ rⁿ in both quadratures, r = [A − √(A² − 4ξ²)]/2ξ, A = 1 ∓ p") {
  const double p = 0.1, xi = 0.35, dt = 0.05, g2 = 1e-8;
  const int n = 2048;
  LoopParameters parameters = lines(p, g2, dt, 4500);
  parameters.xi = xi;
  Mean correlation[2][4];
  observe_loop(ring(n, 1), parameters, 6, [&](const LoopObservation& o) {
    if (o.round < 500 || o.round % 400 != 0) return;
    for (const int q : {0, 1}) {
      const auto v = q == 0 ? o.model.amplitude() : quadrature(o);
      for (std::size_t lag = 0; lag < 4; ++lag) {
        double sum = 0;
        for (std::size_t i = 0; i < v.size(); ++i) sum += v[i] * v[(i + lag) % v.size()];
        correlation[q][lag].add(sum);
      }
    }
  });
  for (const int q : {0, 1}) {
    const double A = q == 0 ? 1 - p : 1 + p;
    const double r = (A - std::sqrt(A * A - 4 * xi * xi)) / (2 * xi);
    const auto expected = [&](unsigned lag, double step) {
      double c = 0, c0 = 0;
      for (int k = 0; k < n; ++k) {
        const double angle = 2 * std::numbers::pi * k / n;
        const double power = euler_variance(A - 2 * xi * std::cos(angle), 1, step);
        c += power * std::cos(angle * lag), c0 += power;
      }
      return c / c0;
    };
    for (unsigned lag = 1; lag < 4; ++lag) {
      CHECK(expected(lag, 1e-12) == Approx(std::pow(r, lag)).epsilon(1e-9));
      const double ratio = correlation[q][lag].value() / correlation[q][0].value();
      const double error =
          (correlation[q][lag].standard_error() + ratio * correlation[q][0].standard_error()) /
          correlation[q][0].value();
      CAPTURE(q, lag, ratio, error);
      CHECK(std::abs(ratio - expected(lag, dt)) < 5 * error);
    }
  }
}

TEST_CASE("threshold 1 − ξλ_max by light: growth per round trip of each order of operations and delay") {
  // A ring of 12 with J = 1 in its top mode (all equal), λ = 2; started from one quantum of noise far below
  // saturation, c grows by a factor z a round trip. Distributed: z = 1 + dt (p − 1 + ξλ). Before: the
  // injected light is amplified with the rest, z = (1 + dt (p−1)) (1 + dt ξλ); after: the light tapped at the
  // start of the round is not, z = 1 + dt (p−1) + dt ξλ. A delay of d round trips: z = G + dt ξλ z^{−d}.
  const double dt = 0.1, xi = 0.2, g2 = 1e-30;
  const auto growth = [&](InjectionPoint point, int delay, double p) {
    LoopParameters parameters = lines(p, g2, dt, 800);
    parameters.xi = xi;
    parameters.injection_point = point;
    parameters.line_delay = delay;
    double before = 0, after = 0;
    observe_loop(ring(12, 1), parameters, 2, [&](const LoopObservation& o) {
      double sum = 0;
      for (const double c : o.model.amplitude()) sum += c;
      if (o.round == 500) before = sum;
      if (o.round == 800) after = sum;
    });
    return std::pow(after / before, 1.0 / 300);
  };
  // Noise keeps coming in, but what grows by e^{0.3·dt·500} outweighs it by 1e6.
  const double p = 0.9;
  const double gain = 1 + dt * (p - 1);
  CHECK(growth(InjectionPoint::distributed, 0, p) == Approx(gain + dt * 2 * xi).epsilon(1e-4));
  CHECK(growth(InjectionPoint::after, 0, p) == Approx(gain + dt * 2 * xi).epsilon(1e-4));
  CHECK(growth(InjectionPoint::before, 0, p) == Approx(gain * (1 + dt * 2 * xi)).epsilon(1e-4));
  for (const int delay : {1, 3}) {
    double z = 1.03;
    for (int k = 0; k < 200; ++k) z = gain + dt * 2 * xi * std::pow(z, -delay);
    CHECK(growth(InjectionPoint::distributed, delay, p) == Approx(z).epsilon(1e-4));
  }
  // Either side of 1 − ξλ_max = 0.6: amplitudes of noise below, exponential growth above.
  CHECK(growth(InjectionPoint::distributed, 0, 0.75) > 1.01);
  LoopParameters below = lines(0.45, 1e-8, dt, 1500);
  below.xi = xi;
  double largest = 0;
  observe_loop(ring(12, 1), below, 2, [&](const LoopObservation& o) {
    for (const double c : o.model.amplitude()) largest = std::max(largest, std::abs(c));
  });
  CHECK(largest < 10 * std::sqrt(1e-8 / (4 * 0.15)));
}
