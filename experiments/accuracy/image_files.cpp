#include "experiments/accuracy/image_files.h"

#include <fmt/format.h>

#include "core/error.h"
#include "hamiltonian/formats/text_scanner.h"

namespace opoloop {
namespace {

constexpr std::uint32_t kLargestSide = 1024;
constexpr int kDigits = 10;

/// Word k of a big-endian header; 0 past the end.
std::uint32_t word(std::string_view bytes, std::size_t k) {
  std::uint32_t value = 0;
  for (std::size_t b = 4 * k; b < 4 * k + 4; ++b) {
    value = value << 8U | (b < bytes.size() ? static_cast<unsigned char>(bytes[b]) : 0U);
  }
  return value;
}

int label_of(char byte, const std::string& file, std::size_t record) {
  const int label = static_cast<unsigned char>(byte);
  if (label >= kDigits) {
    throw InputError(fmt::format("{}: label {} is {}, expected 0 to 9", file, record, label));
  }
  return label;
}

}  // namespace

Examples parse_idx_images(std::string_view bytes, const std::string& file) {
  constexpr std::size_t kHead = 16;
  const std::uint64_t count = word(bytes, 1), side = word(bytes, 2);
  if (bytes.size() < kHead || word(bytes, 0) != 0x803 || word(bytes, 3) != side || side < 1 ||
      side > kLargestSide || bytes.size() - kHead != count * side * side) {
    throw InputError(file + ": not an IDX file of square grey images");
  }
  Examples images;
  images.side = static_cast<int>(side);
  images.channels = 1;
  images.pixels.assign(bytes.begin() + kHead, bytes.end());
  return images;
}

std::vector<int> parse_idx_labels(std::string_view bytes, const std::string& file) {
  constexpr std::size_t kHead = 8;
  if (bytes.size() < kHead || word(bytes, 0) != 0x801 || bytes.size() - kHead != word(bytes, 1)) {
    throw InputError(file + ": not an IDX file of labels");
  }
  std::vector<int> labels;
  for (std::size_t k = kHead; k < bytes.size(); ++k) labels.push_back(label_of(bytes[k], file, k - kHead));
  return labels;
}

Examples parse_cifar10(std::string_view bytes, const std::string& file) {
  constexpr std::size_t kSide = 32, kRecord = 1 + 3 * kSide * kSide;
  if (bytes.empty() || bytes.size() % kRecord != 0) {
    throw InputError(
        fmt::format("{}: {} bytes are no CIFAR-10 batch: a record has {}", file, bytes.size(), kRecord));
  }
  Examples images;
  images.side = kSide;
  images.channels = 3;
  for (std::size_t at = 0; at < bytes.size(); at += kRecord) {
    images.labels.push_back(label_of(bytes[at], file, at / kRecord));
    const std::string_view pixels = bytes.substr(at + 1, kRecord - 1);
    images.pixels.insert(images.pixels.end(), pixels.begin(), pixels.end());
  }
  return images;
}

Examples parse_digits(std::string_view text, const std::string& file) {
  constexpr int kSide = 8, kWhite = 16;
  Examples images;
  images.side = kSide;
  images.channels = 1;
  images.white = kWhite;
  TextScanner scanner(text, file, ',');
  while (scanner.next_line()) {
    for (int k = 0; k <= kSide * kSide; ++k) {
      const bool is_label = k == kSide * kSide;
      const char* what = is_label ? "a label from 0 to 9" : "64 pixels from 0 to 16 and a label";
      const std::int64_t value = scanner.integer(what);
      if (value < 0 || value > (is_label ? kDigits - 1 : kWhite)) scanner.fail(std::to_string(value), what);
      if (is_label) {
        images.labels.push_back(static_cast<int>(value));
      } else {
        images.pixels.push_back(static_cast<std::uint8_t>(value));
      }
    }
    scanner.end_of_line("64 pixels and a label");
  }
  return images;
}

}  // namespace opoloop
