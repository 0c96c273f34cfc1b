#pragma once

#include <cstdint>
#include <vector>

#include "hamiltonian/applications/sparse_coding.h"

namespace opoloop {

/// A grey image, values about 0 … 1.
struct GreyImage {
  int width = 0;
  int height = 0;
  std::vector<double> pixels;  ///< [row][column]
  double at(int row, int column) const {
    return pixels[static_cast<std::size_t>(row) * static_cast<std::size_t>(width) +
                  static_cast<std::size_t>(column)];
  }
  /// The nearest pixel where the place lies outside.
  double clamped(int row, int column) const;
};

/// Discs, bars and half-planes with soft edges, side × side: what the experiment learns from and tests on
/// without data. A pure function of its arguments; side even, 8 to 256.
GreyImage seeded_picture(int side, std::uint64_t seed);

/// Means of 2 × 2 pixels. Throws InputError for an odd side.
GreyImage halved(const GreyImage& image);
/// Twice the size by cubic convolution (R. Keys, IEEE Trans. ASSP 29, 1153 (1981), a = −½), its pixels placed
/// as halved() does.
GreyImage bicubic_doubled(const GreyImage& image);
/// 10 lg(1/mean squared difference), in dB, values limited to 0 … 1.
double psnr_db(const GreyImage& image, const GreyImage& truth);

/// Low patches are 4 × 4 pixels around 2 × 2; what is added to the bicubic image is 4 × 4 pixels: the 2 × 2
/// doubled.
inline constexpr int kLowPatch = 4;
inline constexpr int kCore = 2;
inline constexpr int kHighPatch = 2 * kCore;

/// Pairs of atoms: what a low patch looks like, and what its doubled core has beyond the bicubic image.
struct PatchDictionary {
  Atoms low;   ///< unit norm, mean 0
  Atoms high;  ///< same order and scale
};

/// Learns `count` pairs from the patches of images: patches minus their mean, over their norm (flat ones
/// left out), clustered by 20 rounds of sign-blind spherical k-means from seeded starts; a pair is the mean
/// of its members. Fewer atoms where there are fewer patches.
PatchDictionary learn_dictionary(const std::vector<GreyImage>& images, int count, std::uint64_t seed);

/// One patch of a low image as a sparse-coding problem.
struct PatchPlace {
  int row = 0, column = 0;     ///< of the core's first pixel in the low image
  double contrast = 0;         ///< norm of the patch minus its mean
  std::vector<double> signal;  ///< unit norm
};
/// The patches of a low image that are not flat, every kCore pixels; sides even.
std::vector<PatchPlace> textured_patches(const GreyImage& low);

/// The bicubic image plus, for each patch, contrast · Σ coefficients · high atoms.
GreyImage assemble(const GreyImage& low, const std::vector<PatchPlace>& patches,
                   const std::vector<std::vector<double>>& coefficients, const PatchDictionary& dictionary);

/// Weight of an atom in units of the patch's squared norm, 1.
inline constexpr double kSparsity = 0.12;

}  // namespace opoloop
