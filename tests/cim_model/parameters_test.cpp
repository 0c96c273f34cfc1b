#include "cim_model/parameters.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>

#include "core/error.h"
#include "hamiltonian/ising_model.h"

using namespace opoloop;

namespace {

std::string message_of(const LoopParameters& parameters) {
  try {
    parameters.validate();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("the default parameters are valid") {
  CHECK_NOTHROW(LoopParameters().validate());
}

TEST_CASE("a parameter outside its range is refused by name and value") {
  static constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  static constexpr double inf = std::numeric_limits<double>::infinity();
  struct Case {
    const char* name;
    std::function<void(LoopParameters&)> spoil;
  };
  const std::vector<Case> cases = {
      {"dt = -0.1", [](auto& p) { p.dt = -0.1; }},
      {"dt = 0", [](auto& p) { p.dt = 0; }},
      {"dt = nan", [](auto& p) { p.dt = nan; }},
      {"dt = inf", [](auto& p) { p.dt = inf; }},
      {"rounds = 0", [](auto& p) { p.rounds = 0; }},
      {"substeps = 0", [](auto& p) { p.substeps = 0; }},
      {"error_substeps = 0", [](auto& p) { p.error_substeps = 0; }},
      {"error_dt = -1", [](auto& p) { p.error_dt = -1; }},
      {"pump = nan", [](auto& p) { p.pump = nan; }},
      {"pump = inf", [](auto& p) { p.pump = inf; }},
      {"alpha = 0", [](auto& p) { p.alpha = 0.0; }},
      {"alpha = -1", [](auto& p) { p.alpha = Schedule::ramp(1, -1); }},
      {"beta = nan", [](auto& p) { p.beta = nan; }},
      {"beta = -0.1", [](auto& p) { p.beta = -0.1; }},
      {"sfc_c = -1", [](auto& p) { p.sfc_c = -1.0; }},
      {"sfc_k = -1", [](auto& p) { p.sfc_k = -1; }},
      {"rho = ", [](auto& p) { p.best_energy.rho = -1; }},
      {"delta = ", [](auto& p) { p.best_energy.delta = nan; }},
      {"gamma = ", [](auto& p) { p.best_energy.gamma = -1; }},
      {"tau = ", [](auto& p) { p.best_energy.tau = 0; }},
      {"saturation = -1", [](auto& p) { p.saturation = -1; }},
      {"gain = nan", [](auto& p) { p.gain = nan; }},
      {"gain = -1", [](auto& p) { p.gain = -1; }},
      {"xi = inf", [](auto& p) { p.xi = inf; }},
      {"limit = 0", [](auto& p) { p.limit = 0; }},
      {"clamp = -1", [](auto& p) { p.amplitude_clamp = -1; }},
      {"clamp_over_sqrt_alpha = nan", [](auto& p) { p.clamp_over_sqrt_alpha = nan; }},
      {"clamp_over_sqrt_alpha = 1.5", [](auto& p) { p.amplitude_clamp = p.clamp_over_sqrt_alpha = 1.5; }},
      {"error_start = nan", [](auto& p) { p.error_start = nan; }},
      {"error_min = -1", [](auto& p) { p.error_min = -1; }},
      {"error_max = 1", [](auto& p) { p.error_min = 2, p.error_max = 1; }},
      {"start_sd = -1", [](auto& p) { p.start_sd = -1; }},
      {"start_uniform_half_width = nan", [](auto& p) { p.start_uniform_half_width = nan; }},
      {"g2 = 0", [](auto& p) { p.model = ModelKind::truncated_wigner, p.g2 = 0; }},
      {"g2 = 0", [](auto& p) { p.model = ModelKind::gaussian, p.g2 = 0; }},
      {"measured_loss = -1", [](auto& p) { p.measured_loss = -1; }},
      {"measured_loss = 0", [](auto& p) { p.model = ModelKind::gaussian, p.measured_loss = 0; }},
      {"g2 = 0", [](auto& p) { p.model = ModelKind::positive_p, p.g2 = 0; }},
      {"g2 = 0", [](auto& p) { p.model = ModelKind::discrete, p.g2 = 0; }},
      {"measured_loss = 0", [](auto& p) { p.model = ModelKind::discrete, p.measured_loss = 0; }},
      {"measured_loss = 0", [](auto& p) { p.model = ModelKind::gaussian_moments, p.measured_loss = 0; }},
      {"alpha = 5",
       [](auto& p) { p.model = ModelKind::discrete, p.law = LawKind::cac, p.dt = 0.0625, p.alpha = 5; }},
      {"detection_efficiency = 0", [](auto& p) { p.detection_efficiency = 0; }},
      {"detection_efficiency = 1.1", [](auto& p) { p.detection_efficiency = 1.1; }},
      {"stepper = rk4", [](auto& p) { p.model = ModelKind::gaussian, p.stepper = Stepper::runge_kutta4; }},
  };
  for (const Case& c : cases) {
    LoopParameters p;
    c.spoil(p);
    INFO(c.name);
    const std::string message = message_of(p);
    CAPTURE(message);
    CHECK(message.rfind(c.name, 0) == 0);
    CHECK(message.find('\n') == std::string::npos);
  }
}

TEST_CASE("messages name parameters as they are set") {
  LoopParameters p;
  p.amplitude_clamp = p.clamp_over_sqrt_alpha = 1;
  CHECK_THAT(message_of(p), Catch::Contains("because clamp = 1 is set too"));
}

TEST_CASE("a crystal pass with more pump leaves more in a pulse: targets are refused by the highest pump") {
  LoopParameters p;
  p.model = ModelKind::discrete;
  p.law = LawKind::cac;
  p.dt = 0.2;
  p.alpha = 1.2;  // 0.81 is left at pump 0, 1.39 at pump 2
  p.pump = 0.0;
  CHECK_THAT(message_of(p), Catch::Contains("alpha = 1.2") && Catch::Contains("at dt = 0.2 and pump 0 "));
  p.pump = Schedule::ramp(0, 2);
  CHECK(message_of(p) == "");
  p.alpha = 1.5;
  CHECK_THAT(message_of(p), Catch::Contains("at most 1.39"));
}

TEST_CASE("names of models, laws and field modes are read back, and unknown ones are refused with the list") {
  for (const auto kind : {ModelKind::mean_field, ModelKind::truncated_wigner, ModelKind::gaussian,
                          ModelKind::positive_p, ModelKind::gaussian_moments, ModelKind::discrete}) {
    CHECK(parse_model(name_of(kind)) == kind);
  }
  for (const auto kind : {LawKind::linear, LawKind::clipped, LawKind::tanh, LawKind::cac, LawKind::cfc,
                          LawKind::sfc, LawKind::cac_best}) {
    CHECK(parse_law(name_of(kind)) == kind);
  }
  for (const auto mode : {FieldMode::mean_amplitude, FieldMode::ancilla, FieldMode::sqrt_alpha}) {
    CHECK(parse_field_mode(name_of(mode)) == mode);
  }
  CHECK(parse_model("mean_field") == ModelKind::mean_field);
  CHECK_THROWS_WITH(parse_law("cax"), Catch::Contains("law = 'cax'") && Catch::Contains("cac-best"));
  CHECK_THROWS_AS(parse_model(""), InputError);
  CHECK_THROWS_AS(parse_field_mode("none"), InputError);
}

TEST_CASE("coupling normalisation: sqrt(2N / sum over ordered pairs), free of scale") {
  // Two pulses, J = 3: ΣJ² = 18 over ordered pairs, ξ = √(4/18); ξJ = √2 whatever J is.
  CHECK(coupling_normalisation({2, {{0, 1, 3}}}) == Approx(std::sqrt(4.0 / 18)));
  CHECK(coupling_normalisation({2, {{0, 1, -300}}}) * 300 == Approx(std::sqrt(2.0)));
  CHECK(coupling_normalisation({5, {}}) == 1);
  // A field counts as the couplings of an ancilla.
  const IsingModel with_field(3, {{0, 1, 1}, {1, 2, -2}}, {0.5, 0, -1});
  CHECK(coupling_normalisation(with_field) == Approx(coupling_normalisation(with_ancilla(with_field))));
}
