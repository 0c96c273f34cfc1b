#include "hamiltonian/qama/qama_scores.h"

#include <Eigen/Core>
#include <type_traits>

#include "core/error.h"
#include "core/threads.h"
#include "hamiltonian/kernels/qama_kernels.h"
#include "hamiltonian/qama/entropy_scores.h"

namespace opoloop {
namespace {

template <class Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// J of one head; `head` counts over the batch.
template <class Scalar>
void dot_scores(const QamaInput<Scalar>& in, std::size_t head, Scalar* J) {
  const int N = in.shape.tokens;
  const int d = in.shape.width;
  const std::size_t at = head * static_cast<std::size_t>(N) * static_cast<std::size_t>(d);
  if constexpr (std::is_same_v<Scalar, float>) {
    if (in.pairs.empty()) {
      kernels::symmetric_scores(in.Q + at, in.K + at, N, d, d, static_cast<float>(in.scale), J);
      return;
    }
  }
  using Map = Eigen::Map<const Matrix<Scalar>>;
  Matrix<Scalar> S = Map(in.Q + at, N, d) * Map(in.K + at, N, d).transpose() * static_cast<Scalar>(in.scale);
  for (int i = 0; i < N && !in.pairs.empty(); ++i) {
    for (int j = 0; j < N; ++j) S(i, j) = in.allowed(head, i, j) ? S(i, j) + in.pair_row(head, i)[j] : 0;
  }
  Eigen::Map<Matrix<Scalar>> out(J, N, N);
  out = (S + S.transpose()) / Scalar(2);
  out.diagonal().setZero();
}

}  // namespace

void QamaShape::validate() const {
  if (batch < 1) throw_parameter_error("batch", batch, "at least 1");
  if (heads < 1) throw_parameter_error("heads", heads, "at least 1");
  if (tokens < 1) throw_parameter_error("tokens", tokens, "at least 1");
  if (width < 1) throw_parameter_error("head width d", width, "at least 1");
}

template <class Scalar>
void qama_scores(const QamaSpec& spec, const QamaInput<Scalar>& in, Scalar* J, Scalar* h, int threads) {
  in.shape.validate();
  if (spec.form == QamaForm::v1) {
    entropy_scores(in, J, h, threads);
    return;
  }
  const auto N = static_cast<std::size_t>(in.shape.tokens);
  const auto d = static_cast<std::size_t>(in.shape.width);
  const auto heads = static_cast<std::size_t>(in.shape.heads);
  parallel_for(in.shape.batch, threads, [&](std::int64_t sample) {
    for (std::size_t head = static_cast<std::size_t>(sample) * heads;
         head < (static_cast<std::size_t>(sample) + 1) * heads; ++head) {
      dot_scores(in, head, J + head * N * N);
      Eigen::Map<Eigen::Matrix<Scalar, Eigen::Dynamic, 1>>(h + head * N, in.shape.tokens) =
          Eigen::Map<const Matrix<Scalar>>(in.V + head * N * d, in.shape.tokens, in.shape.width) *
          Eigen::Map<const Eigen::Matrix<Scalar, Eigen::Dynamic, 1>>(in.u, in.shape.width) /
          static_cast<Scalar>(in.shape.width);
    }
  });
}

template void qama_scores<float>(const QamaSpec&, const QamaInput<float>&, float*, float*, int);
template void qama_scores<double>(const QamaSpec&, const QamaInput<double>&, double*, double*, int);

}  // namespace opoloop
