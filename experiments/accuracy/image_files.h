#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "experiments/accuracy/labelled_data.h"

namespace opoloop {

// Image sets as their publishers give them. All take the bytes of a file (unpacked) and its name for
// messages, and throw InputError of one line.

/// IDX (MNIST, Fashion-MNIST): magic 0x00000803, count, rows, columns, big-endian, then a byte a pixel.
/// Without labels. Square images of at most 1,024 pixels a side.
Examples parse_idx_images(std::string_view bytes, const std::string& file);

/// IDX: magic 0x00000801, count, then a byte a label, 0 … 9.
std::vector<int> parse_idx_labels(std::string_view bytes, const std::string& file);

/// CIFAR-10, binary version: records of a label 0 … 9 and 3 × 32 × 32 bytes, red first.
Examples parse_cifar10(std::string_view bytes, const std::string& file);

/// UCI optical digits: 64 pixels 0 … 16 and a label 0 … 9 a line, separated by commas.
Examples parse_digits(std::string_view text, const std::string& file);

}  // namespace opoloop
