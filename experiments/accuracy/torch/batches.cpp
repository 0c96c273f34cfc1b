#include "experiments/accuracy/torch/batches.h"

// clang-format off
#include <ATen/core/ivalue.h>  // first: clang cannot read the others without it
// clang-format on
#include <ATen/ops/empty.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/random.h"

namespace opoloop {

BatchSource::BatchSource(const Examples& examples, const Vocabulary* vocabulary, std::size_t longest)
    : examples_(examples) {
  if (vocabulary == nullptr) return;
  for (const std::string& text : examples.texts) words_.push_back(vocabulary->encode(text, longest));
}

double BatchSource::mean_words() const {
  std::size_t sum = 0;
  for (const auto& words : words_) sum += words.size();
  return words_.empty() ? 0 : static_cast<double>(sum) / static_cast<double>(words_.size());
}

Batch BatchSource::batch(std::span<const std::int64_t> numbers) const {
  const auto count = static_cast<std::int64_t>(numbers.size());
  Batch batch;
  batch.labels = at::empty({count}, at::kLong);
  auto* labels = batch.labels.data_ptr<std::int64_t>();
  for (const std::int64_t k : numbers) *labels++ = examples_.labels[static_cast<std::size_t>(k)];
  if (examples_.side > 0) {
    const std::size_t size = examples_.image_size();
    const float unit = 1.0F / static_cast<float>(examples_.white);
    batch.input = at::empty({count, examples_.channels, examples_.side, examples_.side}, at::kFloat);
    auto* out = batch.input.data_ptr<float>();
    for (const std::int64_t k : numbers) {
      const std::uint8_t* pixels = examples_.pixels.data() + static_cast<std::size_t>(k) * size;
      for (std::size_t i = 0; i < size; ++i) *out++ = static_cast<float>(pixels[i]) * unit;
    }
    return batch;
  }
  std::size_t longest = 1;
  for (const std::int64_t k : numbers)
    longest = std::max(longest, words_[static_cast<std::size_t>(k)].size());
  batch.input = at::empty({count, static_cast<std::int64_t>(longest)}, at::kLong);
  batch.padding = at::empty({count, static_cast<std::int64_t>(longest)}, at::kBool);
  auto* out = batch.input.data_ptr<std::int64_t>();
  bool* padding = batch.padding.data_ptr<bool>();
  for (const std::int64_t k : numbers) {
    const auto& words = words_[static_cast<std::size_t>(k)];
    for (std::size_t i = 0; i < longest; ++i) {
      *out++ = i < words.size() ? words[i] : Vocabulary::kPadding;
      *padding++ = i >= words.size();
    }
  }
  return batch;
}

std::vector<std::int64_t> epoch_order(std::size_t count, std::uint64_t seed, int epoch) {
  std::vector<std::int64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  RandomSequence random(seed, Stream::generator, 1000 + static_cast<std::uint32_t>(epoch));
  for (std::size_t k = count; k > 1; --k) std::swap(order[k - 1], order[random.below(k)]);
  return order;
}

}  // namespace opoloop
