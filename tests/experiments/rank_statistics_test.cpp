#include "experiments/rank_statistics.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/random.h"

using namespace opoloop;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

RankInput one_table(std::vector<double> x, std::vector<double> y) {
  RankInput input;
  input.stratum.assign(x.size(), "all");
  input.predictors = {std::move(x)};
  input.outcomes = {std::move(y)};
  input.main = {true};
  input.resamples = 200;
  return input;
}

}  // namespace

TEST_CASE("rank statistics: midranks and Spearman's rho with ties, by hand") {
  CHECK(midranks(std::vector<double>{10, 20, 20, 5}) == std::vector<double>{2, 3.5, 3.5, 1});
  // Infinite times are ties at the top.
  CHECK(midranks(std::vector<double>{kInfinity, 1, kInfinity}) == std::vector<double>{2.5, 1, 2.5});
  CHECK_THROWS_AS(midranks(std::vector<double>{1, std::nan("")}), Error);

  const std::vector<double> x = {1, 2, 3, 4, 5};
  CHECK(spearman(x, std::vector<double>{1, 8, 27, 64, kInfinity}) == Approx(1));
  CHECK(spearman(x, std::vector<double>{9, 7, 5, 3, 1}) == Approx(-1));
  // Without ties 1 − 6 Σd²/(n(n²−1)): d = 0 1 1 1 1 gives 1 − 24/120.
  CHECK(spearman(x, std::vector<double>{1, 3, 2, 5, 4}) == Approx(0.8));
  // With ties: ranks 1 2.5 2.5 4 against 1 2 3 4: Σxy = 4.5, Σxx = 4.5, Σyy = 5, so √0.9.
  CHECK(spearman(std::vector<double>{1, 2, 2, 3}, std::vector<double>{1, 2, 3, 4}) == Approx(std::sqrt(0.9)));
  CHECK(std::isnan(spearman(x, std::vector<double>{2, 2, 2, 2, 2})));
  CHECK(median_of({3, 1, kInfinity}) == 3);
  CHECK(std::isinf(median_of({1, kInfinity, kInfinity, 2})));
}

TEST_CASE("rank statistics: a power law has its exponent, whatever the prefactor of each stratum") {
  RankInput input = one_table({}, {});
  RandomSequence random(3, Stream::generator);
  for (int k = 0; k < 40; ++k) {
    const bool large = k % 2 == 1;
    const double x = std::exp(random.normal());
    input.stratum.push_back(large ? "large" : "small");
    input.predictors[0].push_back(large ? 100 * x : x);
    input.outcomes[0].push_back((large ? 0.01 : 7) * std::pow(x, 1.5));
  }
  // An instance that was never solved counts in rho, not in the slope.
  input.stratum.emplace_back("small");
  input.predictors[0].push_back(1e9);
  input.outcomes[0].push_back(kInfinity);
  const RankTable table = rank_table(input);
  CHECK(table.strata.size() == 2);
  CHECK(table.items == 41);
  CHECK(table.rho[0][0].value == Approx(1));
  CHECK(table.slope_items[0][0] == 40);
  CHECK(table.slope[0][0].value == Approx(1.5).epsilon(1e-12));
  CHECK(table.slope[0][0].low == Approx(1.5).epsilon(1e-9));
  CHECK(table.slope[0][0].high == Approx(1.5).epsilon(1e-9));
  CHECK(table.mean_rho[0].value == Approx(1));
}

TEST_CASE("rank statistics: what grows with the stratum alone is no correlation") {
  // Within each stratum x and y are independent; across strata both grow.
  RankInput input = one_table({}, {});
  RandomSequence random(5, Stream::generator);
  std::vector<double> x, y;
  for (int k = 0; k < 400; ++k) {
    const double size = k % 4;
    input.stratum.push_back(std::string(1, static_cast<char>('a' + k % 4)));
    input.predictors[0].push_back(std::exp(5 * size + random.normal()));
    input.outcomes[0].push_back(std::exp(5 * size + random.normal()));
  }
  CHECK(spearman(input.predictors[0], input.outcomes[0]) > 0.8);
  // Standard error of rho for independent items: 1/√(n − strata).
  CHECK(std::abs(rank_table(input).rho[0][0].value) < 5 / std::sqrt(396.0));
}

TEST_CASE("rank statistics: paired differences, threads and unknown values") {
  RankInput input = one_table({}, {});
  input.predictors.resize(2);
  input.outcomes.resize(2);
  input.main = {true, false};
  RandomSequence random(7, Stream::generator);
  for (int k = 0; k < 60; ++k) {
    input.stratum.emplace_back("a");
    const double truth = random.normal();
    input.predictors[0].push_back(std::exp(truth));
    input.predictors[1].push_back(std::exp(random.normal()));
    input.outcomes[0].push_back(std::exp(truth + 0.1 * random.normal()));
    input.outcomes[1].push_back(1);
  }
  input.level_wide = 0.99;
  const RankTable one = rank_table(input);
  CHECK(one.mean_difference[0][1].low_wide > 0);
  CHECK(one.mean_difference[1][0].high_wide < 0);
  CHECK(one.mean_difference[0][0].value == 0);
  CHECK(one.mean_rho[0].low_wide <= one.mean_rho[0].low);
  CHECK(one.mean_rho[0].high_wide >= one.mean_rho[0].high);
  CHECK_FALSE(one.rho[0][1].known());  // a constant time
  input.threads = 3;
  const RankTable three = rank_table(input);
  CHECK(three.rho[0][0].low == one.rho[0][0].low);
  CHECK(three.slope[1][0].high == one.slope[1][0].high);
}

TEST_CASE("rank statistics: bootstrap intervals cover as often as they say") {
  // y = x + noise of the same size, both normal: Pearson ρ = 1/√2, Spearman's 6/π asin(ρ/2) = 0.6902.
  const double truth = 6 / M_PI * std::asin(std::sqrt(0.5) / 2);
  constexpr int kTrials = 150;
  int covered = 0, covered_slope = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    RandomSequence random(11, Stream::generator, static_cast<std::uint32_t>(trial));
    std::vector<double> x, y;
    for (int k = 0; k < 60; ++k) {
      const double a = random.normal();
      x.push_back(std::exp(a));
      y.push_back(std::exp(a + random.normal()));
    }
    RankInput input = one_table(x, y);
    input.seed = static_cast<std::uint64_t>(trial);
    const RankTable table = rank_table(input);
    covered += table.rho[0][0].low <= truth && truth <= table.rho[0][0].high ? 1 : 0;
    covered_slope += table.slope[0][0].low <= 1 && 1 <= table.slope[0][0].high ? 1 : 0;
  }
  // 95% nominal; percentile intervals of 60 items are known to fall short by a few percent. Five sigma of the
  // binomial (0.018) below 93%.
  CHECK(covered >= kTrials * (0.93 - 5 * 0.018));
  CHECK(covered_slope >= kTrials * (0.93 - 5 * 0.018));
  CHECK(covered < kTrials);  // an interval that always covers is too wide
}
