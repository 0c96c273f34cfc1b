#include "cim_model/models/bounded.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/error.h"
#include "core/random.h"
#include "loop_helpers.h"

using namespace opoloop;

namespace {

LoopParameters bounded(Nonlinearity f, double pump, std::int64_t rounds) {
  LoopParameters p;
  p.model = ModelKind::bounded;
  p.law = LawKind::linear;
  p.nonlinearity = f;
  p.pump = pump;
  p.dt = 1;
  p.rounds = rounds;
  p.cavity_noise = 0;
  return p;
}

std::vector<double> last_state(const IsingModel& problem, const LoopParameters& p, std::uint64_t seed = 1) {
  std::vector<double> x;
  observe_loop(problem, p, seed, [&](const LoopObservation& o) {
    x.assign(o.model.amplitude().begin(), o.model.amplitude().end());
  });
  return x;
}

}  // namespace

TEST_CASE("bounded: pitchfork at p + ξλ_max = 1, growth 1 + dt (p + ξλ − 1) a round trip") {
  const auto f = GENERATE(Nonlinearity::tanh, Nonlinearity::sine, Nonlinearity::clipped, Nonlinearity::cubic);
  const double dt = GENERATE(1.0, 0.25);
  CAPTURE(name_of(f), dt);
  // Ring of 8 with J = −1: bipartite, λ_max = 2 in the alternating mode.
  LoopParameters p = bounded(f, 0, 60);
  p.dt = dt;
  p.xi = 0.2;
  p.start_sd = 1e-9;
  for (const double pump : {0.5, 0.58, 0.62, 0.8}) {
    p.pump = pump;
    double before = 0, after = 0;
    observe_loop(ring(8, -1), p, 1, [&](const LoopObservation& o) {
      double mode = 0;
      for (std::size_t i = 0; i < 8; ++i) mode += (i % 2 == 0 ? 1 : -1) * o.model.amplitude()[i];
      if (o.round == 30) before = mode;
      if (o.round == 60) after = mode;
    });
    CHECK(std::pow(after / before, 1.0 / 30) == Approx(1 + dt * (pump + 0.4 - 1)).epsilon(1e-9));
    CHECK((std::abs(after) > std::abs(before)) == (pump > 0.6));
  }
}

TEST_CASE("bounded: steady amplitude x = f(a x), a = p + ξd, on an unfrustrated d-regular graph") {
  const double a = 1.3;
  const auto steady = [&](Nonlinearity f) {
    LoopParameters p = bounded(f, a - 0.4, 2000);
    p.xi = 0.2;
    p.start_sd = 0.1;
    std::vector<double> x = last_state(ring(6, 1), p, 4);
    for (const double v : x) CHECK(std::abs(v) == Approx(std::abs(x[0])).epsilon(1e-9));
    return std::abs(x[0]);
  };
  // Cubic: 1 = a − a³x². Clipped: the limit. Others: u = a x solves u = a f(u), here by bisection.
  CHECK(steady(Nonlinearity::cubic) == Approx(std::sqrt((a - 1) / (a * a * a))).epsilon(1e-9));
  CHECK(steady(Nonlinearity::clipped) == Approx(0.4).epsilon(1e-12));
  const auto root = [&](auto f) {
    double low = 0.01, high = 2;
    for (int k = 0; k < 200; ++k) {
      const double middle = (low + high) / 2;
      (a * f(middle) > middle ? low : high) = middle;
    }
    return low / a;
  };
  CHECK(steady(Nonlinearity::tanh) == Approx(root([](double u) { return std::tanh(u); })).epsilon(1e-9));
  CHECK(steady(Nonlinearity::sine) == Approx(root([](double u) {
                                        return std::pow(std::cos(u - std::acos(-1.0) / 4), 2) - 0.5;
                                      })).epsilon(1e-9));
}

TEST_CASE("bounded: small amplitudes are those of (M1) with μ = −f'''(0)/6 p³") {
  // u − μu³ at u = p x, just above threshold: x' = dt [(p−1) x − μ p³ x³] of a lone pulse is an Euler step of
  // (M1). What is left is of the order x⁵.
  const auto check = [](Nonlinearity f, double mu) {
    LoopParameters p = bounded(f, 1.02, 400);
    p.dt = 0.2;
    p.start_sd = 0.02;
    LoopParameters plain = p;
    plain.model = ModelKind::mean_field;
    plain.saturation = mu * std::pow(1.02, 3);
    const auto x = last_state(uncoupled(6), p), y = last_state(uncoupled(6), plain);
    for (std::size_t i = 0; i < x.size(); ++i) {
      CAPTURE(name_of(f), x[i], y[i]);
      CHECK(std::abs(x[i] - y[i]) < std::abs(y[i]) * 2 * y[i] * y[i]);
      CHECK(std::abs(x[i]) > 0.01);
    }
  };
  check(Nonlinearity::tanh, 1.0 / 3);
  check(Nonlinearity::sine, 2.0 / 3);
  check(Nonlinearity::cubic, 1);
}

TEST_CASE("bounded: below threshold the noise is that of an autoregression, σ²/(1 − ρ²)") {
  LoopParameters p = bounded(Nonlinearity::tanh, 0.5, 400);
  p.cavity_noise = 1e-4;
  p.dt = 0.4;
  const int n = 4000;
  double square = 0;
  std::int64_t m = 0;
  observe_loop(uncoupled(n), p, 6, [&](const LoopObservation& o) {
    if (o.round < 100 || o.round % 50 != 0) return;  // ρ⁵⁰ = 1e-5
    for (const double x : o.model.amplitude()) square += x * x, ++m;
  });
  const double rho = 1 + 0.4 * (0.5 - 1);
  CHECK(square / static_cast<double>(m) ==
        Approx(1e-8 / (1 - rho * rho)).epsilon(5 * std::sqrt(2.0 / static_cast<double>(m))));
}

// [B21]'s finding: saturation of the whole signal makes amplitudes more alike than the polynomial does.
TEST_CASE("bounded transfer functions reduce amplitude heterogeneity on frustrated problems") {
  const auto heterogeneity = [](const std::vector<double>& x) {
    Mean size;
    double square = 0;
    for (const double v : x) size.add(std::abs(v)), square += v * v;
    return std::sqrt(square / static_cast<double>(x.size()) - size.value() * size.value()) / size.value();
  };
  Mean against_tanh, against_clipped, against_sine;
  for (std::uint64_t instance = 0; instance < 20; ++instance) {
    RandomSequence random(100 + instance, Stream::generator);
    std::vector<IsingEdge> edges;
    for (int i = 0; i < 40; ++i) {
      for (int j = i + 1; j < 40; ++j) edges.push_back({i, j, random.below(2) == 0 ? -1.0 : 1.0});
    }
    const IsingModel problem(40, edges);
    // The same linear gain and coupling for all; dt = 0.1 keeps the polynomial stable.
    const auto run = [&](ModelKind model, Nonlinearity f) {
      LoopParameters p = bounded(f, 0.9, 1500);
      p.model = model;
      p.dt = 0.1;
      p.gain = 0.3;
      p.start_sd = 0.01;
      return heterogeneity(last_state(problem, p, instance));
    };
    const double polynomial = run(ModelKind::mean_field, Nonlinearity::tanh);
    against_tanh.add(polynomial - run(ModelKind::bounded, Nonlinearity::tanh));
    against_clipped.add(polynomial - run(ModelKind::bounded, Nonlinearity::clipped));
    against_sine.add(polynomial - run(ModelKind::bounded, Nonlinearity::sine));
  }
  CAPTURE(against_tanh.value(), against_clipped.value(), against_sine.value());
  CHECK(against_tanh.value() > 5 * against_tanh.standard_error());
  CHECK(against_clipped.value() > 5 * against_clipped.standard_error());
  CHECK(against_sine.value() > 5 * against_sine.standard_error());
}

TEST_CASE("bounded refuses targets beyond its bound") {
  LoopParameters p = bounded(Nonlinearity::tanh, 0.5, 10);
  p.law = LawKind::cac;
  p.alpha = 0.8;
  CHECK_NOTHROW(p.validate());
  p.alpha = Schedule::ramp(0.5, 1.2);
  CHECK_THROWS_WITH(p.validate(), Catch::Contains("alpha") && Catch::Contains("tanh bounds |x| by 1"));
  p.law = LawKind::ahc;
  CHECK_THROWS_AS(p.validate(), InputError);
}
