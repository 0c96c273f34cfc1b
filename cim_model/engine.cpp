#include "cim_model/engine.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "cim_model/block_layout.h"
#include "cim_model/feedback_law.h"
#include "cim_model/kernels/step_kernels.h"
#include "cim_model/lane_record.h"
#include "cim_model/tile_electronics.h"
#include "core/error.h"
#include "core/threads.h"
#include "hamiltonian/kernels/matrix_kernels.h"
#include "hamiltonian/tile_energies.h"

namespace opoloop {
namespace {

using kernels::AlignedArray;
using kernels::RoundConstants;

constexpr float kUnbounded = std::numeric_limits<float>::infinity();

/// Noise variables of a model per pulse.
int noise_kinds(ModelKind model) {
  switch (model) {
    case ModelKind::truncated_wigner:
      return 2;
    case ModelKind::gaussian:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

struct Engine::Impl {
  const IsingModel& model;
  const Coupling& coupling;
  LoopParameters parameters;
  int n;
  float strength;
  std::vector<double> h;       // empty where the problem has no field
  bool exact_energies;         // the energies of a round are those of the model, to the last bit
  double energy_rounding = 0;  // else they are within this of them

  /// Everything of a block of tiles that lives from the first to the last round trip.
  struct Block : BlockLayout {
    int lanes = 0;  // trajectories present
    AlignedArray<float> x, second, error, measured, field, h_rows, noise;
    AlignedArray<float> target, rate, h_scale;
    std::vector<LaneRecord> record;
    std::vector<double> energy;  // [tile][16], of the pairs and the field
    std::vector<std::uint16_t> best_signs;
    std::unique_ptr<TileElectronics> electronics;  // null where everything is ideal
    int lanes_of(int tile) const { return std::min(16, lanes - tile * 16); }
  };

  Impl(const IsingModel& model_in, const Coupling& coupling_in, LoopParameters parameters_in)
      : model(model_in), coupling(coupling_in), parameters(std::move(parameters_in)), n(model_in.size()) {
    parameters.validate();
    if (coupling.size() != n) throw InputError("coupling and model differ in size");
    strength = static_cast<float>(coupling_strength(model, parameters));
    if (model.has_field()) {
      if (parameters.field_mode == FieldMode::ancilla) {
        throw InputError("field_mode = ancilla: extend the problem with with_ancilla() first");
      }
      h.assign(model.field().begin(), model.field().end());
    }
    exact_energies = h.empty() && coupling.exact_energies();
    if (!exact_energies) {
      double magnitude = 0;
      for (std::int32_t i = 0; i < n; ++i) {
        for (const double J : model.couplings(i)) magnitude += std::abs(J);
        magnitude += std::abs(model.field()[static_cast<std::size_t>(i)]);
      }
      // J and its sums are rounded to 2⁻²⁴ of themselves: 64 such roundings, all of the largest size, one
      // way.
      energy_rounding = 0x1p-18 * magnitude;
    }
  }

  RoundConstants constants_at(std::int64_t round) const {
    const LoopParameters& p = parameters;
    RoundConstants c{};
    c.model = p.model;
    c.law = p.law;
    c.stepper = p.stepper;
    c.substeps = p.substeps;
    const double dt = p.dt / p.substeps;
    c.dt = static_cast<float>(dt);
    c.sqrt_dt = static_cast<float>(std::sqrt(dt));
    c.p = static_cast<float>(p.pump.at(round, p.rounds));
    c.saturation = static_cast<float>(p.saturation);
    c.strength = strength;
    const double alpha = p.alpha.at(round, p.rounds);
    c.alpha = static_cast<float>(alpha);
    c.error_rate = static_cast<float>(p.beta.at(round, p.rounds) * p.error_step());
    c.error_steps = p.error_substeps;
    c.error_min = p.error_min > 0 ? static_cast<float>(p.error_min) : -kUnbounded;
    c.error_max = p.error_max > 0 ? static_cast<float>(p.error_max) : kUnbounded;
    c.error_after = p.error_uses_new_amplitude;
    c.c = static_cast<float>(p.sfc_c.at(round, p.rounds));
    c.k = static_cast<float>(p.sfc_k);
    c.limit = static_cast<float>(p.limit);
    c.clamp = kUnbounded;
    if (p.amplitude_clamp > 0) c.clamp = static_cast<float>(p.amplitude_clamp);
    if (p.clamp_over_sqrt_alpha > 0) c.clamp = static_cast<float>(p.clamp_over_sqrt_alpha * std::sqrt(alpha));
    c.g = static_cast<float>(std::sqrt(p.g2));
    c.loss = static_cast<float>(p.measured_loss);
    c.back_action = static_cast<float>(std::sqrt(p.g2 * p.detection_efficiency * p.measured_loss));
    c.condition = static_cast<float>(2 * p.detection_efficiency * p.measured_loss);
    return c;
  }

  Block make_block(const EngineOptions& options, std::uint32_t first, int lanes) const {
    Block b;
    b.n = n;
    b.single = lanes == 1;
    b.tiles = (lanes + 15) / 16;
    b.rows = b.single ? (n + 15) / 16 : n;
    b.first = first;
    b.lanes = lanes;
    const std::size_t size = b.size();
    b.x = AlignedArray<float>(size);
    b.field = AlignedArray<float>(size);
    const int kinds = noise_kinds(parameters.model);
    if (kinds > 0) {
      b.second = AlignedArray<float>(size);
      b.noise = AlignedArray<float>(size * static_cast<std::size_t>(kinds * parameters.substeps));
    }
    if (has_separate_record(parameters)) b.measured = AlignedArray<float>(size);
    if (any_imperfection(parameters))
      b.electronics = std::make_unique<TileElectronics>(parameters, b, options.seed);
    if (has_error_variable(parameters.law)) {
      b.error = AlignedArray<float>(size);
      // Rows beyond the last pulse of a trajectory on its own stay 0.
      const std::size_t live = b.single ? static_cast<std::size_t>(n) : size;
      std::fill(b.error.data(), b.error.data() + live, static_cast<float>(parameters.error_start));
    }
    if (!h.empty()) {
      b.h_rows = AlignedArray<float>(b.tile_size());
      b.spread(h.data(), b.h_rows.data());
      b.h_scale = AlignedArray<float>(16);
    }
    b.target = AlignedArray<float>(16);
    b.rate = AlignedArray<float>(16);
    b.record.resize(static_cast<std::size_t>(b.tiles));
    for (LaneRecord& r : b.record) r.best.fill(std::numeric_limits<double>::infinity());
    b.energy.resize(static_cast<std::size_t>(b.tiles) * 16);
    b.best_signs.assign(size / 16, 0);
    start(b, options.seed);
    silence(b);
    return b;
  }

  void start(Block& b, std::uint64_t seed) const {
    const std::size_t stride = b.tile_size();
    if (parameters.model == ModelKind::mean_field) {
      if (parameters.start_uniform_half_width > 0) {
        start_uniform(b, seed);
        return;
      }
      b.normals(seed, Stream::start_amplitude, 0, 1, b.x.data(), stride);
      scale(b.x, parameters.start_sd);
    } else if (parameters.model == ModelKind::truncated_wigner) {
      // Vacuum: each normalised quadrature has variance g²/4.
      AlignedArray<float> both(stride * 2 * static_cast<std::size_t>(b.tiles));
      b.normals(seed, Stream::quantum_start, 0, 2, both.data(), stride * 2);
      const auto sd = static_cast<float>(std::sqrt(parameters.g2) / 2);
      for (std::size_t row = 0; row < b.x.size() / 16; ++row) {
        for (std::size_t lane = 0; lane < 16; ++lane) {
          b.x[row * 16 + lane] = sd * both[(2 * row) * 16 + lane];
          b.second[row * 16 + lane] = sd * both[(2 * row + 1) * 16 + lane];
        }
      }
    } else {
      // Vacuum of q: mean 0, variance ½.
      std::fill(b.second.data(), b.second.data() + b.second.size(), 0.5F);
    }
  }

  void start_uniform(Block& b, std::uint64_t seed) const {
    for (int lane = 0; lane < b.tiles * 16; ++lane) {
      if (b.single && lane > 0) break;
      for (int i = 0; i < n; ++i) {
        const PhiloxWords words =
            philox_words(seed, Stream::start_amplitude, b.first + static_cast<std::uint32_t>(lane), 0,
                         static_cast<std::uint32_t>(i / 4));
        const double uniform = (static_cast<double>(words[static_cast<std::size_t>(i % 4)]) + 0.5) * 0x1p-32;
        const auto value = static_cast<float>(parameters.start_uniform_half_width * (2 * uniform - 1));
        const std::size_t at = b.single ? static_cast<std::size_t>(i)
                                        : b.tile_size() * static_cast<std::size_t>(lane / 16) +
                                              static_cast<std::size_t>(i) * 16 +
                                              static_cast<std::size_t>(lane % 16);
        b.x[at] = value;
      }
    }
  }

  static void scale(AlignedArray<float>& a, double factor) {
    const auto f = static_cast<float>(factor);
    for (std::size_t i = 0; i < a.size(); ++i) a[i] *= f;
  }

  /// Dead pulses have no amplitude.
  void silence(Block& b) const {
    if (!b.electronics) return;
    for (int t = 0; t < b.tiles; ++t)
      b.electronics->silence(b.x.data() + static_cast<std::size_t>(t) * b.tile_size());
  }

  /// The record of round k, where it is not the amplitude itself.
  void measure(Block& b, std::uint64_t seed, std::int64_t k, const RoundConstants& c) const {
    measure_pulses(b, seed, k, c);
    if (!changes_record(parameters)) return;
    b.electronics->measure(k, model_measures(parameters.model) ? b.measured.data() : b.x.data(),
                           b.measured.data());
  }

  /// Draws the noise of round k and, for models that measure themselves, makes their record.
  void measure_pulses(Block& b, std::uint64_t seed, std::int64_t k, const RoundConstants& c) const {
    const int kinds = noise_kinds(parameters.model);
    if (kinds == 0) return;
    const std::size_t step_stride = b.tile_size() * static_cast<std::size_t>(kinds);
    const std::size_t tile_stride = step_stride * static_cast<std::size_t>(parameters.substeps);
    for (int s = 0; s < parameters.substeps; ++s) {
      b.normals(seed, Stream::pulse_noise,
                static_cast<std::uint64_t>(k) * static_cast<std::uint64_t>(parameters.substeps) +
                    static_cast<std::uint64_t>(s),
                kinds, b.noise.data() + static_cast<std::size_t>(s) * step_stride, tile_stride);
    }
    if (parameters.model != ModelKind::gaussian) return;
    // x̃ = x + g √(1/(4ηj)) Σ dW / dt, with the dW that advance() uses.
    const double efficiency = parameters.detection_efficiency * parameters.measured_loss;
    const auto noise_scale = static_cast<float>(std::sqrt(parameters.g2 / (4 * efficiency)) *
                                                static_cast<double>(c.sqrt_dt) / parameters.dt);
    for (int t = 0; t < b.tiles; ++t) {
      const std::size_t at = static_cast<std::size_t>(t) * b.tile_size();
      const float* from = b.x.data() + at;
      for (int s = 0; s < parameters.substeps; ++s) {
        kernels::add_record_noise(from,
                                  b.noise.data() + static_cast<std::size_t>(t) * tile_stride +
                                      static_cast<std::size_t>(s) * step_stride,
                                  noise_scale, b.measured.data() + at,
                                  static_cast<std::int64_t>(b.tile_size()));
        from = b.measured.data() + at;
      }
    }
  }

  /// J x̃ and, where asked for, the energies of the present spins.
  void couple(Block& b, const float* measured, const float* read, bool energies, bool product) const {
    if (b.single) {
      double pair_energy = 0;
      if (read == measured || !energies) {
        coupling.apply_one(measured, b.field.data(), energies ? &pair_energy : nullptr);
      } else {
        coupling.apply_one(read, b.field.data(), &pair_energy);
        coupling.apply_one(measured, b.field.data(), nullptr);
      }
      if (!energies) return;
      double linear = 0;
      for (std::size_t i = 0; i < h.size(); ++i) linear += h[i] * (std::signbit(read[i]) ? -1.0 : 1.0);
      b.record[0].energy[0] = pair_energy - linear + model.offset();
      return;
    }
    if (product) coupling.apply(measured, b.field.data(), b.tiles);
    if (!energies) return;
    coupling.energies(read, b.energy.data(), b.tiles);
    for (int t = 0; t < b.tiles; ++t) {
      double* e = b.energy.data() + static_cast<std::ptrdiff_t>(t) * 16;
      if (!h.empty())
        kernels::subtract_field_energy(h.data(), read + static_cast<std::size_t>(t) * b.tile_size(), n, e);
      for (std::size_t lane = 0; lane < 16; ++lane)
        b.record[static_cast<std::size_t>(t)].energy[lane] = e[lane] + model.offset();
    }
  }

  /// Notes new best energies and their spins. Returns the lanes that have one as bits; lowers `lowest` to the
  /// lowest energy of the tile's live lanes.
  std::uint32_t keep_best(Block& b, int tile, const float* read, std::int64_t k, double& lowest) const {
    LaneRecord& r = b.record[static_cast<std::size_t>(tile)];
    std::uint32_t better = 0;
    for (int lane = 0; lane < b.lanes_of(tile); ++lane) {
      const auto l = static_cast<std::size_t>(lane);
      if (r.diverged >> lane & 1U) continue;
      lowest = std::min(lowest, r.energy[l]);
      if (!(r.energy[l] < r.best[l])) continue;
      r.best[l] = r.energy[l];
      r.round_best[l] = k;
      better |= 1U << lane;
    }
    if (better != 0) {
      const std::size_t at = static_cast<std::size_t>(tile) * b.tile_size();
      // Alone, all lanes are pulses of the one trajectory.
      kernels::update_best_signs(read + at, b.rows, b.single ? 0xffffU : better,
                                 b.best_signs.data() + at / 16);
    }
    return better;
  }

  /// Row and column of pulse i of a lane of the block among rows of 16.
  static std::pair<std::size_t, std::size_t> place(const Block& b, int lane, std::size_t i) {
    if (b.single) return {i / 16, i % 16};
    return {static_cast<std::size_t>(lane / 16) * b.tile_size() / 16 + i,
            static_cast<std::size_t>(lane % 16)};
  }

  std::vector<std::int8_t> best_spins(const Block& b, int lane) const {
    std::vector<std::int8_t> spins(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < spins.size(); ++i) {
      const auto [row, column] = place(b, lane, i);
      spins[i] = (b.best_signs[row] >> column & 1U) != 0 ? -1 : 1;
    }
    return spins;
  }

  /// True where one of the tile's lanes `better` is at or below the target. An energy that is followed in
  /// float only says who is near; the model's own energy decides.
  bool reaches_target(const Block& b, int tile, std::uint32_t better, double target) const {
    const LaneRecord& r = b.record[static_cast<std::size_t>(tile)];
    for (int lane = 0; lane < 16; ++lane) {
      if (!(better >> lane & 1U)) continue;
      if (!(r.best[static_cast<std::size_t>(lane)] <= target + energy_rounding)) continue;
      if (exact_energies || model.energy(best_spins(b, tile * 16 + lane)) <= target) return true;
    }
    return false;
  }

  /// Law cac_best: a and ξ_t of this round into the lane arrays, then the next round's [L21].
  void move_target(Block& b, int tile, std::int64_t k, const RoundConstants& c) const {
    LaneRecord& r = b.record[static_cast<std::size_t>(tile)];
    const BestEnergyTarget& target = parameters.best_energy;
    const double error_dt = parameters.error_step();
    for (std::size_t l = 0; l < 16; ++l) {
      if (k == 0) {
        r.target_best[l] = r.energy[l];
        r.shift[l] = 0;
      }
      const double shift = -target.rho * std::tanh(target.delta * (r.target_best[l] - r.energy[l]));
      const double a = static_cast<double>(c.alpha) + (target.previous_energy ? r.shift[l] : shift);
      r.shift[l] = shift;
      b.target[l] = static_cast<float>(a);
      b.rate[l] = static_cast<float>(r.rate[l] * error_dt);
      r.rate[l] += target.gamma * parameters.dt;
      if (static_cast<double>(k - r.target_round[l]) > target.tau / parameters.dt) {
        r.rate[l] = 0;
        r.target_round[l] = k;
      }
      if (r.energy[l] < r.target_best[l]) {
        r.target_best[l] = r.energy[l];
        r.target_round[l] = k;
      }
      if (!b.single) continue;
      std::fill_n(b.target.data(), 16, b.target[0]);
      std::fill_n(b.rate.data(), 16, b.rate[0]);
      break;
    }
  }

  /// Law ahc: a = α + ξ ⟨σ_i Σ J σ⟩ of every lane, from its energy [L19; cim_model/laws/ahc.h].
  void set_target(Block& b, int tile, const RoundConstants& c) const {
    const LaneRecord& r = b.record[static_cast<std::size_t>(tile)];
    for (std::size_t l = 0; l < 16; ++l) {
      const double energy = r.energy[b.single ? 0 : l] - model.offset();
      b.target[l] =
          static_cast<float>(static_cast<double>(c.alpha) - 2 * static_cast<double>(strength) * energy / n);
      b.rate[l] = c.error_rate;
    }
  }

  void advance(Block& b, int tile, std::int64_t k, const RoundConstants& c, const float* measured) const {
    const std::size_t at = static_cast<std::size_t>(tile) * b.tile_size();
    if (parameters.law == LawKind::cac_best) move_target(b, tile, k, c);
    if (parameters.law == LawKind::ahc) set_target(b, tile, c);
    if (!h.empty()) {
      float* scale = b.h_scale.data();
      if (parameters.field_mode == FieldMode::sqrt_alpha) {
        std::fill_n(scale, 16, static_cast<float>(held_amplitude(parameters, static_cast<double>(c.alpha))));
      } else if (b.single) {
        float sum = 0;
        for (int i = 0; i < n; ++i) sum += std::abs(measured[i]);
        std::fill_n(scale, 16, sum * (1.0F / static_cast<float>(n)));
      } else {
        kernels::mean_amplitude(measured + at, n, scale);
      }
    }
    const auto noise_stride =
        b.tile_size() * static_cast<std::size_t>(noise_kinds(parameters.model) * parameters.substeps);
    kernels::TileArrays arrays{};
    arrays.x = b.x.data() + at;
    arrays.second = b.second.size() > 0 ? b.second.data() + at : nullptr;
    arrays.error = b.error.size() > 0 ? b.error.data() + at : nullptr;
    arrays.measured = measured + at;
    arrays.field = b.field.data() + at;
    arrays.h = h.empty() ? nullptr : b.h_rows.data();
    arrays.h_scale = b.h_scale.data();
    arrays.target = b.target.data();
    arrays.rate = b.rate.data();
    arrays.noise =
        b.noise.size() > 0 ? b.noise.data() + static_cast<std::size_t>(tile) * noise_stride : nullptr;
    const std::uint32_t bad = b.electronics ? advance_through(*b.electronics, c, arrays, b.rows, tile, k)
                                            : kernels::advance_tile(c, arrays, b.rows);
    LaneRecord& r = b.record[static_cast<std::size_t>(tile)];
    r.diverged |= b.single ? static_cast<std::uint32_t>(bad != 0) : bad;
  }

  /// Law, electronics, pulses.
  static std::uint32_t advance_through(TileElectronics& electronics, const RoundConstants& c,
                                       const kernels::TileArrays& arrays, int rows, int tile,
                                       std::int64_t k) {
    std::uint32_t bad = kernels::law_tile(c, arrays, rows, electronics.answer(k, tile));
    electronics.feed_back(k, tile);
    const float* pump = electronics.pump(tile, static_cast<double>(c.p));
    bad |= kernels::advance_driven_tile(c, arrays, rows, pump, electronics.injection(),
                                        electronics.quadrature());
    electronics.silence(arrays.x);
    return bad | kernels::late_error_tile(c, arrays, rows);
  }

  void observe(const Block& b, const EngineOptions& options, std::int64_t k, const RoundConstants& c,
               const float* measured) const {
    for (int t = 0; t < b.tiles; ++t) {
      const std::uint32_t first = b.first + static_cast<std::uint32_t>(t) * 16;
      if (first >= static_cast<std::uint32_t>(options.observe_trajectories)) break;
      const std::size_t at = static_cast<std::size_t>(t) * b.tile_size();
      const bool separate = b.measured.size() > 0;
      TileObservation o{k,
                        first,
                        b.lanes_of(t),
                        static_cast<double>(k) * parameters.dt,
                        static_cast<double>(c.p),
                        n,
                        b.x.data() + at,
                        b.error.size() > 0 ? b.error.data() + at : nullptr,
                        separate ? measured + at : nullptr,
                        b.record[static_cast<std::size_t>(t)].energy.data()};
      if (!b.single) {
        options.observer(o);
        continue;
      }
      // The observer's layout is that of a tile: pulse i in row i, this trajectory in lane 0.
      const auto widen = [&](const float* from) {
        AlignedArray<float> wide(from != nullptr ? static_cast<std::size_t>(n) * 16 : 0);
        for (std::size_t i = 0; i < wide.size() / 16; ++i) wide[i * 16] = from[i];
        return wide;
      };
      const auto x = widen(o.amplitude);
      const auto error = widen(o.error);
      const auto record = widen(o.measured);
      o.amplitude = x.data();
      o.error = o.error != nullptr ? error.data() : nullptr;
      o.measured = o.measured != nullptr ? record.data() : nullptr;
      options.observer(o);
    }
  }

  /// The loop of physics.md: measure, product, observe, advance, from the first round trip to the last.
  void run_block(Block& b, const EngineOptions& options, std::atomic<bool>& stop) const {
    const bool needs_energy =
        options.track_energy || parameters.law == LawKind::cac_best || parameters.law == LawKind::ahc;
    for (std::int64_t k = 0;; ++k) {
      const RoundConstants c = constants_at(k);
      const bool last = k == parameters.rounds;
      const bool observed = options.observer && (k % options.observe_every == 0 || last) &&
                            b.first < static_cast<std::uint32_t>(options.observe_trajectories);
      measure(b, options.seed, k, c);
      const float* measured = b.measured.size() > 0 ? b.measured.data() : b.x.data();
      const float* read = parameters.read_record ? measured : b.x.data();
      const bool halted = stop.load(std::memory_order_relaxed);
      couple(b, measured, read, needs_energy || observed || last || halted, !last && !halted);
      double lowest = std::numeric_limits<double>::infinity();
      bool reached = false;
      if (needs_energy || last || halted) {
        for (int t = 0; t < b.tiles; ++t) {
          const std::uint32_t better = keep_best(b, t, read, k, lowest);
          if (options.stop_energy && !reached) reached = reaches_target(b, t, better, *options.stop_energy);
        }
      }
      if (observed) {
        for (LaneRecord& r : b.record) r.forget_diverged();
        observe(b, options, k, c, measured);
      }
      for (LaneRecord& r : b.record) {
        for (std::size_t l = 0; l < 16; ++l) {
          if (!(r.diverged >> l & 1U)) r.rounds[l] = k;
        }
      }
      if (options.best_energy != nullptr) {
        double known = options.best_energy->load(std::memory_order_relaxed);
        while (lowest < known && !options.best_energy->compare_exchange_weak(known, lowest)) {
        }
      }
      if (last || halted) break;
      if (reached) stop.store(true);
      if (options.cancel != nullptr && options.cancel->load(std::memory_order_relaxed)) stop.store(true);
      // Where a round trip takes a microsecond, the clock is worth sparing.
      const bool look_at_clock = n > 256 || k % 16 == 0;
      if (options.deadline && look_at_clock && std::chrono::steady_clock::now() >= *options.deadline)
        stop.store(true);
      if (b.electronics) b.electronics->draw_pumps(k);
      for (int t = 0; t < b.tiles; ++t) advance(b, t, k, c, measured);
      if (options.progress != nullptr) options.progress->fetch_add(b.lanes, std::memory_order_relaxed);
    }
  }

  void collect(const Block& b, const EngineOptions& options, std::vector<TrajectoryResult>& out) const {
    const float* read = parameters.read_record && b.measured.size() > 0 ? b.measured.data() : b.x.data();
    std::vector<TrajectoryResult*> inexact;  // followed in floats: their energies are summed again in double
    for (int lane = 0; lane < b.lanes; ++lane) {
      TrajectoryResult& r = out[b.first + static_cast<std::uint32_t>(lane) - options.first_trajectory];
      const auto tile = static_cast<std::size_t>(lane / 16);
      const auto l = static_cast<std::size_t>(lane % 16);
      const LaneRecord& record = b.record[tile];
      r.trajectory = b.first + static_cast<std::uint32_t>(lane);
      r.rounds = record.rounds[l];
      r.diverged = (record.diverged >> l & 1U) != 0;
      if (b.electronics) r.clipping = b.electronics->counts(lane / 16, lane % 16);
      r.round_best = record.round_best[l];
      r.spins_best = best_spins(b, lane);
      r.spins_final.resize(static_cast<std::size_t>(n));
      for (std::size_t i = 0; i < r.spins_final.size(); ++i) {
        const auto [row, column] = place(b, lane, i);
        r.spins_final[i] = std::signbit(read[row * 16 + column]) ? -1 : 1;
      }
      // A diverged trajectory has no final state worth reading: its best stands for it.
      if (r.diverged) r.spins_final = r.spins_best;
      if (exact_energies && std::isfinite(record.best[l])) {
        r.energy_best = record.best[l];
        r.energy_final = r.diverged ? record.best[l] : record.energy[l];
      } else {
        inexact.push_back(&r);
      }
    }
    for (std::size_t from = 0; from < inexact.size(); from += 16) {
      const std::size_t to = std::min(inexact.size(), from + 16);
      std::vector<const std::vector<std::int8_t>*> best, last;
      for (std::size_t i = from; i < to; ++i) {
        best.push_back(&inexact[i]->spins_best);
        last.push_back(&inexact[i]->spins_final);
      }
      const std::vector<double> best_energies = tile_energies(model, best);
      const std::vector<double> final_energies = tile_energies(model, last);
      for (std::size_t i = from; i < to; ++i) {
        TrajectoryResult& r = *inexact[i];
        r.energy_best = best_energies[i - from];
        r.energy_final = final_energies[i - from];
        if (r.energy_final < r.energy_best) {  // rounding of the followed energies hid it
          r.energy_best = r.energy_final;
          r.spins_best = r.spins_final;
          r.round_best = r.rounds;
        }
      }
    }
  }

  int block_tiles(const EngineOptions& options) const {
    const int tiles = (options.trajectories + 15) / 16;
    if (options.block_tiles > 0) return std::min(options.block_tiles, tiles);
    // Small matrices stay in L2, so a block of one tile keeps the state in L1; large ones stream from L3 or
    // memory and want many tiles per pass, but never so many that a thread is left without a block.
    const int wanted = n <= 256 ? 1 : 8;
    const int share = (tiles - 1) / std::max(1, options.threads) + 1;
    return std::max(1, std::min(wanted, share));
  }
};

Engine::Engine(const IsingModel& model, const Coupling& coupling, LoopParameters parameters)
    : impl_(std::make_unique<Impl>(model, coupling, std::move(parameters))) {}

Engine::~Engine() = default;

const LoopParameters& Engine::parameters() const {
  return impl_->parameters;
}

std::vector<TrajectoryResult> Engine::run(const EngineOptions& options) const {
  if (options.trajectories < 1) throw_parameter_error("runs", options.trajectories, "at least 1");
  if (options.observe_every < 1) {
    throw_parameter_error("log_every", static_cast<double>(options.observe_every), "at least 1");
  }
  std::vector<TrajectoryResult> results(static_cast<std::size_t>(options.trajectories));
  // Two trajectories cost less one by one than as two lanes of a tile of 16.
  const int per_block = options.trajectories <= 2 ? 1 : impl_->block_tiles(options) * 16;
  const std::int64_t blocks = (options.trajectories + per_block - 1) / per_block;
  std::atomic<bool> stop{false};
  std::vector<char> done(static_cast<std::size_t>(blocks), 0);
  parallel_for(blocks, options.threads, [&](std::int64_t block) {
    if (stop.load()) return;
    const auto first = static_cast<int>(block) * per_block;
    Impl::Block b = impl_->make_block(options, options.first_trajectory + static_cast<std::uint32_t>(first),
                                      std::min(per_block, options.trajectories - first));
    impl_->run_block(b, options, stop);
    impl_->collect(b, options, results);
    done[static_cast<std::size_t>(block)] = 1;
  });
  // Blocks that never started after a stop are left out.
  std::vector<TrajectoryResult> kept;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (done[i / static_cast<std::size_t>(per_block)] != 0) kept.push_back(std::move(results[i]));
  }
  return kept;
}

}  // namespace opoloop
