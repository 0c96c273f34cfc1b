#pragma once

// The QAMA Hamiltonian written down as plainly as possible, in double, sharing no code with hamiltonian/qama:
// what the fast path is tested against.

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/random.h"

namespace opoloop::testing {

struct QamaCase {
  int B = 1, H = 1, N = 1, d = 4;
  std::vector<float> Q, K, V, u;
  std::vector<std::uint8_t> removed = {};  // [B, N]
  std::vector<float> pairs = {};           // [N, N]

  bool allowed(int i, int j) const {
    return pairs.empty() || std::isfinite(pairs[static_cast<std::size_t>(i * N + j)]);
  }
  double added(int i, int j) const {
    return pairs.empty() ? 0.0 : static_cast<double>(pairs[static_cast<std::size_t>(i * N + j)]);
  }
};

/// Seeded normal Q, K, V, u; where masked, the last tokens of sample b are removed, at least one stays.
inline QamaCase random_case(int B, int H, int N, int d, bool masked, std::uint64_t seed) {
  QamaCase c{B, H, N, d, {}, {}, {}, {}};
  RandomSequence random(seed, Stream::generator);
  const auto fill = [&](std::vector<float>& v, int size) {
    for (int i = 0; i < size; ++i) v.push_back(static_cast<float>(random.normal()));
  };
  fill(c.Q, B * H * N * d);
  fill(c.K, B * H * N * d);
  fill(c.V, B * H * N * d);
  fill(c.u, d);
  if (masked) {
    c.removed.assign(static_cast<std::size_t>(B * N), 0);
    for (int b = 0; b < B; ++b) {
      for (int i = 1; i < N; ++i) {
        c.removed[static_cast<std::size_t>(b * N + i)] = random.below(3) == 0 ? 1 : 0;
      }
    }
  }
  return c;
}

/// A causal mask with finite values on some pairs that stay (v1: none), and one query that may look at
/// nothing.
inline void mask_pairs(QamaCase& c, bool finite) {
  c.pairs.assign(static_cast<std::size_t>(c.N * c.N), 0.0F);
  for (int i = 0; i < c.N; ++i) {
    for (int j = 0; j < c.N; ++j) {
      float& value = c.pairs[static_cast<std::size_t>(i * c.N + j)];
      if (j > i || i == 2) {
        value = -std::numeric_limits<float>::infinity();
      } else if (finite && (i + j) % 3 == 1) {
        value = 0.25F * static_cast<float>(i - j) - 1;
      }
    }
  }
}

inline double at(const std::vector<float>& v, int i) {
  return static_cast<double>(v[static_cast<std::size_t>(i)]);
}

/// [B, H, N, N] of v2.
inline std::vector<double> reference_J(const QamaCase& c, double scale) {
  std::vector<double> J;
  for (int head = 0; head < c.B * c.H; ++head) {
    for (int i = 0; i < c.N; ++i) {
      for (int j = 0; j < c.N; ++j) {
        const auto score = [&](int query, int key) {
          double dot = 0;
          for (int k = 0; k < c.d; ++k) {
            dot += at(c.Q, (head * c.N + query) * c.d + k) * at(c.K, (head * c.N + key) * c.d + k);
          }
          return c.allowed(query, key) ? dot * scale + c.added(query, key) : 0.0;
        };
        J.push_back(i == j ? 0.0 : (score(i, j) + score(j, i)) / 2);
      }
    }
  }
  return J;
}

/// [B, H, N] of v2.
inline std::vector<double> reference_h(const QamaCase& c) {
  std::vector<double> h;
  for (int row = 0; row < c.B * c.H * c.N; ++row) {
    double sum = 0;
    for (int k = 0; k < c.d; ++k) sum += at(c.V, row * c.d + k) * at(c.u, k);
    h.push_back(sum / c.d);
  }
  return h;
}

/// [B, H, N, N] of v1: Jensen–Shannon divergences in bits, off-diagonal normalised over batch and pairs.
inline std::vector<double> reference_J_v1(const QamaCase& c) {
  const auto softmax = [&](const std::vector<float>& from, int row) {
    std::vector<double> p;
    double total = 0;
    for (int k = 0; k < c.d; ++k) {
      p.push_back(std::exp(at(from, row * c.d + k)));
      total += p.back();
    }
    for (double& value : p) value /= total;
    return p;
  };
  const auto gone = [&](int b, int i) {
    return !c.removed.empty() && c.removed[static_cast<std::size_t>(b * c.N + i)] != 0;
  };
  std::vector<std::vector<double>> of_Q, of_K;
  for (int row = 0; row < c.B * c.H * c.N; ++row) {
    of_Q.push_back(softmax(c.Q, row));
    of_K.push_back(softmax(c.K, row));
  }
  std::vector<double> J(static_cast<std::size_t>(c.B * c.H * c.N * c.N));
  for (int t = 0; t < c.H; ++t) {
    double sum = 0, squares = 0, count = 0;
    for (int pass = 0; pass < 2; ++pass) {
      for (int b = 0; b < c.B; ++b) {
        const int head = b * c.H + t;
        for (int i = 0; i < c.N; ++i) {
          for (int j = 0; j < c.N; ++j) {
            double& value = J[static_cast<std::size_t>((head * c.N + i) * c.N + j)];
            const bool counts = i != j && !gone(b, i) && !gone(b, j) && c.allowed(i, j);
            if (pass == 1) {
              const double mean = sum / count;
              if (counts) value = (value - mean) / std::sqrt(squares / count - mean * mean + 1e-5);
              continue;
            }
            const auto& p = of_Q[static_cast<std::size_t>(head * c.N + i)];
            const auto& q = of_K[static_cast<std::size_t>(head * c.N + j)];
            value = 0;
            for (std::size_t k = 0; k < p.size(); ++k) {
              const double m = (p[k] + q[k]) / 2;
              value += 0.5 * p[k] * std::log2(p[k] / m) + 0.5 * q[k] * std::log2(q[k] / m);
            }
            if (!c.allowed(i, j)) value = 0;
            if (!counts) continue;
            sum += value;
            squares += value * value;
            count += 1;
          }
        }
      }
    }
  }
  return J;
}

/// t_k = −v̂_k log₂ v̂_k of v1, v̂ = clamp(V/(Σ V + ε), ε, 1), of one row of V.
inline std::vector<double> reference_entropy_terms(const QamaCase& c, int row) {
  double total = 1e-6;
  for (int k = 0; k < c.d; ++k) total += at(c.V, row * c.d + k);
  std::vector<double> terms;
  for (int k = 0; k < c.d; ++k) {
    const double share = std::min(1.0, std::max(1e-6, at(c.V, row * c.d + k) / total));
    terms.push_back(-share * std::log2(share));
  }
  return terms;
}

/// [B, H, N] of v1: entropies normalised over batch and tokens of a head.
inline std::vector<double> reference_h_v1(const QamaCase& c) {
  std::vector<double> h;
  for (int row = 0; row < c.B * c.H * c.N; ++row) {
    h.push_back(0);
    for (const double term : reference_entropy_terms(c, row)) h.back() += term;
  }
  for (int t = 0; t < c.H; ++t) {
    std::vector<int> rows;
    for (int b = 0; b < c.B; ++b) {
      for (int i = 0; i < c.N; ++i) {
        if (c.removed.empty() || c.removed[static_cast<std::size_t>(b * c.N + i)] == 0) {
          rows.push_back((b * c.H + t) * c.N + i);
        }
      }
    }
    double mean = 0, variance = 0;
    const auto count = static_cast<double>(rows.size());
    for (const int row : rows) mean += h[static_cast<std::size_t>(row)] / count;
    for (const int row : rows) {
      const double off = h[static_cast<std::size_t>(row)] - mean;
      variance += off * off / count;
    }
    for (const int row : rows) {
      double& value = h[static_cast<std::size_t>(row)];
      value = (value - mean) / std::sqrt(variance + 1e-5);
    }
  }
  return h;
}

/// E(x) of one sample straight from the formula of qama_spec.h, every pair visited. J [H,N,N], h [H,N], x
/// [H,N,q] with 0 at removed tokens; n = tokens that are not removed.
struct ReferenceEnergy {
  double c_q, linear_factor, penalty, mu, s, lambda;
  int H, N, q, n;
  const double* J;
  const double* h;

  double operator()(const std::vector<std::int8_t>& x) const {
    const auto bit = [&](int t, int i, int b) {
      return static_cast<double>(x[static_cast<std::size_t>((t * N + i) * q + b)]);
    };
    const auto a = [&](int t, int i) {
      double sum = 0;
      for (int b = 0; b < q; ++b) sum += std::pow(2.0, b) * bit(t, i, b);
      return sum / (std::pow(2.0, q) - 1);
    };
    double E = 0;
    for (int t = 0; t < H; ++t) {
      double total = 0;
      for (int i = 0; i < N; ++i) {
        total += a(t, i);
        E -= linear_factor * h[t * N + i] * a(t, i);
        for (int j = 0; j < N; ++j) {
          E -= c_q * J[(t * N + i) * N + j] * a(t, i) * a(t, j);
          E -= lambda * std::abs(i - j) / n * a(t, i) * a(t, j);
        }
      }
      E += mu * (total - s * n) * (total - s * n) / n;
    }
    for (int i = 0; i < N; ++i) {
      for (int b = 0; b < q; ++b) {
        for (int t = 0; t < H; ++t) {
          for (int other = 0; other < H; ++other) {
            if (t != other) E += penalty * bit(t, i, b) * bit(other, i, b);
          }
        }
      }
    }
    return E;
  }
};

}  // namespace opoloop::testing
