#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "driver/run_file.h"
#include "hamiltonian/formats/file_bytes.h"
#include "tests/cli/command_fixture.h"
#include "tests/driver/spool_platform.h"

using namespace opoloop;
using test::call;
using test::Json;
using test::Ran;
using test::SpoolPlatform;
using test::TemporaryFolder;

TEST_CASE("solve hands a job to an offline machine and finishes it another day") {
  const TemporaryFolder folder;
  const std::string file = folder.file("g.txt", test::moebius16());
  const std::string run = folder / "run.h5";
  const std::string device = "spool:" + (folder / "jobs");
  REQUIRE(call({"solve", file, "--out", run, "--runs", "2", "--steps", "20", "--quiet"}).code == 0);
  const std::string before = read_file_bytes(run, 1 << 24);

  const Ran waits = call({"solve", file, "--device", device, "--runs", "6", "--out", run});
  CHECK(waits.code == 75);
  CHECK(waits.out.empty());
  REQUIRE(waits.err.starts_with("job "));
  const std::string id = waits.err.substr(4, 32);
  CHECK(waits.err_has("--resume-job " + id));
  CHECK(read_file_bytes(run, 1 << 24) == before);  // an earlier run is not lost for it
  CHECK(std::filesystem::exists(folder / ("jobs/" + id + ".csv")));

  const std::vector<std::string> resume = {"solve", file, "--device",     device, "--runs", "6",
                                           "--out", run,  "--resume-job", id,     "--json"};
  CHECK(call(resume).code == 75);
  CHECK(SpoolPlatform(folder / "jobs").answer_all() == 1);
  const Ran done = call(resume);
  REQUIRE(done.code == 0);
  const Json answer = Json::parse(done.out);
  CHECK(answer.at("best_cut") == 22);
  CHECK(answer.at("runs") == 6);
  CHECK(check_run_file(run).ok);
  const RunFileContents contents = read_run_file(run);
  CHECK(contents.device_uri == device);
  REQUIRE(contents.adaptations.size() == 1);
  CHECK(contents.adaptations[0].find("dense matrix") != std::string::npos);

  const Ran other = call({"solve", file, "--device", device, "--runs", "7", "--resume-job", id});
  CHECK(other.code == 2);
  CHECK(other.one_error_line());
  CHECK(other.err_has("is another one"));
}

TEST_CASE("a time limit ends the waiting for an offline machine, with the way back") {
  const TemporaryFolder folder;
  const std::string file = folder.file("g.txt", test::moebius16());
  const Ran ran = call({"solve", file, "--device", "spool:" + (folder / "jobs"), "--time-limit", "0.01"});
  CHECK(ran.code == 0);
  CHECK(ran.err_has("warning: spool: no answer yet; --resume-job "));
}

TEST_CASE("devices tells what machines elsewhere take, and asks none of them") {
  const Ran all = call({"devices"});
  for (const char* uri : {"quanfluence://HOST/device/ID", "kaiwu:CPQC-550", "spool:FOLDER"}) {
    CHECK(all.out_has(uri));
  }
  CHECK(call({"devices", "spool:jobs"}).out_has("form"));
  CHECK(call({"devices", "kaiwu:CPQC-550"}).out_has("task_mode"));
  CHECK(call({"devices", "quanfluence://example.invalid/device/1"}).out_has("noise_stdev"));
}
