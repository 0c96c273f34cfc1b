#include "cim_model/models/mean_field.h"

#include <Eigen/Eigenvalues>
#include <boost/numeric/odeint/integrate/integrate_adaptive.hpp>
#include <boost/numeric/odeint/stepper/generation.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta_dopri5.hpp>
#include <catch2/catch.hpp>
#include <cmath>

#include "loop_helpers.h"

using namespace opoloop;

namespace {

Eigen::MatrixXd dense(const IsingModel& model) {
  Eigen::MatrixXd J = Eigen::MatrixXd::Zero(model.size(), model.size());
  for (const IsingEdge& e : model.edges()) J(e.i, e.j) = J(e.j, e.i) = e.J;
  return J;
}

/// Möbius ladder of 16 antiferromagnetic spins, i ~ i+1 and i ~ i+8.
IsingModel moebius_ladder() {
  std::vector<IsingEdge> edges;
  for (int i = 0; i < 16; ++i) edges.push_back({i, (i + 1) % 16, -1});
  for (int i = 0; i < 8; ++i) edges.push_back({i, i + 8, -1});
  return {16, edges};
}

LoopParameters linear_mean_field(double pump, double dt, std::int64_t rounds) {
  LoopParameters p;
  p.law = LawKind::linear;
  p.pump = pump;
  p.dt = dt;
  p.rounds = rounds;
  return p;
}

Eigen::VectorXd final_amplitude(const IsingModel& problem, const LoopParameters& parameters,
                                std::uint64_t seed) {
  Eigen::VectorXd x(problem.size());
  observe_loop(problem, parameters, seed, [&](const LoopObservation& o) {
    for (int i = 0; i < x.size(); ++i) x[i] = o.model.amplitude()[static_cast<std::size_t>(i)];
  });
  return x;
}

}  // namespace

TEST_CASE("a solitary pulse starts at p = 1 and settles at x² = p − 1") {
  LoopParameters p = linear_mean_field(1.5, 0.05, 1000);
  CHECK(std::pow(final_amplitude(uncoupled(1), p, 1)[0], 2) == Approx(0.5).epsilon(1e-9));
  p.saturation = 0.8;
  CHECK(std::pow(final_amplitude(uncoupled(1), p, 1)[0], 2) == Approx(0.5 / 0.8).epsilon(1e-9));
  p.pump = 0.9;
  CHECK(std::abs(final_amplitude(uncoupled(1), p, 1)[0]) < 1e-4);
}

TEST_CASE("threshold is 1 − ξ λ_max, and the top eigenspace of J rises first") {
  const IsingModel problem = moebius_ladder();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(dense(problem));
  const double top = eigen.eigenvalues()[15];
  CHECK(top == Approx(2.848).epsilon(2e-4));
  CHECK(eigen.eigenvalues()[14] == Approx(top).epsilon(1e-12));  // doubly degenerate
  const Eigen::MatrixXd space = eigen.eigenvectors().rightCols(2);
  const double xi = coupling_normalisation(problem);
  const double threshold = 1 - xi * top;

  // Just below, every mode decays; the slowest at rate 0.01.
  LoopParameters p = linear_mean_field(threshold - 0.01, 0.05, 4000);
  const double start = 1e-4 * std::sqrt(16.0);
  CHECK(final_amplitude(problem, p, 3).norm() < start);
  // Just above, the top modes grow at 0.01 and the next mode still decays: what is left is their space.
  p = linear_mean_field(threshold + 0.01, 0.05, 4000);
  const Eigen::VectorXd x = final_amplitude(problem, p, 3);
  CHECK(x.norm() > (space.transpose() * x).norm() * (1 - 1e-12));
  CHECK((space.transpose() * x).norm() / x.norm() > 1 - 1e-6);
  CHECK(x.norm() > 2 * 1e-4);
}

TEST_CASE("growth rate of mode k below saturation is p − 1 + ξ λ_k") {
  // Two pulses: modes (1, ±1)/√2 with λ = ±J. Euler multiplies mode k by 1 + dt (p − 1 + ξλ_k) a round.
  const IsingModel problem(2, {{0, 1, 1}});
  LoopParameters p = linear_mean_field(0.2, 0.01, 300);
  p.saturation = 0;
  p.xi = 0.3;
  std::vector<double> sum, difference;
  observe_loop(problem, p, 5, [&](const LoopObservation& o) {
    sum.push_back(o.model.amplitude()[0] + o.model.amplitude()[1]);
    difference.push_back(o.model.amplitude()[0] - o.model.amplitude()[1]);
  });
  CHECK(sum[300] / sum[0] == Approx(std::pow(1 + 0.01 * (0.2 - 1 + 0.3), 300)).epsilon(1e-10));
  CHECK(difference[300] / difference[0] == Approx(std::pow(1 + 0.01 * (0.2 - 1 - 0.3), 300)).epsilon(1e-10));
  CHECK(std::log(sum[300] / sum[0]) / 3 == Approx(-0.5).epsilon(0.01));
}

TEST_CASE("above threshold the amplitude relaxes at 2(p − 1)") {
  LoopParameters p = linear_mean_field(1.5, 0.001, 12000);
  p.stepper = Stepper::runge_kutta4;
  p.start_sd = 0.9;
  double at_8 = 0, at_10 = 0;
  observe_loop(uncoupled(1), p, 1, [&](const LoopObservation& o) {
    const double away = std::abs(std::abs(o.model.amplitude()[0]) - std::sqrt(0.5));
    if (o.round == 8000) at_8 = away;
    if (o.round == 10000) at_10 = away;
  });
  // The quadratic term changes the rate by the relative size of the deviation, here e^{−8}.
  CHECK(std::log(at_8 / at_10) / 2 == Approx(1.0).epsilon(1e-2));
}

TEST_CASE("unfrustrated d-regular problems settle at x² = p − 1 + ξ d") {
  const double p_value = 0.6;
  LoopParameters p = linear_mean_field(p_value, 0.05, 12000);
  p.xi = 0.25;
  for (const double J : {1.0, -1.0}) {  // an even ring is unfrustrated either way
    const Eigen::VectorXd x = final_amplitude(ring(8, J), p, 7);
    // From a random start a ring may hold domain walls for ever: only a uniform state has the closed form.
    bool uniform = true;
    for (int i = 0; i < 8; ++i) uniform = uniform && x[i] * x[(i + 1) % 8] * J > 0;
    REQUIRE(uniform);
    for (int i = 0; i < 8; ++i) CHECK(x[i] * x[i] == Approx(p_value - 1 + 0.25 * 2).epsilon(1e-8));
  }
  const Eigen::VectorXd pair = final_amplitude({2, {{0, 1, 1}}}, p, 7);
  p.pump = 0.9;
  CHECK(final_amplitude({2, {{0, 1, 1}}}, p, 7)[0] * final_amplitude({2, {{0, 1, 1}}}, p, 7)[1] ==
        Approx(0.9 - 1 + 0.25).epsilon(1e-8));
  CHECK(std::abs(pair[0]) < 1e-4);  // 0.6 is below the threshold 0.75
}

TEST_CASE("quench of a ring with noise only at the start: C_n = I_n(4ξt) / I_0(4ξt)") {
  const int n = 1024;
  LoopParameters p = linear_mean_field(0.9, 0.005, 400);
  p.saturation = 0;
  p.xi = 0.4;
  std::vector<Mean> correlation(4);
  for (std::uint32_t run = 0; run < 60; ++run) {
    std::vector<double> x;
    observe_loop(
        ring(n, 1), p, 11,
        [&](const LoopObservation& o) { x.assign(o.model.amplitude().begin(), o.model.amplitude().end()); },
        run);
    double c[4] = {0, 0, 0, 0};
    for (std::size_t i = 0; i < x.size(); ++i) {
      for (std::size_t lag = 0; lag < 4; ++lag) c[lag] += x[i] * x[(i + lag) % x.size()];
    }
    for (std::size_t lag = 0; lag < 4; ++lag) correlation[lag].add(c[lag] / c[0]);
  }
  // Euler with dt = 0.005 makes the exponent of mode k smaller by t·dt·rate²/2 ≤ 2·0.005·0.9²/2 of itself:
  // the relative change of exp(2·rate·t) is below 0.9², times 2t·dt/2 = 0.01, so C_n moves by < 0.01.
  const double t = p.dt * static_cast<double>(p.rounds);
  for (unsigned lag = 1; lag < 4; ++lag) {
    const double expected = std::cyl_bessel_i(lag, 4 * 0.4 * t) / std::cyl_bessel_i(0, 4 * 0.4 * t);
    CAPTURE(lag, expected, correlation[lag].value(), correlation[lag].standard_error());
    CHECK(std::abs(correlation[lag].value() - expected) < 5 * correlation[lag].standard_error() + 0.01);
  }
}

TEST_CASE("Euler is first order and Runge–Kutta 4 fourth, against a controlled Dormand–Prince 5") {
  namespace odeint = boost::numeric::odeint;
  const std::vector<double> injection = {0.3, -0.2};
  const std::vector<double> pump(2, 1.4);
  const auto error_of = [&](Stepper stepper, int substeps) {
    LoopParameters p;
    p.stepper = stepper;
    p.dt = 1;
    p.substeps = substeps;
    p.start_sd = 0.3;
    MeanField model(p, 2);
    model.start(1, 0);
    std::vector<double> reference(model.amplitude().begin(), model.amplitude().end());
    odeint::integrate_adaptive(
        odeint::make_controlled<odeint::runge_kutta_dopri5<std::vector<double>>>(1e-13, 1e-13),
        MeanFieldDrift{{pump, injection, {}}, 1.0}, reference, 0.0, 1.0, 0.01);
    model.advance(0, {pump, injection, {}});
    return std::abs(model.amplitude()[0] - reference[0]) + std::abs(model.amplitude()[1] - reference[1]);
  };
  // Halving dt divides the error by 2^order, up to the next order: a few per cent at these steps.
  CHECK(std::log2(error_of(Stepper::euler, 200) / error_of(Stepper::euler, 400)) == Approx(1).epsilon(0.03));
  CHECK(std::log2(error_of(Stepper::runge_kutta4, 20) / error_of(Stepper::runge_kutta4, 40)) ==
        Approx(4).epsilon(0.03));
}
