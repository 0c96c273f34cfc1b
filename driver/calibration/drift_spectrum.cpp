#include "driver/calibration/drift_spectrum.h"

#include <fftw3.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <mutex>
#include <numbers>

#include "core/fftw_lock.h"

namespace opoloop::calibration {
namespace {

using Complex = std::complex<double>;

/// Σ_k x_k e^{−2πi mk/n}, m = 0 … n/2.
std::vector<Complex> transform(std::vector<double> series) {
  std::vector<Complex> out(series.size() / 2 + 1);
  fftw_plan plan = nullptr;
  {
    const std::lock_guard lock(fftw_planner_mutex());
    plan = fftw_plan_dft_r2c_1d(static_cast<int>(series.size()), series.data(),
                                reinterpret_cast<fftw_complex*>(out.data()), FFTW_ESTIMATE);
  }
  fftw_execute(plan);
  const std::lock_guard lock(fftw_planner_mutex());
  fftw_destroy_plan(plan);
  return out;
}

/// The series with these real Fourier components s_m = s_{n−m}: Σ_m s_m cos(2π mk/n).
std::vector<double> autocovariance(std::vector<Complex> spectrum, std::size_t length) {
  std::vector<double> out(length);
  fftw_plan plan = nullptr;
  {
    const std::lock_guard lock(fftw_planner_mutex());
    plan = fftw_plan_dft_c2r_1d(static_cast<int>(length), reinterpret_cast<fftw_complex*>(spectrum.data()),
                                out.data(), FFTW_ESTIMATE);
  }
  fftw_execute(plan);
  const std::lock_guard lock(fftw_planner_mutex());
  fftw_destroy_plan(plan);
  return out;
}

/// Expected periodogram |Σ_k ξ_k e^{−iωk}|²/K at the frequencies of a record of K rows, of a δ whose
/// variance 1 is spread over the frequencies m/length of the drift as weight(m).
template <class Weight>
std::vector<double> expected_periodogram(std::size_t rows, std::size_t length, const LoopGuess& g,
                                         double pump, double mean, const Weight& weight) {
  const double response = 1 - 2 * mean * mean * g.dt;
  const double drive = g.record_gain * pump * mean * g.dt;
  std::vector<Complex> components(length / 2 + 1, 0.0);
  double total = 0;
  for (std::size_t m = 1; m <= length / 2; ++m) total += weight(m) * (2 * m == length ? 1 : 2);
  for (std::size_t m = 1; m <= length / 2; ++m) {
    const double omega = 2 * std::numbers::pi * static_cast<double>(m) / static_cast<double>(length);
    components[m] = weight(m) / total * drive * drive / std::norm(std::polar(1.0, omega) - response);
  }
  const std::vector<double> covariance = autocovariance(std::move(components), length);
  // Σ_τ (1 − |τ|/K) R(τ) cos ωτ over −K < τ < K, as one transform of length K: τ and τ − K share a place.
  std::vector<double> folded(rows);
  const auto count = static_cast<double>(rows);
  for (std::size_t t = 0; t < rows; ++t) {
    folded[t] = (1 - static_cast<double>(t) / count) * covariance[t];
    if (t > 0) folded[t] += static_cast<double>(t) / count * covariance[rows - t];
  }
  const std::vector<Complex> spectrum = transform(std::move(folded));
  std::vector<double> out(spectrum.size());
  for (std::size_t m = 0; m < out.size(); ++m) out[m] = spectrum[m].real();
  return out;
}

struct Bin {
  std::size_t first, last;  // frequencies first … last − 1
};

std::vector<Bin> bins_of(std::size_t frequencies) {
  std::vector<Bin> bins;
  double width = 1;
  for (std::size_t m = 1; m + 1 < frequencies;) {
    const auto last = std::min(frequencies - 1, m + static_cast<std::size_t>(width));
    bins.push_back({m, last});
    m = last;
    width = std::max(width, 0.25 * static_cast<double>(m));
  }
  return bins;
}

double bin_mean(const std::vector<double>& values, const Bin& bin) {
  double sum = 0;
  for (std::size_t m = bin.first; m < bin.last; ++m) sum += values[m];
  return sum / static_cast<double>(bin.last - bin.first);
}

/// Slope of log(measured − white) over log f, weighted, where the drift stands out.
void fit_exponent(DriftSpectrum& out, const std::vector<double>& response, double white_variance,
                  const std::vector<double>& white) {
  double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;
  int points = 0;
  for (std::size_t b = 0; b < out.frequency.size(); ++b) {
    const double power = out.measured[b] - white_variance * white[b];
    if (power < 3 * out.error[b]) continue;
    const double x = std::log(out.frequency[b]);
    const double y = std::log(power / response[b]);
    const double weight = power * power / (out.error[b] * out.error[b]);
    w += weight;
    wx += weight * x;
    wy += weight * y;
    wxx += weight * x * x;
    wxy += weight * x * y;
    ++points;
  }
  const double spread = w * wxx - wx * wx;
  if (points < 4 || spread <= 0) return;
  out.exponent = -(w * wxy - wx * wy) / spread;
  out.exponent_error = std::sqrt(w / spread);
}

}  // namespace

DriftSpectrum drift_spectrum(const CalibrationRecord& r, const std::vector<std::int32_t>& dead,
                             const LoopGuess& guess) {
  const auto rows = static_cast<std::size_t>(r.rows() - r.settled);
  const double pump = r.pump.first() / guess.pump_unit;
  const double mean = steady(guess, pump).mean;
  // As many frequencies as the emulator's series of this run has (pump_drift_series).
  std::size_t length = 2;
  while (length < 2 * static_cast<std::size_t>(r.rounds)) length *= 2;
  const std::vector<double> slow = expected_periodogram(
      rows, length, guess, pump, mean, [](std::size_t m) { return 1 / static_cast<double>(m); });
  const std::vector<double> white =
      expected_periodogram(rows, length, guess, pump, mean, [](std::size_t) { return 1.0; });

  const std::vector<Bin> bins = bins_of(rows / 2 + 1);
  const auto bin_count = static_cast<Eigen::Index>(bins.size());
  Eigen::MatrixXd cross(r.runs, bin_count), first(r.runs, bin_count), second(r.runs, bin_count);
  for (int run = 0; run < r.runs; ++run) {
    std::vector<double> sign(static_cast<std::size_t>(r.pulses), 0.0);
    for (std::int64_t k = r.settled; k < r.rows(); ++k) {
      for (std::size_t i = 0; i < sign.size(); ++i) sign[i] += static_cast<double>(r.row(run, k)[i]);
    }
    int counts[2] = {0, 0};
    std::vector<int> half(sign.size(), -1);
    int turn = 0;
    for (std::size_t i = 0; i < sign.size(); ++i) {
      sign[i] = sign[i] < 0 ? -1 : 1;
      if (std::find(dead.begin(), dead.end(), static_cast<std::int32_t>(i)) != dead.end()) continue;
      half[i] = turn;
      ++counts[turn];
      turn = 1 - turn;
    }
    std::vector<double> series[2] = {std::vector<double>(rows, 0.0), std::vector<double>(rows, 0.0)};
    for (std::size_t k = 0; k < rows; ++k) {
      const float* row = r.row(run, r.settled + static_cast<std::int64_t>(k));
      for (std::size_t i = 0; i < sign.size(); ++i) {
        if (half[i] >= 0) series[half[i]][k] += sign[i] * static_cast<double>(row[i]) / counts[half[i]];
      }
    }
    const std::vector<Complex> a = transform(std::move(series[0]));
    const std::vector<Complex> b = transform(std::move(series[1]));
    std::vector<double> ab(a.size()), aa(a.size()), bb(a.size());
    for (std::size_t m = 0; m < a.size(); ++m) {
      ab[m] = (a[m] * std::conj(b[m])).real() / static_cast<double>(rows);
      aa[m] = std::norm(a[m]) / static_cast<double>(rows);
      bb[m] = std::norm(b[m]) / static_cast<double>(rows);
    }
    for (Eigen::Index i = 0; i < bin_count; ++i) {
      const Bin& bin = bins[static_cast<std::size_t>(i)];
      cross(run, i) = bin_mean(ab, bin);
      first(run, i) = bin_mean(aa, bin);
      second(run, i) = bin_mean(bb, bin);
    }
  }

  // Weights from the mean spectra, Var Re(a b*) = (S_aa S_bb + S_ab²)/2 a frequency: smooth, and all but
  // uncorrelated with the scatter of what they weight.
  Eigen::MatrixXd design(bin_count, 2);
  Eigen::VectorXd variance_of_bin(bin_count);
  for (Eigen::Index i = 0; i < bin_count; ++i) {
    const Bin& bin = bins[static_cast<std::size_t>(i)];
    design(i, 0) = bin_mean(slow, bin);
    design(i, 1) = bin_mean(white, bin);
    const double c = cross.col(i).mean();
    variance_of_bin[i] = (first.col(i).mean() * second.col(i).mean() + c * c) /
                         (2 * static_cast<double>(bin.last - bin.first));
  }
  // A loop without noise stands still to the last bit: where nothing scatters all bins weigh the same.
  const double most = variance_of_bin.maxCoeff();
  const Eigen::VectorXd weight = most > 0 ? Eigen::VectorXd(most / variance_of_bin.array().max(1e-15 * most))
                                          : Eigen::VectorXd::Ones(bin_count);
  const Eigen::MatrixXd weighted = weight.asDiagonal() * design;
  const Eigen::MatrixXd solver = (design.transpose() * weighted).inverse() * weighted.transpose();
  DriftSpectrum out;
  out.variance_per_run = cross * solver.transpose();
  const Eigen::VectorXd variance = out.variance_per_run.colwise().mean().transpose();
  std::vector<double> response, white_bins;
  for (Eigen::Index i = 0; i < bin_count; ++i) {
    const Bin& bin = bins[static_cast<std::size_t>(i)];
    const double frequency = 0.5 * static_cast<double>(bin.first + bin.last - 1) / static_cast<double>(rows);
    out.frequency.push_back(frequency);
    out.measured.push_back(cross.col(i).mean());
    const double scatter = (cross.col(i).array() - cross.col(i).mean()).square().sum();
    out.error.push_back(std::sqrt(scatter / (static_cast<double>(r.runs) * std::max(r.runs - 1, 1))));
    out.fitted.push_back(design.row(i).dot(variance));
    out.own_noise.push_back((first.col(i).mean() + second.col(i).mean()) / 2 - cross.col(i).mean());
    response.push_back(design(i, 0) * frequency);
    white_bins.push_back(design(i, 1));
  }
  fit_exponent(out, response, variance[1], white_bins);
  return out;
}

}  // namespace opoloop::calibration
