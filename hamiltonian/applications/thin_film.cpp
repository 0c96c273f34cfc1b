#include "hamiltonian/applications/thin_film.h"

#include <cmath>
#include <complex>
#include <numbers>

#include "core/error.h"

namespace opoloop {

std::int64_t ThinFilm::designs() const {
  if (layers < 1 || layers > 20) throw_parameter_error("thin film: layers", layers, "1 to 20");
  if (levels < 2 || levels > 64) throw_parameter_error("thin film: levels", levels, "2 to 64");
  if (!(step_nm > 0 && step_nm <= 1000))
    throw_parameter_error("thin film: step", step_nm, "above 0 nm, up to 1000");
  constexpr std::int64_t kMost = 1'000'000;
  std::int64_t count = 1;
  for (int k = 0; k < layers; ++k) {
    count *= levels;
    if (count > kMost) {
      throw_parameter_error("thin film: levels^layers", static_cast<double>(count),
                            "at most a million designs: all of them are looked at");
    }
  }
  return count;
}

std::vector<int> ThinFilm::design(std::int64_t number) const {
  std::vector<int> out;
  for (int k = 0; k < layers; ++k) {
    out.push_back(static_cast<int>(number % levels));
    number /= levels;
  }
  return out;
}

std::int64_t ThinFilm::number(const std::vector<int>& design) const {
  std::int64_t out = 0;
  for (std::size_t k = design.size(); k-- > 0;) out = out * levels + design[k];
  return out;
}

double ThinFilm::reflectance(const std::vector<int>& design) const {
  using Complex = std::complex<double>;
  double sum = 0;
  for (int w = 0; w < kWavelengths; ++w) {
    const double wavelength = kFromNm + w * (kToNm - kFromNm) / (kWavelengths - 1);
    // (B, C) = Π of the layers' matrices · (1, n_glass), from the glass outwards; admittances in units of the
    // vacuum's.
    Complex b = 1, c = kGlass;
    for (std::size_t k = design.size(); k-- > 0;) {
      const double index = k % 2 == 0 ? kHigh : kLow;
      const double phase = 2 * std::numbers::pi * index * design[k] * step_nm / wavelength;
      const double cosine = std::cos(phase), sine = std::sin(phase);
      const Complex next_b = cosine * b + Complex(0, sine / index) * c;
      c = Complex(0, sine * index) * b + cosine * c;
      b = next_b;
    }
    sum += std::norm((kAir * b - c) / (kAir * b + c));
  }
  return sum / kWavelengths;
}

}  // namespace opoloop
