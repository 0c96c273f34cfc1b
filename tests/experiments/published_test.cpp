#include "experiments/published.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <sstream>

#include "cim_model/presets.h"
#include "core/error.h"
#include "driver/emulator_parameters.h"
#include "experiments/published_measure.h"
#include "experiments/published_table.h"
#include "hamiltonian/generators.h"
#include "tests/driver/temporary_folder.h"

using namespace opoloop;
using test::TemporaryFolder;

namespace {

/// A plan that takes a fraction of a second, without public instances.
PublishedOptions tiny(const TemporaryFolder& folder) {
  PublishedOptions o;
  o.sizes.moebius_runs = 16;
  o.sizes.instances = 2;
  o.sizes.reference_runs = 4;
  o.sizes.saturation_spins = 10;
  o.sizes.saturation_runs = 2;
  o.sizes.g2 = {1e-4, 1};
  o.sizes.scaling_spins = {8, 12};
  o.sizes.scaling_rounds = {20, 40};
  o.sizes.scaling_runs = 8;
  o.data = folder.path();
  return o;
}

bool same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

/// All but the wall time, which no two runs share.
bool same(const PublishedPoint& a, const PublishedPoint& b) {
  return a.task == b.task && a.part == b.part && a.instance == b.instance && a.series == b.series &&
         a.problem == b.problem && a.device == b.device && a.setting == b.setting &&
         a.target_source == b.target_source && same(a.spins, b.spins) && same(a.g2, b.g2) &&
         same(a.dt, b.dt) && same(a.rounds, b.rounds) && same(a.target_energy, b.target_energy) &&
         same(a.best_energy, b.best_energy) && same(a.trials, b.trials) && same(a.successes, b.successes) &&
         same(a.successes_final, b.successes_final) && same(a.mean_round, b.mean_round) &&
         same(a.sd_round, b.sd_round) && same(a.first_round, b.first_round);
}

PublishedPoint gset_point(double successes, double trials, double rounds) {
  PublishedPoint p;
  p.part = kGset;
  p.instance = "G22";
  p.series = "CAC, tuned";
  p.successes = successes;
  p.trials = trials;
  p.rounds = rounds;
  return p;
}

}  // namespace

TEST_CASE("published results: every planned row is there, missing instances say so, resume repeats nothing") {
  const TemporaryFolder folder;
  const PublishedOptions options = tiny(folder);
  std::vector<PublishedPoint> points;
  std::vector<std::string> measured;
  const auto note = [&](const std::string& task, std::size_t, std::size_t) { measured.push_back(task); };
  REQUIRE(measure_published(options, points, note));
  CHECK(measured.size() == published_tasks(options).size());
  CHECK(points.size() == measured.size());

  const auto rows = published_table(points, options.seed);
  const auto rows_of = [&](const std::string& part) {
    std::size_t n = 0;
    for (const PublishedRow& row : rows) n += row.part == part ? 1 : 0;
    return n;
  };
  CHECK(rows_of(kMoebius) == 4);
  CHECK(rows_of(kGset) == 12);  // nine settings, three of them on G22 with a row for P
  CHECK(rows_of(kK2000) == 5);
  CHECK(rows_of(kSaturation) == 8);
  CHECK(rows_of(kScaling) == 6);  // three laws, at the best and at one run length
  for (const PublishedRow& row : rows) {
    const bool needs_data = row.part == kGset || row.part == kK2000;
    INFO(row.what);
    CHECK((row.problem.find("not found, set OPOLOOP_DATA") != std::string::npos) == needs_data);
    CHECK((row.agreement() == Agreement::missing) == needs_data);
  }

  // Saved, loaded and gone on with: instances that were missing are looked for again, nothing else runs.
  const std::string file = folder.file("published.h5");
  save_published(file, points, options, "opoloop test", true);
  std::vector<PublishedPoint> again = load_published(file, options);
  REQUIRE(again.size() == points.size());
  for (std::size_t i = 0; i < points.size(); ++i) CHECK(same(points[i], again[i]));
  measured.clear();
  REQUIRE(measure_published(options, again, note));
  for (const std::string& task : measured) {
    INFO(task);
    CHECK((task.starts_with("gset/") || task.starts_with("k2000/")));
  }
  CHECK(measured.size() == 14);
  CHECK(again.size() == points.size());

  // What a kill lost is measured anew, with the same result.
  const PublishedPoint lost = points.back();
  points.pop_back();
  measured.clear();
  REQUIRE(measure_published(options, points, note));
  CHECK(measured.back() == lost.task);
  CHECK(measured.size() == 15);
  CHECK(std::any_of(points.begin(), points.end(), [&](const PublishedPoint& p) { return same(p, lost); }));

  PublishedOptions other = options;
  other.seed = 2;
  CHECK_THROWS_WITH(load_published(file, other), Catch::Contains("--seed 1, not 2"));
  other = options;
  other.sizes = PublishedSizes::quick();
  CHECK_THROWS_WITH(load_published(file, other), Catch::Contains("another plan"));
  CHECK_THROWS_AS(load_published(folder.file("absent.h5"), options), InputError);
}

TEST_CASE("published results: --only takes sections and names the known ones") {
  const TemporaryFolder folder;
  PublishedOptions options = tiny(folder);
  options.only = {kMoebius};
  CHECK(published_tasks(options).size() == 4);
  // Success on SK needs the ground energies of its instances, and only those.
  options.only = {kSaturation};
  for (const PublishedTask& task : published_tasks(options)) {
    CHECK((task.name.starts_with("saturation/") || task.name.starts_with("reference/N10/")));
  }
  options.only = {"nonsense"};
  CHECK_THROWS_WITH(published_tasks(options), Catch::Contains("nonsense") && Catch::Contains("k2000"));
}

TEST_CASE("published results: products to solution and how they are compared") {
  // T ln 0.01 / ln(1 − P): 20,000 products at P = 0.036 are the 2.52e6 printed for G22.
  auto rows = published_table({gset_point(36, 1000, 20000)}, 1);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].ours.value == Approx(20000 * std::log(0.01) / std::log(1 - 0.036)).epsilon(1e-12));
  CHECK(rows[0].ours.value == Approx(2.52e6).epsilon(0.0005 / 0.036));  // P is printed to two digits
  CHECK(rows[0].ours.low < rows[0].ours.value);
  CHECK(rows[0].ours.high > rows[0].ours.value);
  CHECK(rows[0].agreement() == Agreement::agrees);
  CHECK(rows[1].ours.value == 0.036);
  CHECK(rows[1].agreement() == Agreement::agrees);

  rows = published_table({gset_point(0, 1000, 20000)}, 1);
  CHECK(rows[0].lower_bound);
  CHECK(std::isinf(rows[0].ours.high));
  CHECK(rows[0].agreement() == Agreement::ours_worse);
  CHECK(rows[1].agreement() == Agreement::ours_worse);

  // 99.9% in every run: less work and more success are both better.
  rows = published_table({gset_point(999, 1000, 20000)}, 1);
  CHECK(rows[0].ours.value == 20000);
  CHECK(rows[0].agreement() == Agreement::ours_better);
  CHECK(rows[1].agreement() == Agreement::ours_better);

  PublishedRow row;
  row.ours = {1, 0.99, 1.01};
  CHECK(row.agreement() == Agreement::nothing_to_compare);
  row.theirs = {1.5, 1.45, 1.55};
  CHECK(row.agreement() == Agreement::factor_two);
  row.theirs = {2.5, 2.4, 2.6};
  CHECK(row.agreement() == Agreement::ours_better);
}

TEST_CASE("published results: the exponent of products to solution is that of the points") {
  // Every run succeeds, so the products to solution are the run length: exp(3 + 0.4 √N) by construction, and
  // a run twice as long is never the best.
  std::vector<PublishedPoint> points;
  for (const double spins : {40.0, 70.0, 100.0, 150.0}) {
    for (int instance = 0; instance < 5; ++instance) {
      for (const double factor : {1.0, 2.0}) {
        PublishedPoint p;
        p.part = kScaling;
        p.series = "CAC";
        p.spins = spins;
        p.rounds = factor * std::exp(3 + 0.4 * std::sqrt(spins));
        p.trials = p.successes = 10;
        p.best_energy = p.target_energy = -1;
        points.push_back(p);
      }
    }
  }
  points.back().best_energy = -2;
  const auto curves = scaling_curves(points, 1);
  REQUIRE(curves.size() ==
          2);  // at the best length of each N, and at one length for all: none is common here
  CHECK(curves[1].one_length);
  CHECK(curves[0].gamma.value == Approx(0.4).epsilon(1e-12));
  CHECK(curves[0].gamma.low == Approx(0.4).epsilon(1e-12));
  CHECK(curves[0].intercept == Approx(3).epsilon(1e-12));
  CHECK(curves[0].below_reference == 1);
  REQUIRE(curves[0].rounds.size() == 4);
  CHECK(curves[0].rounds[0] == Approx(std::exp(3 + 0.4 * std::sqrt(40.0))));
}

TEST_CASE("published results: success is pooled over instances and the half plateau interpolated") {
  std::vector<PublishedPoint> points;
  const auto add = [&](double g2, double successes) {
    PublishedPoint p;
    p.part = kSaturation;
    p.series = "CFC";
    p.spins = 100;
    p.g2 = g2;
    p.trials = 1000;
    p.successes = successes;
    points.push_back(p);
  };
  for (const double successes : {900, 700}) add(1e-4, successes);  // 0.8
  for (const double successes : {650, 550}) add(1e-2, successes);  // 0.6
  for (const double successes : {0, 400}) add(1, successes);       // 0.2
  const auto curves = saturation_curves(points);
  REQUIRE(curves.size() == 1);
  CHECK(curves[0].p == std::vector<double>{0.8, 0.6, 0.2});
  // 0.4 is half way from 0.6 to 0.2: at the geometric mean of 1e-2 and 1.
  const Estimate half = half_plateau(curves[0]);
  CHECK(half.value == Approx(0.1));
  CHECK(half.low < half.value);
  CHECK(half.high > half.value);
}

TEST_CASE("published results: first passage sees the round a run's best energy was found in") {
  const TemporaryFolder folder;
  const PublishedOptions options = tiny(folder);
  const auto problem = std::make_shared<Problem>(moebius_ladder(16));
  const std::map<std::string, std::string> parameters = {
      {"model", "truncated-wigner"}, {"law", "linear"}, {"dt", "0.05"}, {"g2", "1e-4"}, {"pump", "1.5"}};
  const double optimum = problem->energy_of_cut(22);
  const auto best = measure_runs(options, problem, {"emulator:", parameters, 40, 400}, optimum);
  LoopParameters loop = emulator_parameters(parameters, problem->ising);
  loop.rounds = 400;
  const auto passage =
      measure_first_passage(options, *problem, loop, 40, {optimum, problem->energy_of_cut(16)});
  REQUIRE(best);
  REQUIRE(passage);
  REQUIRE(passage->size() == 2);
  CHECK(best->successes > 0);
  CHECK((*passage)[0].successes == best->successes);
  CHECK((*passage)[0].successes_final == best->successes_final);
  CHECK((*passage)[0].mean_round == best->mean_round);
  CHECK((*passage)[0].first_round == best->first_round);
  // An easier target is reached no later.
  CHECK((*passage)[1].successes == 40);
  CHECK((*passage)[1].mean_round <= (*passage)[0].mean_round);
}

TEST_CASE("published results: the page and the table hold every row") {
  const TemporaryFolder folder;
  PublishedOptions options = tiny(folder);
  options.only = {kMoebius, kGset};
  std::vector<PublishedPoint> points;
  REQUIRE(measure_published(options, points));
  const auto rows = published_table(points, options.seed);
  std::ostringstream text;
  print_published_table(rows, text);
  const std::string html = published_html(points, options.seed, "opoloop <test>");
  for (const PublishedRow& row : rows) {
    INFO(row.what);
    CHECK(text.str().find(row.what) != std::string::npos);
    CHECK(html.find(row.what) != std::string::npos);
  }
  CHECK(html.find("opoloop &lt;test&gt;") != std::string::npos);
  CHECK(html.find("set OPOLOOP_DATA") != std::string::npos);
}
