#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>
#include <string>
#include <variant>

#include "core/error.h"
#include "core/public_data.h"
#include "experiments/applications/application_instances.h"
#include "experiments/applications/application_pictures.h"
#include "experiments/applications/applications_report.h"
#include "experiments/applications/solve_application.h"
#include "tests/driver/temporary_folder.h"

namespace opoloop {
namespace {

using Catch::Matchers::Contains;

ApplicationRow measured(const std::string& application, const std::string& instance, int threads = 1) {
  PointContext context;
  context.threads = threads;
  const auto row = measure_application({application, instance, 1, kApplicationsDevice}, "nowhere", context);
  REQUIRE(row);
  return *row;
}

/// What must hold for a row of any application.
void check_row(const ApplicationRow& row) {
  CHECK(row.runs > 0);
  CHECK(row.feasible > 0);
  CHECK(row.successes <= row.feasible);
  CHECK(row.feasible <= row.runs);
  CHECK(row.solved <= row.qubos);
  CHECK(row.penalty > row.penalty_bound);
  // No feasible state is below a proven optimum.
  if (row.proven == row.qubos) {
    CHECK(row.best_value >= row.reference_value - 1e-6 * std::abs(row.reference_value));
  }
  CHECK(std::isfinite(row.merit));
  const auto picture = application_picture(row, "nowhere");
  REQUIRE(picture);
  CHECK(picture->svg.starts_with("<svg"));
  CHECK(picture->svg.ends_with("</svg>"));
}

}  // namespace

TEST_CASE("applications experiment: independent set, end to end") {
  const ApplicationRow row = measured(kIndependentSet, "hard-16");
  check_row(row);
  CHECK(row.merit == 6);  // planted: a third of the spins less one, and one more
  CHECK(row.solved == 1);
}

TEST_CASE("applications experiment: tracking, end to end") {
  const ApplicationRow row = measured(kTracking, "2x4");
  check_row(row);
  CHECK(row.solved == 1);
  CHECK(row.merit == row.merit_reference);
}

TEST_CASE("applications experiment: super-resolution, end to end") {
  const ApplicationRow row = measured(kSuperResolution, "picture-12");
  check_row(row);
  CHECK(row.qubos > 2);
  CHECK(row.merit_baseline < 100);
}

TEST_CASE("applications experiment: design, end to end, is better than the random designs it began with") {
  const ApplicationRow row = measured(kDesign, "film-3x5");
  check_row(row);
  CHECK(row.qubos == 60);
  CHECK(row.merit == Approx(row.merit_reference));  // 80 of 125 designs, the best among them
}

TEST_CASE("applications experiment: clustering, end to end, in both encodings") {
  const ApplicationRow spins = measured(kClustering, "two-way-12");
  check_row(spins);
  CHECK(spins.solved == 1);
  CHECK(spins.spins == 12);
  const ApplicationRow one_hot = measured(kClustering, "blobs-9x3");
  check_row(one_hot);
  CHECK(one_hot.spins == 27);
}

TEST_CASE("applications experiment: threads change no number") {
  ApplicationRow one = measured(kTracking, "2x4", 1), two = measured(kTracking, "2x4", 2);
  one.wall_s = two.wall_s = 0;
  CHECK(values_of(one) == values_of(two));
}

TEST_CASE("applications experiment: the plan names its points and what is missing") {
  const test::TemporaryFolder folder;
  ApplicationsOptions options;
  options.data = folder.path();
  const ApplicationsPlan plan(options);
  CHECK(plan.size() > 30);
  CHECK_THAT(plan.missing(), Contains("karate.gph") && Contains("mnist") && Contains("OPOLOOP_DATA"));
  CHECK_THAT(plan.name(0), Contains("independent-set hard-31 seed 1 on emulator:?dt=0.05"));
  options.quick = true;
  options.only = {kClustering};
  options.instances = 3;
  options.seed = 10;
  const ApplicationsPlan quick(options);
  CHECK(quick.size() == 6);
  CHECK(quick.points().back().seed == 12);
  CHECK(quick.description() != plan.description());
  PointContext context;
  const auto values = quick.measure(0, context);
  REQUIRE(values);
  REQUIRE(values->size() == quick.columns().size());
  for (std::size_t k = 0; k < values->size(); ++k) {
    CHECK(std::holds_alternative<std::string>((*values)[k]) == quick.columns()[k].text);
  }
  context.stop = [] { return true; };
  CHECK_FALSE(quick.measure(0, context));
  options.only = {"karate"};
  CHECK_THROWS_WITH(ApplicationsPlan(options), Contains("independent-set, tracking"));
  options.only = {};
  options.devices = {"nothing:"};
  CHECK_THROWS_AS(ApplicationsPlan(options), InputError);
  CHECK_THROWS_AS(clustering_instance("blobs-12", 1, ""), InputError);
  CHECK_THROWS_AS(tracking_instance("3x", 1), InputError);
  CHECK_THROWS_AS(design_instance("film-9x9"), InputError);
}

TEST_CASE("applications experiment: a summary counts runs, solved problems and merits") {
  ApplicationRow good;
  good.application = kDesign;  // less is better
  good.instance = "film-3x5";
  good.device = "emulator:";
  good.qubos = good.solved = good.proven = 2;
  good.runs = 20;
  good.feasible = 18;
  good.successes = 10;
  good.merit = good.merit_reference = 1;
  good.merit_baseline = 2;
  good.reference_value = -4;
  good.best_value = -3;
  ApplicationRow bad = good;
  bad.solved = 0;
  bad.successes = 0;
  bad.merit = 3;
  ApplicationRow failed;
  failed.application = kDesign;
  const auto all = summarise({good, bad, failed});
  REQUIRE(all.size() == 1);
  CHECK(all[0].points == 2);
  CHECK(all[0].runs == 40);
  CHECK(all[0].solved == 2);
  CHECK(all[0].merit_at_least == 1);
  CHECK(all[0].merit_beats == 1);
  CHECK(all[0].merit_below == 1);
  std::ostringstream text, json;
  print_applications({good, bad, failed}, "left out: x", text);
  CHECK_THAT(text.str(), Contains("90.0% of the runs keep every constraint, 25.0% reach the reference"));
  CHECK_THAT(text.str(), Contains("left out: x"));
  print_applications_json({good, bad}, "", true, json);
  CHECK_THAT(json.str(), Contains("\"qubos_solved\":2.0") && Contains("\"worse_than_simple\":1"));
  const std::string page = applications_html({good, bad, failed}, "", "nowhere", "opoloop <x>");
  CHECK_THAT(page, Contains("opoloop &lt;x&gt;") && Contains("2 of 4") && Contains("film-3x5"));
}

TEST_CASE("applications experiment: known optima of public graphs are reached") {
  const std::filesystem::path data = public_data_folder();
  if (!std::filesystem::is_directory(data / "small")) {
    WARN("public instances not found; set OPOLOOP_DATA (skipping)");
    return;
  }
  PointContext context;
  for (const char* name : {"karate", "ibm32", "farm", "mammalia-kangaroo-interactions", "johnson8-2-4",
                           "sloane_1dc_64", "es60fst01"}) {
    INFO(name);
    const auto row = measure_application(
        {kIndependentSet, std::string("small/mis/") + name + ".gph", 1, kApplicationsDevice}, data, context);
    REQUIRE(row);
    CHECK(row->proven == 1);
    CHECK(row->merit == row->merit_reference);
  }
}

}  // namespace opoloop
