#include "hamiltonian/applications/super_resolution.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/random.h"

namespace opoloop {
namespace {

/// Patches of less contrast are flat: the bicubic image is as good there.
constexpr double kFlat = 0.1;
constexpr int kRounds = 20;
static_assert(kLowPatch == kHighPatch, "atoms of both kinds are kept in one loop");

std::size_t index(const GreyImage& image, int row, int column) {
  return static_cast<std::size_t>(row) * static_cast<std::size_t>(image.width) +
         static_cast<std::size_t>(column);
}

GreyImage blank(int width, int height) {
  return {width, height,
          std::vector<double>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), 0.0)};
}

/// The 4 × 4 low pixels around a core at (row, column), minus their mean; the norm they had.
double low_patch(const GreyImage& low, int row, int column, std::vector<double>& values) {
  values.clear();
  double mean = 0;
  constexpr int kMargin = (kLowPatch - kCore) / 2;
  for (int r = 0; r < kLowPatch; ++r) {
    for (int c = 0; c < kLowPatch; ++c) {
      values.push_back(low.clamped(row + r - kMargin, column + c - kMargin));
      mean += values.back() / (kLowPatch * kLowPatch);
    }
  }
  double square = 0;
  for (double& v : values) {
    v -= mean;
    square += v * v;
  }
  return std::sqrt(square);
}

/// Keys' kernel at distances 0.25, 0.75, 1.25, 1.75 of a low pixel: doubling meets only these.
std::array<double, 4> doubling_weights(bool second) {
  const auto kernel = [](double t) {
    constexpr double a = -0.5;
    return t <= 1 ? (a + 2) * t * t * t - (a + 3) * t * t + 1 : a * (t * t * t - 5 * t * t + 8 * t - 4);
  };
  // The first of two pixels lies a quarter before its low pixel, the second a quarter behind.
  return second ? std::array{kernel(1.25), kernel(0.25), kernel(0.75), kernel(1.75)}
                : std::array{kernel(1.75), kernel(0.75), kernel(0.25), kernel(1.25)};
}

struct TrainingPair {
  std::vector<double> low, high;
};

}  // namespace

double GreyImage::clamped(int row, int column) const {
  return at(std::clamp(row, 0, height - 1), std::clamp(column, 0, width - 1));
}

GreyImage seeded_picture(int side, std::uint64_t seed) {
  if (side < 8 || side > 256 || side % 2 != 0) throw_parameter_error("side", side, "even, 8 to 256 pixels");
  RandomSequence random(seed, Stream::generator);
  GreyImage image = blank(side, side);
  std::fill(image.pixels.begin(), image.pixels.end(), 0.2 + 0.2 * random.uniform());
  constexpr int kShapes = 6;
  for (int shape = 0; shape < kShapes; ++shape) {
    const double x = side * random.uniform(), y = side * random.uniform();
    const double angle = 2 * std::numbers::pi * random.uniform();
    const double size = side * (0.08 + 0.2 * random.uniform()), level = random.uniform();
    for (int row = 0; row < side; ++row) {
      for (int column = 0; column < side; ++column) {
        const double dx = column + 0.5 - x, dy = row + 0.5 - y;
        const double across = dx * std::cos(angle) + dy * std::sin(angle);
        const double along = dy * std::cos(angle) - dx * std::sin(angle);
        double outside = 0;  // distance to the shape's edge in pixels
        if (shape % 3 == 0) outside = std::hypot(dx, dy) - size;
        if (shape % 3 == 1) outside = std::max(std::abs(across) - size / 4, std::abs(along) - 2 * size);
        if (shape % 3 == 2) outside = std::max(std::abs(across) - size, std::abs(along) - size);
        const double inside = std::clamp(0.5 - outside, 0.0, 1.0);  // an edge is one pixel soft
        double& pixel = image.pixels[index(image, row, column)];
        pixel += inside * (level - pixel);
      }
    }
  }
  return image;
}

GreyImage halved(const GreyImage& image) {
  if (image.width % 2 != 0 || image.height % 2 != 0) throw InputError("halving an image of an odd side");
  GreyImage low = blank(image.width / 2, image.height / 2);
  for (int row = 0; row < low.height; ++row) {
    for (int column = 0; column < low.width; ++column) {
      low.pixels[index(low, row, column)] =
          (image.at(2 * row, 2 * column) + image.at(2 * row, 2 * column + 1) +
           image.at(2 * row + 1, 2 * column) + image.at(2 * row + 1, 2 * column + 1)) /
          4;
    }
  }
  return low;
}

GreyImage bicubic_doubled(const GreyImage& image) {
  GreyImage high = blank(2 * image.width, 2 * image.height);
  for (int row = 0; row < high.height; ++row) {
    const std::array<double, 4> down = doubling_weights(row % 2 == 1);
    const int first_row = row / 2 - (row % 2 == 1 ? 1 : 2);
    for (int column = 0; column < high.width; ++column) {
      const std::array<double, 4> across = doubling_weights(column % 2 == 1);
      const int first_column = column / 2 - (column % 2 == 1 ? 1 : 2);
      double sum = 0;
      for (int r = 0; r < 4; ++r) {
        for (int c = 0; c < 4; ++c) {
          sum += down[static_cast<std::size_t>(r)] * across[static_cast<std::size_t>(c)] *
                 image.clamped(first_row + r, first_column + c);
        }
      }
      high.pixels[index(high, row, column)] = sum;
    }
  }
  return high;
}

double psnr_db(const GreyImage& image, const GreyImage& truth) {
  if (image.pixels.size() != truth.pixels.size() || image.pixels.empty()) {
    throw Error("PSNR of images of different size");
  }
  double sum = 0;
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const double d = std::clamp(image.pixels[i], 0.0, 1.0) - truth.pixels[i];
    sum += d * d;
  }
  return -10 * std::log10(sum / static_cast<double>(image.pixels.size()));
}

PatchDictionary learn_dictionary(const std::vector<GreyImage>& images, int count, std::uint64_t seed) {
  if (count < 1 || count > 1024) throw_parameter_error("atoms", count, "1 to 1024");
  std::vector<TrainingPair> pairs;
  for (const GreyImage& image : images) {
    const GreyImage low = halved(image);
    const GreyImage guess = bicubic_doubled(low);
    for (int row = 0; row + kCore <= low.height; ++row) {
      for (int column = 0; column + kCore <= low.width; ++column) {
        TrainingPair pair;
        const double norm = low_patch(low, row, column, pair.low);
        if (norm < kFlat) continue;
        for (double& v : pair.low) v /= norm;
        for (int r = 0; r < kHighPatch; ++r) {
          for (int c = 0; c < kHighPatch; ++c) {
            const int y = 2 * row + r, x = 2 * column + c;
            pair.high.push_back((image.at(y, x) - guess.at(y, x)) / norm);
          }
        }
        pairs.push_back(std::move(pair));
      }
    }
  }
  if (pairs.empty()) throw InputError("super-resolution: the images to learn from are flat");
  const std::size_t atoms = std::min(static_cast<std::size_t>(count), pairs.size());
  PatchDictionary dictionary;
  dictionary.low.length = kLowPatch * kLowPatch;
  dictionary.high.length = kHighPatch * kHighPatch;
  RandomSequence random(seed, Stream::generator, 1);
  for (std::size_t k = 0; k < atoms; ++k) {
    std::swap(pairs[k], pairs[k + random.below(pairs.size() - k)]);
    dictionary.low.values.insert(dictionary.low.values.end(), pairs[k].low.begin(), pairs[k].low.end());
  }
  const std::size_t length = static_cast<std::size_t>(dictionary.low.length);
  for (int round = 0; round < kRounds; ++round) {
    std::vector<double> low(atoms * length, 0.0), high(atoms * length, 0.0), members(atoms, 0.0);
    for (const TrainingPair& pair : pairs) {
      double nearest = 0;
      std::size_t best = 0;
      for (std::size_t k = 0; k < atoms; ++k) {
        double product = 0;
        for (std::size_t i = 0; i < length; ++i) {
          product += dictionary.low.values[k * length + i] * pair.low[i];
        }
        if (std::abs(product) > std::abs(nearest)) {
          nearest = product;
          best = k;
        }
      }
      members[best] += 1;
      const double sign = nearest < 0 ? -1 : 1;
      for (std::size_t i = 0; i < length; ++i) {
        low[best * length + i] += sign * pair.low[i];
        high[best * length + i] += sign * pair.high[i];
      }
    }
    dictionary.high.values.assign(atoms * length, 0.0);
    for (std::size_t k = 0; k < atoms; ++k) {
      double norm = 0;
      for (std::size_t i = 0; i < length; ++i) norm += low[k * length + i] * low[k * length + i];
      norm = std::sqrt(norm);
      if (!(norm > 0)) continue;  // nobody's nearest: stays as it was, adds nothing
      for (std::size_t i = 0; i < length; ++i) {
        dictionary.low.values[k * length + i] = low[k * length + i] / norm;
        dictionary.high.values[k * length + i] = high[k * length + i] / norm;
      }
    }
  }
  return dictionary;
}

std::vector<PatchPlace> textured_patches(const GreyImage& low) {
  if (low.width % kCore != 0 || low.height % kCore != 0) {
    throw InputError("super-resolution: the sides of the low image must be even");
  }
  std::vector<PatchPlace> places;
  for (int row = 0; row < low.height; row += kCore) {
    for (int column = 0; column < low.width; column += kCore) {
      PatchPlace place{row, column, 0, {}};
      place.contrast = low_patch(low, row, column, place.signal);
      if (place.contrast < kFlat) continue;
      for (double& v : place.signal) v /= place.contrast;
      places.push_back(std::move(place));
    }
  }
  return places;
}

GreyImage assemble(const GreyImage& low, const std::vector<PatchPlace>& patches,
                   const std::vector<std::vector<double>>& coefficients, const PatchDictionary& dictionary) {
  GreyImage high = bicubic_doubled(low);
  for (std::size_t p = 0; p < patches.size(); ++p) {
    for (int a = 0; a < dictionary.high.count(); ++a) {
      const double weight = patches[p].contrast * coefficients[p][static_cast<std::size_t>(a)];
      if (weight == 0) continue;
      for (int r = 0; r < kHighPatch; ++r) {
        for (int c = 0; c < kHighPatch; ++c) {
          high.pixels[index(high, 2 * patches[p].row + r, 2 * patches[p].column + c)] +=
              weight * dictionary.high.atom(a)[static_cast<std::size_t>(r * kHighPatch + c)];
        }
      }
    }
  }
  return high;
}

}  // namespace opoloop
