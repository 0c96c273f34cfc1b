#include "experiments/gap_tts.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <set>
#include <sstream>

#include "core/error.h"
#include "core/public_data.h"
#include "core/random.h"
#include "driver/sweep_file.h"
#include "experiments/gap_tts_report.h"
#include "experiments/points/run_points.h"
#include "tests/driver/temporary_folder.h"

using namespace opoloop;
using opoloop::test::TemporaryFolder;

namespace {

GapTtsOptions tiny(const TemporaryFolder& folder) {
  GapTtsOptions options;
  options.plan.spins = {5, 6};
  options.plan.instances = 2;
  options.plan.tile_instances = 0;
  options.plan.runs = 32;
  options.plan.chain_runs = 200;
  options.plan.points = 8;
  options.plan.resamples = 50;
  options.data = folder / "nothing";
  return options;
}

/// All but the wall time.
bool same(const GapTtsRow& a, const GapTtsRow& b) {
  const auto equal = [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); };
  return a.family == b.family && a.instance == b.instance && a.seed == b.seed && a.problem == b.problem &&
         equal(a.spins, b.spins) && equal(a.index, b.index) && equal(a.ground_energy, b.ground_energy) &&
         equal(a.beta, b.beta) && equal(a.chain_gap, b.chain_gap) && equal(a.chain_bound, b.chain_bound) &&
         equal(a.hitting_time, b.hitting_time) && equal(a.quantum_gap, b.quantum_gap) &&
         equal(a.machine_gap, b.machine_gap) && equal(a.chain_mean, b.chain_mean) &&
         equal(a.chain_tts, b.chain_tts) && a.trials == b.trials && a.successes == b.successes;
}

/// Rows with times by construction: TTS of every machine = (1/chain gap)^power.
std::vector<GapTtsRow> made_rows(double power) {
  std::vector<GapTtsRow> rows;
  RandomSequence random(3, Stream::generator);
  for (int k = 0; k < 40; ++k) {
    GapTtsRow row;
    row.family = k % 2 == 0 ? kFamilySk : kFamilyMis;
    row.spins = 8;
    row.index = k;
    const double difficulty = 0.05 + random.uniform();
    row.chain_gap = std::exp(-difficulty);
    row.quantum_gap = random.uniform() + 0.01;
    row.machine_gap = random.uniform() + 0.01;
    row.chain_bound = 1e4;
    row.hitting_time = 100;
    row.adiabatic_time = 1;
    row.chain_runs = 100;
    row.chain_mean = 100;
    row.chain_sd = 100;
    row.chain_tts = 400 + random.uniform();
    row.chain_beyond = 0;
    for (std::size_t s = 0; s < gap_tts_settings().size(); ++s) {
      row.trials.push_back(1e9);
      // P so that TTS is `rounds` times e^(power · difficulty) · 10.
      const double runs = 10 * std::exp(power * difficulty);
      row.successes.push_back(1e9 * (1 - std::pow(0.01, 1 / runs)));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

TEST_CASE("gap-tts: instances are functions of seed, family, size and index, and differ") {
  const TemporaryFolder folder;
  GapTtsOptions options = tiny(folder);
  std::string missing;
  const auto items = gap_tts_items(options, &missing);
  CHECK_THAT(missing, Catch::Contains("qama left out") && Catch::Contains("OPOLOOP_DATA"));
  REQUIRE(items.size() == 4 * 2 * 2);
  std::set<std::uint64_t> seeds;
  for (const GapTtsItem& item : items) {
    seeds.insert(item.seed);
    const Problem problem = gap_tts_problem(item, options.data);
    INFO(problem.source);
    CHECK(problem.ising.size() == item.spins);
    const Problem again = gap_tts_problem(item, options.data);
    CHECK(again.ising.edge_count() == problem.ising.edge_count());
    const std::vector<std::int8_t> up(static_cast<std::size_t>(item.spins), 1);
    CHECK(again.ising.energy(up) == problem.ising.energy(up));
    CHECK(problem.ising.has_field() == (item.family == kFamilyQamaRandom || item.family == kFamilyMis));
  }
  CHECK(seeds.size() == items.size());
  // More instances of a size leave those there were as they are.
  options.plan.instances = 3;
  options.plan.spins = {6};
  for (const GapTtsItem& item : gap_tts_items(options))
    CHECK(seeds.count(item.seed) == (item.index < 2 ? 1 : 0));
  options.only = {"nonsense"};
  CHECK_THROWS_WITH(gap_tts_items(options), Catch::Contains("wishart"));
  options.only = {};
  options.plan.spins = {17};
  CHECK_THROWS_WITH(gap_tts_items(options), Catch::Contains("--spins"));
}

TEST_CASE("gap-tts: a size that is given twice would count its instances twice, and is refused") {
  GapTtsOptions options;
  options.plan.spins = {8, 9, 8};
  CHECK_THROWS_WITH(gap_tts_items(options), Catch::Contains("--spins 8: is given twice"));
}

TEST_CASE("gap-tts: QAMA problems of real images") {
  GapTtsOptions options;
  options.data = public_data_folder();
  options.plan.spins = {6};
  options.plan.instances = 2;
  options.plan.tile_instances = 0;
  options.only = {kFamilyQama};
  const auto items = gap_tts_items(options);
  if (items.empty()) {
    WARN("no digits in " << options.data << ": set OPOLOOP_DATA");
    return;
  }
  REQUIRE(items.size() == 2);
  for (const GapTtsItem& item : items) {
    const Problem problem = gap_tts_problem(item, options.data);
    CHECK(problem.ising.size() == 6);
    CHECK(problem.ising.has_field());
    CHECK_THAT(problem.source, Catch::Contains("digits image"));
  }
}

TEST_CASE("gap-tts: threads and an interruption change no row, and the chain obeys its bound") {
  const TemporaryFolder folder;
  const GapTtsOptions options = tiny(folder);
  const GapTtsPoints plan(options);
  PointRunOptions run;
  run.file = folder / "whole.h5";
  REQUIRE(run_points(plan, run).complete());
  const std::vector<GapTtsRow> whole = gap_tts_rows(read_sweep_file(run.file));
  REQUIRE(whole.size() == 16);
  for (const GapTtsRow& row : whole) {
    INFO(row.instance);
    CHECK(row.problem.empty());
    CHECK(row.trials == std::vector<double>(gap_tts_settings().size(), 32));
    CHECK(row.chain_beyond == 0);
    CHECK(row.chain_tts <= row.chain_bound);
    // The simulated mean against the solver's: 200 runs.
    CHECK(std::abs(row.chain_mean - row.hitting_time) < 5 * row.chain_sd / std::sqrt(row.chain_runs));
  }

  // Two threads, stopped after the first points and gone on with.
  run.file = folder / "parts.h5";
  run.threads = 2;
  std::uint64_t finished = 0;
  run.progress = [&](const PointProgress& progress) { finished = progress.finished; };
  run.stop = [&] { return finished >= 2; };
  const PointOutcome first = run_points(plan, run);
  CHECK(first.stopped);
  CHECK(first.finished < 16);
  run.stop = {};
  run.start = PointStart::resume;
  const PointOutcome second = run_points(plan, run);
  CHECK(second.complete());
  CHECK(second.measured_here == 16 - first.finished);
  const std::vector<GapTtsRow> rows = gap_tts_rows(read_sweep_file(run.file));
  REQUIRE(rows.size() == whole.size());
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(same(rows[i], whole[i]));

  GapTtsOptions other = options;
  other.plan.instances = 3;
  CHECK_THROWS_WITH(run_points(GapTtsPoints(other), run), Catch::Contains("another plan"));

  const GapTtsAnswer answer = gap_tts_answer(whole, options.plan.resamples, 1, 1);
  CHECK(answer.families.size() == 4);
  CHECK(answer.left_out == 0);
  CHECK(answer.chain.instances == 16);
  CHECK(answer.chain.violated == 0);
  CHECK(answer.sentences[0].starts_with("Does the gap predict"));
  std::ostringstream text;
  print_gap_tts(answer, "family qama left out", text);
  CHECK(text.str().find("Does the gap predict") == 0);
  const std::string html = gap_tts_html(answer, whole, "family qama left out", options, "opoloop <test>");
  CHECK(html.find("opoloop &lt;test&gt;") != std::string::npos);
  CHECK(html.find("family qama left out") != std::string::npos);
}

TEST_CASE("gap-tts: the answer says what the rows say") {
  // Times that follow the chain's gap, by construction.
  const auto yes = gap_tts_answer(made_rows(2), 400, 1, 1);
  CHECK(yes.pooled.mean_rho[0].value == Approx(1));
  CHECK(yes.pooled.slope[0][0].value == Approx(2).epsilon(1e-6));
  CHECK_THAT(yes.sentences[0], Catch::Contains("By the chain's gap: yes") &&
                                   Catch::Contains("by the quantum gap: no, not told apart"));
  CHECK_THAT(yes.sentences[1], Catch::Contains("the chain's gap predicts it best, ahead of"));
  CHECK(yes.chain.median_ratio == Approx(25).epsilon(0.01));
  CHECK(yes.chain.rms_z == 0);
  // The other way round: a larger gap takes longer.
  const auto reversed = gap_tts_answer(made_rows(-2), 400, 1, 1);
  CHECK_THAT(reversed.sentences[0], Catch::Contains("By the chain's gap: no, the other way round"));
  CHECK_THAT(reversed.sentences[1], Catch::Contains("None of the three"));

  auto rows = made_rows(2);
  rows[0].successes.assign(gap_tts_settings().size(), 0);  // never solved: a tie at the top
  rows[1].quantum_gap = GapTtsRow::kNone;                  // not found: left out, and said so
  rows[2].chain_beyond = 40;                               // of 100: no sampling error
  const auto flawed = gap_tts_answer(rows, 100, 1, 1);
  CHECK(flawed.rows == 40);
  CHECK(flawed.left_out == 1);
  CHECK(flawed.pooled.items == 39);
  CHECK(flawed.pooled.slope_items[0][0] == 38);
  CHECK(flawed.never[0] == 1);
  CHECK(flawed.chain.violated == 1);
  CHECK(std::isinf(gap_tts_outcomes(rows[0])[0]));
  CHECK_THAT(flawed.sentences.back(), Catch::Contains("VIOLATED on 1"));
  CHECK_THAT(gap_tts_answer({}, 10, 1, 1).sentences[1], Catch::Contains("Too few"));
  rows.resize(12);
  CHECK_THAT(gap_tts_answer(rows, 50, 1, 1).sentences[0], Catch::Contains("too few instances to say"));
}
