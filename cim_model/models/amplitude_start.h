#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "cim_model/parameters.h"
#include "cim_model/steppers/normals.h"
#include "core/random.h"

namespace opoloop {

/// Amplitudes at round 0 of the models that start from a number and not from a vacuum: normal, or uniform
/// where a half width is given.
struct AmplitudeStart {
  double sd, half_width;

  explicit AmplitudeStart(const LoopParameters& parameters)
      : sd(parameters.start_sd), half_width(parameters.start_uniform_half_width) {}

  void fill(std::uint64_t seed, std::uint32_t trajectory, std::span<double> x) const {
    if (half_width > 0) {
      for (std::size_t i = 0; i < x.size(); ++i) {
        const auto words =
            philox_words(seed, Stream::start_amplitude, trajectory, 0, static_cast<std::uint32_t>(i / 4));
        const double uniform = (static_cast<double>(words[i % 4]) + 0.5) * 0x1p-32;
        x[i] = half_width * (2 * uniform - 1);
      }
      return;
    }
    fill_normals(seed, Stream::start_amplitude, trajectory, 0, x);
    for (double& amplitude : x) amplitude *= sd;
  }
};

}  // namespace opoloop
