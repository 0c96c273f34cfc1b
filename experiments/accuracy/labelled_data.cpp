#include "experiments/accuracy/labelled_data.h"

#include <algorithm>

namespace opoloop {
namespace {

void append(const Examples& from, std::size_t k, Examples& to) {
  to.labels.push_back(from.labels[k]);
  if (from.side == 0) {
    to.texts.push_back(from.texts[k]);
    return;
  }
  const auto size = static_cast<std::ptrdiff_t>(from.image_size());
  const auto begin = from.pixels.begin() + static_cast<std::ptrdiff_t>(k) * size;
  to.pixels.insert(to.pixels.end(), begin, begin + size);
}

Examples empty_like(const Examples& examples) {
  Examples fresh;
  fresh.side = examples.side;
  fresh.channels = examples.channels;
  fresh.white = examples.white;
  return fresh;
}

}  // namespace

Examples Examples::part(std::size_t from, std::size_t to) const {
  Examples chosen = empty_like(*this);
  for (std::size_t k = from; k < std::min(to, count()); ++k) append(*this, k, chosen);
  return chosen;
}

void Examples::split_every(std::size_t stride, Examples& every, Examples& others) const {
  every = others = empty_like(*this);
  for (std::size_t k = 0; k < count(); ++k) append(*this, k, k % stride == 0 ? every : others);
}

}  // namespace opoloop
