#include "cim_model/presets.h"

#include <catch2/catch.hpp>
#include <set>

#include "core/error.h"

using namespace opoloop;

TEST_CASE("every loop preset is valid, named once and carries its source") {
  std::set<std::string> names;
  for (const LoopPreset& preset : loop_presets()) {
    INFO(preset.name);
    CHECK_NOTHROW(preset.parameters.validate());
    CHECK(names.insert(preset.name).second);
    CHECK_FALSE(preset.source.empty());
    CHECK_FALSE(preset.summary.empty());
    CHECK(preset.parameters.preset == preset.name);
  }
  for (const char* name : {"sk-cac", "sk-cfc", "sk-sfc", "gset-cac", "leleu-sk", "cim-optimizer-sk100"}) {
    CHECK(names.count(name) == 1);
  }
  CHECK_THROWS_WITH(loop_preset("sk-caz", {2, {}}), Catch::Contains("sk-caz") && Catch::Contains("sk-cac"));
}

TEST_CASE("ramps of the published settings end where the paper says") {
  const IsingModel model(100, {{0, 1, 1}});
  const LoopParameters cac = loop_preset("sk-cac", model);
  CHECK(cac.alpha.at(0, cac.rounds) == 1);
  CHECK(cac.alpha.at(2880, cac.rounds) == 2.5);
  CHECK(cac.pump.at(1440, cac.rounds) == Approx(0).margin(1e-12));
  const LoopParameters sfc = loop_preset("sk-sfc", model);
  CHECK(sfc.beta.at(250, sfc.rounds) == Approx(0.2));
  CHECK(sfc.sfc_c.at(499, sfc.rounds) < 3);
}

TEST_CASE("the pump of leleu-sk falls with N as the paper's table has it") {
  CHECK(loop_preset("leleu-sk", {220, {}}).pump.at(0, 1) == Approx(-0.2));
  CHECK(loop_preset("leleu-sk", {100, {}}).pump.at(0, 1) == Approx(0.8 - 4.84));
  CHECK(loop_preset("leleu-sk", {2200, {}}).pump.at(0, 1) == Approx(0.79));
  CHECK_THROWS_WITH(loop_preset("leleu-sk", {27, {}}), Catch::Contains("28"));
  // Six Euler steps of 2⁻⁶ and three error steps of 2⁻⁴ for one product.
  const LoopParameters p = loop_preset("leleu-sk", {100, {}});
  CHECK(p.dt / p.substeps == 1.0 / 64);
  CHECK(p.error_dt == 1.0 / 16);
  CHECK(p.error_substeps == 3);
}

TEST_CASE("automatic parameters are valid for every kind of problem") {
  CHECK_NOTHROW(automatic_parameters({1, {}}).validate());
  CHECK_NOTHROW(automatic_parameters({2, {{0, 1, 1}}, {1, 0}}).validate());
  std::vector<IsingEdge> chain;
  for (int i = 0; i + 1 < 1000; ++i) chain.push_back({i, i + 1, -1});
  CHECK(automatic_parameters({1000, chain}).law == LawKind::cac);
  CHECK(automatic_parameters({3, {{0, 1, 1}, {1, 2, 1}}}).law == LawKind::cfc);
}

TEST_CASE("machine presets name a source for every value and turn round trips into seconds") {
  for (const MachinePreset& m : machine_presets()) {
    INFO(m.name);
    const auto check = [](const auto& field) {
      if (field) CHECK_FALSE(field->source.empty());
    };
    check(m.pulses_usable), check(m.pulses_in_ring), check(m.repetition_rate_hz), check(m.fibre_length_m);
    check(m.round_trip_time_s), check(m.round_trips), check(m.read_round_trip), check(m.adc_bits);
    check(m.coupling_min), check(m.coupling_max), check(m.pump);
    REQUIRE(m.pulses_usable);
    if (m.pulses_in_ring) CHECK(m.pulses_usable->value <= m.pulses_in_ring->value);
    // Pulses in the ring = repetition rate × round-trip time, where all three are published.
    if (m.pulses_in_ring && m.repetition_rate_hz && m.round_trip_time_s) {
      CHECK(m.repetition_rate_hz->value * m.round_trip_time_s->value ==
            Approx(static_cast<double>(m.pulses_in_ring->value)).epsilon(1e-3));
    }
  }
  CHECK(*machine_preset("ntt-2016").machine_time_s(1000) == Approx(5.082e-3));
  CHECK(*machine_preset("ntt-2021").machine_time_s(890) == Approx(22e-3).epsilon(0.01));
  CHECK_FALSE(machine_preset("qboson-550").machine_time_s(100).has_value());
  CHECK_THROWS_WITH(machine_preset("ntt-2020"), Catch::Contains("ntt-2021"));
  MachinePreset m;
  m.round_trip_time_s = {1e-6, "test"};
  m.upload_s = {1, "test"};
  m.read_out_s = {2, "test"};
  CHECK(*m.machine_time_s(1000) == Approx(3.001));
}
