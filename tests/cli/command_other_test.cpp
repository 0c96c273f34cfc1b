// devices, check, report and bench.

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cim_model/presets.h"
#include "tests/cli/command_fixture.h"

using nlohmann::json;
using opoloop::test::call;
using opoloop::test::TemporaryFolder;

TEST_CASE("devices lists schemes, machines and settings") {
  const auto ran = call({"devices"});
  CHECK(ran.code == 0);
  for (const char* scheme : {"emulator:", "annealing:", "dsb:", "bsb:", "exact:"}) CHECK(ran.out_has(scheme));
  for (const auto& machine : opoloop::machine_presets()) CHECK(ran.out_has(machine.name));
  for (const auto& preset : opoloop::loop_presets()) CHECK(ran.out_has(preset.name));
}

TEST_CASE("devices URI lists the parameters of that device") {
  for (const char* uri : {"emulator:", "annealing:", "dsb:", "bsb:"}) {
    const auto ran = call({"devices", uri});
    CAPTURE(uri, ran.err);
    CHECK(ran.code == 0);
    CHECK(std::count(ran.out.begin(), ran.out.end(), '\n') > 2);
  }
  CHECK(call({"devices", "emulator:"}).out_has("beta"));
  CHECK(call({"devices", "exact:"}).out_has("none"));
  const auto unknown = call({"devices", "quantum:"});
  CHECK(unknown.code == 2);
  CHECK(unknown.one_error_line());
}

TEST_CASE("devices --file checks a device file and prints what it sets") {
  const TemporaryFolder folder;
  const auto path =
      folder.file("twin.toml", "machine = \"ntt-2021\"\nadc_bits = 12\ndead_pulses = [3, 17]\n");
  const auto ran = call({"devices", "--file", path});
  CHECK(ran.code == 0);
  CHECK(ran.out_has("adc_bits                  12 bit"));
  CHECK(ran.out_has("dead_pulses               3,17"));
  CHECK(ran.out_has("ntt-2021: NTT 100,000-spin machine"));
  const auto wrong = call({"devices", "--file", folder.file("wrong.toml", "\nadc_bits = 0\n")});
  CHECK(wrong.code == 2);
  CHECK(wrong.one_error_line());
  CHECK(wrong.err_has("wrong.toml:2: 'adc_bits': adc_bits = 0: must be 1 to 24 bits"));
}

TEST_CASE("devices --preset prints a data sheet with its sources") {
  const auto ran = call({"devices", "--preset", "ntt-2016"});
  CHECK(ran.code == 0);
  CHECK(ran.out_has("2,048"));  // usable pulses, Inagaki et al. 2016
  CHECK(ran.out_has("5,082"));
  CHECK(ran.out_has("10.1126/science.aah4243"));
  for (const auto& preset : opoloop::loop_presets()) {
    const auto sheet = call({"devices", "--preset", preset.name});
    CAPTURE(preset.name);
    CHECK(sheet.code == 0);
    CHECK(sheet.out_has(preset.source));
  }
  const auto unknown = call({"devices", "--preset", "ntt-1066"});
  CHECK(unknown.code == 2);
  CHECK(unknown.err_has("ntt-2016"));
}

TEST_CASE("check and report refuse what is not a run file") {
  const TemporaryFolder folder;
  const auto text = folder.file("run.h5", "not HDF5");
  for (const std::string& path : {text, folder / "missing.h5"}) {
    const auto checked = call({"check", path});
    CAPTURE(path, checked.out, checked.err);
    CHECK(checked.code == 2);
    CHECK(checked.out.empty());
    CHECK(checked.one_error_line());
    const auto reported = call({"report", path, "--out", folder / "page.html"});
    CAPTURE(reported.err);
    CHECK(reported.code == 2);
    CHECK(reported.one_error_line());
    CHECK_FALSE(std::filesystem::exists(folder / "page.html"));
  }
}

TEST_CASE("check: an HDF5 file that is no run, or was cut short, breaks the schema") {
  const TemporaryFolder folder;
  const auto problem = folder / "p.h5";
  REQUIRE(call({"generate", "sk", "--n", "10", "--out", problem}).code == 0);
  const auto check = [&] {
    const auto ran = call({"check", problem});
    CAPTURE(ran.err);
    CHECK(ran.code == 1);
    CHECK(ran.out_has("breaks the schema"));
  };
  check();
  std::filesystem::resize_file(problem, std::filesystem::file_size(problem) / 2);
  check();
}

TEST_CASE("bench measures the machine and every cell that was asked for") {
  const auto ran = call({"bench", "--sizes", "20,33", "--batches", "1,17", "--storages", "dense,int8,sparse",
                         "--seconds", "0.002", "--json"});
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  const json j = json::parse(ran.out);
  CHECK(j["machine"]["fma_peak_gflops"] > 0);
  CHECK(j["machine"]["sgemm"].size() == 3);
  CHECK(j["machine"]["cache_gb_per_s"] > 0);
  CHECK(j["machine"]["memory_gb_per_s"] > 0);
  REQUIRE(j["engine"].size() == 2 * 2 * 3);
  for (const auto& cell : j["engine"]) {
    const double us = cell["us_per_round_trip"], n = cell["n"], gflops = cell["gflops"];
    CHECK(us > 0);
    CHECK(gflops == Approx(2 * n * n / us * 1e-3));
    CHECK(cell["share_of_peak"] == Approx(gflops / j["machine"]["fma_peak_gflops"].get<double>()));
  }
  const auto table =
      call({"bench", "--sizes", "20", "--batches", "1", "--storages", "int8", "--seconds", "0.002"});
  CHECK(table.code == 0);
  CHECK(table.out_has("multiply-add peak"));
  CHECK(table.out_has("int8"));
}
