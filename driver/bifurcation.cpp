#include "driver/bifurcation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/error.h"
#include "core/random.h"
#include "driver/kernels/bifurcation_kernels.h"
#include "driver/statistics.h"
#include "hamiltonian/kernels/matrix_kernels.h"

namespace opoloop {
namespace {

using kernels::AlignedArray;

/// The state of one block: `tiles` tiles of 16 trajectories, and the best each has seen.
class Block {
 public:
  Block(const IsingModel& model, const Coupling& coupling, const BifurcationParameters& parameters,
        const BifurcationOptions& options)
      : model_(model),
        coupling_(coupling),
        p_(parameters),
        options_(options),
        n_(model.size()),
        tiles_((options.trajectories + kTileLanes - 1) / kTileLanes),
        tile_floats_(static_cast<std::size_t>(n_) * 16),
        x_(size()),
        y_(size()),
        field_(size()),
        energy_(static_cast<std::size_t>(tiles_) * 16),
        mean_abs_(static_cast<std::size_t>(tiles_) * 16),
        discrete_(parameters.kind == BifurcationKind::discrete) {
    if (discrete_) sign_ = AlignedArray<float>(size());
    if (model.has_field()) {
      h_.assign(static_cast<std::size_t>(n_), 0.0F);
      for (std::size_t i = 0; i < h_.size(); ++i) h_[i] = static_cast<float>(model.field()[i]);
    }
    best_.assign(static_cast<std::size_t>(options.trajectories), std::numeric_limits<double>::infinity());
    best_spins_.resize(best_.size());
    best_step_.assign(best_.size(), 0);
    start();
  }

  std::vector<BifurcationRun> run() {
    const std::int64_t ask_every = std::clamp<std::int64_t>(100'000 / n_, 1, 64);
    std::int64_t told = 0;
    std::int64_t step = 0;
    bool stopped = false;
    std::uint64_t flipped_tiles = ~std::uint64_t{0};  // tiles whose signs changed since their last energy
    while (step < p_.steps && !stopped) {
      // The field belongs to the state before this step; in dSB its energy comes with it.
      if (discrete_) {
        stopped = look_discrete(flipped_tiles, step);
        flipped_tiles = 0;
        // A start that is the target already counts as found at step 0, by a run of one step.
        if (stopped && step > 0) break;
      } else {
        coupling_.apply(x_.data(), field_.data(), tiles_);
      }
      const double pump = p_.a0 * (static_cast<double>(step) / static_cast<double>(p_.steps));
      for (int t = 0; t < tiles_; ++t) {
        if (advance(t, p_.a0 - pump)) flipped_tiles |= std::uint64_t{1} << t;
      }
      ++step;
      if (!discrete_ && (step % p_.energy_every == 0 || step == p_.steps)) {
        stopped = look(flipped_tiles, step) || stopped;
        flipped_tiles = 0;
      }
      if (step % ask_every == 0) {
        stopped = stopped || (options_.stop && options_.stop());
        if (options_.done) options_.done((step - std::exchange(told, step)) * options_.trajectories);
      }
    }
    if (flipped_tiles != 0) discrete_ ? look_discrete(flipped_tiles, step) : look(flipped_tiles, step);
    if (options_.done && step > told) options_.done((step - told) * options_.trajectories);
    return answers(step);
  }

 private:
  std::size_t size() const { return static_cast<std::size_t>(tiles_) * tile_floats_; }
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  float* tile(AlignedArray<float>& array, int t) { return array.data() + at(t) * tile_floats_; }
  const float* h() const { return h_.empty() ? nullptr : h_.data(); }

  void start() {
    for (int l = 0; l < tiles_ * 16; ++l) {
      RandomSequence random(options_.seed, Stream::bifurcation,
                            options_.first_trajectory + static_cast<std::uint32_t>(l));
      float* x = tile(x_, l / 16) + l % 16;
      float* y = tile(y_, l / 16) + l % 16;
      double sum = 0;
      for (int i = 0; i < n_; ++i) {
        const auto xi = static_cast<float>(p_.start * (2 * random.uniform() - 1));
        x[at(i) * 16] = xi;
        y[at(i) * 16] = static_cast<float>(p_.start * (2 * random.uniform() - 1));
        if (discrete_) tile(sign_, l / 16)[at(i) * 16 + at(l % 16)] = std::copysign(1.0F, xi);
        sum += std::abs(xi);
      }
      mean_abs_[at(l)] = discrete_ ? 1.0F : static_cast<float>(sum / n_);
    }
  }

  /// One step of one tile; true where a spin changed sign.
  bool advance(int t, double detuning) {
    kernels::BifurcationStep s{};
    s.x = tile(x_, t);
    s.y = tile(y_, t);
    s.sign = discrete_ ? tile(sign_, t) : nullptr;
    s.field = tile(field_, t);
    s.h = h();
    s.h_weight = &mean_abs_[at(t * 16)];
    s.detuning = static_cast<float>(detuning);
    s.c0 = static_cast<float>(p_.c0);
    s.dt = static_cast<float>(p_.dt);
    s.a0 = static_cast<float>(p_.a0);
    float* mean_abs = discrete_ || s.h == nullptr ? nullptr : &mean_abs_[at(t * 16)];
    return kernels::bifurcation_step(n_, s, mean_abs) != 0;
  }

  /// dSB: J sgn x for all tiles, and the energies that come with it in the tiles whose bits are set (always
  /// this way, so that the same spins have the same energy to the bit). True where one reaches the target.
  bool look_discrete(std::uint64_t tiles, std::int64_t step) {
    bool reached = false;
    coupling_.apply(sign_.data(), field_.data(), tiles_);
    for (int t = 0; t < tiles_; ++t) {
      if ((tiles >> t & 1) == 0) continue;
      kernels::bifurcation_energies(n_, tile(sign_, t), tile(field_, t), h(), &energy_[at(t * 16)]);
      reached = remember(t, step) || reached;
    }
    return reached;
  }

  /// bSB: energies of the signs of x now, in the tiles whose bits are set.
  bool look(std::uint64_t tiles, std::int64_t step) {
    bool reached = false;
    for (int t = 0; t < tiles_; ++t) {
      if ((tiles >> t & 1) == 0) continue;
      double* energy = &energy_[at(t * 16)];
      coupling_.energies(tile(x_, t), energy, 1);
      if (!h_.empty()) {
        const float* x = tile(x_, t);
        for (int i = 0; i < n_; ++i) {
          for (int l = 0; l < 16; ++l) {
            const double h_i = h_[at(i)];
            energy[l] -= std::signbit(x[at(i) * 16 + at(l)]) ? -h_i : h_i;
          }
        }
      }
      reached = remember(t, step) || reached;
    }
    return reached;
  }

  /// Keeps what is better than before. True where one reaches the target, checked in double.
  bool remember(int t, std::int64_t step) {
    bool reached = false;
    for (int l = t * 16; l < std::min(t * 16 + 16, options_.trajectories); ++l) {
      if (!(energy_[at(l)] < best_[at(l)])) continue;
      best_[at(l)] = energy_[at(l)];
      best_spins_[at(l)] = spins(l);
      best_step_[at(l)] = step;
      if (!options_.stop_energy) continue;
      const double target = *options_.stop_energy - model_.offset();
      if (energy_[at(l)] <= target + 1e-5 * std::max(term_, std::abs(target))) {
        reached = reached || reaches(model_.energy(best_spins_[at(l)]), *options_.stop_energy, term_);
      }
    }
    return reached;
  }

  std::vector<std::int8_t> spins(int l) {
    const float* x = tile(x_, l / 16) + l % 16;
    std::vector<std::int8_t> out(at(n_));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = std::signbit(x[i * 16]) ? -1 : 1;
    return out;
  }

  std::vector<BifurcationRun> answers(std::int64_t steps) {
    std::vector<BifurcationRun> runs(best_.size());
    for (std::size_t l = 0; l < runs.size(); ++l) {
      BifurcationRun& run = runs[l];
      run.rounds = steps;
      run.spins_final = spins(static_cast<int>(l));
      run.spins_best = std::move(best_spins_[l]);
      run.round_best = best_step_[l];
      run.energy_final = model_.energy(run.spins_final);
      run.energy_best = model_.energy(run.spins_best);
      if (run.energy_final < run.energy_best) {  // float32 products hid it
        run.energy_best = run.energy_final;
        run.spins_best = run.spins_final;
        run.round_best = steps;
      }
      const float* x = tile(x_, static_cast<int>(l) / 16) + l % 16;
      for (std::size_t i = 0; i < run.spins_final.size(); ++i)
        run.diverged = run.diverged || !std::isfinite(x[i * 16]);
    }
    return runs;
  }

  const IsingModel& model_;
  const double term_ = model_.largest_term();
  const Coupling& coupling_;
  const BifurcationParameters& p_;
  const BifurcationOptions& options_;
  int n_;
  int tiles_;
  std::size_t tile_floats_;
  AlignedArray<float> x_, y_, field_, sign_;
  AlignedArray<double> energy_;
  AlignedArray<float> mean_abs_;
  bool discrete_;
  std::vector<float> h_;
  std::vector<double> best_;
  std::vector<std::vector<std::int8_t>> best_spins_;
  std::vector<std::int64_t> best_step_;
};

}  // namespace

double bifurcation_c0(const IsingModel& model) {
  double squares = model.sum_of_squares();
  double n = model.size();
  if (model.has_field()) {
    for (const double h : model.field()) squares += 2 * h * h;
    n += 1;
  }
  return squares > 0 && n > 1 ? 0.5 * std::sqrt(n - 1) / std::sqrt(squares) : 0.5;
}

std::vector<BifurcationRun> run_bifurcation(const IsingModel& model, const Coupling& coupling,
                                            const BifurcationParameters& parameters,
                                            const BifurcationOptions& options) {
  constexpr int kMost = 64 * kTileLanes;  // one bit a tile
  if (options.trajectories < 1 || options.trajectories > kMost) {
    throw_parameter_error("trajectories", options.trajectories, fmt::format("1 to {} in a block", kMost));
  }
  return Block(model, coupling, parameters, options).run();
}

}  // namespace opoloop
