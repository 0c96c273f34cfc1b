#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <limits>
#include <string>
#include <vector>

#include "hamiltonian/qama/qama_problem.h"

namespace opoloop {

// `opoloop experiment sparsity`: which tokens the heads of an untrained QAMA layer select while a coefficient
// of its Hamiltonian varies (docs/experiments.md, docs/qama.md). One row an image at one setting; tables,
// pictures and the answer are functions of the rows alone.

struct SparsityPlan {
  std::vector<double> c_m = {0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4};   ///< head penalty
  std::vector<double> c_l = {0, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64};  ///< value importance
  std::vector<double> mu = {0, 1, 2, 4, 8, 16, 32, 64};               ///< sparsity term, with a target
  double target = 0.25;                                               ///< share of tokens it asks for
  int images = 32;
  int layers = 16;  ///< seeded layers, each with all images
  int heads = 8;
  int model_width = 64;
  int random_tokens = 16;  ///< where there are no images

  /// A subset that takes seconds on two cores.
  static SparsityPlan quick();
};

struct SparsityOptions {
  SparsityPlan plan;
  std::string device = "annealing:";
  int threads = 1;
  std::uint64_t seed = 1;
  std::filesystem::path data;  ///< public_data_folder()
};

struct SparsityRow {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  std::string coefficient;  ///< "c_m", "c_l" or "mu"
  std::string selection;    ///< x as 0 and 1, head by head, N digits each
  double value = kNone;     ///< of the coefficient; the others as published
  double layer = kNone;
  double image = kNone;
  double heads = kNone;
  double tokens = kNone;
  double energy = kNone;       ///< the sum of the four terms
  double interaction = kNone;  ///< −c_q Σ J a a
  double importance = kNone;   ///< −c_l N Σ h a
  double penalty = kNone;      ///< P Σ x x'
  double sparsity = kNone;     ///< μ Σ (Σ a − s N)²/N
  double fraction = kNone;     ///< selected share, mean over heads
  double overlap = kNone;  ///< share of tokens that two heads both select, mean over pairs; NaN for one head
  double independent = kNone;  ///< what it would be for independent heads that select as many each

  /// Selected share of each head.
  std::vector<double> fractions() const;
};

/// What the images of a run are.
struct SparsityInput {
  std::string name;  ///< "mnist1k", "digits" or "random"
  std::string note;  ///< why it is not the first choice, or empty
  int patch = 0;
};
SparsityInput sparsity_input(const SparsityOptions& options);

/// Share of tokens that each pair of heads selects together, and what independent heads would: mean over
/// pairs of (1/N) Σ_i x_ti x_t'i and of f_t f_t'. x [H, N].
void head_overlap(int heads, int tokens, const std::vector<std::int8_t>& x, double& overlap,
                  double& independent);

/// Measures what is missing in `rows`; false where it was interrupted. Rows do not depend on threads. Throws
/// InputError where the device cannot take the problem, Error where it fails.
bool measure_sparsity(const SparsityOptions& options, std::vector<SparsityRow>& rows,
                      const std::function<void(std::size_t done, std::size_t of)>& after_each = {});

void save_sparsity(const std::string& path, const std::vector<SparsityRow>& rows,
                   const SparsityOptions& options, const std::string& command_line, bool complete);
/// Throws InputError where the file is of another experiment, seed or plan (device and images included).
std::vector<SparsityRow> load_sparsity(const std::string& path, const SparsityOptions& options);

}  // namespace opoloop
