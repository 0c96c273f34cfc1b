#include "cim_model/drift.h"

#include <fftw3.h>

#include <cmath>
#include <complex>
#include <mutex>

#include "cim_model/steppers/normals.h"
#include "core/error.h"
#include "core/fftw_lock.h"

namespace opoloop {

std::vector<double> one_over_f_series(std::size_t length, std::uint64_t seed, std::uint32_t trajectory) {
  if (length < 2) throw_parameter_error("drift length", static_cast<double>(length), "at least 2 steps");
  const std::size_t half = length / 2;
  std::vector<double> normals(2 * (half + 1));
  fill_normals(seed, Stream::pump_drift, trajectory, 0, normals);

  // y_t = Σ_m c_m e^{2πi mt/N} with c_{N−m} = c_m*: each 0 < m < N/2 brings 2⟨|c_m|²⟩ to the variance, m =
  // N/2 only c². ⟨|c_m|²⟩ = s/m, and s makes the sum 1.
  std::vector<std::complex<double>> components(half + 1);
  double variance = 0;
  for (std::size_t m = 1; m <= half; ++m) {
    const double power = 1 / static_cast<double>(m);
    const bool real = 2 * m == length;
    const std::complex<double> draw(normals[2 * m], normals[2 * m + 1]);
    components[m] = real ? std::sqrt(power) * draw.real() : std::sqrt(power / 2) * draw;
    variance += real ? power : 2 * power;
  }
  std::vector<double> series(length);
  fftw_plan plan = nullptr;
  {
    const std::lock_guard lock(fftw_planner_mutex());
    plan = fftw_plan_dft_c2r_1d(static_cast<int>(length), reinterpret_cast<fftw_complex*>(components.data()),
                                series.data(), FFTW_ESTIMATE);
  }
  fftw_execute(plan);
  {
    const std::lock_guard lock(fftw_planner_mutex());
    fftw_destroy_plan(plan);
  }
  for (double& value : series) value /= std::sqrt(variance);
  return series;
}

}  // namespace opoloop
