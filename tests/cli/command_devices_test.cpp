// What devices prints of settings, parameters and device files; command_other_test.cpp has its other tests.

#include <catch2/catch.hpp>
#include <sstream>
#include <string>

#include "cim_model/presets.h"
#include "tests/cli/command_fixture.h"

using opoloop::test::call;
using opoloop::test::TemporaryFolder;

namespace {

/// The rest of the line that starts with this label, or "absent".
std::string row(const std::string& text, const std::string& label) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("  " + label + " ", 0) != 0) continue;
    return line.substr(line.find_first_not_of(' ', 2 + label.size()));
  }
  return "absent";
}

}  // namespace

TEST_CASE("devices --preset prints the whole setting and nothing its law does not use") {
  const std::string leleu = call({"devices", "--preset", "leleu-sk"}).out;
  CAPTURE(leleu);
  CHECK(row(leleu, "pump") == "-4.04 threshold for 100 spins; 0.8 - (N/220)^-2 for N >= 28");
  CHECK(row(leleu, "round trips (--steps)") == "10,000");
  CHECK(row(leleu, "xi") == "0.25 1/energy");
  CHECK(row(leleu, "rho") == "3 x²");
  CHECK(row(leleu, "delta") == "10 1/energy");
  CHECK(row(leleu, "gamma") == "0.00011 1/time²");
  CHECK(row(leleu, "tau") == "1000 signal lifetimes");
  CHECK(row(leleu, "substeps") == "6");
  CHECK(row(leleu, "error_substeps") == "3");
  CHECK(row(leleu, "error_dt") == "0.0625 signal lifetimes");
  CHECK(row(leleu, "error_max") == "32");
  CHECK(row(leleu, "start_sd") == "0.0001 x");
  CHECK(row(leleu, "beta") == "absent");

  const std::string reference = call({"devices", "--preset", "cim-optimizer-sk100"}).out;
  CHECK(row(reference, "gain") == "0.3");
  CHECK(row(reference, "saturation") == "0.8");
  CHECK(row(reference, "start_uniform_half_width") == "0.0005 x");
  CHECK(row(reference, "start_sd") == "absent");
  CHECK(row(reference, "best_energy.previous_energy") == "true");
  CHECK(row(reference, "error_uses_new_amplitude") == "true");

  const std::string cac = call({"devices", "--preset", "sk-cac"}).out;
  CHECK(row(cac, "clamp_over_sqrt_alpha") == "1.5");
  CHECK(row(cac, "beta") == "0.8 1/time");
  CHECK(row(cac, "rho") == "absent");
  CHECK(row(call({"devices", "--preset", "sk-sfc"}).out, "sfc_k") == "0.2");
  CHECK(row(call({"devices", "--preset", "sk-sfc"}).out, "alpha") == "absent");
}

TEST_CASE("columns of a device file and of a data sheet never touch") {
  const TemporaryFolder folder;
  const auto path = folder.file("twin.toml",
                                "adc_bits = 12\nadc_full_scale = 2.5\n"
                                "gain_map = [0.01, -0.02, 0.015, 0.005, -0.01, 0.025]\n");
  const auto ran = call({"devices", "--file", path});
  CAPTURE(ran.out, ran.err);
  CHECK(ran.code == 0);
  CHECK(ran.out_has("2.5 units of the record  records beyond"));
  CHECK(ran.out_has("0.025 relative  deviation"));
  // Its pump, 0.7:1@0.888…, is a long one.
  CHECK(call({"devices", "--preset", "ntt-2025"}).out_has("@0.8888888888888888  NTT machine"));
}

TEST_CASE("devices emulator: gives parameters their units") {
  const std::string list = call({"devices", "emulator:"}).out;
  CHECK(row(list, "alpha").find("[x²]") != std::string::npos);
  CHECK(row(list, "alpha").find("ahc") != std::string::npos);
  CHECK(row(list, "beta").find("ahc") != std::string::npos);
  CHECK(row(list, "clamp").find("[x]") != std::string::npos);
  CHECK(row(list, "limit").find("[x/time]") != std::string::npos);
  CHECK(row(list, "saturation").find("phenomenological") != std::string::npos);
}
