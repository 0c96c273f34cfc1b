#pragma once

#include <cstdint>
#include <vector>

namespace opoloop {

/// The black box of the surrogate experiment: an antireflection coating of `layers` layers on glass, titania
/// and magnesium fluoride in turn from the air side, each of one of `levels` thicknesses from 0 in steps of
/// `step_nm`. A design is a level a layer.
struct ThinFilm {
  int layers = 5;
  int levels = 8;
  double step_nm = 20;

  static constexpr double kAir = 1.0, kGlass = 1.52, kHigh = 2.35, kLow = 1.38;  ///< refractive indices
  static constexpr double kFromNm = 400, kToNm = 700;
  static constexpr int kWavelengths = 31;

  /// Number of designs, levels^layers. Throws InputError where it is above 10⁶ or a size is out of range.
  std::int64_t designs() const;
  /// The design of a number 0 … designs()−1 and back.
  std::vector<int> design(std::int64_t number) const;
  std::int64_t number(const std::vector<int>& design) const;

  /// Reflectance at normal incidence, mean over the wavelengths 400 … 700 nm in steps of 10 nm, by
  /// characteristic matrices (M. Born, E. Wolf, Principles of Optics, section 1.6); indices without
  /// dispersion or absorption. 0 … 1.
  double reflectance(const std::vector<int>& design) const;
};

}  // namespace opoloop
