#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "attention/qama_batch.h"
#include "experiments/figure.h"
#include "hamiltonian/quantiser.h"

namespace opoloop {

/// What to look at, and what solves the problems beside the simple solutions.
struct QamaInspectSettings {
  std::string device = "annealing:";
  JobSettings job;
  std::vector<int> curve_bits = {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  std::vector<int> machine_bits = {8, 12, 16};  ///< rounded problems that are solved; the first gets remedies
  int histogram_bins = 61;
  std::function<bool()> stop;                        ///< asked before every problem and every solve
  std::function<void(const std::string&)> progress;  ///< may be empty
};

/// One way to round: what survives, and for ≤ 20 spins what became of the ground state.
struct QuantisationPoint {
  Quantisation rounding;
  std::optional<GroundStateShift> shift;
};

/// One solution, looked at on the true problem. A solution of a rounded problem says at which bits.
struct QamaCandidate {
  std::string name;            ///< short, for tables and JSON: "device", "rounded-8", "sign-of-field", …
  std::string meaning;         ///< in words
  int bits = 0;                ///< of the rounded problem that was solved; 0: none
  std::int64_t spins = 0;      ///< of the problem that was solved
  double surviving_share = 1;  ///< of the couplings that the machine would see
  double energy = 0;           ///< of the true problem
  double gap = 0;              ///< (energy − best)/|best|
  double selected = 0;         ///< share of the tokens that are selected, over all heads
};

/// One problem of the batch, measured.
struct QamaInspection {
  int index = 0;
  std::string name;
  int heads = 0, tokens = 0, live = 0, bits = 0;
  std::int64_t spins = 0, couplings = 0;
  std::int64_t inner_couplings = 0;           ///< of them inside heads: all but the penalty between heads
  std::int64_t inner_surviving = 0;           ///< of those, not zero after rounding to the first machine_bits
  double coupling_rms = 0, coupling_max = 0;  ///< of the Ising form, |J|
  double field_rms = 0, field_max = 0;        ///< |h|
  double linear_max = 0;                      ///< largest |C_l h|, the term that carries c_l N
  double interaction_max = 0;                 ///< largest |c_q J^t_ij| of a pair
  double head_penalty = 0;                    ///< P
  std::vector<double> head_coupling_max;      ///< largest |J| within each head, Ising form
  std::vector<QuantisationPoint> curve;
  std::vector<QamaCandidate> candidates;
  int ancillas = 0;                     ///< of the split linear term; 0 where there is nothing to split
  double best = 0;                      ///< lowest energy of all candidates
  std::vector<double> selection;        ///< a of the best, [H, N]
  std::vector<double> histogram_edges;  ///< of couplings, bins + 1
  std::vector<std::int64_t> histogram;
  double step_of_rounding = 0;  ///< of the first machine_bits: couplings below half of it vanish

  /// Surviving couplings at b bits of the curve or of the machine; unset where that was not measured.
  const QuantisationPoint* at_bits(int b) const;
};

/// Inspects problem `index` of the batch (all with index < 0, but for those without spins). Throws InputError
/// where a problem does not fit the device.
std::vector<QamaInspection> inspect_qama(const QamaBatch& batch, int index,
                                         const QamaInspectSettings& settings);

/// Spins decided alone: the sign of each one's field. Zero fields give −1.
std::vector<std::int8_t> sign_of_field(const IsingModel& model);
/// Flips the spin that lowers the energy most until none does, from `spins`.
std::vector<std::int8_t> steepest_descent(const IsingModel& model, std::vector<std::int8_t> spins);

/// A problem whose linear term is spread over ancilla spins, so that couplings set the full scale and not
/// fields. In integers of `bits` bits: the largest coupling fills the range, h_i becomes F_i units of the
/// same size, dealt out over k ancillas as whole numbers, at most |F_i|/k + 1 each. Ties T between all
/// ancillas hold them together: turning m ≤ k/2 of them costs 2 T m (k−m) ≥ T m k and gains at most 2 m
/// (Σ|F|/k + n), so with T = ⌈2 (Σ|F|/k + n)/k⌉ some ground state has them aligned. k is the least for which
/// F_i/k and T fit.
struct SplitProblem {
  IsingModel model;  ///< spins of the problem, then the ancillas; no field
  int ancillas = 0;
  double tie = 0;
  std::int64_t vanished_couplings = 0;  ///< of the problem's own
};
/// Unset where the problem has no couplings or no field.
std::optional<SplitProblem> split_linear_term(const IsingModel& model, int bits);
/// The problem's own spins, read relative to the ancillas' majority.
std::vector<std::int8_t> join_split_spins(const SplitProblem& split, std::vector<std::int8_t> spins);

/// Rounded with full scale at the largest coupling, fields cut off there.
IsingModel rounded_with_cut_fields(const IsingModel& model, int bits);

}  // namespace opoloop
