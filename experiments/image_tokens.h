#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "attention/layer_norm.h"

namespace opoloop {

/// Square grey images, values 0 … 1.
struct ImageSet {
  std::string name;  ///< "digits" (8 × 8, UCI) or "mnist1k" (28 × 28)
  int side = 0;
  int count = 0;
  std::vector<float> pixels;  ///< [count][side][side]
  std::vector<int> labels;    ///< of the digits, 0 … 9; empty for mnist1k
};

/// Where the images of a set lie: below `data`, small/attention/digits.csv.gz or
/// small/attention/mnist1k-images-idx3-ubyte.gz.
std::filesystem::path image_file(const std::filesystem::path& data, const std::string& name);

/// Reads image_file(): digits (64 pixels 0 … 16 and a label a line) or IDX. Nothing where the file is not
/// there; InputError where it is damaged.
std::optional<ImageSet> load_images(const std::filesystem::path& data, const std::string& name);

/// Tokens of an image as the published encoder makes them (docs/qama.md), untrained: patches of `patch` ×
/// `patch` pixels in reading order → LayerNorm → Linear(width) → LayerNorm → + sin–cos position. The linear
/// map is uniform within ±1/√(patch²), without bias, a function of `seed` alone. [tokens, width].
RowMatrix<float> image_tokens(const ImageSet& images, int image, int patch, int width, std::uint64_t seed);

/// Tokens without data: independent N(0, 1) entries. [tokens, width].
RowMatrix<float> random_tokens(int tokens, int width, std::uint64_t seed);

}  // namespace opoloop
