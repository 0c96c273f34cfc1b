#include "cim_model/models/discrete_optics.h"

#include <Eigen/Dense>
#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>

#include "loop_helpers.h"

using namespace opoloop;

namespace {

LoopParameters discrete(double pump, double j, double dt, std::int64_t rounds, double g2 = 1e-10) {
  LoopParameters p;
  p.model = ModelKind::discrete;
  p.law = LawKind::linear;
  p.pump = pump;
  p.measured_loss = j;
  p.g2 = g2;
  p.dt = dt;
  p.rounds = rounds;
  p.substeps = 4;
  return p;
}

double five_sigma_of_variance(std::int64_t m) {
  return 5 * std::sqrt(2.0 / static_cast<double>(m));
}

/// The model after `rounds` round trips with nothing injected; every number a function of the seed.
DiscreteRing run_free(const LoopParameters& parameters, int n, std::uint64_t seed = 1) {
  DiscreteRing ring(parameters, n);
  const std::vector<double> pump(static_cast<std::size_t>(n), parameters.pump.at(0, 1)),
      none(static_cast<std::size_t>(n), 0.0);
  ring.start(seed, 0);
  for (std::int64_t k = 0; k < parameters.rounds; ++k) ring.advance(k, {pump, none, {}});
  return ring;
}

/// V of model (d) in the steady state where g²μ² = ν: 2ηj u² + (2(1−p+j) + 6ν) u = p − ν, u = V − ½.
double steady_variance(double p, double j, double eta, double nu) {
  const double a = 2 * eta * j, b = 2 * (1 - p + j) + 6 * nu, c = p - nu;
  return 0.5 + (-b + std::sqrt(b * b + 4 * a * c)) / (2 * a);
}

class SelfFeedback final : public FeedbackLaw {
 public:
  explicit SelfFeedback(double K) : K_(K) {}
  void start(int) override {}
  void inject(const Feedback& feedback, std::span<double> injection) override {
    for (std::size_t i = 0; i < injection.size(); ++i) injection[i] = K_ * feedback.measured[i];
  }

 private:
  double K_;
};

}  // namespace

TEST_CASE("optics from dt, j and g² satisfy the relations of [N22]") {
  const LoopParameters p = discrete(1, 0.7, 0.13, 1, 2e-3);
  const DiscreteOptics optics = DiscreteOptics::of(p);
  const double R_loss = 1 - std::pow(1 - optics.facet_loss, 2);
  CHECK(1 / optics.decay_trips ==
        Approx(-std::log(std::sqrt((1 - optics.out_coupling) * (1 - R_loss)))).epsilon(1e-12));
  CHECK(optics.decay_trips == Approx(1 / (1.7 * 0.13)));
  const double n_sat = 2 * 1.7 / p.g2;
  CHECK(optics.interaction * optics.interaction == Approx(8 / (n_sat * optics.decay_trips)).epsilon(1e-12));
  // x_b = β/√2 at the threshold p = 1 + j of the model is [N22]'s β_th.
  CHECK(optics.threshold_pump() / std::numbers::sqrt2 == Approx(1.7 * 0.13 / optics.interaction));
}

TEST_CASE(
    "out-coupling and homodyne are a beam splitter, a loss and a Gaussian conditioned on one quadrature") {
  // The same from scratch: modes (ring, vacuum, vacuum of the detector), orthogonal mixing, Schur complement.
  const PulseState in{1.3, 2.1, 0.31};
  const double R = 0.23, eta = 0.6, w = 0.9;
  Eigen::Vector3d mean(in.q, 0, 0);
  Eigen::Matrix3d cov_q = Eigen::Vector3d(in.var_q, 0.5, 0.5).asDiagonal();
  Eigen::Matrix3d cov_p = Eigen::Vector3d(in.var_p, 0.5, 0.5).asDiagonal();
  Eigen::Matrix3d tap = Eigen::Matrix3d::Identity(), detector = Eigen::Matrix3d::Identity();
  tap.topLeftCorner<2, 2>() << std::sqrt(1 - R), -std::sqrt(R), std::sqrt(R), std::sqrt(1 - R);
  detector.bottomRightCorner<2, 2>() << std::sqrt(eta), std::sqrt(1 - eta), -std::sqrt(1 - eta),
      std::sqrt(eta);
  const Eigen::Matrix3d mix = detector * tap;
  mean = mix * mean;
  cov_q = mix * cov_q * mix.transpose();
  cov_p = mix * cov_p * mix.transpose();

  const HomodyneOutcome outcome = homodyne(in, R, eta);
  CHECK(outcome.mean == Approx(mean(1)).epsilon(1e-13));
  CHECK(outcome.variance == Approx(cov_q(1, 1)).epsilon(1e-13));
  const PulseState out = out_couple(in, w, R, eta);
  CHECK(out.q == Approx(mean(0) + cov_q(0, 1) / cov_q(1, 1) * (w - mean(1))).epsilon(1e-13));
  CHECK(out.var_q == Approx(cov_q(0, 0) - cov_q(0, 1) * cov_q(1, 0) / cov_q(1, 1)).epsilon(1e-13));
  CHECK(out.var_p == Approx(cov_p(0, 0)).epsilon(1e-13));
}

TEST_CASE("a perfect measurement keeps a pure pulse pure, a lossy one does not") {
  for (const double R : {0.01, 0.3, 0.9}) {
    const PulseState in{0.4, 3.0, 1 / 12.0};
    const PulseState ideal = out_couple(in, -0.7, R, 1), lossy = out_couple(in, -0.7, R, 0.8);
    CHECK(ideal.var_q * ideal.var_p == Approx(0.25).epsilon(1e-12));
    CHECK(lossy.var_q * lossy.var_p > 0.25 * (1 + 1e-3));
  }
}

TEST_CASE("the uncertainty relation V_q V_p ≥ ¼ holds in every round, below and above threshold") {
  for (const double pump : {0.5, 4.0}) {
    const IsingModel pair(2, {{0, 1, -1}});
    LoopParameters p = discrete(pump, 1, 0.2, 200, 0.05);
    p.xi = 0.3;
    double smallest = 1;
    observe_loop(pair, p, 3, [&](const LoopObservation& o) {
      const auto v = o.model.variables();
      for (std::size_t i = 0; i < 2; ++i) smallest = std::min(smallest, v[1].values[i] * v[2].values[i]);
    });
    CHECK(smallest >= 0.25 - 1e-6);  // Runge–Kutta in 4 steps is symplectic to its own error only
    CHECK(smallest < 0.26);          // the vacuum it started in
  }
}

TEST_CASE(
    "an injected pulse grows by e^{(p − 1 − j) dt} a trip: threshold 1 + j, injection inj·dt, at any dt") {
  // x = 1e-4 of saturation, so x² dt = 1e-8 is lost to it; quantum noise g = 1e-10 is 1e-6 of x.
  const double j = 0.8, kick = 1e-4;
  for (const double dt : {0.05, 0.5}) {
    for (const double pump : {1.2, 1.8, 2.0}) {
      const LoopParameters p = discrete(pump, j, dt, 1, 1e-20);
      DiscreteRing ring(p, 1);
      ring.start(1, 0);
      const std::vector<double> pumps{pump}, inj{kick / dt}, none{0.0};
      ring.advance(0, {pumps, inj, {}});
      // Injected behind the out-coupler: the first trip lacks its loss e^{−j dt/2}.
      CHECK(ring.amplitude()[0] == Approx(kick * std::exp((pump - 1 - j / 2) * dt)).epsilon(2e-4));
      const double before = ring.amplitude()[0];
      for (int k = 1; k <= 5; ++k) ring.advance(k, {pumps, none, {}});
      CHECK(std::log(ring.amplitude()[0] / before) / (5 * dt) == Approx(pump - 1 - j).margin(1e-4));
    }
  }
}

TEST_CASE("without feedback the total variance is that of the ring nobody looks at, at any dt") {
  // One trip of the unmeasured ring: V ← L(G(L(L(V)))) with losses and gain e^{2 p dt}: linear, solved
  // exactly.
  const double p = 0.9, j = 1;
  const int n = 1500;
  for (const double dt : {0.05, 0.4}) {
    const LoopParameters parameters = discrete(p, j, dt, 1);
    const DiscreteOptics o = DiscreteOptics::of(parameters);
    const auto trip = [&](double V) {
      V = (1 - o.facet_loss) * ((1 - o.out_coupling) * V + o.out_coupling / 2) + o.facet_loss / 2;
      return (1 - o.facet_loss) * std::exp(2 * p * dt) * V + o.facet_loss / 2;
    };
    const double total = trip(0) / (1 - (trip(1) - trip(0)));
    double q2 = 0, V = 0;
    std::int64_t m = 0;
    const auto every = static_cast<std::int64_t>(std::ceil(5 / (1 + j - p) / dt));
    LoopParameters run = parameters;
    run.rounds = 8 * every;
    observe_loop(uncoupled(n), run, 5, [&](const LoopObservation& seen) {
      if (seen.round < 2 * every || seen.round % every != 0) return;
      const auto v = seen.model.variables();
      for (const double q : v[0].values) q2 += q * q;
      V = v[1].values[0];
      m += n;
    });
    const double moving = q2 / static_cast<double>(m);
    CAPTURE(dt, V, moving, total);
    CHECK(moving > 0.05 * total);
    CHECK(std::abs(V + moving - total) < moving * five_sigma_of_variance(m) + 1e-4);  // RK4 error of V: 1e-5
  }
}

TEST_CASE("self-feedback inj = K x̃: variance of the linear map with the record's own noise") {
  // q ← A [(t + K dt) q + (C/√W + K dt √W/√(ηR)) ξ], A = (1 − R_facet) e^{p dt}, W = Var w, t = √(1 − R_out).
  const double p = 0.5, j = 1, K = 0.4, dt = 0.1;
  const int n = 1500;
  for (const double eta : {1.0, 0.5}) {
    LoopParameters parameters = discrete(p, j, dt, 600);
    parameters.detection_efficiency = eta;
    DiscreteRing ring(parameters, n);
    SelfFeedback law(K);
    double q2 = 0, V = 0;
    std::int64_t m = 0;
    LoopOptions options;
    options.seed = 6;
    options.observer = [&](const LoopObservation& o) {
      if (o.round < 100 || o.round % 50 != 0) return;
      const auto v = o.model.variables();
      for (const double q : v[0].values) q2 += q * q;
      V = v[1].values[0];
      m += n;
    };
    run_loop(uncoupled(n), parameters, ring, law, options);
    const auto closed_form = [&](double step, double steady) {
      LoopParameters at = parameters;
      at.dt = step;
      const DiscreteOptics o = DiscreteOptics::of(at);
      const double W = homodyne({0, steady, 0.5}, o.out_coupling, eta).variance;
      const double t = std::sqrt(1 - o.out_coupling);
      const double C = std::sqrt(eta * o.out_coupling) * t * (steady - 0.5);
      const double A = (1 - o.facet_loss) * std::exp(p * step);
      const double b = A * (C / std::sqrt(W) + K * step * std::sqrt(W / (eta * o.out_coupling)));
      return b * b / (1 - std::pow(A * (t + K * step), 2));
    };
    CHECK(q2 / static_cast<double>(m) == Approx(closed_form(dt, V)).epsilon(five_sigma_of_variance(m)));
    // Its limit is that of model (d), 2 Var μ with Var μ = .0561 at η = 1.
    if (eta == 1) CHECK(closed_form(1e-6, steady_variance(p, j, 1, 0)) / 2 == Approx(0.0561).epsilon(2e-3));
  }
}

TEST_CASE("(e) → (d): differences in V, V_p, amplitude and record noise fall like 1/T_decay") {
  const double j = 1;
  for (const double p : {0.8, 2.6}) {
    const double nu = std::max(0.0, p - 1 - j);
    for (const double eta : {1.0, 0.5}) {
      std::vector<std::array<double, 4>> difference;
      for (const double dt : {0.04, 0.02, 0.01, 0.005}) {
        LoopParameters parameters = discrete(p, j, dt, static_cast<std::int64_t>(std::ceil(40 / dt)), 1e-14);
        parameters.detection_efficiency = eta;
        const DiscreteRing ring = run_free(parameters, 1);
        const auto v = ring.variables();
        const double V = steady_variance(p, j, eta, nu);
        // V_p of a pulse at amplitude x: loss 2(1 + j + p) + 2 g²μ² and noise 1 + j + 2 g²μ² (⟨δy²⟩ of (d)'s
        // master equation, linearised).
        const double V_p = (1 + j + 2 * nu) / (2 * (1 + j + p) + 2 * nu);
        const DiscreteOptics o = DiscreteOptics::of(parameters);
        const double record = homodyne({0, v[1].values[0], 0.5}, o.out_coupling, eta).variance /
                              (2 * eta * o.out_coupling);  // Var x̃/g²; in (d) 1/(4ηj dt)
        difference.push_back({v[1].values[0] - V, v[2].values[0] - V_p, std::pow(ring.amplitude()[0], 2) - nu,
                              record * 4 * eta * j * dt - 1});
      }
      for (std::size_t what = 0; what < 4; ++what) {
        if (what == 2 && nu == 0) continue;  // nothing but noise there
        CAPTURE(p, eta, what, difference[0][what], difference[1][what], difference[2][what],
                difference[3][what]);
        CHECK(std::abs(difference[3][what]) < 0.05);
        CHECK(difference[2][what] / difference[3][what] == Approx(2).epsilon(0.1));
      }
    }
  }
}

TEST_CASE("the record of round k is what conditions round k: a surprise shifts the state the same way") {
  const int n = 20000;
  const double p = 1.5, j = 1, dt = 0.2;
  LoopParameters parameters = discrete(p, j, dt, 60);
  DiscreteRing ring = run_free(parameters, n, 8);
  const auto before = ring.variables();
  const std::vector<double> q(before[0].values.begin(), before[0].values.end());
  const double V = before[1].values[0];
  std::vector<double> record(n);
  ring.measure(60, {}, record);
  const std::vector<double> pump(n, p), none(n, 0.0);
  ring.advance(60, {pump, none, {}});
  const DiscreteOptics o = DiscreteOptics::of(parameters);
  const double W = homodyne({0, V, 0.5}, o.out_coupling, 1).variance;
  const double g = std::sqrt(parameters.g2);
  const double A = (1 - o.facet_loss) * std::exp(p * dt);
  const double C = std::sqrt(o.out_coupling * (1 - o.out_coupling)) * (V - 0.5);
  double surprise2 = 0;
  for (std::size_t i = 0; i < n; i += 1000) {
    const double w = record[i] * std::sqrt(2 * o.out_coupling) / g;
    const double surprise = w - std::sqrt(o.out_coupling) * q[i];
    const double expected = A * (std::sqrt(1 - o.out_coupling) * q[i] + C / W * surprise);
    CHECK(ring.variables()[0].values[i] == Approx(expected).epsilon(1e-4).margin(1e-5));
  }
  for (std::size_t i = 0; i < n; ++i) {
    const double w = record[i] * std::sqrt(2 * o.out_coupling) / g;
    surprise2 += std::pow(w - std::sqrt(o.out_coupling) * q[i], 2);
  }
  CHECK(surprise2 / n == Approx(W).epsilon(five_sigma_of_variance(n)));
}

TEST_CASE("no injection leaves more than the attainable x² in a pulse, some leave nearly as much") {
  const double pump = GENERATE(-4.0, -1.0, 0.0, 0.5, 2.0, 5.0);
  for (const double dt : {0.02, 0.2}) {
    CAPTURE(pump, dt);
    const LoopParameters parameters = discrete(pump, 1, dt, 1, 1e-10);
    double largest = 0;
    for (double kick = 0.1; kick < 3 / std::sqrt(dt); kick *= 1.05) {
      DiscreteRing ring(parameters, 1);
      ring.start(1, 0);
      const std::vector<double> pumps{pump}, injection{kick / dt};
      ring.advance(0, {pumps, injection, {}});
      largest = std::max(largest, std::pow(ring.amplitude()[0], 2));
    }
    CHECK(largest <= attainable_square(parameters) * 1.001);  // of Runge–Kutta
    CHECK(largest > 0.99 * attainable_square(parameters));    // kicks of 5% about a flat maximum
  }
}

TEST_CASE(
    "the attainable x² against a fine scan of (M6), at the highest pump of the run in the model's unit") {
  for (const double pumped : {-2.0, -0.2, 0.0, 0.1, 0.2, 0.4, 1.0}) {  // p dt
    CAPTURE(pumped);
    double expected = 0;
    for (double excess = 1e-6; excess < 4; excess += 1e-4) {
      const double u = std::abs(pumped) + excess;
      expected = std::max(expected, u * u / 2 / std::pow(std::cosh(std::atanh(pumped / u) - u), 2));
    }
    const double dt = 0.1, facet = std::exp(-1.5 * dt);
    LoopParameters parameters = discrete(pumped / dt, 1, dt, 1);
    CHECK(attainable_square(parameters) == Approx(expected / dt * facet).epsilon(1e-4));
    parameters.pump = Schedule::ramp(pumped / dt - 3, pumped / dt);
    CHECK(attainable_square(parameters) == Approx(expected / dt * facet).epsilon(1e-4));
    parameters.pump = 2 * pumped / dt;
    parameters.imperfections.pump_unit = 2;
    CHECK(attainable_square(parameters) == Approx(expected / dt * facet).epsilon(1e-4));
  }
  // Beyond any pump the equations are for: all of the pump light becomes signal.
  CHECK(attainable_square(discrete(200, 1, 0.1, 1)) == Approx(std::pow(20, 2) / 2 / 0.1 * std::exp(-0.15)));
  CHECK(attainable_square(discrete(1e9, 1, 0.1, 1)) > 1e10);
}
