#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace opoloop {

/// A stationary Gaussian series of `length` values, mean 0 and variance 1, whose spectrum falls as 1/f
/// between the frequencies 1/length and ½ (per step): independent normal Fourier components of variance ∝ 1/m
/// at m/length, transformed by FFTW. It repeats after `length`. length ≥ 2. A function of (seed, trajectory).
std::vector<double> one_over_f_series(std::size_t length, std::uint64_t seed, std::uint32_t trajectory);

}  // namespace opoloop
