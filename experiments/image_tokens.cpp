#include "experiments/image_tokens.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include "core/error.h"
#include "core/random.h"
#include "hamiltonian/formats/compression.h"

namespace opoloop {
namespace {

constexpr std::uint64_t kLargestFile = 64U << 20U;

std::optional<std::string> inflated(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  return gunzip(bytes, path.string(), kLargestFile);
}

ImageSet read_digits(const std::string& text, const std::string& file) {
  ImageSet set{"digits", 8, 0, {}, {}};
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.empty()) continue;
    for (int k = 0; k < 64; ++k) {
      int value = -1;
      const auto [end, failure] = std::from_chars(line.data(), line.data() + line.size(), value);
      const auto used = static_cast<std::size_t>(end - line.data());
      if (failure != std::errc{} || value < 0 || value > 16 || used >= line.size() || *end != ',') {
        throw InputError(
            fmt::format("{}: line {}: expected 64 pixels from 0 to 16 and a label", file, set.count + 1));
      }
      set.pixels.push_back(static_cast<float>(value) / 16);
      line.remove_prefix(used + 1);
    }
    int label = -1;
    const auto [end, failure] = std::from_chars(line.data(), line.data() + line.size(), label);
    if (failure != std::errc{} || label < 0 || label > 9) {
      throw InputError(fmt::format("{}: line {}: expected a digit as label", file, set.count + 1));
    }
    set.labels.push_back(label);
    ++set.count;
  }
  return set;
}

/// IDX: magic 0x00000803, three sizes, all big-endian, then bytes.
ImageSet read_idx(const std::string& bytes, const std::string& file) {
  const auto word = [&](std::size_t k) {
    std::uint32_t value = 0;
    for (std::size_t b = 0; b < 4; ++b) value = value << 8U | static_cast<unsigned char>(bytes[4 * k + b]);
    return value;
  };
  constexpr std::size_t kHead = 16;
  if (bytes.size() < kHead || word(0) != 0x803 || word(2) != word(3) || word(2) < 1 || word(2) > 1024 ||
      bytes.size() != kHead + std::size_t{word(1)} * word(2) * word(3)) {
    throw InputError(file + ": not an IDX file of square grey images");
  }
  ImageSet set{"mnist1k", static_cast<int>(word(2)), static_cast<int>(word(1)), {}, {}};
  for (std::size_t i = kHead; i < bytes.size(); ++i) {
    set.pixels.push_back(static_cast<float>(static_cast<unsigned char>(bytes[i])) / 255);
  }
  return set;
}

}  // namespace

std::filesystem::path image_file(const std::filesystem::path& data, const std::string& name) {
  return data / "small" / "attention" / (name == "digits" ? "digits.csv.gz" : "mnist1k-images-idx3-ubyte.gz");
}

std::optional<ImageSet> load_images(const std::filesystem::path& data, const std::string& name) {
  const std::filesystem::path path = image_file(data, name);
  const auto content = inflated(path);
  if (!content) return std::nullopt;
  ImageSet set = name == "digits" ? read_digits(*content, path.string()) : read_idx(*content, path.string());
  if (set.count == 0) throw InputError(path.string() + ": no images");
  return set;
}

RowMatrix<float> image_tokens(const ImageSet& images, int image, int patch, int width, std::uint64_t seed) {
  if (patch < 1 || images.side % patch != 0)
    throw_parameter_error("patch", patch, "a divisor of the image's side");
  const int across = images.side / patch;
  const int tokens = across * across;
  RowMatrix<float> patches(tokens, patch * patch);
  const float* pixels = images.pixels.data() + static_cast<std::ptrdiff_t>(image) * images.side * images.side;
  for (int t = 0; t < tokens; ++t) {
    for (int k = 0; k < patch * patch; ++k) {
      const int row = t / across * patch + k / patch, column = t % across * patch + k % patch;
      patches(t, k) = pixels[row * images.side + column];
    }
  }
  RowMatrix<float> linear(width, patch * patch);
  RandomSequence random(seed, Stream::generator, 1);  // trajectory 0 draws the layer's own weights
  for (Eigen::Index k = 0; k < linear.size(); ++k) {
    linear.data()[k] = static_cast<float>((2 * random.uniform() - 1) / patch);
  }
  LayerNorm<float>::Saved saved;
  const RowMatrix<float> normed = LayerNorm<float>(patch * patch).forward(patches, saved);
  RowMatrix<float> x = LayerNorm<float>(width).forward(normed * linear.transpose(), saved);
  for (int t = 0; t < tokens; ++t) {
    for (int k = 0; k < width; ++k) {
      const int pair = k / 2;
      const double angle = t / std::pow(10000.0, 2.0 * pair / width);
      x(t, k) += static_cast<float>(k % 2 == 0 ? std::sin(angle) : std::cos(angle));
    }
  }
  return x;
}

RowMatrix<float> random_tokens(int tokens, int width, std::uint64_t seed) {
  RowMatrix<float> x(tokens, width);
  RandomSequence random(seed, Stream::generator, 2);
  for (Eigen::Index k = 0; k < x.size(); ++k) x.data()[k] = static_cast<float>(random.normal());
  return x;
}

}  // namespace opoloop
