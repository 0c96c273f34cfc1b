#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <memory>
#include <numbers>
#include <string>
#include <utility>

#include "core/error.h"
#include "driver/calibration/acquisition.h"
#include "driver/calibration/calibration.h"
#include "driver/calibration/compare.h"
#include "driver/calibration/hidden_machine.h"
#include "driver/calibration/loop_moments.h"
#include "driver/calibration/record_file.h"
#include "driver/calibration/sample_fit.h"
#include "driver/calibration/statistics_block.h"
#include "driver/calibration/twin_file.h"
#include "driver/device_file.h"
#include "hamiltonian/formats/npy.h"
#include "hamiltonian/formats/zip_archive.h"
#include "temporary_folder.h"

using namespace opoloop;
using namespace opoloop::calibration;
using Catch::Matchers::Contains;
using opoloop::test::TemporaryFolder;

namespace {

AcquisitionPlan small_plan() {
  AcquisitionPlan plan;
  plan.pulses = 8;
  plan.runs = 16;
  plan.largest_pump = 10;
  plan.seed = 11;
  return plan;
}

/// Half an interval is two standard errors: five of them are 2.5 halves.
bool within_five_sigma(const Estimate& e, double truth) {
  return truth >= e.value - 2.5 * (e.value - e.low) - 1e-12 &&
         truth <= e.value + 2.5 * (e.high - e.value) + 1e-12;
}

/// A record of smooth numbers, for files.
CalibrationRecord toy_record(RecordKind kind) {
  CalibrationRecord r;
  r.kind = kind;
  r.name = "toy";
  r.pump = kind == RecordKind::ring_down ? Schedule::parse("1.5@0,1.5@0.4,0@0.41", "pump") : Schedule(0.5);
  r.rounds = 20;
  r.settled = 3;
  r.runs = 2;
  r.pulses = 4;
  if (kind == RecordKind::pairs) r.couplings = {{0, 1, 0.25}, {2, 3, -0.25}};
  for (int i = 0; i < 2 * 21 * 4; ++i) r.samples.push_back(static_cast<float>(std::sin(0.37 * i)));
  return r;
}

std::string csv_of(const CalibrationRecord& r) {
  std::string text = "run,round,a,b,c,d\n";
  for (int run = 0; run < r.runs; ++run) {
    for (std::int64_t k = 0; k < r.rows(); ++k) {
      text += std::to_string(run) + "," + std::to_string(k);
      for (int i = 0; i < r.pulses; ++i) {
        char number[40];
        std::snprintf(number, sizeof number, ",%.9g", static_cast<double>(r.row(run, k)[i]));
        text += number;
      }
      text += "\n";
    }
  }
  return text;
}

}  // namespace

TEST_CASE("calibration finds what an emulator hides, and the twin is a device file") {
  const TemporaryFolder folder;
  for (const std::uint64_t draw : {6U, 9U}) {
    const HiddenMachine hidden = hidden_machine(draw, 8);
    const auto machine = make_device("emulator:" + folder.file("hidden.toml", hidden.device_file));
    const Calibration c = calibrate(acquire(*machine, small_plan()));
    for (const auto& [name, truth] : hidden.truth) {
      const Estimate* e = c.find(name);
      REQUIRE(e != nullptr);
      INFO(draw << " " << name << ": " << truth << " against " << e->value << ", " << e->low << " to "
                << e->high);
      if (e->only_lower_bound) {
        CHECK(truth >= 0.98 * e->low);
      } else {
        CHECK(within_five_sigma(*e, truth));
      }
    }
    // Wrong by its sign or its scale it would be 20 σ out.
    CHECK(std::signbit(c.find("feedback_gain")->value) == std::signbit(hidden.truth.at("feedback_gain")));
    REQUIRE(c.gain_map.size() == 8);
    for (std::size_t i = 0; i < 8; ++i) {
      INFO(draw << " pulse " << i);
      CHECK(within_five_sigma(c.gain_map[i], hidden.gain_map[i]));
      CHECK(c.gain_map[i].high - c.gain_map[i].low < 0.01);
    }
    const DeviceFile twin = parse_device_file(twin_file(c), "twin.toml");
    CHECK(std::stod(twin.parameters.at("dt")) == Approx(c.loop.dt));
    CHECK(twin.parameters.at("model") == "truncated-wigner");
  }
}

TEST_CASE("a machine without noise gives numbers, a note, and a twin that can be read") {
  // Its spectra are zero to the last bit, and so were the weights' denominators.
  const auto machine = make_device("emulator:?dt=0.05");
  const Calibration c = calibrate(acquire(*machine, small_plan()));
  for (const Estimate& e : c.estimates) {
    INFO(e.name);
    CHECK(std::isfinite(e.value));
  }
  CHECK(c.find("dt")->value == Approx(0.05).epsilon(1e-4));
  CHECK(c.find("pump_drift")->value < 1e-6);
  CHECK(std::any_of(c.notes.begin(), c.notes.end(), [](const std::string& note) {
    return note.find("no noise beyond rounding") != std::string::npos;
  }));
  CHECK_NOTHROW(parse_device_file(twin_file(c), "twin.toml"));
}

TEST_CASE("calibration finds dead pulses and leaves them out") {
  const TemporaryFolder folder;
  const auto machine = make_device(
      "emulator:" +
      folder.file("dead.toml",
                  "model = \"truncated-wigner\"\nsubsteps = 1\nclamp = 0\ndt = 0.12\n"
                  "g2 = 3e-4\nelectronic_noise = 0.01\nfeedback_gain = 0.8\ndead_pulses = [2]\n"));
  AcquisitionPlan plan = small_plan();
  plan.largest_pump = 4;
  const Calibration c = calibrate(acquire(*machine, plan));
  CHECK(c.dead_pulses == std::vector<std::int32_t>{2});
  CHECK(within_five_sigma(*c.find("pump_unit"), 1));
  CHECK(within_five_sigma(*c.find("record_gain"), 1));
  CHECK(within_five_sigma(*c.find("feedback_gain"), 0.8));
  CHECK(c.find("adc_step") == nullptr);  // nothing is quantised here
  CHECK(c.find("dac_full_scale")->only_lower_bound);
  CHECK_THAT(twin_file(c), Contains("dead_pulses = [2]"));
}

TEST_CASE("samples alone give threshold, lifetime and loop gain, sign included") {
  const auto machine = make_device(
      "emulator:?model=truncated-wigner&clamp=0&substeps=1&dt=0.08&g2=1e-4&pump_unit=1.4&record_gain=0.5&"
      "feedback_gain=-1.5&"
      "electronic_noise=0.003&feedback_delay=1");
  AcquisitionPlan plan;
  plan.pulses = 16;
  plan.runs = 150;
  const SampleCalibration c = calibrate_from_samples(*machine, plan);
  REQUIRE(c.estimates.size() == 3);
  const double truth[] = {1.4, 0.08, -0.75};
  for (std::size_t p = 0; p < 3; ++p) {
    INFO(c.estimates[p].name << " " << c.estimates[p].value << ": " << c.estimates[p].low << " to "
                             << c.estimates[p].high);
    CHECK(within_five_sigma(c.estimates[p], truth[p]));
    CHECK(c.estimates[p].high - c.estimates[p].low < std::abs(truth[p]));
  }
  CHECK_NOTHROW(parse_device_file(sample_twin_file(c, "emulator:\"quoted\""), "twin.toml"));
}

TEST_CASE("the moments of the loop have the closed forms of small steps") {
  LoopGuess g;
  g.dt = 1e-4;
  g.g2 = 1e-6;
  // docs/physics.md: ⟨c²⟩ = g²/4(1−p) below threshold, g²(p−½)/4(p−1) above; the steps are worth dt.
  CHECK(steady(g, 0.5).in_phase == Approx(g.g2 / (4 * 0.5)).epsilon(1e-3));
  CHECK(steady(g, 0.5).quadrature == Approx(g.g2 / (4 * 1.5)).epsilon(1e-3));
  CHECK(steady(g, 1.8).in_phase == Approx(g.g2 * 1.3 / (4 * 0.8)).epsilon(1e-3));
  CHECK(steady(g, 1.8).mean == Approx(std::sqrt(0.8)).epsilon(1e-5));
  // Two pulses: correlation f κ v/(1 − p) without noise on the record, half of the modes' variances.
  g.dt = 0.01;
  g.feedback_gain = 0.5;
  const std::vector<std::int64_t> lags = {0};
  const std::vector<double> pair = pair_products(g, 0.4, 0.6, lags);
  CHECK(pair[1] / pair[0] == Approx(0.5 * 0.6 / 0.6).epsilon(0.02));
  // A clip far away is none; one at the middle leaves half of the values inside.
  CHECK(clipped_normal(0.3, 0.1, 10).mean == Approx(0.3));
  CHECK(clipped_normal(0.5, 0.1, 0.5).inside == Approx(0.5).epsilon(1e-6));
  CHECK(clipped_normal(0.5, 0.1, 0.5).mean == Approx(0.5 - 0.1 / std::sqrt(2 * std::numbers::pi)));
  // Signs of two normals with correlation ρ agree with probability ½ + asin(ρ)/π.
  SampleLoop loop;
  loop.dt = 0.01;
  loop.loop_gain = -0.8;
  const EnergySetting setting{0.5, 0.5, 5000, 1, {}};
  CHECK(satisfied_probability(loop, setting) ==
        Approx(0.5 - std::asin(0.8) / std::numbers::pi).epsilon(0.01));
  // Far above threshold all pairs end up as the sign of the loop gain says.
  const EnergySetting strong{50, 1, 5000, 1, {}};
  CHECK(satisfied_probability(loop, strong) == 0);
  loop.loop_gain = 0.8;
  CHECK(satisfied_probability(loop, strong) == 1);
}

TEST_CASE("records come back from files as they went, whatever the format") {
  const TemporaryFolder folder;
  RecordSet set;
  set.description = "a \"bench\"";
  set.source = "loop 3";
  set.round_trip_time_s = 1.6e-6;
  for (const RecordKind kind : {RecordKind::below, RecordKind::ring_down, RecordKind::pairs})
    set.records.push_back(toy_record(kind));
  write_records(set, folder.file("bench.toml"), "test");
  const RecordSet read = read_records(folder.file("bench.toml"));
  CHECK(read.description == set.description);
  CHECK(read.round_trip_time_s == set.round_trip_time_s);
  REQUIRE(read.records.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(read.records[i].kind == set.records[i].kind);
    CHECK(read.records[i].samples == set.records[i].samples);
    CHECK(read.records[i].settled == 3);
    CHECK(read.records[i].pump.text() == set.records[i].pump.text());
    CHECK(read.records[i].couplings.size() == set.records[i].couplings.size());
  }
  CHECK(switch_off_round(read.records[1]) == switch_off_round(set.records[1]));

  const CalibrationRecord& r = set.records[0];
  folder.file("samples.csv", csv_of(r));
  folder.file("samples.npz", zip_of({{"y.npy", npy_of_floats(r.samples, {2, 21, 4})}}));
  for (const char* samples : {"samples.csv", "samples.npz:y", "bench.h5:record_01"}) {
    const std::string path = folder.file(
        "one.toml", std::string("[[record]]\nkind = \"below\"\npump = 0.5\nsettled = 3\nsamples = \"") +
                        samples + "\"\n");
    const RecordSet one = read_records(path);
    INFO(samples);
    REQUIRE(one.records.size() == 1);
    CHECK(one.records[0].runs == 2);
    CHECK(one.records[0].samples == r.samples);
  }
}

TEST_CASE("a bad record is refused with file and line") {
  const TemporaryFolder folder;
  const auto refuses = [&](const std::string& text, const std::string& words) {
    INFO(text);
    CHECK_THROWS_WITH(read_records(folder.file("bad.toml", text)), Contains("bad.toml") && Contains(words));
    CHECK_THROWS_AS(read_records(folder.file("bad.toml")), InputError);
  };
  const std::string head = "[[record]]\nkind = \"below\"\npump = 0.5\n";
  refuses("", "has no [[record]]");
  refuses("format = 2\n" + head, "format 1");
  refuses("[[record]]\nkind = \"sideways\"\n", "expected one of below");
  refuses("[[record]]\nkind = \"below\"\n", "'pump': is missing");
  refuses("[[record]]\nkind = \"below\"\npump = \"a\"\n", "expected a number");
  refuses(head, "'samples': is missing");
  refuses(head + "samples = \"x.npz\"\n", "expected FILE.csv");
  refuses(head + "samples = \"x.csv\"\nspeed = 3\n", "'speed': is not known here");
  refuses(head + "samples = \"x.csv\"\ncouplings = [[0, 1]]\n",
          "expected a list of [pulse, pulse, coupling]");
  CHECK_THROWS_WITH(read_records(folder.file("bad.toml", head + "samples = \"x.csv\"\n")),
                    Contains("x.csv: no such file"));

  CHECK_THROWS_WITH(parse_samples_csv("0,0,1\n0,2,1\n", "s.csv"), Contains("s.csv:2"));
  CHECK_THROWS_WITH(parse_samples_csv("0,0,1,2\n0,1,1\n", "s.csv"),
                    Contains("2 samples, as in the first line"));
  CHECK_THROWS_WITH(parse_samples_csv("0,0,1\n0,1,1\n1,0,1\n", "s.csv"), Contains("fewer round trips"));
  CHECK_THROWS_WITH(parse_samples_csv("0,0,nan\n", "s.csv"), Contains("s.csv:1"));
  CHECK_THROWS_WITH(parse_samples_csv("", "s.csv"), Contains("holds no samples"));

  CalibrationRecord pairs = toy_record(RecordKind::pairs);
  pairs.couplings.push_back({0, 2, 0.25});
  CHECK_THROWS_WITH(pairs.validate(), Contains("pulse 0 has two partners"));
  CalibrationRecord ring = toy_record(RecordKind::ring_down);
  ring.pump = Schedule(1.5);
  CHECK_THROWS_WITH(ring.validate(), Contains("then 0 from one round trip to the next"));
  RecordSet set;
  set.records = {toy_record(RecordKind::below)};
  set.records[0].runs = 8;
  set.records[0].settled = 4;
  for (int copy = 0; copy < 3; ++copy)
    for (int i = 0; i < 2 * 21 * 4; ++i)
      set.records[0].samples.push_back(0.01F * static_cast<float>(i + copy));
  CHECK_THROWS_WITH(calibrate(set), Contains("kind 'above'"));
}

TEST_CASE("a record that was settled too early to be fitted is refused by name") {
  const auto with_settled = [](RecordKind kind, std::int64_t settled) {
    CalibrationRecord r = toy_record(kind);
    r.runs = 4;
    r.rounds = 40;
    r.settled = settled;
    r.samples.clear();
    for (int i = 0; i < 4 * 41 * 4; ++i) r.samples.push_back(static_cast<float>(std::sin(0.37 * i)));
    return r;
  };
  for (const auto& [kind, least] : {std::pair{RecordKind::below, 4}, std::pair{RecordKind::pairs, 1}}) {
    CHECK_THROWS_AS(reduce(with_settled(kind, least - 1), {}), InputError);
    CHECK_THROWS_WITH(reduce(with_settled(kind, least - 1), {}),
                      Contains("'toy'") && Contains("at least " + std::to_string(least)));
    CHECK(reduce(with_settled(kind, least), {}).lags.size() == 2);
  }
}

TEST_CASE("a device without amplitudes is not measured") {
  const auto device = make_device("annealing:");
  CHECK_THROWS_WITH(acquire(*device, small_plan()), Contains("returns samples only"));
  const auto emulator = make_device("emulator:");
  AcquisitionPlan plan = small_plan();
  plan.pulses = 7;
  CHECK_THROWS_WITH(acquire(*emulator, plan), Contains("pulses = 7"));
}

TEST_CASE("two-sample tests know the same from the different") {
  // Known values: D = ½ of {1,2,3,4} and {3,4,5,6}; z of 60/100 against 45/100.
  CHECK(kolmogorov_smirnov({1, 2, 3, 4}, {3, 4, 5, 6}).distance == Approx(0.5));
  CHECK(kolmogorov_smirnov({1, 1, 1}, {1, 1, 1}).p == 1);
  CHECK(two_proportion_z(60, 100, 45, 100) == Approx(0.15 / std::sqrt(0.525 * 0.475 * 0.02)));
  CHECK(two_proportion_z(0, 10, 0, 10) == 0);

  const auto problems = unseen_problems(3, 12, 5);
  JobSettings settings;
  settings.runs = 200;
  settings.steps = 200;
  const SettingsOf same = [&](const Problem&) { return settings; };
  const auto a = make_device("emulator:?law=linear&model=truncated-wigner");
  const DeviceComparison none = compare_devices(*a, *a, problems, same, 1);
  CHECK(none.agree());
  CHECK(none.jobs.size() == 3);
  CHECK(none.jobs[0].target_proven);
  // Dead pulses read +1: a bias, and worse energies.
  const auto b = make_device("emulator:?law=linear&model=truncated-wigner&dead_pulses=4");
  const DeviceComparison other = compare_devices(*a, *b, problems, same, 1);
  CHECK_FALSE(other.agree());
  CHECK(other.bias_p < 1e-6);
  CHECK(other.jobs[0].most_biased_spin == 4);
}
