#include "hamiltonian/qama/entropy_scores.h"

#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "core/error.h"
#include "core/threads.h"

namespace opoloop {
namespace {

constexpr double kEntropyFloor = 1e-6;  // ε of v̂
constexpr double kNormalFloor = 1e-5;   // added to a variance, as batch normalisation does

using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class Scalar>
Rows softmax_rows(const Scalar* from, int N, int d) {
  Rows p(N, d);
  for (int i = 0; i < N; ++i) {
    const Scalar* row = from + static_cast<std::ptrdiff_t>(i) * d;
    const double most = static_cast<double>(*std::max_element(row, row + d));
    for (int k = 0; k < d; ++k) p(i, k) = std::exp(static_cast<double>(row[k]) - most);
    p.row(i) /= p.row(i).sum();
  }
  return p;
}

/// Σ p log₂ p.
double information(const double* p, int d) {
  double sum = 0;
  for (int k = 0; k < d; ++k) sum += p[k] > 0 ? p[k] * std::log2(p[k]) : 0.0;
  return sum;
}

/// D(softmax(Q_i), softmax(K_j)) = H(m) − (H(p) + H(q))/2 of one head.
template <class Scalar>
void divergences(const QamaInput<Scalar>& in, std::size_t head, Scalar* J) {
  const int N = in.shape.tokens;
  const int d = in.shape.width;
  const std::size_t at = head * static_cast<std::size_t>(N) * static_cast<std::size_t>(d);
  const Rows p = softmax_rows(in.Q + at, N, d);
  const Rows q = softmax_rows(in.K + at, N, d);
  std::vector<double> of_q;
  for (int j = 0; j < N; ++j) of_q.push_back(information(q.row(j).data(), d));
  Eigen::RowVectorXd middle(d);
  for (int i = 0; i < N; ++i) {
    const double of_p = information(p.row(i).data(), d);
    for (int j = 0; j < N; ++j) {
      middle = (p.row(i) + q.row(j)) / 2;
      const double D = (of_p + of_q[static_cast<std::size_t>(j)]) / 2 - information(middle.data(), d);
      J[static_cast<std::ptrdiff_t>(i) * N + j] =
          in.allowed(head, i, j) ? static_cast<Scalar>(std::max(D, 0.0)) : Scalar(0);
    }
  }
}

/// ∂L/∂Q and ∂L/∂K of one head from ∂L/∂D: ∂D/∂p_k = ½ log₂(p_k/m_k), the same for q, then the softmax's
/// own p∘(g − p·g).
template <class Scalar>
void divergences_backward(const QamaInput<Scalar>& in, std::size_t head, const Scalar* dD, Scalar* dQ,
                          Scalar* dK) {
  const int N = in.shape.tokens;
  const int d = in.shape.width;
  const std::size_t at = head * static_cast<std::size_t>(N) * static_cast<std::size_t>(d);
  const Rows p = softmax_rows(in.Q + at, N, d);
  const Rows q = softmax_rows(in.K + at, N, d);
  // log₂ 0 never meets a weight: a share that underflowed to 0 moves nothing.
  const auto logs = [](const Rows& of) {
    return Rows(of.array().max(std::numeric_limits<double>::min()).log() / std::numbers::ln2);
  };
  const Rows log_p = logs(p), log_q = logs(q);
  Rows dp = Rows::Zero(N, d), dq = Rows::Zero(N, d);
  Eigen::RowVectorXd log_m(d);
  for (int i = 0; i < N; ++i) {
    for (int j = 0; j < N; ++j) {
      const double g = static_cast<double>(dD[static_cast<std::ptrdiff_t>(i) * N + j]) / 2;
      if (g == 0) continue;
      for (int k = 0; k < d; ++k) {
        log_m(k) = std::log2(std::max((p(i, k) + q(j, k)) / 2, std::numeric_limits<double>::min()));
      }
      dp.row(i) += g * (log_p.row(i) - log_m);
      dq.row(j) += g * (log_q.row(j) - log_m);
    }
  }
  const auto through_softmax = [&](const Rows& of, const Rows& gradient, Scalar* out) {
    for (int i = 0; i < N; ++i) {
      const double mean = of.row(i).dot(gradient.row(i));
      for (int k = 0; k < d; ++k) {
        out[at + static_cast<std::size_t>(i * d + k)] =
            static_cast<Scalar>(of(i, k) * (gradient(i, k) - mean));
      }
    }
  };
  through_softmax(p, dp, dQ);
  through_softmax(q, dq, dK);
}

/// Calls use(place in [B, H, N, N]) for what is normalised together: off-diagonal pairs of a head that are
/// neither masked nor removed.
template <class Scalar, class Use>
void each_pair(const QamaInput<Scalar>& in, std::size_t t, const Use& use) {
  const auto N = static_cast<std::size_t>(in.shape.tokens);
  for (std::size_t b = 0; b < in.shape.samples(); ++b) {
    const std::size_t head = b * static_cast<std::size_t>(in.shape.heads) + t;
    for (int i = 0; i < in.shape.tokens; ++i) {
      for (int j = 0; j < in.shape.tokens && !in.gone(b, i); ++j) {
        if (i == j || in.gone(b, j) || !in.allowed(head, i, j)) continue;
        use((head * N + static_cast<std::size_t>(i)) * N + static_cast<std::size_t>(j));
      }
    }
  }
}

/// The same for tokens, places in [B, H, N].
template <class Scalar, class Use>
void each_token(const QamaInput<Scalar>& in, std::size_t t, const Use& use) {
  for (std::size_t b = 0; b < in.shape.samples(); ++b) {
    const std::size_t head = b * static_cast<std::size_t>(in.shape.heads) + t;
    for (int i = 0; i < in.shape.tokens; ++i) {
      if (!in.gone(b, i)) use(head * static_cast<std::size_t>(in.shape.tokens) + static_cast<std::size_t>(i));
    }
  }
}

struct Moments {
  double mean = 0;
  double inverse_deviation = 0;  // 1/√(variance + ε)
  double count = 0;
};

/// `each` hands out places of `values`, the same ones in the same order each time.
template <class Scalar, class Each>
Moments moments(const Scalar* values, const Each& each) {
  Moments m;
  double squares = 0;
  each([&](std::size_t place) {
    m.mean += static_cast<double>(values[place]);
    m.count += 1;
  });
  if (m.count == 0) return m;
  m.mean /= m.count;
  each([&](std::size_t place) {
    const double off = static_cast<double>(values[place]) - m.mean;
    squares += off * off;
  });
  m.inverse_deviation = 1 / std::sqrt(squares / m.count + kNormalFloor);
  return m;
}

/// y = (x − mean)/√(variance + ε) in place.
template <class Scalar, class Each>
Moments normalise(Scalar* values, const Each& each) {
  const Moments m = moments(values, each);
  each([&](std::size_t place) {
    values[place] = static_cast<Scalar>((static_cast<double>(values[place]) - m.mean) * m.inverse_deviation);
  });
  return m;
}

/// ∂L/∂x = r (g − mean(g) − y mean(g y)) in place of g = ∂L/∂y, r = 1/√(variance + ε).
template <class Scalar, class Each>
void normalise_backward(const Scalar* y, const Moments& m, Scalar* g, const Each& each) {
  double sum = 0, product = 0;
  each([&](std::size_t place) {
    sum += static_cast<double>(g[place]);
    product += static_cast<double>(g[place]) * static_cast<double>(y[place]);
  });
  each([&](std::size_t place) {
    const double centred = static_cast<double>(g[place]) - sum / m.count;
    g[place] = static_cast<Scalar>(m.inverse_deviation *
                                   (centred - static_cast<double>(y[place]) * product / m.count));
  });
}

/// Divergences and entropies before they are normalised.
template <class Scalar>
void raw_scores(const QamaInput<Scalar>& in, Scalar* J, Scalar* h, int threads) {
  const auto N = static_cast<std::size_t>(in.shape.tokens);
  const auto d = static_cast<std::size_t>(in.shape.width);
  parallel_for(static_cast<std::int64_t>(in.shape.rows() / N), threads, [&](std::int64_t item) {
    const auto head = static_cast<std::size_t>(item);
    divergences(in, head, J + head * N * N);
    std::vector<double> terms(d);
    for (std::size_t row = head * N; row < (head + 1) * N; ++row) {
      h[row] = static_cast<Scalar>(value_entropy(in.V + row * d, in.shape.width, terms.data()));
    }
  });
}

template <class Scalar>
void require_removals_only(const QamaInput<Scalar>& in) {
  for (std::size_t i = 0; i < in.pairs.size(); ++i) {
    if (in.pairs[i] != 0 && in.pairs[i] != -std::numeric_limits<Scalar>::infinity()) {
      throw InputError(fmt::format(
          "attention: attn_mask holds {} at place {}: form v1 has no score to add it to, only 0 and "
          "-inf (removed) have a meaning",
          in.pairs[i], i));
    }
  }
}

}  // namespace

template <class Scalar>
double value_entropy(const Scalar* V, int width, double* terms) {
  double total = kEntropyFloor;
  for (int k = 0; k < width; ++k) total += static_cast<double>(V[k]);
  double entropy = 0;
  for (int k = 0; k < width; ++k) {
    const double share = std::clamp(static_cast<double>(V[k]) / total, kEntropyFloor, 1.0);
    terms[k] = -share * std::log2(share);
    entropy += terms[k];
  }
  return entropy;
}

namespace {

/// ∂L/∂V of one row: dt/dv̂ = −(log₂ v̂ + 1/ln 2) where the clamp lets through, v̂_k = V_k/T, T = Σ V + ε.
template <class Scalar>
void value_entropy_backward(const Scalar* V, int width, const Scalar* dterms, double through_sum,
                            Scalar* dV) {
  double total = kEntropyFloor;
  for (int k = 0; k < width; ++k) total += static_cast<double>(V[k]);
  double shared = 0;  // Σ_l ∂L/∂v̂_l V_l / T², what every V_k does through T
  const auto share_gradient = [&](int k) {
    const double share = static_cast<double>(V[k]) / total;
    if (share <= kEntropyFloor || share >= 1) return 0.0;
    return -(static_cast<double>(dterms[k]) + through_sum) * (std::log2(share) + std::numbers::log2e);
  };
  for (int k = 0; k < width; ++k) shared += share_gradient(k) * static_cast<double>(V[k]) / (total * total);
  for (int k = 0; k < width; ++k) dV[k] = static_cast<Scalar>(share_gradient(k) / total - shared);
}

}  // namespace

template <class Scalar>
void entropy_scores(const QamaInput<Scalar>& in, Scalar* J, Scalar* h, int threads) {
  require_removals_only(in);
  raw_scores(in, J, h, threads);
  parallel_for(in.shape.heads, threads, [&](std::int64_t t) {
    const auto head = static_cast<std::size_t>(t);
    normalise(J, [&](const auto& use) { each_pair(in, head, use); });
    normalise(h, [&](const auto& use) { each_token(in, head, use); });
  });
}

template <class Scalar>
void entropy_scores_backward(const QamaInput<Scalar>& in, EntropyGradient<Scalar>& of, Scalar* dQ, Scalar* dK,
                             Scalar* dV, int threads) {
  std::vector<Scalar> J(in.shape.scores()), h(in.shape.rows());
  raw_scores(in, J.data(), h.data(), threads);
  parallel_for(in.shape.heads, threads, [&](std::int64_t t) {
    const auto head = static_cast<std::size_t>(t);
    const auto pairs = [&](const auto& use) { each_pair(in, head, use); };
    const auto tokens = [&](const auto& use) { each_token(in, head, use); };
    const Moments of_J = normalise(J.data(), pairs);
    normalise_backward(J.data(), of_J, of.J.data(), pairs);
    const Moments of_h = normalise(h.data(), tokens);
    normalise_backward(h.data(), of_h, of.h.data(), tokens);
  });
  const auto N = static_cast<std::size_t>(in.shape.tokens);
  const auto d = static_cast<std::size_t>(in.shape.width);
  parallel_for(static_cast<std::int64_t>(in.shape.rows() / N), threads, [&](std::int64_t item) {
    const auto head = static_cast<std::size_t>(item);
    Scalar* dD = of.J.data() + head * N * N;
    for (int i = 0; i < in.shape.tokens; ++i) {
      for (int j = 0; j < in.shape.tokens; ++j) {
        if (!in.allowed(head, i, j)) dD[static_cast<std::size_t>(i) * N + static_cast<std::size_t>(j)] = 0;
      }
    }
    divergences_backward(in, head, dD, dQ, dK);
    for (std::size_t row = head * N; row < (head + 1) * N; ++row) {
      value_entropy_backward(in.V + row * d, in.shape.width, of.terms.data() + row * d,
                             static_cast<double>(of.h[row]), dV + row * d);
    }
  });
}

template void entropy_scores<float>(const QamaInput<float>&, float*, float*, int);
template void entropy_scores<double>(const QamaInput<double>&, double*, double*, int);
template void entropy_scores_backward<float>(const QamaInput<float>&, EntropyGradient<float>&, float*, float*,
                                             float*, int);
template void entropy_scores_backward<double>(const QamaInput<double>&, EntropyGradient<double>&, double*,
                                              double*, double*, int);
template double value_entropy<float>(const float*, int, double*);
template double value_entropy<double>(const double*, int, double*);

}  // namespace opoloop
