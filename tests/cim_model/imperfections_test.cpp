// Sign and size of every imperfection, in the plain loop.

#include "cim_model/imperfections.h"

#include <fftw3.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

#include "cim_model/drift.h"
#include "cim_model/electronics.h"
#include "core/error.h"
#include "core/random.h"
#include "loop_helpers.h"

using namespace opoloop;

namespace {

/// A deterministic loop whose pulses do not see each other.
LoopParameters quiet() {
  LoopParameters p;
  p.law = LawKind::linear;
  p.dt = 0.1;
  p.rounds = 400;
  p.g2 = 0.01;
  return p;
}

/// x̃ of one round of many pulses that stand at `x`.
std::vector<double> record_of(const LoopParameters& p, const std::vector<double>& x,
                              ClippingCounts* counts = {}) {
  Electronics electronics(p, static_cast<int>(x.size()));
  electronics.start(5, 2);
  std::vector<double> record = x;
  electronics.measure(7, record);
  if (counts != nullptr) *counts = electronics.counts();
  return record;
}

/// Records of a variance that should be `expected`, Gaussian: its standard error is √(2/n) of it.
void require_variance(const std::vector<double>& values, double expected) {
  Mean squares;
  Mean mean;
  for (const double v : values) squares.add(v * v), mean.add(v);
  const double n = static_cast<double>(values.size());
  INFO("variance " << squares.value() << ", expected " << expected << ", "
                   << (squares.value() / expected - 1) / std::sqrt(2 / n) << " sigma");
  CHECK(std::abs(mean.value()) < 5 * std::sqrt(expected / n));
  CHECK(std::abs(squares.value() / expected - 1) < 5 * std::sqrt(2 / n));
}

std::vector<double> final_amplitude(const IsingModel& problem, const LoopParameters& p,
                                    std::uint32_t trajectory = 0) {
  std::vector<double> x;
  observe_loop(
      problem, p, 3, [&](const LoopObservation& o) { x.assign(o.amplitude.begin(), o.amplitude.end()); },
      trajectory);
  return x;
}

}  // namespace

TEST_CASE("a beam splitter of R and a detector of η add the vacuum noise (g²/4)(1 − Rη)/(Rη)") {
  const std::vector<double> still(100000, 0.0);
  for (const double R : {1.0, 0.5, 0.1}) {
    for (const double eta : {1.0, 0.4}) {
      LoopParameters p = quiet();
      p.imperfections.out_coupling = R;
      p.detection_efficiency = eta;
      INFO("R = " << R << ", η = " << eta);
      if (R * eta == 1) {
        CHECK(record_of(p, still) == still);
      } else {
        require_variance(record_of(p, still), p.g2 / 4 * (1 - R * eta) / (R * eta));
      }
    }
  }
  // In decibels: the ratio of signal to noise power falls from η/(1 − η) … by what the formula says.
  LoopParameters p = quiet();
  p.imperfections.out_coupling = 0.5;
  const double full = record_noise_sd(p);
  p.detection_efficiency = 0.5;
  CHECK(record_noise_sd(p) / full == Approx(std::sqrt(3.0)).epsilon(1e-14));  // (1−¼)/¼ over (1−½)/½
}

TEST_CASE("electronic noise adds to the record of every model, in units of x") {
  LoopParameters p = quiet();
  p.imperfections.electronic_noise = 0.3;
  require_variance(record_of(p, std::vector<double>(100000, 0.0)), 0.09);
  p.imperfections.out_coupling = 0.2;
  require_variance(record_of(p, std::vector<double>(100000, 0.0)), 0.09 + 0.01 / 4 * 4);
  // (d) measures itself: what the electronics add comes on top, and the detector's noise is not added twice.
  p = quiet();
  p.model = ModelKind::gaussian;
  p.detection_efficiency = 0.5;
  CHECK(record_noise_sd(p) == 0);
  p.imperfections.electronic_noise = 0.3;
  CHECK(record_noise_sd(p) == 0.3);
  const IsingModel many = uncoupled(20000);
  p.pump = 0.0;
  p.rounds = 1;
  const auto variance = [&](std::vector<double>& all) {
    observe_loop(many, p, 8, [&](const LoopObservation& o) {
      if (o.round == 0) all.assign(o.measured.begin(), o.measured.end());
    });
  };
  std::vector<double> record;
  variance(record);
  // In vacuum at round 0: g²/(4ηj dt) of the detector.
  require_variance(record, p.g2 / (4 * 0.5 * p.measured_loss * p.dt) + 0.09);
}

TEST_CASE("an analogue-to-digital converter errs by LSB²/12 and saturates beyond its full scale") {
  LoopParameters p = quiet();
  p.imperfections.adc_bits = 6;
  p.imperfections.adc_full_scale = 1.5;
  const double lsb = 1.5 / 32;
  // Uniform over ± 1.4: inside, so every error is uniform in ± LSB/2.
  std::vector<double> x(50000);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto words = philox_words(1, Stream::generator, 0, 0, static_cast<std::uint32_t>(i));
    x[i] = 1.4 * (2 * (static_cast<double>(words[0]) + 0.5) * 0x1p-32 - 1);
  }
  ClippingCounts counts;
  const std::vector<double> record = record_of(p, x, &counts);
  Mean squares;
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    squares.add((record[i] - x[i]) * (record[i] - x[i]));
    largest = std::max(largest, std::abs(record[i] - x[i]));
  }
  CHECK(std::abs(squares.value() - lsb * lsb / 12) < 5 * squares.standard_error());
  CHECK(largest <= lsb / 2 * (1 + 1e-12));
  CHECK(counts.adc_saturations == 0);

  const std::vector<double> known = {1.49, 1.5, 2, -1.49, -1.5, -1.6, 0.0, -0.0, 100};
  const std::vector<double> codes = record_of(p, known, &counts);
  CHECK(counts.adc_saturations == 4);  // 1.5, 2, −1.6, 100; −1.5 is the lower edge of the lowest code
  CHECK(codes[1] == Approx(1.5 - lsb / 2).epsilon(1e-14));
  CHECK(codes[5] == Approx(-1.5 + lsb / 2).epsilon(1e-14));

  p.imperfections.adc_bits = 1;  // a sign detector
  CHECK(record_of(p, {0.01, -0.01, 9, -9}) == std::vector<double>{0.75, -0.75, 0.75, -0.75});
}

TEST_CASE("fixed point and digital-to-analogue converter: codes, halves, overflow, order") {
  LoopParameters p = quiet();
  p.imperfections.feedback_integer_bits = 2;
  p.imperfections.feedback_fraction_bits = 3;
  const auto feed = [&](std::vector<double> answer, ClippingCounts* counts = nullptr) {
    Electronics electronics(p, static_cast<int>(answer.size()));
    electronics.start(1, 0);
    electronics.feed_back(answer);
    if (counts != nullptr) *counts = electronics.counts();
    const auto out = electronics.injection();
    return std::vector<double>(out.begin(), out.end());
  };
  ClippingCounts counts;
  // Steps of 1/8 from −4 to 3.875; 1/16 and 3/16 are halves and go to the even code.
  CHECK(feed({0.3, -0.3, 0.0625, 0.1875, 3.9, 4.1, -4.0, -4.1, 0}, &counts) ==
        std::vector<double>{0.25, -0.25, 0, 0.25, 3.875, 3.875, -4, -4, 0});
  CHECK(counts.fixed_point_overflows == 2);
  CHECK(counts.dac_saturations == 0);
  // 18 bits, 1 + 5 + 12: what FPGA multipliers take.
  p.imperfections.feedback_integer_bits = 5;
  p.imperfections.feedback_fraction_bits = 12;
  CHECK(feed({1.0 / 3, 40})[0] == std::nearbyint(4096 / 3.0) / 4096);
  CHECK(feed({1.0 / 3, 40})[1] == 32 - 1.0 / 4096);
  // The DAC comes after: 4 bits over ± 2, LSB ¼, seven codes each way, 0 stays 0.
  p.imperfections.dac_bits = 4;
  p.imperfections.dac_full_scale = 2;
  CHECK(feed({0.2, 0.1, 1.8, -1.8, 40, -2.0}, &counts) ==
        std::vector<double>{0.25, 0, 1.75, -1.75, 1.75, -1.75});
  CHECK(counts.dac_saturations == 2);
  CHECK(counts.fixed_point_overflows == 1);
}

TEST_CASE("clipped values are counted in the result of a run") {
  LoopParameters p = quiet();
  p.pump = 5.0;  // x → 2
  p.rounds = 300;
  p.imperfections.adc_bits = 8;
  p.imperfections.adc_full_scale = 1;
  std::int64_t beyond = 0;
  const auto count = [&](const LoopObservation& o) {
    for (const double x : o.amplitude) beyond += x >= 1 || x < -1;
  };
  const TrajectoryResult r = observe_loop(ring(6, 1), p, 3, count);
  CHECK(beyond > 1000);
  CHECK(r.clipping.adc_saturations == beyond);
  CHECK(r.clipping.dac_saturations == 0);
}

TEST_CASE("a phase of π turns a ferromagnet into an antiferromagnet; π/2 couples nothing in phase") {
  for (const ModelKind model : {ModelKind::mean_field, ModelKind::truncated_wigner, ModelKind::gaussian}) {
    LoopParameters p = quiet();
    p.model = model;
    p.g2 = 1e-6;
    p.pump = model == ModelKind::gaussian ? 1.4 : 0.4;
    p.rounds = 1000;
    const IsingModel pair(2, {{0, 1, 1}});
    CHECK(run_loop(pair, p, {}).energy_final == -1);
    p.imperfections.injection_phase = std::numbers::pi;
    CHECK(run_loop(pair, p, {}).energy_final == 1);
  }
  // cos φ below threshold: a mean-field pair grows at p − 1 + ξ cos φ.
  LoopParameters p = quiet();
  p.pump = 0.5;
  p.xi = 0.7;
  p.rounds = 200;
  p.start_sd = 1e-12;
  p.imperfections.injection_phase = 1;
  std::vector<double> sum;
  observe_loop({2, {{0, 1, 1}}}, p, 3,
               [&](const LoopObservation& o) { sum.push_back(o.amplitude[0] + o.amplitude[1]); });
  CHECK(sum[200] / sum[199] == Approx(1 + 0.1 * (0.5 - 1 + 0.7 * std::cos(1.0))).epsilon(1e-9));
}

TEST_CASE("the quadrature gets inj sin φ: below threshold it settles at that over its loss") {
  // One pulse, inj = h ξ √α known: ⟨s⟩ = inj sin φ/(1 + p) and ⟨c⟩ = inj cos φ/(1 − p), g → 0.
  LoopParameters p = quiet();
  p.model = ModelKind::truncated_wigner;
  p.field_mode = FieldMode::sqrt_alpha;
  p.xi = 1;
  p.alpha = 1e-6;
  p.pump = 0.5;
  p.g2 = 1e-20;
  p.rounds = 600;
  p.imperfections.injection_phase = -0.4;
  double c = 0, s = 0;
  observe_loop({1, {}, {1}}, p, 3, [&](const LoopObservation& o) {
    c = o.model.variables()[0].values[0];
    s = o.model.variables()[1].values[0];
  });
  CHECK(c == Approx(1e-3 * std::cos(0.4) / 0.5).epsilon(1e-4));
  CHECK(s == Approx(-1e-3 * std::sin(0.4) / 1.5).epsilon(1e-4));
}

TEST_CASE("the gain pattern raises the amplitude of pulse i to x² = p_i − 1 and belongs to the machine") {
  LoopParameters p = quiet();
  p.pump = 2.0;
  p.rounds = 600;
  p.start_sd = 0.1;
  p.imperfections.gain_spread = 0.1;
  const std::vector<double> pattern = gain_pattern(p.imperfections, 40);
  const std::vector<double> x = final_amplitude(uncoupled(40), p);
  const std::vector<double> again = final_amplitude(uncoupled(40), p, 7);
  for (std::size_t i = 0; i < x.size(); ++i) {
    CHECK(x[i] * x[i] == Approx(2 * (1 + pattern[i]) - 1).epsilon(1e-9));
    CHECK(again[i] * again[i] == Approx(x[i] * x[i]).epsilon(1e-9));
  }
  require_variance(gain_pattern(p.imperfections, 50000), 0.01);
  const std::vector<double> first = gain_pattern(p.imperfections, 5);
  p.imperfections.device_seed = 2;
  CHECK(gain_pattern(p.imperfections, 5) != first);
}

TEST_CASE("pump noise: common or of each pulse, white, of the size given") {
  const int n = 200;
  const std::int64_t rounds = 400;
  LoopParameters p = quiet();
  p.rounds = rounds;
  const auto draw = [&] {
    Electronics electronics(p, n);
    electronics.start(4, 1);
    std::vector<std::vector<double>> pumps;
    for (std::int64_t k = 0; k < rounds; ++k) {
      pumps.emplace_back(n);
      electronics.pump(k, 3.0, pumps.back());
    }
    return pumps;
  };
  p.imperfections.pump_noise = 0.02;
  std::vector<double> common;
  for (const auto& row : draw()) {
    CHECK(row == std::vector<double>(n, row[0]));
    common.push_back(row[0] / 3 - 1);
  }
  require_variance(common, 4e-4);
  Mean products;
  for (std::size_t k = 1; k < common.size(); ++k) products.add(common[k] * common[k - 1]);
  CHECK(std::abs(products.value()) < 5 * 4e-4 / std::sqrt(static_cast<double>(rounds - 1)));  // white
  p.imperfections.pump_noise = 0;
  p.imperfections.pump_noise_per_pulse = 0.05;
  std::vector<double> all;
  for (const auto& row : draw())
    for (const double v : row) all.push_back(v / 3 - 1);
  require_variance(all, 25e-4);
}

TEST_CASE("drift: variance 1, spectrum 1/f, no memory of the end at the start") {
  const std::size_t length = 4096;
  const int series = 64;
  std::vector<double> power(length / 2, 0.0);
  Mean variance;
  std::vector<std::complex<double>> spectrum(length / 2 + 1);
  std::vector<double> y(length);
  fftw_plan plan = fftw_plan_dft_r2c_1d(static_cast<int>(length), y.data(),
                                        reinterpret_cast<fftw_complex*>(spectrum.data()), FFTW_ESTIMATE);
  for (std::uint32_t t = 0; t < series; ++t) {
    const std::vector<double> drawn = one_over_f_series(length, 11, t);
    std::copy(drawn.begin(), drawn.end(), y.begin());  // in place: the plan knows where y lies
    double squares = 0;
    for (const double v : y) squares += v * v;
    variance.add(squares / static_cast<double>(length));
    fftw_execute(plan);
    for (std::size_t m = 1; m < length / 2; ++m) power[m] += std::norm(spectrum[m]) / series;
  }
  fftw_destroy_plan(plan);
  CHECK(std::abs(variance.value() - 1) < 5 * variance.standard_error());
  // ln of the mean of 64 exponential numbers has SD 1/8 about (1/f)'s, up to a bias that is the same
  // everywhere: the slope of its regression over ln m scatters by (1/8)/√Σ(ln m − mean)².
  double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (std::size_t m = 1; m < length / 2; ++m) {
    const double lx = std::log(static_cast<double>(m)), ly = std::log(power[m]);
    n += 1, sx += lx, sy += ly, sxx += lx * lx, sxy += lx * ly;
  }
  const double spread = sxx - sx * sx / n;
  const double slope = (sxy - sx * sy / n) / spread;
  INFO("slope " << slope << " ± " << 0.126 / std::sqrt(spread));
  CHECK(std::abs(slope + 1) < 5 * 0.126 / std::sqrt(spread));

  LoopParameters p = quiet();
  p.rounds = 1000;
  p.imperfections.pump_drift = 0.03;
  Mean squares, ends;
  for (std::uint32_t t = 0; t < 400; ++t) {
    const std::vector<double> drift = pump_drift_series(p, 2, t);
    REQUIRE(drift.size() == 1000);
    squares.add(drift[500] * drift[500]);
    ends.add((drift[999] - drift[0]) * (drift[999] - drift[0]));
  }
  CHECK(std::abs(squares.value() - 9e-4) < 5 * squares.standard_error());
  // A series that repeats after the run would end where it starts; this one moves by about √2 of its RMS.
  CHECK(ends.value() > 9e-4);
  std::vector<double> one;
  Electronics electronics(p, 1);
  electronics.start(2, 5);
  double pump = 0;
  electronics.pump(321, 2.0, {&pump, 1});
  CHECK(pump == Approx(2 * (1 + pump_drift_series(p, 2, 5)[321])).epsilon(1e-14));
}

TEST_CASE("dead pulses: no amplitude, no record, no injection, spin +1; the others do not see them") {
  for (const ModelKind model : {ModelKind::mean_field, ModelKind::truncated_wigner, ModelKind::gaussian}) {
    LoopParameters p = quiet();
    p.model = model;
    p.pump = model == ModelKind::gaussian ? 3.0 : 2.0;
    p.imperfections.dead_pulses = {1, 4};
    p.imperfections.adc_bits = 8;
    const TrajectoryResult r = observe_loop(ring(6, -1), p, 3, [&](const LoopObservation& o) {
      for (const std::size_t dead : {1, 4}) {
        CHECK(o.amplitude[dead] == 0);
        CHECK(o.measured[dead] == 0);
        if (!o.injection.empty()) CHECK(o.injection[dead] == 0);
      }
    });
    CHECK(r.spins_final[1] == 1);
    CHECK(r.spins_final[4] == 1);
    CHECK(r.spins_final[2] == -r.spins_final[3]);
    CHECK(r.spins_final[5] == -r.spins_final[0]);
    p.imperfections.dead_pulses = {6};
    CHECK_THROWS_WITH(run_loop(ring(6, -1), p, {}), Catch::Contains("dead_pulses = 6"));
  }
}

TEST_CASE("everything ideal leaves every bit of the loop as it was") {
  LoopParameters p = quiet();
  CHECK_FALSE(any_imperfection(p));
  Electronics electronics(p, 3);
  electronics.start(1, 0);
  std::vector<double> record = {0.1, -0.2, 1e-17}, pumps(3);
  electronics.measure(0, record);
  CHECK(record == std::vector<double>{0.1, -0.2, 1e-17});
  electronics.feed_back(record);
  CHECK(electronics.injection()[2] == 1e-17);
  CHECK(electronics.quadrature().empty());
  electronics.pump(0, 0.7, pumps);
  CHECK(pumps == std::vector<double>(3, 0.7));
}

TEST_CASE("values outside the physical range are refused by name and unit") {
  const auto refuses = [](const char* words, auto&& change) {
    LoopParameters p = quiet();
    change(p.imperfections, p);
    INFO(words);
    CHECK_THROWS_WITH(p.validate(), Catch::Contains(words));
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  using I = Imperfections;
  using P = LoopParameters;
  refuses("out_coupling = 0", [](I& i, P&) { i.out_coupling = 0; });
  refuses("out_coupling = 1.5", [](I& i, P&) { i.out_coupling = 1.5; });
  refuses("out_coupling = nan", [&](I& i, P&) { i.out_coupling = nan; });
  refuses("gaussian measures itself",
          [](I& i, P& p) { i.out_coupling = 0.5, p.model = ModelKind::gaussian; });
  refuses("coupled by light", [](I& i, P& p) { i.adc_bits = 8, p.model = ModelKind::delay_lines; });
  refuses("detection_efficiency = 1.1", [](I&, P& p) { p.detection_efficiency = 1.1; });
  refuses("electronic_noise = -1", [](I& i, P&) { i.electronic_noise = -1; });
  refuses("units of the record", [&](I& i, P&) { i.electronic_noise = nan; });
  refuses("adc_bits = 0: must be 1 to 24 bits", [](I& i, P&) { i.adc_bits = 0; });
  refuses("adc_full_scale = 0", [](I& i, P&) { i.adc_full_scale = 0; });
  refuses("dac_bits = 1: must be 2 to 24 bits", [](I& i, P&) { i.dac_bits = 1; });
  refuses("dac_full_scale = inf", [&](I& i, P&) { i.dac_full_scale = inf; });
  refuses("feedback_fraction_bits is missing", [](I& i, P&) { i.feedback_integer_bits = 5; });
  refuses("feedback_integer_bits = -1",
          [](I& i, P&) { i.feedback_integer_bits = -1, i.feedback_fraction_bits = 3; });
  refuses("feedback_delay = -1", [](I& i, P&) { i.feedback_delay = -1; });
  refuses("injection_phase = nan", [&](I& i, P&) { i.injection_phase = nan; });
  refuses("rad", [](I& i, P&) { i.injection_phase = 180; });
  refuses("pump_noise = -0.1", [](I& i, P&) { i.pump_noise = -0.1; });
  refuses("pump_noise_per_pulse = inf", [&](I& i, P&) { i.pump_noise_per_pulse = inf; });
  refuses("gain_spread = nan", [&](I& i, P&) { i.gain_spread = nan; });
  refuses("pump_drift = -1", [](I& i, P&) { i.pump_drift = -1; });
  refuses("record_gain = 0", [](I& i, P&) { i.record_gain = 0; });
  refuses("feedback_gain = nan", [&](I& i, P&) { i.feedback_gain = nan; });
  refuses("pump_unit = -1", [](I& i, P&) { i.pump_unit = -1; });
  refuses("gain_map = -2", [](I& i, P&) { i.gain_map = {0.1, -2}; });
  refuses("dead_pulses = -3", [](I& i, P&) { i.dead_pulses = {-3}; });
  refuses("named only once", [](I& i, P&) { i.dead_pulses = {2, 2}; });
}
