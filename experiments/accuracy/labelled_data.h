#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace opoloop {

/// Images or texts with the class of each.
struct Examples {
  int side = 0;                      ///< of square images, 0 for texts
  int channels = 0;                  ///< 1 grey, 3 colour
  int white = 255;                   ///< pixel value that counts as 1
  std::vector<std::uint8_t> pixels;  ///< [count][channels][side][side]
  std::vector<std::string> texts;    ///< [count] of texts
  std::vector<int> labels;           ///< [count], 0 … classes − 1

  std::size_t count() const { return labels.size(); }
  std::size_t image_size() const {
    return static_cast<std::size_t>(channels) * static_cast<std::size_t>(side) *
           static_cast<std::size_t>(side);
  }
  /// The examples from … to − 1.
  Examples part(std::size_t from, std::size_t to) const;
  /// Every `stride`-th example, from the first on, and the others: how a file without a split of its own is
  /// split.
  void split_every(std::size_t stride, Examples& every, Examples& others) const;
};

/// What a model is trained on and tested on.
struct LabelledData {
  std::string name;
  int classes = 0;
  Examples train, test;

  bool is_text() const { return train.side == 0; }
};

}  // namespace opoloop
