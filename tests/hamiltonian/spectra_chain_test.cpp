// The single-flip chain: spectrum, bounds and hitting times against plain dense Markov chains.

#include <Eigen/Dense>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "core/error.h"
#include "hamiltonian/spectra/hitting_time.h"
#include "hamiltonian/spectra/single_flip_chain.h"
#include "tests/hamiltonian/spectra_helpers.h"

using namespace opoloop;
using namespace opoloop::test;

namespace {

constexpr FlipRule kRules[] = {FlipRule::metropolis, FlipRule::glauber};

/// The chain over all states, written down from its definition.
struct PlainChain {
  Eigen::MatrixXd P;
  Eigen::VectorXd pi;
  std::vector<std::int64_t> ground;

  PlainChain(const IsingModel& model, FlipRule rule, double beta) {
    const int n = model.size();
    const Eigen::Index size = Eigen::Index{1} << n;
    P = Eigen::MatrixXd::Zero(size, size);
    pi.resize(size);
    std::vector<double> energy;
    for (Eigen::Index x = 0; x < size; ++x) energy.push_back(plain_energy(model, x));
    const double lowest = *std::min_element(energy.begin(), energy.end());
    for (Eigen::Index x = 0; x < size; ++x) {
      const double here = energy[static_cast<std::size_t>(x)];
      pi[x] = std::exp(-beta * (here - lowest));
      if (here < lowest + 1e-9) ground.push_back(x);
      double stay = 1;
      for (int i = 0; i < n; ++i) {
        const Eigen::Index y = x ^ (Eigen::Index{1} << i);
        const double ratio = std::exp(-beta * (energy[static_cast<std::size_t>(y)] - here));
        P(x, y) = (rule == FlipRule::metropolis ? std::min(1.0, ratio) : ratio / (1 + ratio)) / n;
        stay -= P(x, y);
      }
      P(x, x) = stay;
    }
    pi /= pi.sum();
  }

  Eigen::MatrixXd symmetrised() const {
    const Eigen::VectorXd root = pi.cwiseSqrt();
    const Eigen::MatrixXd S = root.asDiagonal() * P * root.cwiseInverse().asDiagonal();
    return (S + S.transpose()) / 2;
  }

  double ground_weight() const {
    double weight = 0;
    for (const auto x : ground) weight += pi[x];
    return weight;
  }

  /// Least t with max_x |P^t(x,·) − π|_TV ≤ epsilon, by doubling and bisection.
  std::int64_t mixing_time(double epsilon) const {
    const auto distance = [&](const Eigen::MatrixXd& power) {
      return ((power.rowwise() - pi.transpose()).cwiseAbs().rowwise().sum() / 2).maxCoeff();
    };
    std::vector<Eigen::MatrixXd> powers = {P};
    while (distance(powers.back()) > epsilon) powers.push_back(powers.back() * powers.back());
    if (powers.size() == 1) return 1;
    std::int64_t time = 0;
    Eigen::MatrixXd power = Eigen::MatrixXd::Identity(P.rows(), P.cols());
    for (std::size_t k = powers.size() - 1; k-- > 0;) {
      const Eigen::MatrixXd next = power * powers[k];
      if (distance(next) > epsilon) {
        power = next;
        time += std::int64_t{1} << k;
      }
    }
    return time + 1;
  }

  /// Transitions among the states that are no ground states.
  Eigen::MatrixXd absorbed() const {
    std::vector<Eigen::Index> open;
    for (Eigen::Index x = 0; x < P.rows(); ++x) {
      if (std::find(ground.begin(), ground.end(), x) == ground.end()) open.push_back(x);
    }
    const auto size = static_cast<Eigen::Index>(open.size());
    Eigen::MatrixXd Q(size, size);
    for (Eigen::Index a = 0; a < size; ++a) {
      for (Eigen::Index b = 0; b < size; ++b) {
        Q(a, b) = P(open[static_cast<std::size_t>(a)], open[static_cast<std::size_t>(b)]);
      }
    }
    return Q;
  }

  /// Least t by which the chain was in a ground state with probability q, from the worst start.
  std::int64_t time_to_solution(double q) const {
    const Eigen::MatrixXd Q = absorbed();
    Eigen::VectorXd alive = Eigen::VectorXd::Ones(Q.rows());
    std::int64_t time = 0;
    while (alive.size() > 0 && alive.maxCoeff() > 1 - q) {
      alive = Q * alive;
      ++time;
    }
    return time;
  }
};

}  // namespace

TEST_CASE("flip probabilities obey detailed balance") {
  for (const FlipRule rule : kRules) {
    for (const double z : {-40.0, -3.0, -0.2, 0.0, 1e-9, 0.7, 5.0, 300.0}) {
      CHECK(flip_probability(rule, z) == Approx(std::exp(-z) * flip_probability(rule, -z)));
      CHECK(flip_probability(rule, z) >= 0);
      CHECK(flip_probability(rule, z) <= 1);
    }
  }
  CHECK(flip_probability(FlipRule::metropolis, 0) == 1);
  CHECK(flip_probability(FlipRule::glauber, 0) == 0.5);
  CHECK(flip_probability(FlipRule::metropolis, 1e6) == 0);
  CHECK(flip_probability(FlipRule::glauber, -1e6) == 1);
}

TEST_CASE("chain spectra are those of the dense matrix") {
  for (const bool field : {false, true}) {
    for (const int n : {2, 5, 8, 9}) {
      for (const FlipRule rule : kRules) {
        for (const double beta : {0.05, 1.0, 4.0}) {
          if (n == 9 && (field || beta != 1)) continue;
          const IsingModel model = random_model(n, field, 20 + static_cast<std::uint64_t>(n));
          ChainSettings settings;
          settings.rule = rule;
          settings.beta = beta;
          const ChainGap gap = chain_gap(model, settings);
          const PlainChain plain(model, rule, beta);
          const Eigen::MatrixXd S = plain.symmetrised();
          const auto all = eigenvalues(S);
          CAPTURE(field, n, beta, name_of(rule));
          REQUIRE(gap.converged);
          CHECK(gap.all.lambda_2 == Approx(all[all.size() - 2]).epsilon(0).margin(1e-8));
          CHECK(gap.all.lambda_min == Approx(all.front()).epsilon(0).margin(1e-8));
          const double star = std::max(std::abs(all[all.size() - 2]), std::abs(all.front()));
          CHECK(gap.all.gap == Approx(1 - star).epsilon(0).margin(1e-8));
          CHECK(gap.all.relaxation == Approx(1 / gap.all.gap));
          CHECK(gap.ground_weight == Approx(plain.ground_weight()));
          CHECK(gap.ground_states == static_cast<std::int64_t>(plain.ground.size()));
          CHECK(gap.log_smallest_weight == Approx(std::log(plain.pi.minCoeff())));
          CHECK(gap.even.has_value() == !field);
          if (gap.even) {
            const Eigen::MatrixXd basis = parity_basis(n, 1);
            const auto even = eigenvalues(basis.transpose() * S * basis);
            CHECK(gap.even->lambda_2 == Approx(even[even.size() - 2]).epsilon(0).margin(1e-8));
            CHECK(gap.even->lambda_min == Approx(even.front()).epsilon(0).margin(1e-8));
            CHECK(gap.even->gap >= gap.all.gap - 1e-12);
          }
          // Glauber's matrix is an average of projections.
          if (rule == FlipRule::glauber) CHECK(gap.all.lambda_min >= -1e-9);
        }
      }
    }
  }
}

TEST_CASE("the two-spin chain has its closed form") {
  // Even states {aligned, opposed}: λ = 1 − a(2βJ) − a(−2βJ). Odd: 1 − a(2βJ) and 1 − a(−2βJ).
  for (const double beta : {0.1, 0.7, 3.0}) {
    const double J = 1.5;
    ChainSettings settings;
    settings.beta = beta;
    const double a = std::exp(-2 * beta * J);
    const ChainGap metropolis = chain_gap(IsingModel(2, {{0, 1, J}}), settings);
    CHECK(metropolis.all.lambda_2 == Approx(1 - a));
    CHECK(metropolis.all.lambda_min == Approx(-a));
    CHECK(metropolis.all.gap == Approx(std::min(a, 1 - a)));
    REQUIRE(metropolis.even);
    CHECK(metropolis.even->lambda_2 == Approx(-a));
    CHECK(metropolis.even->gap == Approx(1 - a));
    settings.rule = FlipRule::glauber;
    const ChainGap glauber = chain_gap(IsingModel(2, {{0, 1, -J}}), settings);
    CHECK(glauber.all.lambda_2 == Approx(1 / (1 + a)));
    CHECK(glauber.all.lambda_min == Approx(0).epsilon(0).margin(1e-14));
    CHECK(glauber.even->lambda_2 == Approx(0).epsilon(0).margin(1e-14));
    CHECK(glauber.ground_weight == Approx(1 / (1 + a)));
  }
}

TEST_CASE("a gap far below rounding of 1 − λ keeps its digits") {
  // Two spins: gap e^(−2βJ) ≈ 1.4e−35 (Metropolis).
  ChainSettings settings;
  settings.beta = 40;
  CHECK(chain_gap(IsingModel(2, {{0, 1, 1.0}}), settings).all.gap == Approx(std::exp(-80.0)).epsilon(1e-9));
}

TEST_CASE("one spin, no couplings, infinite temperature") {
  ChainSettings settings;
  // Free spin, Metropolis: every proposal is taken, so the chain alternates and never forgets.
  const ChainGap free_spin = chain_gap(IsingModel(1, {}), settings);
  CHECK(free_spin.all.lambda_min == Approx(-1));
  CHECK(free_spin.all.gap == 0);
  CHECK(std::isinf(free_spin.all.relaxation));
  CHECK_FALSE(free_spin.even);
  CHECK(free_spin.ground_weight == Approx(1));
  // One spin in a field: λ = 1 − a(2βh) − a(−2βh).
  const ChainGap field = chain_gap(IsingModel(1, {}, {0.5}), settings);
  CHECK(field.all.lambda_2 == Approx(-std::exp(-1.0)));
  // β = 0: λ = 1 − 2k/n (Metropolis), 1 − k/n (Glauber).
  settings.beta = 0;
  const IsingModel model = random_model(7, false, 2);
  const ChainGap metropolis = chain_gap(model, settings);
  CHECK(metropolis.all.lambda_2 == Approx(1 - 2 / 7.0));
  CHECK(metropolis.all.lambda_min == Approx(-1));
  CHECK(metropolis.all.gap == 0);
  settings.rule = FlipRule::glauber;
  const ChainGap glauber = chain_gap(model, settings);
  CHECK(glauber.all.lambda_2 == Approx(1 - 1 / 7.0));
  CHECK(glauber.even->lambda_2 == Approx(1 - 2 / 7.0));
  settings.beta = -1;
  CHECK_THROWS_AS(chain_gap(model, settings), InputError);
  settings.beta = NAN;
  CHECK_THROWS_AS(chain_gap(model, settings), InputError);
}

TEST_CASE("bounds bound the exact mixing time and time to solution") {
  for (const bool field : {false, true}) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const IsingModel model = random_model(5, field, seed);
      for (const FlipRule rule : kRules) {
        for (const double beta : {0.5, 2.0}) {
          ChainSettings settings;
          settings.rule = rule;
          settings.beta = beta;
          const ChainGap gap = chain_gap(model, settings);
          const PlainChain plain(model, rule, beta);
          const double solved = static_cast<double>(plain.time_to_solution(0.99));
          CAPTURE(field, seed, beta, name_of(rule));
          CHECK(gap.all.mixing_bound >= static_cast<double>(plain.mixing_time(plain.ground_weight() / 2)));
          CHECK(gap.all.tts_bound >= solved);
          if (gap.even) CHECK(gap.even->tts_bound >= solved);
          // The bound as written, from the exact quantities.
          const double t_mix =
              gap.all.relaxation * std::log(2 / (plain.ground_weight() * plain.pi.minCoeff()));
          CHECK(gap.all.mixing_bound == Approx(t_mix));
          CHECK(gap.all.tts_bound ==
                Approx(t_mix * std::ceil(std::log(0.01) / std::log(1 - plain.ground_weight() / 2))));
          // Blocks of t_mix steps succeed with π_G − ε each: that bounds the mean time too.
          CHECK(hitting_time(model, rule, beta).from_worst <=
                gap.all.mixing_bound / (plain.ground_weight() / 2));
        }
      }
    }
  }
}

TEST_CASE("hitting times are those of the dense system") {
  for (const bool field : {false, true}) {
    for (const int n : {2, 6, 8}) {
      for (const FlipRule rule : kRules) {
        for (const double beta : {0.0, 1.0, 8.0}) {
          const IsingModel model = random_model(n, field, 40 + static_cast<std::uint64_t>(n));
          const PlainChain plain(model, rule, beta);
          const Eigen::MatrixXd Q = plain.absorbed();
          const Eigen::VectorXd time = (Eigen::MatrixXd::Identity(Q.rows(), Q.cols()) - Q)
                                           .partialPivLu()
                                           .solve(Eigen::VectorXd::Ones(Q.rows()));
          double stationary = 0;
          Eigen::Index open = 0;
          for (Eigen::Index x = 0; x < plain.P.rows(); ++x) {
            if (std::find(plain.ground.begin(), plain.ground.end(), x) == plain.ground.end()) {
              stationary += plain.pi[x] * time[open++];
            }
          }
          const HittingTime hitting = hitting_time(model, rule, beta);
          CAPTURE(field, n, beta, name_of(rule));
          REQUIRE(hitting.converged);
          CHECK(hitting.from_uniform ==
                Approx(time.sum() / static_cast<double>(plain.P.rows())).epsilon(1e-6));
          CHECK(hitting.from_worst == Approx(time.maxCoeff()).epsilon(1e-6));
          CHECK(hitting.from_stationary == Approx(stationary).epsilon(1e-6));
        }
      }
    }
  }
}

TEST_CASE("hitting times: closed forms, nothing to hit, too many spins") {
  // Two spins: the opposed states leave with a(−2βJ) a step.
  const HittingTime metropolis = hitting_time(IsingModel(2, {{0, 1, 1.0}}), FlipRule::metropolis, 0.4);
  CHECK(metropolis.from_worst == Approx(1));
  CHECK(metropolis.from_uniform == Approx(0.5));
  const HittingTime glauber = hitting_time(IsingModel(2, {{0, 1, 1.0}}), FlipRule::glauber, 0.4);
  CHECK(glauber.from_worst == Approx(1 + std::exp(-0.8)));
  const HittingTime flat = hitting_time(IsingModel(4, {}), FlipRule::glauber, 1);
  CHECK(flat.converged);
  CHECK(flat.from_worst == 0);
  CHECK_THROWS_AS(hitting_time(ring_model(17, 1), FlipRule::glauber, 1), InputError);
}

TEST_CASE("simulated chains need the exact hitting time, within the sampling error") {
  const IsingModel model = random_model(7, false, 11);
  const double beta = 1.5;
  const HittingTime exact = hitting_time(model, FlipRule::metropolis, beta);
  const PlainChain plain(model, FlipRule::metropolis, beta);
  RandomSequence random(3, Stream::annealing);
  double sum = 0, squares = 0;
  const int runs = 4000;
  for (int run = 0; run < runs; ++run) {
    auto x = static_cast<std::int64_t>(random.below(128));
    double time = 0;
    while (std::find(plain.ground.begin(), plain.ground.end(), x) == plain.ground.end()) {
      const std::int64_t y = x ^ (std::int64_t{1} << random.below(7));
      const double delta = plain_energy(model, y) - plain_energy(model, x);
      if (random.uniform() < std::exp(-beta * delta)) x = y;
      ++time;
    }
    sum += time;
    squares += time * time;
  }
  const double mean = sum / runs;
  const double error = std::sqrt((squares / runs - mean * mean) / (runs - 1));
  INFO("simulated " << mean << " ± " << error << ", exact " << exact.from_uniform);
  CHECK(std::abs(mean - exact.from_uniform) < 5 * error);
}
