#include "driver/statistics.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/error.h"

using namespace opoloop;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Result ten_runs(int good, std::int64_t rounds = 1000) {
  Result result;
  result.steps = rounds;
  result.runs = 10;
  result.products_per_step = 2;
  result.stored_couplings = 10000;
  result.timing.wall_s = 0.5;
  for (int r = 0; r < 10; ++r) {
    Sample s;
    s.trajectory = static_cast<std::uint32_t>(r);
    s.energy_best = r < good ? -10 : -8;
    s.energy_final = r == 0 && good > 0 ? -10 : -6;
    s.rounds = rounds;
    result.samples.push_back(s);
  }
  return result;
}

}  // namespace

TEST_CASE("Wilson's interval agrees with values worked by hand") {
  // 8 of 10 with z = 1.96: centre (0.8 + 3.8416/20)/1.38416 = 0.716738, half-width 0.226583.
  const Interval i = wilson_interval(8, 10, 1.96);
  CHECK(i.low == Approx(0.490156).margin(2e-6));
  CHECK(i.high == Approx(0.943322).margin(2e-6));
  // None and all of n: the far end is z²/(n + z²) away.
  const double z2 = 1.959963984540054 * 1.959963984540054;
  CHECK(wilson_interval(0, 100).low == 0);
  CHECK(wilson_interval(0, 100).high == Approx(z2 / (100 + z2)).epsilon(1e-12));
  CHECK(wilson_interval(100, 100).high == 1);
  CHECK(wilson_interval(100, 100).low == Approx(100 / (100 + z2)).epsilon(1e-12));
  CHECK(wilson_interval(0, 0).low == 0);
  CHECK(wilson_interval(0, 0).high == 1);
  CHECK_THROWS_AS(wilson_interval(3, 2), Error);
  CHECK_THROWS_AS(wilson_interval(-1, 2), Error);
}

TEST_CASE("Wilson's interval contains the proportion, moves up with it and shrinks with more trials") {
  for (const std::int64_t n : {1, 5, 128, 10000}) {
    Interval before{-1, -1};
    for (std::int64_t k = 0; k <= n; k += std::max<std::int64_t>(1, n / 16)) {
      const Interval i = wilson_interval(k, n);
      const double p = static_cast<double>(k) / static_cast<double>(n);
      CHECK(i.low <= p);
      CHECK(i.high >= p);
      CHECK(i.low >= before.low);
      CHECK(i.high > before.high);
      const Interval wider = wilson_interval(k, n, 3);
      CHECK(wider.low <= i.low);
      CHECK(wider.high >= i.high);
      const Interval longer = wilson_interval(4 * k, 4 * n);
      CHECK(longer.high - longer.low < i.high - i.low);
      before = i;
    }
  }
}

TEST_CASE("runs to solution: 99% from halves, never below one run, infinite for none") {
  // 0.5^k ≤ 0.01 at k = ln 0.01/ln 0.5 = 6.643856.
  CHECK(runs_to_solution(0.5) == Approx(6.643856189774724).epsilon(1e-12));
  CHECK(runs_to_solution(0.5, 0.5) == Approx(1).epsilon(1e-12));
  CHECK(runs_to_solution(0.995) == 1);
  CHECK(runs_to_solution(1) == 1);
  CHECK(runs_to_solution(0) == kInfinity);
  // Rare successes: −ln(0.01)/P; a difference of logarithms of 1−P would have lost it all.
  CHECK(runs_to_solution(1e-18) == Approx(4.605170185988091e18).epsilon(1e-12));
  double before = kInfinity;
  for (double p = 0.001; p < 1; p += 0.001) {
    CHECK(runs_to_solution(p) <= before);
    before = runs_to_solution(p);
  }
  CHECK_THROWS_AS(runs_to_solution(1.5), InputError);
  CHECK_THROWS_AS(runs_to_solution(std::nan("")), InputError);
  CHECK_THROWS_AS(runs_to_solution(0.5, 1), InputError);
}

TEST_CASE("time to solution carries the interval of P, upside down") {
  const TimeToSolution t = time_to_solution(100, 5, 10);
  const Interval p = wilson_interval(5, 10);
  CHECK(t.value == Approx(664.3856189774724));
  CHECK(t.low == Approx(100 * runs_to_solution(p.high)));
  CHECK(t.high == Approx(100 * runs_to_solution(p.low)));
  CHECK(t.low < t.value);
  CHECK(t.value < t.high);
  CHECK_FALSE(t.lower_bound);

  const TimeToSolution none = time_to_solution(100, 0, 100);
  CHECK(none.lower_bound);
  CHECK(none.value == Approx(100 * runs_to_solution(wilson_interval(0, 100).high)));
  CHECK(none.low == none.value);
  CHECK(none.high == kInfinity);

  const TimeToSolution all = time_to_solution(100, 100, 100);
  CHECK(all.value == 100);
  CHECK(all.low == 100);
  CHECK(all.high > 100);
}

TEST_CASE("statistics of a job count best-ever and final success apart") {
  Result result = ten_runs(5);
  result.machine_time_s = 0.002;
  const SolveStatistics s = solve_statistics(result, -10.0);
  CHECK(s.trials == 10);
  CHECK(s.successes_best == 5);
  CHECK(s.successes_final == 1);
  CHECK(s.p_best == 0.5);
  CHECK(s.p_final == Approx(0.1));
  CHECK_FALSE(s.target_is_best_found);
  CHECK(s.round_trips.value == Approx(1000 * 6.643856189774724));
  CHECK(s.matrix_products.value().value == Approx(2000 * 6.643856189774724));
  CHECK(s.wall_s.value == Approx(0.05 * 6.643856189774724));  // throughput: a tenth of the batch's time
  CHECK(s.machine_s.value().value == Approx(0.002 * 6.643856189774724));
  // One batch of ten fails with 0.5^10 < 1%, so one batch is enough: latency is its whole time.
  CHECK(s.latency_wall_s.value() == Approx(0.5));
  CHECK(s.us_per_round_trip == Approx(50));  // 0.5 s over 10 × 1000
  CHECK(s.gflops == Approx(2.0 * 10000 * 2 * 10000 / 0.5 * 1e-9));
}

TEST_CASE("a rare success makes latency several batches") {
  const SolveStatistics s = solve_statistics(ten_runs(1), -10.0);
  CHECK(s.latency_wall_s.value() == Approx(0.5 * std::log(0.01) / (10 * std::log(0.9))));
}

TEST_CASE("without a target the best found is it, and the statistics say so") {
  const SolveStatistics s = solve_statistics(ten_runs(3), std::nullopt);
  CHECK(s.target_is_best_found);
  CHECK(s.target_energy.value() == -10);
  CHECK(s.successes_best == 3);
}

TEST_CASE("diverged runs fail, whatever energy they had") {
  Result result = ten_runs(5);
  result.samples[0].diverged = true;
  result.samples[0].rounds = 3;
  const SolveStatistics s = solve_statistics(result, -10.0);
  CHECK(s.trials == 10);
  CHECK(s.successes_best == 4);
  CHECK(s.successes_final == 0);
  CHECK(s.round_trips.value == Approx(1000 * runs_to_solution(0.4)));  // its place was taken all the same
}

TEST_CASE("where every run diverged, each took its place to the end") {
  Result result = ten_runs(0);
  for (Sample& s : result.samples) {
    s.diverged = true;
    s.rounds = 3;
  }
  const SolveStatistics s = solve_statistics(result, -10.0);
  CHECK(s.trials == 10);
  CHECK(s.successes_best == 0);
  CHECK(s.us_per_round_trip == Approx(50));  // 0.5 s over 10 × 1000
}

TEST_CASE("stopping at the first success keeps the time to solution right") {
  // 100 runs that each succeed with a small rate λ a round trip, stopped after T rounds with one success:
  // time to 99% of one run is ln(100)/λ with λ estimated as 1/(100 T).
  Result result;
  result.steps = 1000000;
  for (int r = 0; r < 100; ++r) {
    Sample s;
    s.energy_best = r == 0 ? -1 : 0;
    s.rounds = 50;
    result.samples.push_back(s);
  }
  const SolveStatistics s = solve_statistics(result, -1.0);
  CHECK(s.round_trips.value == Approx(std::log(100.0) * 100 * 50).epsilon(0.01));  // 1/100 is not quite → 0
}

TEST_CASE("no runs at all: nothing is claimed") {
  const SolveStatistics s = solve_statistics(Result{}, std::nullopt);
  CHECK(s.trials == 0);
  CHECK_FALSE(s.target_energy);
  CHECK(s.p_best_interval.high == 1);
  CHECK_FALSE(s.latency_wall_s);
}

TEST_CASE("success allows for rounding of sums, not more") {
  CHECK(reaches(-1000.0 + 5e-7, -1000));
  CHECK_FALSE(reaches(-1000.0 + 5e-6, -1000));
  CHECK(reaches(-1001, -1000));
  CHECK_FALSE(reaches(std::nan(""), -1000));
  // What counts as rounding shrinks with the terms of the energy.
  CHECK(reaches(-4e-24 + 1e-34, -4e-24, 1e-24));
  CHECK_FALSE(reaches(-2e-24, -4e-24, 1e-24));
  CHECK(reaches(1e-10, 0.0));
  CHECK_FALSE(reaches(1e-10, 0.0, 1e-3));
}
