#include "experiments/closed_forms/spectra.h"

#include <fftw3.h>

#include <cmath>
#include <mutex>
#include <numbers>

#include <fmt/format.h>

#include "core/fftw_lock.h"
#include "experiments/closed_forms/groups.h"
#include "experiments/closed_forms/replicas.h"

// Amplitude spectra below threshold, two-sided: S_c(ω) = (g²/2)/((1−p)² + ω²), S_s(ω) = (g²/2)/((1+p)² + ω²),
// and the homodyne record in units of its shot noise, 1 + 2ηjp/((1+j−p)² + ω²): the antisqueezed light that
// leaves the cavity [W13, K20].

namespace opoloop {

struct Periodogram::Plan {
  fftw_plan forward = nullptr;
};

Periodogram::Periodogram(int length, double dt) : length_(length), dt_(dt), plan_(std::make_unique<Plan>()) {
  std::vector<double> in(static_cast<std::size_t>(length));
  std::vector<fftw_complex> out(static_cast<std::size_t>(bins()));
  const std::lock_guard lock(fftw_planner_mutex());
  plan_->forward = fftw_plan_dft_r2c_1d(length, in.data(), out.data(), FFTW_ESTIMATE | FFTW_UNALIGNED);
}

Periodogram::~Periodogram() {
  const std::lock_guard lock(fftw_planner_mutex());
  fftw_destroy_plan(plan_->forward);
}

double Periodogram::omega(int bin) const {
  return 2 * std::numbers::pi * bin / (length_ * dt_);
}

void Periodogram::add(std::span<const double> record, std::span<double> power) const {
  std::vector<double> in(record.begin(), record.end());
  std::vector<fftw_complex> out(static_cast<std::size_t>(bins()));
  fftw_execute_dft_r2c(plan_->forward, in.data(), out.data());
  for (std::size_t m = 0; m < out.size(); ++m) {
    power[m] += dt_ / length_ * (out[m][0] * out[m][0] + out[m][1] * out[m][1]);
  }
}

double Periodogram::expected(int bin, std::span<const double> autocovariance) const {
  double sum = autocovariance[0];
  for (int m = 1; m < length_; ++m) {
    sum += 2 * (1 - static_cast<double>(m) / length_) * autocovariance[static_cast<std::size_t>(m)] *
           std::cos(omega(bin) * dt_ * m);
  }
  return dt_ * sum;
}

namespace {

constexpr int kLength = 4000;
constexpr double kStep = 0.05;
constexpr std::size_t kPulses = 20;
constexpr int kHalfWidth = 2;  // bins averaged on either side

/// Sums of periodograms, and their number at the end, of the first kPulses of what `series` picks from an
/// observation, after a while.
using Series = std::function<std::span<const double>(const LoopObservation&)>;
Replicas periodograms(const ValidationSettings& settings, LoopParameters parameters,
                      const Periodogram& periodogram, const Series& series) {
  constexpr std::int64_t begin = 1000;
  parameters.rounds = begin + kLength;
  return run_replicas(
      uncoupled_pulses(kPulses), parameters, settings, static_cast<std::size_t>(periodogram.bins()) + 1,
      [&](std::span<double> sums) -> LoopObserver {
        return [sums, &periodogram, &series,
                records = std::vector<std::vector<double>>(kPulses)](const LoopObservation& seen) mutable {
          if (seen.round < begin || seen.round == begin + kLength) return;
          const auto values = series(seen);
          for (std::size_t i = 0; i < kPulses; ++i) records[i].push_back(values[i]);
          if (seen.round != begin + kLength - 1) return;
          for (const auto& record : records) periodogram.add(record, sums);
          sums.back() += kPulses;
        };
      });
}

void compare(ClosedForms& forms, const std::string& formula, const std::string& model,
             const Replicas& replicas, const Periodogram& periodogram, std::span<const double> autocovariance,
             double unit) {
  for (const int bin : {4, 16, 32, 64}) {
    double expected = 0;
    for (int b = bin - kHalfWidth; b <= bin + kHalfWidth; ++b)
      expected += periodogram.expected(b, autocovariance) / (2 * kHalfWidth + 1);
    forms.sampled(fmt::format("{}, ω = {:.3g}", formula, periodogram.omega(bin)), model, expected / unit,
                  replicas.estimate([&](std::span<const double> s) {
                    double sum = 0;
                    for (int b = bin - kHalfWidth; b <= bin + kHalfWidth; ++b)
                      sum += s[static_cast<std::size_t>(b)];
                    return sum / (2 * kHalfWidth + 1) / s.back() / unit;
                  }));
  }
}

}  // namespace

void add_spectra(const ValidationSettings& settings, std::vector<ClosedForm>& rows) {
  ClosedForms forms("spectra", rows);
  const Periodogram periodogram(kLength, kStep);
  std::vector<double> autocovariance(kLength);

  // (b): an Euler step is an AR(1) process, C_m = ⟨x²⟩ φ^m, φ = 1 − a dt.
  const double p = 0.5;
  const auto wigner = linear_loop(ModelKind::truncated_wigner, p, kStep, 1);
  const auto quadrature = [&](std::size_t which, double a, const char* formula) {
    const Replicas replicas =
        periodograms(settings, wigner, periodogram,
                     [which](const LoopObservation& seen) { return seen.model.variables()[which].values; });
    const double variance = euler_variance(a, std::sqrt(kSmallG2 / 2), kStep);
    for (std::size_t m = 0; m < autocovariance.size(); ++m)
      autocovariance[m] = variance * std::pow(1 - a * kStep, m);
    compare(forms, formula, "truncated-wigner", replicas, periodogram, autocovariance, kSmallG2);
  };
  quadrature(0, 1 - p, "S_c/g² = ½/((1−p)² + ω²), p = 0.5");
  quadrature(1, 1 + p, "S_s/g² = ½/((1+p)² + ω²), p = 0.5");

  // (d): the record's noise of round k also moves μ, so it is correlated with all later records.
  const double j = 1;
  const double pump = 1.2;
  const double a = 1 - pump + j;
  LoopParameters gaussian = linear_loop(ModelKind::gaussian, pump, kStep, 1);
  gaussian.measured_loss = j;
  const double u = steady_excess_variance(pump, j);
  const double shot = kSmallG2 / (4 * j);
  const double variance = kSmallG2 * euler_variance(a, std::sqrt(j) * u, kStep);
  autocovariance[0] = variance + shot / kStep;
  for (std::size_t m = 1; m < autocovariance.size(); ++m) {
    const double lag = std::pow(1 - a * kStep, m - 1);
    autocovariance[m] = variance * lag * (1 - a * kStep) + kSmallG2 * u / 2 * lag;
  }
  const Replicas records = periodograms(settings, gaussian, periodogram,
                                        [](const LoopObservation& seen) { return seen.measured; });
  compare(forms, "record/shot noise = 1 + 2jp/((1+j−p)² + ω²), p = 1.2, j = 1", "gaussian", records,
          periodogram, autocovariance, shot);
}

}  // namespace opoloop
