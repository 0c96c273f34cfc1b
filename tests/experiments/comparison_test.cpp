#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <limits>

#include "core/error.h"
#include "driver/sweep_file.h"
#include "experiments/csv.h"
#include "experiments/rank_statistics.h"
#include "experiments/run_comparison.h"
#include "experiments/sweep_comparison.h"

using namespace opoloop;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// A run of `runs` trajectories of 100 steps, the first `successes` of them at energy −10, the others at −8.
RunFileContents contents(const std::string& path, int runs, int successes, double wall_s) {
  RunFileContents c;
  c.path = path;
  c.problem_name = "toy";
  c.problem_sha256 = "abc";
  c.n = 4;
  c.finished = true;
  c.device_uri = path + ":";
  c.device_parameters = {{"dt", {path == "a" ? "0.1" : "0.2", ""}}, {"law", {"cac", ""}}};
  for (int i = 0; i < runs; ++i) {
    c.energy_best.push_back(i < successes ? -10 : -8);
    c.rounds.push_back(100);
    c.diverged.push_back(false);
  }
  c.statistic["wall_s"] = {{wall_s}, "s", "", false};
  return c;
}

Sweep sweep(std::vector<std::string> names, std::vector<double> sizes, std::vector<double> tts) {
  Sweep s;
  s.experiment = "tts";
  s.columns = {{"name", "1", "", std::move(names)},
               {"spins", "1", "", std::move(sizes)},
               {"tts", "s", "", std::move(tts)}};
  s.columns.push_back({"problem", "1", "", std::vector<std::string>(s.rows())});
  return s;
}

}  // namespace

TEST_CASE("two runs are judged by one target, with times to solution and their ratio") {
  RunFileContents a = contents("a", 100, 10, 2), b = contents("b", 100, 40, 4);
  a.best_known_energy = -10;
  const RunComparison c = compare_runs(a, b);
  CHECK(c.target == -10);
  CHECK(c.a.successes == 10);
  CHECK(c.b.successes == 40);
  // Pooled two-proportion test: z = 0.3/√(0.25 · 0.75 · 2/100).
  CHECK(c.success_z == Approx(0.3 / std::sqrt(0.25 * 0.75 * 0.02)));
  CHECK(c.ratios[0].value == Approx(std::log(0.9) / std::log(0.6)));
  CHECK(c.ratios[1].value == Approx(2 * std::log(0.9) / std::log(0.6)));
  CHECK(c.ratios[0].interval.low < c.ratios[0].value);
  CHECK(c.ratios[0].interval.high > c.ratios[0].value);
  CHECK(c.energy_distance == Approx(0.3));
  REQUIRE(c.parameters.size() == 1);
  CHECK(c.parameters[0].name == "dt");
  CHECK(c.answer.find("B reaches the target more often: 40% of its runs against 10%") == 0);
  CHECK(run_comparison_text(c).find("dt") != std::string::npos);
  CHECK(run_comparison_html(c, "opoloop").find("0.2") != std::string::npos);
  CHECK(run_comparison_csv(c).find("parameter dt,0.1,0.2\n") != std::string::npos);
}

TEST_CASE("two runs for one target are judged by it; where they had two, it is said") {
  const auto made_for = [](RunFileContents c, double target, double best_found = 0) {
    c.statistic["target_energy"] = {{target}, "problem energy", "", false};
    c.statistic["target_is_best_found"] = {{best_found}, "1", "", false};
    return c;
  };
  const RunFileContents a = contents("a", 100, 10, 2), b = contents("b", 100, 40, 4);
  RunComparison c = compare_runs(made_for(a, -8), made_for(b, -8));
  CHECK(c.target == -8);
  CHECK(c.target_source == "the target of both jobs");
  CHECK(c.a.successes == 100);
  c = compare_runs(made_for(a, -10), made_for(b, -8));
  CHECK(c.target == -10);
  CHECK_THAT(c.target_source, Catch::EndsWith("; B had -8"));
  c = compare_runs(made_for(a, -9, 1), made_for(b, -9, 1));
  CHECK(c.target == -10);
}

TEST_CASE("without a best known energy the better file's best is the target of both") {
  RunFileContents a = contents("a", 50, 0, 1);
  const RunFileContents b = contents("b", 50, 20, 1);
  const RunComparison c = compare_runs(a, b);
  CHECK(c.target == -10);
  CHECK(c.a.successes == 0);
  CHECK(c.answer.find("cannot be compared") != std::string::npos);
  // Equal files do not differ.
  CHECK(compare_runs(b, b).success_p == 1);
  a.problem_sha256 = "other";
  CHECK_THROWS_AS(compare_runs(a, b), InputError);
  RunFileContents cut_off = b;
  cut_off.finished = false;
  CHECK_THROWS_AS(compare_runs(b, cut_off), InputError);
}

TEST_CASE("runs that diverged or never began count in a comparison as they do in solve") {
  // Of 100 runs 10 succeed, 80 are lost after 5 of 100 steps with an energy that nothing has, 5 never began.
  RunFileContents a = contents("a", 100, 10, 2);
  for (std::size_t i = 10; i < 95; ++i) {
    a.diverged[i] = i < 90;
    a.rounds[i] = i < 90 ? 5 : 0;
    if (i < 90) a.energy_best[i] = -1000;
  }
  const RunComparison c = compare_runs(a, contents("b", 100, 10, 2));
  CHECK(c.target == -10);
  CHECK(c.a.best_energy == -10);
  CHECK(c.a.runs == 95);
  CHECK(c.a.successes == 10);
  CHECK(c.a.energies.size() == 20);
  // A lost run kept its place as long as the others: 100 steps each.
  CHECK(c.a.round_trips.value == Approx(100 * std::log(0.01) / std::log(1 - 10.0 / 95)));
  CHECK(c.a.wall_s.value == Approx(2.0 / 95 * std::log(0.01) / std::log(1 - 10.0 / 95)));

  RunFileContents lost = a;
  lost.diverged.assign(100, true);
  const RunComparison d = compare_runs(lost, contents("b", 100, 10, 2));
  CHECK(d.target == -10);
  CHECK(d.a.successes == 0);
  CHECK(run_comparison_html(d, "opoloop").find("B reaches the target more often") != std::string::npos);
}

TEST_CASE("rows of two experiments are matched by what tells them apart, not by their place") {
  const Sweep a = sweep({"sk", "sk", "wishart"}, {20, 40, 20}, {1, 2, kNan});
  const Sweep b = sweep({"wishart", "sk", "sk"}, {20, 40, 20}, {5, 6, 1});
  const SweepComparison c = compare_sweeps(a, "a.h5", b, "b.h5");
  CHECK(c.key == std::vector<std::string>{"name", "spins"});
  CHECK(c.matched == 3);
  REQUIRE(c.columns.size() == 1);
  CHECK(c.columns[0].compared == 2);
  CHECK(c.columns[0].equal == 1);
  CHECK(c.columns[0].only_b == 1);
  CHECK(c.columns[0].ratio_high == Approx(2.8));
  CHECK(c.columns[0].largest_change == Approx(4.0 / 6));
  CHECK(c.columns[0].largest_at == "sk, 40");
  CHECK(compare_sweeps(a, "a.h5", a, "a.h5").answer.find("Every number agrees") != std::string::npos);
  CHECK(sweep_comparison_html(c, "").find("largest change") != std::string::npos);
  Sweep other = b;
  other.experiment = "sweep";
  CHECK_THROWS_AS(compare_sweeps(a, "a.h5", other, "b.h5"), InputError);
  // Nothing says which of two equal rows is which.
  CHECK_THROWS_AS(compare_sweeps(sweep({"x", "x"}, {1, 1}, {1, 1}), "a", a, "b"), InputError);
}

TEST_CASE("a table of an experiment quotes what it must and keeps every digit") {
  const std::string csv = sweep_csv(sweep({"a,b", "say \"so\""}, {1, 2}, {0.1 + 0.2, kNan}));
  CHECK(csv == "name,spins,tts [s],problem\n\"a,b\",1,0.30000000000000004,\n\"say \"\"so\"\"\",2,,\n");
}

TEST_CASE("quantiles interpolate between order statistics") {
  CHECK(quantile_of({3, 1, 2}, 0.5) == 2);
  CHECK(quantile_of({0, 10}, 0.25) == Approx(2.5));
  CHECK(std::isinf(quantile_of({1, std::numeric_limits<double>::infinity()}, 0.5)));
  CHECK(quantile_of({1, std::numeric_limits<double>::infinity()}, 0.0) == 1);
}
