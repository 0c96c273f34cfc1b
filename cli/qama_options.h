#pragma once

#include <memory>
#include <optional>
#include <string>

#include "attention/qama_batch.h"

namespace CLI {
class App;
}

namespace opoloop {

/// How a file of attention inputs becomes problems: the options of every verb that reads one.
struct QamaInputOptions {
  std::string form = "v2";
  std::optional<int> bits, heads, problem;
  std::optional<double> c_q, c_l, c_m, sparsity, sparsity_target, long_range, scale;
  bool divide_by_h = false;

  /// True where any of them was given.
  bool any() const;
  /// The published coefficients of the form, but for those given. Throws InputError on an unknown form.
  QamaOptions operator_options(int threads) const;
  /// Reads the file and scores it. Throws InputError.
  QamaBatch open(const std::string& path, int threads) const;
};

/// Adds --form, --bits, --heads, the coefficients and --problem to a verb; `problem_help` says what the last
/// is for there.
std::shared_ptr<QamaInputOptions> add_qama_options(CLI::App& verb, const std::string& problem_help);

}  // namespace opoloop
