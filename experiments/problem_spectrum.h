#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hamiltonian/problem.h"
#include "hamiltonian/spectra/hitting_time.h"
#include "hamiltonian/spectra/quantum_gap.h"
#include "hamiltonian/spectra/single_flip_chain.h"

namespace opoloop {

struct SpectrumSettings {
  bool classical = true;  ///< n ≤ 20
  bool quantum = true;    ///< n ≤ 20
  bool machine = true;
  std::vector<FlipRule> rules = {FlipRule::metropolis, FlipRule::glauber};
  std::vector<double> betas;  ///< 1/energy; empty: default_betas()
  int points = 40;            ///< values of s
  ProblemScaling scaling = ProblemScaling::norm;
  double success = 0.99;                     ///< q of times to solution
  std::optional<double> pump_from, pump_to;  ///< of the mean-field run; unset: threshold − 0.5, threshold + 1
  int threads = 1;                           ///< never changes a result
  std::function<bool()> stop;
  std::function<void(const std::string& what)> progress;  ///< called from any one thread at a time
};

/// One classical setting: gap, bounds and, up to 16 spins, the exact hitting time.
struct ChainRow {
  ChainGap gap;
  std::optional<HittingTime> hitting;
};

struct JacobianPoint {
  double pump = 0;
  std::vector<double> values;  ///< the largest eigenvalues, decreasing
  bool converged = false;
};

/// The loop's own modes: model (a), linear law. A field counts as one more pulse.
struct MachineSpectrum {
  double xi = 0;                  ///< coupling strength ξ (N1 of docs/physics.md)
  std::vector<double> couplings;  ///< largest eigenvalues of J, decreasing
  bool converged = false;         ///< of the above
  double threshold = 0;           ///< p_th = 1 − ξ λ₁
  std::optional<double>
      competition;                 ///< ξ (λ₁ − λ₂): how much earlier the first mode rises; none for one pulse
  std::vector<JacobianPoint> run;  ///< along a run in which the pump rises steadily
  double run_time = 0;             ///< its length, in signal lifetimes
};

struct ProblemSpectrum {
  std::vector<ChainRow> chains;  ///< rule by rule, β by β
  std::optional<QuantumGap> quantum;
  std::optional<MachineSpectrum> machine;
  double classical_s = 0, quantum_s = 0, machine_s = 0;  ///< wall time of each part
  bool interrupted = false;
};

/// Eight inverse temperatures from 0.1 to 4 in units of 1/(root-mean-square local field), evenly in ln β; {1}
/// for a problem without couplings and fields.
std::vector<double> default_betas(const IsingModel& model);

/// All parts that are asked for. Throws InputError where n > 20 and more than the machine's modes are asked
/// for.
ProblemSpectrum problem_spectrum(const IsingModel& model, const SpectrumSettings& settings);

}  // namespace opoloop
