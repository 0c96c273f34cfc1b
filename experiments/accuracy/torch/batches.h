#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "experiments/accuracy/labelled_data.h"
#include "experiments/accuracy/vocabulary.h"

namespace opoloop {

/// Some examples as a model takes them.
struct Batch {
  at::Tensor input;    ///< images [B, C, S, S] float, 0 … 1; or word numbers [B, N] int64
  at::Tensor padding;  ///< of texts: [B, N] bool, true = no word; of images undefined
  at::Tensor labels;   ///< [B] int64
};

/// Examples ready to be drawn from. Copies nothing of images: `examples` must outlive it.
class BatchSource {
 public:
  /// vocabulary: of texts only.
  BatchSource(const Examples& examples, const Vocabulary* vocabulary, std::size_t longest);

  std::size_t count() const { return examples_.count(); }
  /// Examples of these numbers; texts as long as the longest of them.
  Batch batch(std::span<const std::int64_t> numbers) const;
  /// Mean tokens of a text; 0 of images.
  double mean_words() const;

 private:
  const Examples& examples_;
  std::vector<std::vector<std::int64_t>> words_;
};

/// The order of examples in one epoch: a shuffle that is a function of (seed, epoch) alone.
std::vector<std::int64_t> epoch_order(std::size_t count, std::uint64_t seed, int epoch);

}  // namespace opoloop
