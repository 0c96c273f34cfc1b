#include "cli/point_experiment.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <sstream>

#include "driver/sweep_file.h"
#include "experiments/points/point_merge.h"
#include "tests/cli/command_fixture.h"
#include "tests/driver/scoped_variables.h"
#include "tests/experiments/toy_plan.h"

using namespace opoloop;
using test::TemporaryFolder;
using test::ToyPlan;

namespace {

struct PointsRan {
  int code = 0;
  std::string out, err;
  int reports = 0;
  PointResults results;
  std::size_t rows = 0;
};

PointsRan run(const PointPlan& plan, const ExperimentOptions& options) {
  PointsRan ran;
  std::ostringstream out, err;
  ran.code = run_point_experiment(plan, options, "opoloop experiment toy", {out, err},
                                  [&](const PointResults& results) {
                                    ++ran.reports;
                                    ran.results = results;
                                    ran.rows = read_sweep_file(results.file).rows();
                                  });
  ran.out = out.str();
  ran.err = err.str();
  return ran;
}

}  // namespace

TEST_CASE("point experiment: without --out the points vanish after the report") {
  const PointsRan ran = run(ToyPlan(7), {});
  CHECK(ran.code == 0);
  CHECK(ran.reports == 1);
  CHECK(ran.rows == 7);
  CHECK(ran.results.complete());
  CHECK_FALSE(std::filesystem::exists(std::filesystem::path(ran.results.file).parent_path()));
  CHECK(ran.out.empty());
  CHECK(ran.err.empty());
}

TEST_CASE("point experiment: failed points are told, exit code 1, and --retry-failed mends it") {
  const TemporaryFolder folder;
  ToyPlan plan(7);
  plan.failing = {3};
  ExperimentOptions options;
  options.out = folder / "a.h5";
  const PointsRan bad = run(plan, options);
  CHECK(bad.code == 1);
  CHECK(bad.reports == 1);
  CHECK(bad.results.failed == 1);
  CHECK(bad.err.find("1 of 7 points failed") != std::string::npos);
  CHECK(bad.err.find("  toy 3: point 3 cannot be measured\n") != std::string::npos);
  CHECK(bad.out == "points: " + (folder / "a.h5") + "\n");
  options.out.clear();
  options.resume = folder / "a.h5";
  CHECK(run(plan, options).code == 1);  // nothing new, still failed
  options.retry_failed = true;
  plan.failing = {};
  const PointsRan good = run(plan, options);
  CHECK(good.code == 0);
  CHECK(good.rows == 7);
  options.resume.clear();
  CHECK_THROWS_WITH(run(plan, options), Catch::Contains("needs --resume"));
  options.out = folder / "b.h5";
  options.resume = folder / "a.h5";
  CHECK_THROWS_WITH(run(plan, options), Catch::Contains("in their own file"));
}

TEST_CASE("point experiment: shares of an array say which they are, the last one reports, merge by hand") {
  const TemporaryFolder folder;
  ToyPlan plan(11);
  plan.failing = {5};
  ExperimentOptions options;
  options.name = "toy";
  options.array = "2/2";
  options.threads = 1;
  CHECK_THROWS_WITH(run(plan, options), Catch::Contains("--out must say where"));
  options.out = folder / "a.h5";
  const PointsRan second = run(plan, options);
  CHECK(second.code == 0);
  CHECK(second.reports == 0);
  CHECK(second.out.empty());
  CHECK(second.err.find("share 2 of 2 (--array 2/2): 1 thread\n") != std::string::npos);
  CHECK(second.err.find("done; ") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder / "a.h5"));
  CHECK_THROWS_WITH(run(plan, options), Catch::Contains("go on with --resume"));

  for (const char* name : {"a.h5", "a.h5.parts", "a.h5.parts/"}) {
    const test::Ran merged = test::call({"experiment", "merge", folder / name});
    CHECK(merged.code == 0);
    CHECK(merged.out_has("of 11 points, not complete"));
    CHECK_FALSE(read_sweep_file(folder / "a.h5").complete);
  }
  options.array = "1/2";
  const PointsRan first = run(plan, options);
  CHECK(first.code == 1);  // the only one that knows of all failures
  CHECK(first.reports == 1);
  CHECK(first.rows == 11);
  const test::Ran merged =
      test::call({"experiment", "merge", folder / "a.h5", "--json", "--out", folder / "b.h5"});
  CHECK(merged.out == "{\"points\": 11, \"finished\": 11, \"failed\": 1, \"complete\": true}\n");
  CHECK(read_sweep_file(folder / "b.h5").rows() == 11);
  // Over its own file, but over no other.
  const std::string other = folder.file("other.txt", "mine");
  const test::Ran foreign = test::call({"experiment", "merge", folder / "a.h5", "--out", other});
  CHECK(foreign.code == 2);
  CHECK(foreign.one_error_line());
  CHECK(foreign.err_has("is no experiment file"));
  CHECK(std::filesystem::file_size(other) == 4);
}

TEST_CASE("point experiment: ranks of a launcher are found in the environment") {
  const TemporaryFolder folder;
  const test::ScopedVariables variables({{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}});
  ExperimentOptions options;
  options.out = folder / "a.h5";
  const PointsRan ran = run(ToyPlan(11), options);
  CHECK(ran.reports == 0);
  CHECK(ran.err.starts_with("share 2 of 2 (Open MPI)"));
  CHECK(std::filesystem::exists(shard_path(parts_folder(folder / "a.h5"), 1, 2)));
  options.array = "1/1";
  options.out = folder / "b.h5";
  CHECK(run(ToyPlan(11), options).rows == 11);
}

TEST_CASE("experiment merge: what is not there is said in one line") {
  const TemporaryFolder folder;
  const test::Ran none = test::call({"experiment", "merge", folder / "no.h5"});
  CHECK(none.code == 2);
  CHECK(none.one_error_line());
  CHECK(none.err_has("no measured points there"));
  CHECK(test::call({"experiment", "merge"}).code == 2);
  CHECK(test::call({"experiment", "published", "file"}).err_has("FILE is not an option of it"));
  CHECK(test::call({"experiment", "published", "--array", "1/2"}).err_has("--array is not an option of it"));
}
