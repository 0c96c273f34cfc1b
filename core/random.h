#pragma once

#include <array>
#include <cstdint>

namespace opoloop {

// Randomness is a pure function of (seed, stream, trajectory, step, index): nothing is drawn "next", so
// a result cannot depend on the number of threads, the batch size or the rank that computed it.
//
// Generator: Philox4x32 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011),
// with 7 rounds, the smallest number that passes BigCrush there (table 2). The vector kernels in
// cim_model/kernels reproduce these words bit for bit.
inline constexpr int kPhiloxRounds = 7;

/// Every stream of the program, in one place. Numbers are part of what a seed promises: never reuse one.
enum class Stream : std::uint32_t {
  start_amplitude = 1,        ///< initial pulse amplitudes
  pulse_noise = 2,            ///< quantum noise of a pulse model, one step a round trip
  generator = 3,              ///< problem generators
  annealing = 4,              ///< Metropolis proposals and acceptance
  bifurcation = 5,            ///< initial positions and momenta of bSB and dSB
  bootstrap = 6,              ///< resampling for intervals
  quantum_start = 7,          ///< initial state of models with more than one quadrature
  record_vacuum = 20,         ///< vacuum noise of a record whose model is normally ordered
  record_noise = 32,          ///< detector and electronics, one step a round trip, slot i for pulse i
  pump_noise = 33,            ///< common to all pulses, one step a round trip
  pump_noise_per_pulse = 34,  ///< one step a round trip, slot i for pulse i
  pump_drift = 35,            ///< Fourier components of a trajectory's 1/f drift
  gain_pattern = 36,          ///< fixed pattern of a machine, keyed by its device_seed
  single_flip_chain = 40,     ///< runs of the Markov chain of docs/spectra.md
  instance_seed = 41,         ///< seeds of an experiment's instances from (family, size, index)
};

using PhiloxWords = std::array<std::uint32_t, 4>;

/// Four independent uniform 32-bit words. Counter = {index, step low, trajectory, stream | step high << 8},
/// key = {seed low, seed high}. step < 2^56, stream < 256.
PhiloxWords philox_words(std::uint64_t seed, Stream stream, std::uint32_t trajectory, std::uint64_t step,
                         std::uint32_t index);

/// Two standard normals from two words by Box–Muller, in double:
/// u = ((a >> 1) + ½) 2⁻³¹, θ = 2π b 2⁻³², (√(−2 ln u) cos θ, √(−2 ln u) sin θ).
std::array<double, 2> box_muller(std::uint32_t a, std::uint32_t b);

/// The four normals of one counter: words (0,1) give the first two, words (2,3) the last two.
std::array<double, 4> philox_normals(std::uint64_t seed, Stream stream, std::uint32_t trajectory,
                                     std::uint64_t step, std::uint32_t index);

/// A sequential view of one (seed, stream, trajectory): for generators and other code where order is fixed.
class RandomSequence {
 public:
  RandomSequence(std::uint64_t seed, Stream stream, std::uint32_t trajectory = 0)
      : seed_(seed), stream_(stream), trajectory_(trajectory) {}

  std::uint32_t next_word();
  /// Uniform on [0, 1) with 53 bits.
  double uniform();
  /// Uniform on {0, …, bound − 1}, unbiased. bound ≥ 1.
  std::uint64_t below(std::uint64_t bound);
  double normal();

 private:
  std::uint64_t seed_;
  Stream stream_;
  std::uint32_t trajectory_;
  std::uint64_t step_ = 0;
  int left_ = 0;
  PhiloxWords words_{};
};

}  // namespace opoloop
