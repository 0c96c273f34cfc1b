#include "attention/read_out.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "core/threads.h"
#include "hamiltonian/qama/entropy_scores.h"

namespace opoloop {
namespace {

constexpr double kGateFloor = 1e-6;  // ε of gated: a token nobody selected keeps this weight

template <class Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class Scalar>
using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;
template <class Scalar>
using ConstHead = Eigen::Map<const Matrix<Scalar>>;
template <class Scalar>
using ConstColumn = Eigen::Map<const Vector<Scalar>>;
/// One head's columns of the output [N, H·d].
template <class Scalar>
using OutputHead = Eigen::Map<Matrix<Scalar>, 0, Eigen::OuterStride<>>;
template <class Scalar>
using ConstOutputHead = Eigen::Map<const Matrix<Scalar>, 0, Eigen::OuterStride<>>;

/// Offsets of one head of one sample into the arrays of ReadOutInput.
struct Place {
  std::size_t sample, head;  // head counts over the batch
  std::size_t rows, values, pairs;
  std::size_t output;

  Place(const QamaShape& s, std::int64_t b, int t)
      : sample(static_cast<std::size_t>(b)),
        head(sample * static_cast<std::size_t>(s.heads) + static_cast<std::size_t>(t)),
        rows(head * static_cast<std::size_t>(s.tokens)),
        values(rows * static_cast<std::size_t>(s.width)),
        pairs(rows * static_cast<std::size_t>(s.tokens)),
        output((sample * static_cast<std::size_t>(s.tokens) * static_cast<std::size_t>(s.heads) +
                static_cast<std::size_t>(t)) *
               static_cast<std::size_t>(s.width)) {}
};

/// e_i of one head; a is zero where masked, so J and h there do not matter.
template <class Scalar>
Vector<Scalar> token_energies(const ReadOutInput<Scalar>& in, const Place& at) {
  const int N = in.shape.tokens;
  Vector<Scalar> e = Vector<Scalar>::Zero(N);
  const Scalar* a = in.a + at.rows;
  for (int i = 0; i < N; ++i) {
    if (a[i] == 0) continue;
    const Scalar* row = in.J + at.pairs + static_cast<std::size_t>(i) * static_cast<std::size_t>(N);
    Scalar sum = in.h[at.rows + static_cast<std::size_t>(i)];
    for (int j = 0; j < N; ++j) sum += a[j] == 0 ? Scalar(0) : row[j] * a[j];
    e(i) = -a[i] * sum;
  }
  return e;
}

/// Rows of the gated softmax; zero rows and columns where masked, zero rows where no pair is left.
template <class Scalar>
Matrix<Scalar> gated_weights(const ReadOutInput<Scalar>& in, const Place& at) {
  const int N = in.shape.tokens;
  const ConstHead<Scalar> Q(in.Q + at.values, N, in.shape.width);
  const ConstHead<Scalar> K(in.K + at.values, N, in.shape.width);
  constexpr Scalar kNever = -std::numeric_limits<Scalar>::infinity();
  Matrix<Scalar> P = Q * K.transpose() * static_cast<Scalar>(in.scale);
  for (int i = 0; i < N; ++i) {
    const Scalar* mask = in.pair_row(at.head, i);
    Scalar most = kNever;
    for (int j = 0; j < N; ++j) {
      const Scalar bias =
          std::log(in.a[at.rows + static_cast<std::size_t>(j)] + static_cast<Scalar>(kGateFloor));
      P(i, j) = in.gone(at.sample, j) ? kNever : P(i, j) + bias + (mask != nullptr ? mask[j] : Scalar(0));
      most = std::max(most, P(i, j));
    }
    if (in.gone(at.sample, i) || most == kNever) {
      P.row(i).setZero();
      continue;
    }
    P.row(i) = (P.row(i).array() - most).exp();
    P.row(i) /= P.row(i).sum();
  }
  return P;
}

/// v1's share of token i: out_k = −e_i t_k / divisor; the divisor is the raw entropy Σ_k t_k, or h.
struct EntropyShare {
  std::vector<double> terms;
  double divisor = 0;

  template <class Scalar>
  EntropyShare(const ReadOutInput<Scalar>& in, std::size_t row, bool divide_by_h)
      : terms(static_cast<std::size_t>(in.shape.width)) {
    divisor = value_entropy(in.V + row * terms.size(), in.shape.width, terms.data());
    if (divide_by_h) divisor = static_cast<double>(in.h[row]);
  }
};

}  // namespace

template <class Scalar>
void read_out(const QamaSpec& spec, const ReadOutInput<Scalar>& in, bool divide_by_h, Scalar* output,
              int threads) {
  const int N = in.shape.tokens;
  const int d = in.shape.width;
  const Eigen::OuterStride<> stride(static_cast<Eigen::Index>(in.shape.heads) * d);
  parallel_for(in.shape.batch, threads, [&](std::int64_t sample) {
    for (int t = 0; t < in.shape.heads; ++t) {
      const Place at(in.shape, sample, t);
      OutputHead<Scalar> out(output + at.output, N, d, stride);
      if (spec.form == QamaForm::gated) {
        out.noalias() = gated_weights(in, at) * ConstHead<Scalar>(in.V + at.values, N, d);
        continue;
      }
      const Vector<Scalar> e = token_energies(in, at);
      if (spec.form == QamaForm::v2) {
        out.noalias() = e * ConstColumn<Scalar>(in.u, d).transpose();
        continue;
      }
      for (int i = 0; i < N; ++i) {
        const EntropyShare share(in, at.rows + static_cast<std::size_t>(i), divide_by_h);
        const double each = e(i) == 0 || share.divisor == 0 ? 0 : -static_cast<double>(e(i)) / share.divisor;
        for (int k = 0; k < d; ++k) {
          out(i, k) = static_cast<Scalar>(each * share.terms[static_cast<std::size_t>(k)]);
        }
      }
    }
  });
}

namespace {

/// v2. With g_i = Σ_k ∂L/∂output_{i,k} u_k = ∂L/∂e_i and J_ij = (s/2)(Q_i·K_j + Q_j·K_i) for i ≠ j:
///   ∂L/∂u = Σ_i e_i ∂L/∂output_i + Σ_i (−g_i a_i)(1/d) V_i,   ∂L/∂V_i = −g_i a_i u / d,
///   ∂L/∂Q_i = −(s/2) a_i Σ_{j≠i} (g_i + g_j) a_j K_j,  ∂L/∂K_j likewise with Q:
/// two sums over tokens, A = Σ a_j K_j and G = Σ g_j a_j K_j, serve all i. A pair mask leaves out some j:
/// then the matrix ∂L/∂S is built.
template <class Scalar>
void head_backward(const ReadOutInput<Scalar>& in, const Place& at, const ConstOutputHead<Scalar>& dout,
                   const ReadOutGradient<Scalar>& gradient, Vector<Scalar>& du) {
  const int N = in.shape.tokens;
  const int d = in.shape.width;
  const ConstHead<Scalar> V(in.V + at.values, N, d);
  const ConstColumn<Scalar> u(in.u, d);
  const ConstColumn<Scalar> a(in.a + at.rows, N);
  Eigen::Map<Matrix<Scalar>> dV(gradient.V + at.values, N, d);
  const Vector<Scalar> e = token_energies(in, at);
  // A masked or unselected token has a = 0: it takes part in nothing.
  const Vector<Scalar> ga = (dout * u).cwiseProduct(a);
  const auto over_d = static_cast<Scalar>(1.0 / d);
  du.noalias() += dout.transpose() * e;
  du.noalias() -= V.transpose() * ga * over_d;
  dV.noalias() = -ga * (u * over_d).transpose();
  const auto half = static_cast<Scalar>(in.scale / 2);
  if (!in.pairs.empty()) {
    Matrix<Scalar> dS(N, N);
    for (int i = 0; i < N; ++i) {
      for (int j = 0; j < N; ++j) {
        dS(i, j) = i != j && in.allowed(at.head, i, j) ? -half * (ga(i) * a(j) + ga(j) * a(i)) : Scalar(0);
      }
    }
    Eigen::Map<Matrix<Scalar>>(gradient.Q + at.values, N, d).noalias() =
        dS * ConstHead<Scalar>(in.K + at.values, N, d);
    Eigen::Map<Matrix<Scalar>>(gradient.K + at.values, N, d).noalias() =
        dS.transpose() * ConstHead<Scalar>(in.Q + at.values, N, d);
    return;
  }
  const auto one = [&](const Scalar* other, Scalar* out) {
    const ConstHead<Scalar> X(other + at.values, N, d);
    Eigen::Map<Matrix<Scalar>> dX(out + at.values, N, d);
    const Vector<Scalar> A = X.transpose() * a;
    const Vector<Scalar> G = X.transpose() * ga;
    for (int i = 0; i < N; ++i) {
      if (a(i) == 0) {
        dX.row(i).setZero();
        continue;
      }
      // a_i Σ_{j≠i} (g_i + g_j) a_j X_j = ga_i (A − a_i X_i) + a_i (G − ga_i X_i)
      dX.row(i) = -half * (ga(i) * A.transpose() + a(i) * G.transpose() - 2 * a(i) * ga(i) * X.row(i));
    }
  };
  one(in.K, gradient.Q);
  one(in.Q, gradient.K);
}

/// gated: softmax attention with a constant bias. dV = Pᵀ D, dP = D Vᵀ, dS = P∘(dP − rowsum(P∘dP)).
template <class Scalar>
void gated_backward(const ReadOutInput<Scalar>& in, const Place& at, const ConstOutputHead<Scalar>& dout,
                    const ReadOutGradient<Scalar>& gradient) {
  const int N = in.shape.tokens;
  const int d = in.shape.width;
  const ConstHead<Scalar> Q(in.Q + at.values, N, d), K(in.K + at.values, N, d), V(in.V + at.values, N, d);
  const Matrix<Scalar> P = gated_weights(in, at);
  Matrix<Scalar> dS = dout * V.transpose();
  for (int i = 0; i < N; ++i) {
    const Scalar mean = P.row(i).dot(dS.row(i));
    dS.row(i) = (P.row(i).array() * (dS.row(i).array() - mean)).matrix() * static_cast<Scalar>(in.scale);
  }
  Eigen::Map<Matrix<Scalar>>(gradient.V + at.values, N, d).noalias() = P.transpose() * dout;
  Eigen::Map<Matrix<Scalar>>(gradient.Q + at.values, N, d).noalias() = dS * K;
  Eigen::Map<Matrix<Scalar>>(gradient.K + at.values, N, d).noalias() = dS.transpose() * Q;
}

/// v1 up to its scores: out_ik = −e_i t_ik / T_i gives ∂L/∂e_i = −Σ_k D_ik t_ik / T_i, from which ∂L/∂J_ij =
/// −a_i a_j ∂L/∂e_i and ∂L/∂h_i = −a_i ∂L/∂e_i; ∂L/∂t_ik = −e_i D_ik / T_i + Σ_l D_il e_i t_il / T_i². The
/// last sum goes to h_i where the published division is asked for.
template <class Scalar>
void entropy_backward(const ReadOutInput<Scalar>& in, const Place& at, const ConstOutputHead<Scalar>& dout,
                      bool divide_by_h, EntropyGradient<Scalar>& to) {
  const int N = in.shape.tokens;
  const int d = in.shape.width;
  const Vector<Scalar> e = token_energies(in, at);
  for (int i = 0; i < N; ++i) {
    const std::size_t row = at.rows + static_cast<std::size_t>(i);
    const Scalar a = in.a[row];
    const EntropyShare share(in, row, divide_by_h);
    if (a == 0 || share.divisor == 0) continue;
    double shared = 0;  // Σ_k D_ik t_ik / T_i
    for (int k = 0; k < d; ++k) {
      shared += static_cast<double>(dout(i, k)) * share.terms[static_cast<std::size_t>(k)] / share.divisor;
    }
    const double through_divisor = static_cast<double>(e(i)) * shared / share.divisor;
    for (int k = 0; k < d; ++k) {
      const double direct = -static_cast<double>(e(i)) * static_cast<double>(dout(i, k)) / share.divisor;
      to.terms[row * static_cast<std::size_t>(d) + static_cast<std::size_t>(k)] =
          static_cast<Scalar>(direct + (divide_by_h ? 0 : through_divisor));
    }
    const Scalar ga = static_cast<Scalar>(shared) * a;  // −a_i ∂L/∂e_i
    to.h[row] = ga + static_cast<Scalar>(divide_by_h ? through_divisor : 0);
    for (int j = 0; j < N; ++j) {
      to.J[at.pairs + static_cast<std::size_t>(i * N + j)] = ga * in.a[at.rows + static_cast<std::size_t>(j)];
    }
  }
}

}  // namespace

template <class Scalar>
void read_out_backward(const QamaSpec& spec, const ReadOutInput<Scalar>& in, bool divide_by_h,
                       const Scalar* output_gradient, const ReadOutGradient<Scalar>& gradient, int threads) {
  EntropyGradient<Scalar> entropy;
  if (spec.form == QamaForm::v1) {
    entropy.J.resize(in.shape.scores());
    entropy.h.resize(in.shape.rows());
    entropy.terms.resize(in.shape.values());
  }
  const int N = in.shape.tokens;
  const int d = in.shape.width;
  const Eigen::OuterStride<> stride(static_cast<Eigen::Index>(in.shape.heads) * d);
  // One sum a sample, added in order, so that threads do not show.
  Matrix<Scalar> du = Matrix<Scalar>::Zero(in.shape.batch, d);
  parallel_for(in.shape.batch, threads, [&](std::int64_t sample) {
    Vector<Scalar> own = Vector<Scalar>::Zero(d);
    for (int t = 0; t < in.shape.heads; ++t) {
      const Place at(in.shape, sample, t);
      const ConstOutputHead<Scalar> dout(output_gradient + at.output, N, d, stride);
      if (spec.form == QamaForm::gated) {
        gated_backward(in, at, dout, gradient);
      } else if (spec.form == QamaForm::v1) {
        entropy_backward(in, at, dout, divide_by_h, entropy);
      } else {
        head_backward(in, at, dout, gradient, own);
      }
    }
    du.row(sample) = own.transpose();
  });
  if (spec.form == QamaForm::v1) {
    entropy_scores_backward<Scalar>(in, entropy, gradient.Q, gradient.K, gradient.V, threads);
  }
  for (int k = 0; k < d; ++k) {
    gradient.u[k] = 0;
    for (int b = 0; b < in.shape.batch; ++b) gradient.u[k] += du(b, k);
  }
}

template void read_out<float>(const QamaSpec&, const ReadOutInput<float>&, bool, float*, int);
template void read_out<double>(const QamaSpec&, const ReadOutInput<double>&, bool, double*, int);
template void read_out_backward<float>(const QamaSpec&, const ReadOutInput<float>&, bool, const float*,
                                       const ReadOutGradient<float>&, int);
template void read_out_backward<double>(const QamaSpec&, const ReadOutInput<double>&, bool, const double*,
                                        const ReadOutGradient<double>&, int);

}  // namespace opoloop
