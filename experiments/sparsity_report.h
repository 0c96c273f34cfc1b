#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "experiments/sparsity.h"

namespace opoloop {

/// A mean with its 95% interval (Student's t). NaN without values.
struct SparsityMean {
  double value = 0, low = 0, high = 0;
};
SparsityMean mean_of(const std::vector<double>& values);

/// One value of a coefficient. Means are over layers, of each the mean of its images (over images where
/// there is one layer).
struct SparsityLine {
  std::string coefficient;
  double value = 0;
  std::size_t images = 0;
  SparsityMean fraction;
  std::vector<SparsityMean> heads;  ///< selected share of each head of layer 0, over images
  SparsityMean idle;                ///< heads that select less than 5% of the tokens
  SparsityMean at_work;             ///< selected share, mean over the other heads of an image
  SparsityMean overlap_ratio;  ///< overlap / that of independent heads, over rows where the latter is not 0
  SparsityMean interaction, importance, penalty, sparsity;
};

struct SparsityAnswer {
  std::vector<SparsityLine> lines;
  std::vector<std::string> sentences;  ///< the first: does sparsity emerge from the head penalty here?
};
SparsityAnswer sparsity_answer(const std::vector<SparsityRow>& rows, const SparsityOptions& options);

void print_sparsity(const SparsityAnswer& answer, const SparsityOptions& options, std::ostream& out);
void print_sparsity_json(const SparsityAnswer& answer, const SparsityOptions& options, bool complete,
                         std::ostream& out);
std::string sparsity_html(const SparsityAnswer& answer, const std::vector<SparsityRow>& rows,
                          const SparsityOptions& options, const std::string& command_line);

}  // namespace opoloop
