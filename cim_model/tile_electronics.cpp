#include "cim_model/tile_electronics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cim_model/kernels/noise_kernels.h"

namespace opoloop {
namespace {

using kernels::AlignedArray;

kernels::FloatConverter in_floats(const Converter& c) {
  return {static_cast<float>(c.lsb), static_cast<float>(1 / c.lsb), static_cast<float>(c.low),
          static_cast<float>(c.high)};
}

}  // namespace

TileElectronics::TileElectronics(const LoopParameters& parameters, const BlockLayout& layout,
                                 std::uint64_t seed)
    : imperfections_(parameters.imperfections),
      layout_(layout),
      seed_(seed),
      noise_sd_(static_cast<float>(record_noise_sd(parameters))),
      slots_(parameters.imperfections.feedback_delay + 1),
      ring_(layout.size() * static_cast<std::size_t>(slots_)),
      injection_(layout.tile_size()),
      pump_(layout.tile_size()) {
  const Imperfections& i = imperfections_;
  require_dead_pulses_exist(i, layout.n);
  if (i.adc_bits) adc_ = in_floats(Converter::adc(*i.adc_bits, i.adc_full_scale));
  if (i.dac_bits) dac_ = in_floats(Converter::dac(*i.dac_bits, i.dac_full_scale));
  if (i.feedback_integer_bits) {
    fixed_point_ = in_floats(Converter::fixed_point(*i.feedback_integer_bits, *i.feedback_fraction_bits));
  }
  if (i.injection_phase != 0) quadrature_ = AlignedArray<float>(layout.tile_size());
  if (noise_sd_ > 0) record_noise_ = AlignedArray<float>(layout.size());
  if (i.pump_noise_per_pulse > 0) pulse_noise_ = AlignedArray<float>(layout.size());
  common_noise_ = AlignedArray<float>(static_cast<std::size_t>(layout.tiles) * 16);
  if (i.gain_spread > 0 || !i.gain_map.empty()) {
    gain_ = AlignedArray<float>(layout.tile_size());
    layout.spread(gain_pattern(i, layout.n).data(), gain_.data());
  }
  if (i.pump_drift > 0) {
    const int lanes = layout.single ? 1 : layout.tiles * 16;
    for (int lane = 0; lane < lanes; ++lane) {
      drift_.push_back(pump_drift_series(parameters, seed, layout.first + static_cast<std::uint32_t>(lane)));
    }
  }
  const auto tiles = static_cast<std::size_t>(layout.tiles);
  adc_counts_.resize(tiles);
  fixed_point_counts_.resize(tiles);
  dac_counts_.resize(tiles);
}

void TileElectronics::measure(std::int64_t round, const float* from, float* record) {
  const float* noise = nullptr;
  if (noise_sd_ > 0) {
    layout_.normals(seed_, Stream::record_noise, static_cast<std::uint64_t>(round), 1, record_noise_.data(),
                    layout_.tile_size());
    noise = record_noise_.data();
  }
  kernels::noisy_record(from, static_cast<float>(imperfections_.record_gain), noise, noise_sd_,
                        layout_.rows * layout_.tiles, record);
  for (int t = 0; t < layout_.tiles; ++t) {
    float* rows = record + static_cast<std::size_t>(t) * layout_.tile_size();
    silence(rows);
    if (!imperfections_.adc_bits) continue;
    kernels::digitise(adc_, layout_.rows, rows, adc_counts_[static_cast<std::size_t>(t)].data());
    silence(rows);
    // Behind the last pulse of a trajectory on its own there is none.
    if (layout_.single) std::fill(rows + layout_.n, rows + layout_.tile_size(), 0.0F);
  }
}

float* TileElectronics::answer(std::int64_t round, int tile) {
  const auto slot = static_cast<std::size_t>(round % slots_);
  return ring_.data() + slot * layout_.size() + static_cast<std::size_t>(tile) * layout_.tile_size();
}

void TileElectronics::feed_back(std::int64_t round, int tile) {
  const auto t = static_cast<std::size_t>(tile);
  float* said = answer(round, tile);
  silence(said);
  if (imperfections_.feedback_integer_bits)
    kernels::round_to_codes(fixed_point_, layout_.rows, said, fixed_point_counts_[t].data());
  if (imperfections_.dac_bits) kernels::round_to_codes(dac_, layout_.rows, said, dac_counts_[t].data());
  // The slot behind the one just written is the oldest: what was said d = slots − 1 round trips ago.
  const float* arriving = answer(round + 1, tile);
  const double phase = imperfections_.injection_phase;
  const double gain = imperfections_.feedback_gain;
  const auto cosine = static_cast<float>(phase == 0 ? gain : gain * std::cos(phase));
  kernels::rotate(arriving, cosine, static_cast<float>(gain * std::sin(phase)), layout_.rows,
                  injection_.data(), phase == 0 ? nullptr : quadrature_.data());
}

void TileElectronics::draw_pumps(std::int64_t round) {
  const auto step = static_cast<std::uint64_t>(round);
  const Imperfections& i = imperfections_;
  float* common = common_noise_.data();
  std::fill_n(common, common_noise_.size(), 0.0F);
  if (i.pump_noise > 0) {
    for (int t = 0; t < layout_.tiles; ++t) {
      float* lanes = common + static_cast<std::size_t>(t) * 16;
      if (layout_.single) {
        kernels::fill_normals_one(seed_, Stream::pump_noise, layout_.first, step, 1, lanes);
        std::fill_n(lanes, 16, lanes[0]);
      } else {
        kernels::fill_normals(seed_, Stream::pump_noise, layout_.first + static_cast<std::uint32_t>(t) * 16,
                              step, 1, lanes);
      }
    }
  }
  for (std::size_t lane = 0; lane < common_noise_.size(); ++lane) {
    double relative = 1 + i.pump_noise * static_cast<double>(common[lane]);
    if (!drift_.empty()) relative += drift_[layout_.single ? 0 : lane][static_cast<std::size_t>(round)];
    common[lane] = static_cast<float>(relative);
  }
  if (pulse_noise_.size() > 0) {
    layout_.normals(seed_, Stream::pump_noise_per_pulse, step, 1, pulse_noise_.data(), layout_.tile_size());
  }
}

const float* TileElectronics::pump(int tile, double scheduled) {
  const auto t = static_cast<std::size_t>(tile);
  kernels::pump_rows(static_cast<float>(scheduled / imperfections_.pump_unit), common_noise_.data() + t * 16,
                     gain_.size() > 0 ? gain_.data() : nullptr,
                     pulse_noise_.size() > 0 ? pulse_noise_.data() + t * layout_.tile_size() : nullptr,
                     static_cast<float>(imperfections_.pump_noise_per_pulse), layout_.rows, pump_.data());
  silence(pump_.data());
  return pump_.data();
}

void TileElectronics::silence(float* rows) const {
  for (const std::int32_t dead : imperfections_.dead_pulses) {
    if (layout_.single) {
      rows[dead] = 0;
    } else {
      std::fill_n(rows + static_cast<std::ptrdiff_t>(dead) * 16, 16, 0.0F);
    }
  }
}

ClippingCounts TileElectronics::counts(int tile, int lane) const {
  const auto of = [&](const std::vector<Counts>& counts) {
    const Counts& c = counts[static_cast<std::size_t>(tile)];
    return layout_.single ? std::accumulate(c.begin(), c.end(), std::int64_t{0})
                          : c[static_cast<std::size_t>(lane)];
  };
  return {of(adc_counts_), of(dac_counts_), of(fixed_point_counts_)};
}

}  // namespace opoloop
