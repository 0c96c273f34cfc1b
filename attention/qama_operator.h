#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "attention/read_out.h"
#include "driver/device.h"
#include "hamiltonian/qama/qama_scores.h"

namespace opoloop {

/// How the operator selects tokens.
struct QamaOptions {
  QamaSpec spec;
  std::string device = "annealing:";  ///< URI of what solves the Hamiltonian (docs/devices.md)
  double scale = 0;                   ///< s of the scores; 0 = d^−½
  bool divide_by_h = false;           ///< v1 only: the published division (attention/read_out.h)
  std::uint64_t seed = 1;             ///< the same seed, inputs and device give the same output
  int threads = 1;
  std::optional<int> runs;  ///< of the device; unset = its choice
  std::optional<std::int64_t> steps;
};

/// What one forward pass gives, and what the backward pass needs of it.
template <class Scalar>
struct QamaForward {
  QamaShape shape;
  std::vector<Scalar> output;         ///< [B, N, H·d]; zeros where a token is masked
  std::vector<Scalar> J;              ///< [B, H, N, N]
  std::vector<Scalar> h;              ///< [B, H, N]
  std::vector<std::int8_t> x;         ///< [B, H, N, q]
  std::vector<Scalar> a;              ///< [B, H, N]
  std::vector<double> energy;         ///< [B], QUBO form with the coefficients of the spec, nothing dropped
  std::vector<std::uint8_t> removed;  ///< [B, N] or empty
  std::vector<Scalar> pairs;          ///< the attn_mask it was given, or empty
  std::vector<std::string> adaptations;              ///< what the device changed to take the problem
  int runs = 0;                                      ///< of the device, a problem
  std::int64_t steps = 0;                            ///< of a run, of the largest problem
  double scores_s = 0, solve_s = 0, read_out_s = 0;  ///< wall time by stage
};

/// d loss / d input, same shapes as the inputs.
template <class Scalar>
struct QamaGradients {
  std::vector<Scalar> Q, K, V;  ///< [B, H, N, d]
  std::vector<Scalar> u;        ///< [d]
};

/// The QAMA attention operator [arXiv 2504.11083]: scores, one Ising problem a sample solved on a device,
/// read- out. Not differentiable in the selection: backward() holds it constant. Thread-compatible; one
/// operator serves one caller at a time.
class QamaOperator {
 public:
  /// Throws InputError on a bad coefficient or an unknown device.
  explicit QamaOperator(QamaOptions options);
  ~QamaOperator();

  const QamaOptions& options() const { return options_; }
  /// For the passes to come; the device stays.
  void set_seed(std::uint64_t seed) { options_.seed = seed; }

  /// Q, K, V [B, H, N, d], u [d], row-major; removed [B, N], non-zero where a token is masked, or empty;
  /// pairs [N, N] or [B·H, N, N], added to the scores of query and key, −inf to remove the pair, or empty
  /// (hamiltonian/qama/qama_scores.h). Throws InputError on sizes that do not match, numbers that are not
  /// finite, and a device too small; Error where the device fails in the middle, saying how many problems
  /// were solved.
  template <class Scalar>
  QamaForward<Scalar> forward(const QamaShape& shape, std::span<const Scalar> Q, std::span<const Scalar> K,
                              std::span<const Scalar> V, std::span<const Scalar> u,
                              std::span<const std::uint8_t> removed = {}, std::span<const Scalar> pairs = {});

  /// The same with a selection given, x [B, H, N, q], instead of solved for: the read-out as a function.
  template <class Scalar>
  QamaForward<Scalar> forward_with(const QamaShape& shape, std::span<const Scalar> Q,
                                   std::span<const Scalar> K, std::span<const Scalar> V,
                                   std::span<const Scalar> u, std::span<const std::int8_t> x,
                                   std::span<const std::uint8_t> removed = {},
                                   std::span<const Scalar> pairs = {}) const;

  /// Gradients at the selection of `forward`; output_gradient [B, N, H·d].
  template <class Scalar>
  QamaGradients<Scalar> backward(const QamaForward<Scalar>& forward, std::span<const Scalar> Q,
                                 std::span<const Scalar> K, std::span<const Scalar> V,
                                 std::span<const Scalar> u, std::span<const Scalar> output_gradient) const;
  /// The same into gradients that already have their memory: a training loop reuses it, and fresh pages would
  /// take longer than the arithmetic.
  template <class Scalar>
  void backward(const QamaForward<Scalar>& forward, std::span<const Scalar> Q, std::span<const Scalar> K,
                std::span<const Scalar> V, std::span<const Scalar> u, std::span<const Scalar> output_gradient,
                QamaGradients<Scalar>& gradients) const;

 private:
  template <class Scalar>
  QamaForward<Scalar> score(const QamaShape& shape, std::span<const Scalar> Q, std::span<const Scalar> K,
                            std::span<const Scalar> V, std::span<const Scalar> u,
                            std::span<const std::uint8_t> removed, std::span<const Scalar> pairs) const;
  template <class Scalar>
  std::vector<QamaProblem> problems(const QamaForward<Scalar>& forward) const;
  template <class Scalar>
  void finish(QamaForward<Scalar>& forward, std::span<const Scalar> Q, std::span<const Scalar> K,
              std::span<const Scalar> V, std::span<const Scalar> u) const;
  double scale(int width) const;

  QamaOptions options_;
  std::unique_ptr<Device> device_;
};

}  // namespace opoloop
