// Best run length, censoring, scaling fits and performance profiles against answers known beforehand.

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/random.h"
#include "driver/statistics.h"
#include "experiments/rank_statistics.h"
#include "experiments/tts/class_time.h"
#include "experiments/tts/performance_profile.h"
#include "experiments/tts/scaling_fit.h"

using namespace opoloop;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Runs that find nothing for `dead` steps and then at the rate `rate`.
double success(double length, double dead, double rate) {
  return length > dead ? 1 - std::exp(-rate * (length - dead)) : 0;
}

RunCell expected_cell(double length, double p) {
  const double trials = 1e4;
  return {trials, std::round(trials * p), length};
}

}  // namespace

TEST_CASE(
    "tts statistics: the best length of a class is that of its median, known for a law with dead time") {
  // P = 1 − exp(−r (T − d)): TTS = T ln(100) / (r (T − d)) falls until one run is enough, and T after that.
  const std::vector<double> rates = {0.02, 0.005, 0.04, 0.01, 0.0025};
  LengthTable table;
  table.lengths = {16, 32, 64, 128, 256, 512, 1024, 2048};
  for (const double rate : rates) {
    table.cells.emplace_back();
    for (const double length : table.lengths)
      table.cells.back().push_back(expected_cell(length, success(length, 20, rate)));
  }
  // The median instance at every length is that of the middle rate, 0.01: r (T − 20) = ln 100 at T = 480.5,
  // so of the grid 512 costs 512 (P = 0.9927), 256 costs 256 · 4.605/2.36 = 499.6.
  const ClassTime time = class_time(table, {200, 3, 0, 1}, 0);
  CHECK(table.lengths[time.length.value()] == 256);
  CHECK(time.value == Approx(256 * std::log(100) / (0.01 * 236)).epsilon(1e-3));
  CHECK(time.end == GridEnd::inside);
  CHECK(time.unsolved == 0);
  CHECK(time.low <= time.value);
  CHECK(time.high >= time.value);

  SECTION("at an end of the grid it says so") {
    table.lengths.resize(5);
    CHECK(class_time(table, {10, 3, 0, 1}, 0).end == GridEnd::longest);
    LengthTable late = table;
    late.lengths = {256, 512};
    for (auto& row : late.cells) row.erase(row.begin(), row.begin() + 4);
    CHECK(class_time(late, {10, 3, 0, 1}, 0).end == GridEnd::shortest);
  }
  SECTION("a length that one instance lacks is not compared, and numbers of the grid stay") {
    table.cells[1][4].trials = 0;
    const ClassTime without = class_time(table, {10, 3, 0, 1}, 0);
    CHECK(table.lengths[without.length.value()] == 512);
  }
}

TEST_CASE("tts statistics: an unsolved instance is infinitely long, never left out") {
  const auto solved = [](double p) { return RunCell{100, 100 * p, 10}; };
  LengthTable table;
  table.lengths = {10};
  table.cells = {{solved(0)}, {solved(0.5)}, {solved(0.9)}, {solved(0)}, {solved(0.99)}};
  ClassTime time = class_time(table, {500, 1, 0, 1}, 0);
  CHECK(time.unsolved == 2);
  // The median of {10, 20, 66.4, ∞, ∞}: leaving the two out would give 20.
  CHECK(time.value == Approx(10 * std::log(0.01) / std::log(0.5)));
  CHECK(std::isinf(time.high));

  table.cells[1] = {solved(0)};
  time = class_time(table, {500, 1, 0, 1}, 0);
  CHECK(std::isinf(time.value));
  CHECK_FALSE(time.length);
  CHECK(time.unsolved == 3);
  // Three of five only have a bound, at the upper end of Wilson's interval of 0 of 100.
  CHECK(time.bound == Approx(10 * runs_to_solution(wilson_interval(0, 100).high)));

  table.cells.clear();
  CHECK_FALSE(class_time(table, {10, 1, 0, 1}, 0).known());
}

TEST_CASE("tts statistics: each resample chooses its length anew") {
  // At T = 1 half the instances need 1 step, half need 100 runs; at T = 30 one run solves each. Whatever is
  // drawn, 30 is at hand: with the length held fixed at T = 1 a resample could be as slow as 100.
  LengthTable table;
  table.lengths = {1, 30};
  for (int i = 0; i < 11; ++i) {
    const RunCell quick{1000, 1000, 1}, slow{1000, 45, 1}, sure{1000, 1000, 30};
    table.cells.push_back({i < 6 ? quick : slow, sure});
  }
  const ClassTime time = class_time(table, {400, 5, 0, 1}, 0);
  CHECK(time.value == 1);
  CHECK(time.end == GridEnd::shortest);
  CHECK(time.high == 30);
}

TEST_CASE("tts statistics: intervals cover the class median as often as they say, for any thread count") {
  // Instances with rates spread lognormally. TTS falls with the rate at every length, so the median over the
  // population is the TTS at the median rate.
  const double median_rate = 0.01;
  LengthTable table;
  table.lengths = {64, 128, 256, 512};
  double truth = kInfinity;
  for (const double length : table.lengths)
    truth = std::min(truth, length * runs_to_solution(success(length, 20, median_rate)));
  constexpr int studies = 120, instances = 15, runs = 64;
  int covered = 0;
  for (int study = 0; study < studies; ++study) {
    RandomSequence random(900 + static_cast<std::uint64_t>(study), Stream::generator);
    table.cells.clear();
    for (int i = 0; i < instances; ++i) {
      const double rate = median_rate * std::exp(0.7 * random.normal());
      table.cells.emplace_back();
      for (const double length : table.lengths) {
        RunCell cell{runs, 0, length};
        for (int r = 0; r < runs; ++r) cell.successes += random.uniform() < success(length, 20, rate) ? 1 : 0;
        table.cells.back().push_back(cell);
      }
    }
    const ClassTime time = class_time(table, {200, 7, 0, 1}, 0);
    covered += time.low <= truth && truth <= time.high ? 1 : 0;
    if (study == 0) {
      const ClassTime threaded = class_time(table, {200, 7, 0, 3}, 0);
      CHECK(threaded.draws == time.draws);
      CHECK(class_time(table, {200, 8, 0, 1}, 0).draws != time.draws);
    }
  }
  // 5 sigma of 120 intervals at 95%.
  CHECK(covered >= studies * (0.95 - 5 * std::sqrt(0.95 * 0.05 / studies)));
}

TEST_CASE("tts statistics: draws of two devices are on the same instances") {
  // One run solves every instance: only the instances vary, and device 1 is twice as dear on each.
  LengthTable one, two;
  one.lengths = two.lengths = {1};
  for (int i = 1; i <= 9; ++i) {
    one.cells.push_back({{10, 10, static_cast<double>(i)}});
    two.cells.push_back({{10, 10, 2.0 * i}});
  }
  const ClassTime first = class_time(one, {100, 1, 4, 1}, 0), second = class_time(two, {100, 1, 4, 1}, 1);
  for (std::size_t k = 0; k < first.draws.size(); ++k) CHECK(second.draws[k] == 2 * first.draws[k]);
  // Another class is resampled independently.
  CHECK(class_time(one, {100, 1, 5, 1}, 0).draws != first.draws);
}

TEST_CASE("tts statistics: a scaling fit recovers the planted law and exponent") {
  const std::vector<double> spins = {20, 40, 60, 80, 100, 150};
  const double planted[] = {0.41, 0.03, 2.2};
  for (std::size_t law = 0; law < kScalingLaws.size(); ++law) {
    std::vector<double> times;
    std::vector<std::vector<double>> draws;
    RandomSequence random(5, Stream::generator, static_cast<std::uint32_t>(law));
    for (const double n : spins) {
      times.push_back(std::exp(1.5 + planted[law] * law_abscissa(kScalingLaws[law], n)));
      draws.emplace_back();
      for (int k = 0; k < 400; ++k) draws.back().push_back(times.back() * std::exp(0.01 * random.normal()));
    }
    const auto fit = fit_scaling(spins, times, draws);
    REQUIRE(fit);
    CHECK(fit->best == law);
    CHECK(fit->laws[law].exponent == Approx(planted[law]).epsilon(1e-9));
    CHECK(fit->laws[law].intercept == Approx(1.5).epsilon(1e-6));
    CHECK(fit->laws[law].low < planted[law]);
    CHECK(fit->laws[law].high > planted[law]);
    CHECK(fit->told_apart);
    // The standard error of a slope with errors of 0.01: 0.01/√Σ(x − x̄)²; four of them span the interval.
    double mean = 0, spread = 0;
    for (const double n : spins) mean += law_abscissa(kScalingLaws[law], n) / 6;
    for (const double n : spins) spread += std::pow(law_abscissa(kScalingLaws[law], n) - mean, 2);
    CHECK(fit->laws[law].high - fit->laws[law].low ==
          Approx(2 * 1.96 * 0.01 / std::sqrt(spread)).epsilon(0.25));
  }
  CHECK_FALSE(fit_scaling(std::vector<double>{10, 20}, std::vector<double>{1, 2}, {{1}, {2}}));
}

TEST_CASE("tts statistics: noise that hides the law is said to hide it") {
  const std::vector<double> spins = {40, 60, 80, 100};
  std::vector<double> times;
  std::vector<std::vector<double>> draws;
  RandomSequence random(9, Stream::generator);
  for (const double n : spins) {
    times.push_back(std::exp(0.4 * std::sqrt(n) + 0.3 * random.normal()));
    draws.emplace_back();
    for (int k = 0; k < 300; ++k) draws.back().push_back(times.back() * std::exp(0.3 * random.normal()));
  }
  const auto fit = fit_scaling(spins, times, draws);
  REQUIRE(fit);
  CHECK_FALSE(fit->told_apart);
  double weights = 0, shares = 0;
  for (const LawFit& law : fit->laws) {
    weights += law.weight;
    shares += law.share;
  }
  CHECK(weights == Approx(1));
  CHECK(shares == Approx(1));
}

TEST_CASE("tts statistics: performance profiles of three solvers on three problems, by hand") {
  //            p1  p2  p3          r:  p1  p2  p3
  // solver A    1   4   ∞               1   2   ∞
  // solver B    2   2   ∞               2   1   ∞
  // solver C    ∞   6   ∞               ∞   3   ∞
  const auto profiles =
      performance_profiles({{1, 4, kInfinity}, {2, 2, kInfinity}, {kInfinity, 6, kInfinity}});
  REQUIRE(profiles.size() == 3);
  const double third = 1.0 / 3;
  CHECK(profiles[0].at(1) == Approx(third));
  CHECK(profiles[0].at(1.9) == Approx(third));
  CHECK(profiles[0].at(2) == Approx(2 * third));
  CHECK(profiles[1].at(1) == Approx(third));
  CHECK(profiles[1].at(2) == Approx(2 * third));
  CHECK(profiles[2].at(2.9) == 0);
  CHECK(profiles[2].at(3) == Approx(third));
  // The problem that nobody solved counts: no profile reaches 1.
  CHECK(profiles[0].at(1e9) == Approx(2 * third));
}

TEST_CASE("tts statistics: percentiles of values with infinities") {
  CHECK(percentile({3, 1, 2}, 0.5, false) == 2);
  CHECK(percentile({1, kInfinity}, 0.5, false) == 1);
  CHECK(percentile({1, kInfinity}, 0.5, true) == kInfinity);
  CHECK(std::isnan(percentile({}, 0.5, true)));
}
