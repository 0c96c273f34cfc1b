#include "cim_model/presets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "hamiltonian/extreme_eigenvalues.h"

namespace opoloop {
namespace {

// [R21] Reifenstein et al., "Coherent Ising machines with optical error correction circuits", Advanced
// Quantum Technologies 2021, doi 10.1002/qute.202100077. All its settings integrate by explicit Euler with
// one product J x̃ per step, clamp after each step, and use ξ = √(2N / Σ_ij J_ij²).
const char* const kR21 = "Reifenstein et al. 2021, doi 10.1002/qute.202100077";
// [L21] Leleu et al., "Scaling advantage of chaotic amplitude control for high-performance combinatorial
// optimization", Communications Physics 4, 266 (2021), doi 10.1038/s42005-021-00768-0.
const char* const kL21 = "Leleu et al. 2021, doi 10.1038/s42005-021-00768-0";

LoopPreset sk_cac() {
  LoopParameters p;
  p.law = LawKind::cac;
  p.dt = 0.125;
  p.rounds = 3200;
  p.pump = Schedule::ramp(-1, 1, 0.9);
  p.alpha = Schedule::ramp(1, 2.5, 0.9);
  p.beta = 0.8;
  p.clamp_over_sqrt_alpha = 1.5;
  p.start_sd = 1e-4;
  p.error_start = 1;
  return {"sk-cac", kR21, "chaotic amplitude control, dense random couplings (SK)", p};
}

LoopPreset sk_cfc() {
  LoopParameters p;
  p.law = LawKind::cfc;
  p.dt = 0.4;
  p.rounds = 1000;
  p.pump = Schedule::ramp(-1, 1, 0.9);
  p.alpha = 1.0;
  p.beta = 0.2;
  p.amplitude_clamp = 1.5;
  p.error_min = 0.01;
  p.start_sd = 0.1;
  p.error_start = 1;
  return {"sk-cfc", kR21, "chaotic feedback control, dense random couplings (SK)", p};
}

LoopPreset sk_sfc() {
  LoopParameters p;
  p.law = LawKind::sfc;
  p.dt = 0.4;
  p.rounds = 500;
  p.pump = Schedule::ramp(-1, 1);
  p.sfc_c = Schedule::ramp(1, 3);
  p.beta = Schedule::ramp(0.3, 0.1);
  p.sfc_k = 0.2;
  p.start_sd = 0.1;
  p.error_start = 0;
  return {"sk-sfc", kR21, "separated feedback control, dense random couplings (SK)", p};
}

/// CFC for many short runs instead of one long one: a (1+1) evolution strategy over run length, dt, β, p,
/// gain, clamp and start on twelve SK instances of a seeded generator (N = 100), scored by the geometric mean
/// of TTS(99%) in round trips (docs/tuning.md).
LoopPreset sk_cfc_short() {
  LoopParameters p = sk_cfc().parameters;
  p.dt = 0.425;
  p.rounds = 125;
  p.pump = Schedule::ramp(-0.38, 0.13, 0.9);
  p.beta = Schedule::ramp(0.184, 0.233);
  p.gain = 0.38;
  p.amplitude_clamp = 1.2;
  p.start_sd = 0.05;
  return {"sk-cfc-short", "tuned here, docs/tuning.md",
          "CFC in short runs: least time to solution on SK N = 100", p};
}

/// SFC likewise.
LoopPreset sk_sfc_short() {
  LoopParameters p = sk_sfc().parameters;
  p.dt = 0.41;
  p.rounds = 100;
  p.pump = Schedule::ramp(-0.67, -1.03, 0.9);
  p.beta = Schedule::ramp(0.46, 0.27);
  p.sfc_c = Schedule::ramp(0.91, 2.75);
  p.sfc_k = 0.25;
  p.gain = 1.03;
  p.amplitude_clamp = 1.9;
  p.start_sd = 0.07;
  return {"sk-sfc-short", "tuned here, docs/tuning.md",
          "SFC in short runs: least time to solution on SK N = 100", p};
}

/// CAC likewise.
LoopPreset sk_cac_short() {
  LoopParameters p = sk_cac().parameters;
  p.dt = 0.25;
  p.rounds = 70;
  p.pump = Schedule::ramp(-2.0, 0.86, 0.9);
  p.alpha = Schedule::ramp(0.95, 1.13, 0.9);
  p.beta = 1.4;
  p.gain = 0.82;
  p.clamp_over_sqrt_alpha = 1.56;
  p.start_sd = 0.15;
  return {"sk-cac-short", "tuned here, docs/tuning.md",
          "CAC in short runs: least time to solution on SK N = 100", p};
}

LoopPreset gset_cac() {
  LoopParameters p;
  p.law = LawKind::cac;
  p.dt = 0.1;
  p.rounds = 20000;
  p.pump = Schedule::ramp(-0.5, 1, 0.95);
  p.alpha = Schedule::ramp(1, 3, 0.95);
  p.beta = 0.3;
  p.clamp_over_sqrt_alpha = 1.5;
  p.start_sd = 1e-4;
  p.error_start = 1;
  return {"gset-cac", kR21, "chaotic amplitude control, sparse max-cut (G22 class)", p};
}

// Below 28 spins 1 − p outgrows the step of 2⁻⁶: Euler would overshoot zero every sub-step.
constexpr int kFewestLeleuSpins = 28;

/// [L21], the table of parameters. Public code has the exponent +2, which raises the pump for small N.
double leleu_pump(int spins) {
  return 0.8 - std::pow(spins / 220.0, -2);
}

LoopPreset leleu_sk() {
  LoopParameters p;
  p.law = LawKind::cac_best;
  // Per product J x: six Euler steps of x of 2⁻⁶ and three of e of 2⁻⁴, x and e held for each other.
  p.dt = 6.0 / 64;
  p.substeps = 6;
  p.error_substeps = 3;
  p.error_dt = 1.0 / 16;
  p.rounds = 10000;
  p.alpha = 3.0;
  p.best_energy = {.rho = 3, .delta = 10, .gamma = 1.1e-4, .tau = 1000, .previous_energy = false};
  // inj = 0.25 e_i Σ J x with J = ±1 as it is: the strength is fixed, not derived from J.
  p.xi = 0.25;
  p.error_start = 1;
  p.error_max = 32;
  p.start_sd = 1e-4;
  p.pump = leleu_pump(100);  // depends on N: set in loop_preset()
  return {"leleu-sk", kL21, "CAC with best-energy-driven target, J = ±1 (SK); p = 0.8 - (N/220)^-2", p,
          "0.8 - (N/220)^-2 for N >= 28"};
}

LoopPreset cim_optimizer_sk100() {
  LoopParameters p;
  p.law = LawKind::cac_best;
  p.dt = 0.05;
  p.rounds = 3000;
  p.pump = -0.2;       // cac_r
  p.saturation = 0.8;  // cac_mu
  p.xi = 1.0;          // J enters as it is …
  p.gain = 0.3;        // … times cac_beta, which there is the coupling strength
  p.alpha = 0.7;
  p.best_energy = {.rho = 1.2, .delta = 12, .gamma = 0.010, .tau = 150, .previous_energy = true};
  p.start_uniform_half_width = 0.0005;
  p.error_start = 1;
  p.error_max = 32;
  // CAC.py writes `x_ = x` and then updates x in place, so its e step sees the new x.
  p.error_uses_new_amplitude = true;
  return {"cim-optimizer-sk100",
          "github.com/mcmahon-lab/cim-optimizer, CAC.py and optimal_params.py (sk_100_fc_params)",
          "the published reference simulator at its settings for J = ±1, N = 100", p};
}

LoopPreset cim_optimizer_ahc() {
  LoopParameters p;
  p.law = LawKind::ahc;
  p.dt = 0.05;
  p.rounds = 1000;  // num_timesteps_per_run of its solver
  p.pump = 0.2;     // r
  p.saturation = 1.0;
  p.xi = 1.0;     // J enters as it is …
  p.gain = 0.07;  // … times eps
  p.alpha = 0.2;  // target_a_baseline
  p.beta = 0.05;
  p.start_uniform_half_width = 0.0005;
  p.error_start = 1;
  p.error_max = 32;
  // AHC.py updates x in place before e, and takes the target from the spins before that update.
  p.error_uses_new_amplitude = true;
  return {
      "cim-optimizer-ahc",
      "github.com/mcmahon-lab/cim-optimizer, AHC.py, its defaults from the supplement of Leleu et al. 2019, "
      "doi 10.1103/PhysRevLett.122.040607",
      "amplitude-heterogeneity correction, J = ±1, N about 100", p};
}

}  // namespace

const std::vector<LoopPreset>& loop_presets() {
  static const std::vector<LoopPreset> presets = [] {
    std::vector<LoopPreset> all = {sk_cac(),           sk_cfc(),       sk_sfc(),
                                   gset_cac(),         sk_cfc_short(), sk_sfc_short(),
                                   sk_cac_short(),     leleu_sk(),     cim_optimizer_sk100(),
                                   cim_optimizer_ahc()};
    for (LoopPreset& preset : all) preset.parameters.preset = preset.name;
    return all;
  }();
  return presets;
}

LoopParameters loop_preset(const std::string& name, const IsingModel& model) {
  std::string known;
  for (const LoopPreset& preset : loop_presets()) {
    if (preset.name == name) {
      LoopParameters p = preset.parameters;
      if (name == "leleu-sk") {
        if (model.size() < kFewestLeleuSpins) {
          throw InputError(fmt::format(
              "preset = 'leleu-sk': its pump 0.8 - (N/220)^-2 is for N >= {} spins, the problem has {}",
              kFewestLeleuSpins, model.size()));
        }
        p.pump = leleu_pump(model.size());
      }
      return p;
    }
    known += fmt::format("{}{}", known.empty() ? "" : ", ", preset.name);
  }
  throw InputError(fmt::format("preset = '{}': must be one of {}", name, known));
}

LoopParameters cac_best_parameters(const IsingModel& model) {
  LoopParameters p = leleu_sk().parameters;
  // 1/(root mean square of J over all pairs) in units of ξ, which counts a field as one more pulse.
  const int pulses = model.size() + (model.has_field() ? 1 : 0);
  const double per_rms = std::sqrt(std::max(1, pulses - 1) / 2.0);
  p.gain = *p.xi * per_rms;
  p.xi.reset();
  p.best_energy.delta *= per_rms * coupling_normalisation(model);
  // The formula was made for 100 spins and more; below, its pump is too low (docs/physics.md has figures).
  p.pump = leleu_pump(std::max(model.size(), 100));
  return p;
}

FieldMode usual_field_mode(LawKind law) {
  // Laws that hold |x| near √α give the ancilla the size of every other pulse from the first round trips on;
  // the mean amplitude serves laws without a target. (docs/tuning.md has the comparison.)
  switch (law) {
    case LawKind::cac:
    case LawKind::cfc:
    case LawKind::cac_best:
    case LawKind::ahc:
      return FieldMode::ancilla;
    default:
      return FieldMode::mean_amplitude;
  }
}

LoopParameters automatic_parameters(const IsingModel& model, bool look_at_spectrum) {
  // Sparse graphs have few neighbours to average over: they need the slow ramp and CAC's fixed amplitude, as
  // do problems with fields. Dense ones without fields are where CFC is fastest.
  const bool sparse = model.size() >= 200 && model.density() < 0.1;
  const bool field = model.has_field();
  LoopParameters p = loop_preset(field ? "sk-cac" : sparse ? "gset-cac" : "sk-cfc", model);
  p.field_mode = usual_field_mode(p.law);
  if (field) {
    p.dt = 0.25;
    p.rounds = 2000;
  } else if (!sparse) {
    p.beta = 0.15;
    p.rounds = std::clamp<std::int64_t>(2 * std::int64_t{model.size()}, 2000, 6000);
  } else {
    // The published ramp of α to 3 takes Euler steps of 0.1 beyond their bound near good states: e grows like
    // α there, and amplitudes ring from step to step (docs/experiments.md). To 2 it does not.
    p.alpha = Schedule::ramp(1, 2, 0.95);
    p.preset.clear();
    return p;
  }
  p.preset.clear();  // the law is published, the numbers are not
  if (!look_at_spectrum) return p;
  // A mode of J far below zero (all-positive max-cut weights, one-hot penalties) is damped at the rate
  // 1 + ξ|λ_min|, and an Euler step longer than about its inverse makes it ring instead of decay.
  // CAC's e rises above 1 near good states and wants a little less (docs/tuning.md).
  const double rate = 1 + coupling_normalisation(model) * std::abs(extreme_eigenvalues(model).smallest);
  const double longest = (field ? 0.8 : 1.5) / rate;
  if (longest < p.dt) {
    p.rounds = std::min<std::int64_t>(
        std::max<std::int64_t>(8000, p.rounds),
        static_cast<std::int64_t>(std::ceil(static_cast<double>(p.rounds) * p.dt / longest)));
    p.dt = longest;
  }
  return p;
}

}  // namespace opoloop
