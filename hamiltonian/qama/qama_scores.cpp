#include "hamiltonian/qama/qama_scores.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "core/error.h"
#include "core/threads.h"
#include "hamiltonian/kernels/qama_kernels.h"

namespace opoloop {
namespace {

constexpr double kEntropyFloor = 1e-6;  // ε of v1
constexpr double kNormalFloor = 1e-5;   // added to a variance, as batch normalisation does

template <class Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// One head of v2.
template <class Scalar>
void dot_scores(int N, int d, double scale, const Scalar* Q, const Scalar* K, Scalar* J) {
  if constexpr (std::is_same_v<Scalar, float>) {
    kernels::symmetric_scores(Q, K, N, d, d, static_cast<float>(scale), J);
  } else {
    using Map = Eigen::Map<const Matrix<Scalar>>;
    const Matrix<Scalar> G = Map(Q, N, d) * Map(K, N, d).transpose();
    Eigen::Map<Matrix<Scalar>> out(J, N, N);
    out = (G + G.transpose()) * static_cast<Scalar>(scale / 2);
    out.diagonal().setZero();
  }
}

template <class Scalar>
Matrix<double> softmax_rows(const Scalar* from, int N, int d) {
  Matrix<double> p(N, d);
  for (int i = 0; i < N; ++i) {
    const Scalar* row = from + static_cast<std::ptrdiff_t>(i) * d;
    const double most = static_cast<double>(*std::max_element(row, row + d));
    for (int k = 0; k < d; ++k) p(i, k) = std::exp(static_cast<double>(row[k]) - most);
    p.row(i) /= p.row(i).sum();
  }
  return p;
}

/// JSD₂(p, q) = H((p+q)/2) − (H(p) + H(q))/2 with entropies in bits.
double half_terms(const double* p, int d) {
  double sum = 0;
  for (int k = 0; k < d; ++k) sum += p[k] > 0 ? p[k] * std::log2(p[k]) : 0.0;
  return sum;
}

template <class Scalar>
void divergence_scores(int N, int d, const Scalar* Q, const Scalar* K, Scalar* J) {
  const Matrix<double> p = softmax_rows(Q, N, d);
  const Matrix<double> q = softmax_rows(K, N, d);
  std::vector<double> of_p(static_cast<std::size_t>(N)), of_q(static_cast<std::size_t>(N));
  for (int i = 0; i < N; ++i) {
    of_p[static_cast<std::size_t>(i)] = half_terms(p.data() + static_cast<std::ptrdiff_t>(i) * d, d);
    of_q[static_cast<std::size_t>(i)] = half_terms(q.data() + static_cast<std::ptrdiff_t>(i) * d, d);
  }
  std::vector<double> middle(static_cast<std::size_t>(d));
  for (int i = 0; i < N; ++i) {
    for (int j = 0; j < N; ++j) {
      for (int k = 0; k < d; ++k) middle[static_cast<std::size_t>(k)] = (p(i, k) + q(j, k)) / 2;
      const double value = (of_p[static_cast<std::size_t>(i)] + of_q[static_cast<std::size_t>(j)]) / 2 -
                           half_terms(middle.data(), d);
      J[static_cast<std::ptrdiff_t>(i) * N + j] = static_cast<Scalar>(std::max(value, 0.0));
    }
  }
}

/// Mean 0, variance 1 of the entries that visit() hands out by reference, twice in the same order.
template <class Visit>
void normalise(const Visit& visit) {
  double sum = 0;
  double squares = 0;
  std::int64_t count = 0;
  visit([&](auto& value) {
    sum += static_cast<double>(value);
    ++count;
  });
  if (count == 0) return;
  const double mean = sum / static_cast<double>(count);
  visit([&](auto& value) {
    squares += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean);
  });
  const double inverse = 1 / std::sqrt(squares / static_cast<double>(count) + kNormalFloor);
  visit([&](auto& value) {
    value =
        static_cast<std::remove_reference_t<decltype(value)>>((static_cast<double>(value) - mean) * inverse);
  });
}

}  // namespace

void QamaShape::validate() const {
  if (batch < 1) throw_parameter_error("batch", batch, "at least 1");
  if (heads < 1) throw_parameter_error("heads", heads, "at least 1");
  if (tokens < 1) throw_parameter_error("tokens", tokens, "at least 1");
  if (width < 1) throw_parameter_error("head width d", width, "at least 1");
}

template <class Scalar>
double qama_value_entropy(const Scalar* V, int width, double* out) {
  double total = 0;
  for (int k = 0; k < width; ++k) total += static_cast<double>(V[k]);
  double entropy = 0;
  for (int k = 0; k < width; ++k) {
    const double share = std::clamp(static_cast<double>(V[k]) / (total + kEntropyFloor), kEntropyFloor, 1.0);
    out[k] = -share * std::log2(share);
    entropy += out[k];
  }
  return entropy;
}

template <class Scalar>
void qama_scores(const QamaSpec& spec, const QamaShape& shape, double scale, const Scalar* Q, const Scalar* K,
                 const Scalar* V, const Scalar* u, std::span<const std::uint8_t> removed, Scalar* J,
                 Scalar* h, int threads) {
  shape.validate();
  const int N = shape.tokens;
  const int d = shape.width;
  const auto rows = static_cast<std::size_t>(N);
  parallel_for(shape.batch, threads, [&](std::int64_t sample) {
    for (int t = 0; t < shape.heads; ++t) {
      const auto head = static_cast<std::size_t>(sample) * static_cast<std::size_t>(shape.heads) +
                        static_cast<std::size_t>(t);
      const std::size_t at = head * rows * static_cast<std::size_t>(d);
      if (spec.form == QamaForm::v1) {
        std::vector<double> terms(static_cast<std::size_t>(d));
        divergence_scores(N, d, Q + at, K + at, J + head * rows * rows);
        for (std::size_t i = 0; i < rows; ++i) {
          h[head * rows + i] = static_cast<Scalar>(
              qama_value_entropy(V + at + i * static_cast<std::size_t>(d), d, terms.data()));
        }
        continue;
      }
      dot_scores(N, d, scale, Q + at, K + at, J + head * rows * rows);
      using Map = Eigen::Map<const Matrix<Scalar>>;
      Eigen::Map<Eigen::Matrix<Scalar, Eigen::Dynamic, 1>>(h + head * rows, N) =
          Map(V + at, N, d) * Eigen::Map<const Eigen::Matrix<Scalar, Eigen::Dynamic, 1>>(u, d) /
          static_cast<Scalar>(d);
    }
  });
  if (spec.form != QamaForm::v1) return;

  const auto live = [&](int sample, int i) {
    return removed.empty() ||
           removed[static_cast<std::size_t>(sample) * rows + static_cast<std::size_t>(i)] == 0;
  };
  parallel_for(shape.heads, threads, [&](std::int64_t t) {
    const auto place = [&](int sample) {
      return (static_cast<std::size_t>(sample) * static_cast<std::size_t>(shape.heads) +
              static_cast<std::size_t>(t)) *
             rows;
    };
    normalise([&](const auto& use) {
      for (int b = 0; b < shape.batch; ++b) {
        for (int i = 0; i < N; ++i) {
          for (int j = 0; j < N; ++j) {
            if (i != j && live(b, i) && live(b, j)) {
              use(J[(place(b) + static_cast<std::size_t>(i)) * rows + static_cast<std::size_t>(j)]);
            }
          }
        }
      }
    });
    normalise([&](const auto& use) {
      for (int b = 0; b < shape.batch; ++b) {
        for (int i = 0; i < N; ++i) {
          if (live(b, i)) use(h[place(b) + static_cast<std::size_t>(i)]);
        }
      }
    });
  });
}

template void qama_scores<float>(const QamaSpec&, const QamaShape&, double, const float*, const float*,
                                 const float*, const float*, std::span<const std::uint8_t>, float*, float*,
                                 int);
template void qama_scores<double>(const QamaSpec&, const QamaShape&, double, const double*, const double*,
                                  const double*, const double*, std::span<const std::uint8_t>, double*,
                                  double*, int);
template double qama_value_entropy<float>(const float*, int, double*);
template double qama_value_entropy<double>(const double*, int, double*);

}  // namespace opoloop
