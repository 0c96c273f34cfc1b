#include "cim_model/models/homodyne.h"

#include <algorithm>
#include <cmath>

#include "cim_model/steppers/normals.h"

namespace opoloop {

HomodyneDetector::HomodyneDetector(const LoopParameters& parameters)
    : dt_(parameters.dt),
      substeps_(parameters.substeps),
      g_(std::sqrt(parameters.g2)),
      noise_(std::sqrt(1 / (4 * parameters.detection_efficiency * parameters.measured_loss))) {}

void HomodyneDetector::start(std::uint64_t seed, std::uint32_t trajectory) {
  seed_ = seed;
  trajectory_ = trajectory;
}

void HomodyneDetector::wiener_increments(std::uint64_t step, std::span<double> dW) const {
  fill_normals(seed_, Stream::pulse_noise, trajectory_, step, dW);
  for (double& w : dW) w *= std::sqrt(dt_ / substeps_);
}

void HomodyneDetector::record(std::int64_t round, std::span<const double> mu,
                              std::span<double> record) const {
  std::vector<double> dW(mu.size());
  std::fill(record.begin(), record.end(), 0.0);
  for (int sub = 0; sub < substeps_; ++sub) {
    wiener_increments(static_cast<std::uint64_t>(round) * static_cast<std::uint64_t>(substeps_) +
                          static_cast<std::uint64_t>(sub),
                      dW);
    for (std::size_t i = 0; i < mu.size(); ++i) record[i] += dW[i];
  }
  for (std::size_t i = 0; i < mu.size(); ++i) record[i] = g_ * (mu[i] + noise_ * record[i] / dt_);
}

}  // namespace opoloop
