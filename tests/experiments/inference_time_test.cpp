#include "experiments/inference_time.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <sstream>

#include "cim_model/presets.h"
#include "core/error.h"
#include "experiments/inference_report.h"
#include "tests/driver/temporary_folder.h"

using namespace opoloop;
using opoloop::test::TemporaryFolder;

namespace {

InferenceOptions small() {
  InferenceOptions options;
  options.plan.tokens = {8};
  options.plan.heads = {1, 2};
  options.plan.width = 4;
  options.plan.repetitions = 2;
  options.plan.published = false;
  options.plan.batch_spins = 64;
  options.plan.reference_sweeps = 50;
  return options;
}

const InferenceRow& row_of(const std::vector<InferenceRow>& rows, const std::string& method, double heads) {
  const auto at = std::find_if(rows.begin(), rows.end(), [&](const InferenceRow& row) {
    return row.method == method && row.heads == heads;
  });
  REQUIRE(at != rows.end());
  return *at;
}

}  // namespace

TEST_CASE(
    "inference-time: sizes are the published one, then ascending, with batches of about as many spins") {
  const auto sizes = InferencePlan().sizes();
  REQUIRE(sizes.size() == 22);
  CHECK(sizes[0].batch == 128);
  CHECK(sizes[0].heads == 8);
  CHECK(sizes[0].tokens == 49);
  for (std::size_t k = 1; k < sizes.size(); ++k) {
    CHECK(sizes[k].batch >= 2);
    CHECK(sizes[k].batch <= 128);
    if (k > 1) CHECK(sizes[k].heads * sizes[k].tokens >= sizes[k - 1].heads * sizes[k - 1].tokens);
  }
  CHECK(sizes.back().batch * sizes.back().heads * sizes.back().tokens == 32768);
}

TEST_CASE("inference-time: energies are measured against the exact optimum when a method proves it") {
  InferenceOptions options = small();
  options.device = "exact:";
  std::vector<InferenceRow> rows;
  REQUIRE(measure_inference(options, rows));
  for (const double H : {1.0, 2.0}) {
    const InferenceRow& exact = row_of(rows, "exact:", H);
    CHECK(exact.problem.empty());
    CHECK(exact.found == Approx(1).epsilon(1e-12));
    CHECK(energy_gap(exact) == Approx(0).margin(1e-12));
    for (const char* method : {"published annealing", "published greedy", "annealing", "emulator"}) {
      const InferenceRow& row = row_of(rows, method, H);
      CHECK(row.energy >= exact.energy - 1e-9);
      CHECK(row.reference_energy == Approx(exact.energy).epsilon(1e-12));
      CHECK(row.total_s >= row.solve_s);
      CHECK(row.steps > 0);
      CHECK(row.runs > 0);
    }
    // 40 reads of 120 sweeps, and 16 runs, on at most 16 spins.
    CHECK(row_of(rows, "annealing", H).found == Approx(1));
    CHECK(row_of(rows, "emulator", H).found == Approx(1));
    CHECK(row_of(rows, "published greedy", H).steps == 3);
    CHECK(row_of(rows, "published greedy", H).runs == 200);
    CHECK(std::isnan(row_of(rows, "softmax", H).energy));
    CHECK(row_of(rows, "softmax", H).total_s > 0);
  }
}

TEST_CASE("inference-time: a device that is too small is said so in its row, the others go on") {
  InferenceOptions options = small();
  options.plan.tokens = {32};
  options.plan.heads = {1};
  options.device = "exact:";
  std::vector<InferenceRow> rows;
  REQUIRE(measure_inference(options, rows));
  CHECK_THAT(row_of(rows, "exact:", 1).problem, Catch::Contains("24"));
  CHECK(std::isnan(row_of(rows, "exact:", 1).total_s));
  CHECK(row_of(rows, "emulator", 1).problem.empty());
  std::ostringstream out;
  print_inference(inference_answer(rows), rows, out);
  CHECK_THAT(out.str(), Catch::Contains("24"));
}

TEST_CASE("inference-time: a file is gone on with, and refused under another plan or seed") {
  const TemporaryFolder folder;
  const std::string path = folder / "i.h5";
  const InferenceOptions options = small();
  std::vector<InferenceRow> rows;
  REQUIRE(measure_inference(options, rows));
  const auto all = rows;
  rows.resize(inference_methods("").size());  // the first size only
  save_inference(path, rows, options, "opoloop", false);
  auto again = load_inference(path, options);
  REQUIRE(again.size() == rows.size());
  CHECK(again[1].energy == rows[1].energy);
  REQUIRE(measure_inference(options, again));
  REQUIRE(again.size() == all.size());
  for (std::size_t k = 0; k < all.size(); ++k) {
    CHECK(again[k].method == all[k].method);
    CHECK((again[k].energy == all[k].energy || std::isnan(all[k].energy)));
  }
  CHECK(again[0].total_s == all[0].total_s);  // not measured again
  InferenceOptions other = options;
  other.plan.tokens = {9};
  CHECK_THROWS_AS(load_inference(path, other), InputError);
  other = options;
  other.seed = 2;
  CHECK_THROWS_AS(load_inference(path, other), InputError);
}

TEST_CASE("inference-time: energies do not depend on threads") {
  InferenceOptions options = small();
  options.plan.heads = {2};
  std::vector<InferenceRow> one, three;
  REQUIRE(measure_inference(options, one));
  options.threads = 3;
  REQUIRE(measure_inference(options, three));
  REQUIRE(one.size() == three.size());
  for (std::size_t k = 0; k < one.size(); ++k) {
    CHECK((one[k].energy == three[k].energy || std::isnan(one[k].energy)));
  }
}

TEST_CASE("inference-time: machine times are trips times the sheet's round trip, for machines large enough") {
  InferenceRow row;
  row.method = "emulator";
  row.batch = 4;
  row.heads = 8;
  row.tokens = 64;
  row.spins = 512;
  row.runs = 16;
  row.steps = 50;
  row.total_s = 1;
  const InferenceAnswer answer = inference_answer({row});
  bool found = false;
  for (const MachineInference& m : answer.machines) {
    CHECK(m.machine != "stanford-2016");  // 100 pulses
    if (m.machine != "ntt-2016") continue;
    found = true;
    CHECK(m.seconds == Approx(16 * 50 * 5.082e-6));
  }
  CHECK(found);
}

TEST_CASE("inference-time: the page has the paper's numbers beside ours and a figure's place for each H") {
  std::vector<InferenceRow> rows;
  for (const char* method : {"softmax", "published annealing", "published greedy", "emulator"}) {
    InferenceRow row;
    row.method = method;
    row.batch = 128;
    row.heads = 8;
    row.tokens = 49;
    row.width = 64;
    row.threads = 2;
    row.total_s = 0.642;
    if (row.method != "softmax") row.energy = row.reference_energy = -3;
    rows.push_back(row);
  }
  const InferenceAnswer answer = inference_answer(rows);
  REQUIRE(answer.published.size() == 2);
  CHECK(answer.published[0].ours_ms / answer.published[0].theirs_ms == Approx(0.5));
  const std::string html = inference_html(answer, rows, {}, "opoloop <x>");
  CHECK_THAT(html, Catch::Contains("1.28 s") && Catch::Contains("503 ms") && Catch::Contains("&lt;x&gt;"));
}
