#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hamiltonian/spectra/lowest_levels.h"
#include "hamiltonian/spectra/state_space.h"

namespace opoloop {

/// How a proposed single-spin flip x → y with energy change Δ is taken, at inverse temperature β. A step
/// proposes one of the n spins uniformly: P(x, y) = a(βΔ)/n, and both rules obey detailed balance,
/// π(x) P(x, y) = π(y) P(y, x), for the Boltzmann weights π ∝ e^(−βE).
enum class FlipRule {
  metropolis,  ///< a = min(1, e^(−βΔ))
  glauber,     ///< a = 1/(1 + e^(βΔ)), also called heat bath
};

std::string name_of(FlipRule rule);
/// a(βΔ): the probability that a proposed flip is taken.
double flip_probability(FlipRule rule, double beta_delta);

/// The symmetrised generator G = 1 − √π P 1/√π of the chain on a state space:
///
///     (G v)(x) = r(x) v(x) − Σ_i √(P(x,y_i) P(y_i,x)) v(y_i),    r(x) = Σ_i P(x, y_i)
///
/// Its levels are 1 − λ for the eigenvalues λ of P; √π is the level 0 of the even (or the whole) space. Each
/// weight serves both of its states: n 2^(n−1) doubles are held (84 MB for 20 spins).
class ChainOperator final : public SymmetricOperator {
 public:
  /// energy: [space.size()], outlives the operator.
  ChainOperator(const StateSpace& space, const std::vector<double>& energy, FlipRule rule, double beta,
                int threads = 1);

  std::int64_t size() const override { return space_.size(); }
  double upper_bound() const override { return reversed_ ? 1 : rule_ == FlipRule::glauber ? 1 : 2; }
  void apply(const double* x, double* y) const override;

  /// false: levels are 1 − λ (G); true: levels are λ (1 − G).
  void set_reversed(bool reversed) { reversed_ = reversed; }

  /// √π, of norm 1 on this space.
  const std::vector<double>& root_weights() const { return root_weights_; }

  /// ⟨v|G|v⟩/⟨v|v⟩ as a sum of squares, Σ over neighbours of (√P(x,y) v(x) − √P(y,x) v(y))²: without the
  /// cancellation that limits v·Gv to 1e−16, so that small gaps keep their digits.
  double dirichlet_form(const std::vector<double>& v) const;

 private:
  StateSpace space_;
  const std::vector<double>& energy_;
  FlipRule rule_;
  double beta_;
  int threads_;
  bool reversed_ = false;
  std::vector<std::vector<double>> weights_;  ///< [bit][pair], pair = x without that bit; [size] for mirrors
  std::vector<double> rates_;                 ///< r(x)
  std::vector<double> root_weights_;
};

struct ChainSettings {
  FlipRule rule = FlipRule::metropolis;
  double beta = 1;  ///< inverse temperature, in 1/(unit of energy); ≥ 0 and finite
  int threads = 1;
  double success = 0.99;  ///< q of the time to solution
  LevelOptions levels;
};

/// Spectrum of the chain on one space, leading eigenvalue 1 left out. Not a number where it did not converge.
struct ChainSpectrum {
  double lambda_2 = 0;      ///< largest eigenvalue but 1
  double lambda_min = 0;    ///< smallest
  double gap = 0;           ///< δ = 1 − max(|λ₂|, |λ_min|)
  double relaxation = 0;    ///< t_rel = 1/δ, in steps (proposed flips); infinite where δ = 0
  double mixing_bound = 0;  ///< steps: t_mix(ε) ≤ t_rel ln(1/(ε π_min)), ε = π_G/2
  double tts_bound = 0;     ///< steps: TTS(q) ≤ t_mix(ε) ⌈ln(1−q)/ln(1−π_G+ε)⌉
};

struct ChainGap {
  FlipRule rule = FlipRule::metropolis;
  double beta = 0;
  bool converged = false;
  bool interrupted = false;
  ChainSpectrum all;                  ///< the whole chain
  std::optional<ChainSpectrum> even;  ///< h = 0, n > 1: what a flip-symmetric observer sees, TTS among them
  double ground_weight = 0;           ///< π_G: probability of the ground states in equilibrium
  std::int64_t ground_states = 0;
  double log_smallest_weight = 0;  ///< ln π_min
  std::int64_t products = 0;
};

/// Gap and bounds of the single-flip chain, n ≤ 20. With h = 0 the even and the odd functions are treated
/// each on half the states. Throws InputError for more spins and for a β that is negative or not finite.
ChainGap chain_gap(const IsingModel& model, const ChainSettings& settings);

/// TTS bound in steps from its parts: relaxation, ln π_min, π_G, q.
double tts_bound(double mixing_bound, double ground_weight, double success);

}  // namespace opoloop
