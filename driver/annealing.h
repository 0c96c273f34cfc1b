#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hamiltonian/ising_model.h"

namespace opoloop {

/// Metropolis simulated annealing (Kirkpatrick, Gelatt, Vecchi 1983, doi 10.1126/science.220.4598.671) of
/// independent reads: sweeps in order of the spins, each spin idle with probability 1/16 (so that every state
/// can be reached) and otherwise flipped with probability min(1, exp(−ΔE/T)), ΔE = 2 σ_i f_i, f_i = Σ_j J_ij
/// σ_j + h_i kept up to date.
struct AnnealingSchedule {
  double hot = 0;   ///< temperature of the first sweep, in units of the problem's energy
  double cold = 0;  ///< of the last sweep, 0 < cold ≤ hot
  std::int64_t sweeps = 1;
  bool geometric = true;  ///< T_k = hot (cold/hot)^(k/(sweeps−1)); else linear in T
  bool descend = true;    ///< after the last sweep flip whatever lowers E until nothing does
};

struct AnnealingRead {
  double energy_final = 0;      ///< offset included, recomputed in double from the spins
  double energy_best = 0;       ///< lowest at the end of a sweep
  std::int64_t round_best = 0;  ///< that sweep, 1-based; 0 is the random start
  std::int64_t rounds = 0;      ///< sweeps done
  std::vector<std::int8_t> spins_best, spins_final;
};

struct AnnealingOptions {
  std::uint64_t seed = 1;
  std::uint32_t read = 0;             ///< names the random stream: a read is a function of (seed, read)
  std::optional<double> stop_energy;  ///< stop at the first sweep that ends at or below it
  std::function<bool()> stop;         ///< asked every few thousand spins; may be empty
  std::function<void(std::int64_t)>
      done;  ///< told how many sweeps were done since the last call; may be empty
};

/// A problem packed for annealing. Couplings that are small integers in some unit (±1, ±J/√N, halves) are
/// held as integers and fields are exact; others are float32 with fields rebuilt now and then. Thread-safe.
class Annealer {
 public:
  virtual ~Annealer() = default;

  /// "dense-i8", "sparse-i16", "dense-f32", "sparse-f32".
  virtual std::string storage() const = 0;
  virtual AnnealingRead run(const AnnealingSchedule& schedule, const AnnealingOptions& options) const = 0;

  /// Temperatures from the fields that are really there. Hot: 0.8 of the largest root-mean-square field of a
  /// spin in a random state, √(Σ_j J_ij² + h_i²). Cold: the smallest excitations of local minima (1% quantile
  /// of |f| over a few quenches) are still made with probability 5%, T = 2|f| / ln 20. Both numbers were
  /// tuned on SK N = 100 and G-set instances; results change little around them. Fixed seed: the same problem
  /// gets the same temperatures.
  virtual AnnealingSchedule choose_temperatures() const = 0;
};

std::unique_ptr<Annealer> make_annealer(const IsingModel& model);

}  // namespace opoloop
