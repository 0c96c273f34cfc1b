#pragma once

#include <Eigen/Dense>
#include <Eigen/Sparse>
#include <algorithm>
#include <cmath>
#include <vector>

namespace opoloop {

/// Truncated annihilation operator of one pulse, Fock states 0 … levels − 1.
inline Eigen::MatrixXd annihilation(int levels) {
  Eigen::MatrixXd a = Eigen::MatrixXd::Zero(levels, levels);
  for (int n = 1; n < levels; ++n) a(n - 1, n) = std::sqrt(n);
  return a;
}

inline Eigen::MatrixXd kronecker(const Eigen::MatrixXd& left, const Eigen::MatrixXd& right) {
  Eigen::MatrixXd out(left.rows() * right.rows(), left.cols() * right.cols());
  for (Eigen::Index r = 0; r < left.rows(); ++r) {
    for (Eigen::Index c = 0; c < left.cols(); ++c)
      out.block(r * right.rows(), c * right.cols(), right.rows(), right.cols()) = left(r, c) * right;
  }
  return out;
}

/// ρ' = Σ coefficient · A ρ B in a truncated Fock space: the full quantum description that the pulse models
/// approximate. All operators of a pulse pumped and injected in phase are real, so ρ is real. The terms are
/// kept as one sparse matrix that acts on ρ stacked column by column.
class MasterEquation {
 public:
  explicit MasterEquation(Eigen::Index dimension)
      : dimension_(dimension), generator_(dimension * dimension, dimension * dimension) {}

  /// ρ' += coefficient · left ρ right
  void add(double coefficient, const Eigen::MatrixXd& left, const Eigen::MatrixXd& right) {
    std::vector<Eigen::Triplet<double>> entries;
    for (Eigen::Index r = 0; r < dimension_; ++r) {
      for (Eigen::Index c = 0; c < dimension_; ++c) {
        if (right(r, c) == 0) continue;
        for (Eigen::Index i = 0; i < dimension_; ++i) {
          for (Eigen::Index k = 0; k < dimension_; ++k) {
            if (left(i, k) == 0) continue;
            entries.emplace_back(c * dimension_ + i, r * dimension_ + k,
                                 coefficient * left(i, k) * right(r, c));
          }
        }
      }
    }
    Eigen::SparseMatrix<double, Eigen::RowMajor> term(generator_.rows(), generator_.cols());
    term.setFromTriplets(entries.begin(), entries.end());
    generator_ = Eigen::SparseMatrix<double, Eigen::RowMajor>(generator_ + term);
  }

  /// ρ' += [G, ρ], G = −iH/ħ real and antisymmetric.
  void add_commutator(const Eigen::MatrixXd& G) {
    const Eigen::MatrixXd one = Eigen::MatrixXd::Identity(dimension_, dimension_);
    add(1, G, one);
    add(-1, one, G);
  }

  /// ρ' += rate · D[L]ρ = rate (L ρ L† − ½ L†L ρ − ½ ρ L†L).
  void add_dissipator(double rate, const Eigen::MatrixXd& L) {
    const Eigen::MatrixXd one = Eigen::MatrixXd::Identity(dimension_, dimension_);
    const Eigen::MatrixXd square = L.transpose() * L;
    add(rate, L, L.transpose());
    add(-rate / 2, square, one);
    add(-rate / 2, one, square);
  }

  /// One pulse as physics.md counts it: amplitude loss rate `loss`, pump p, and two-photon absorption g²,
  /// what is left of the pump mode once it is eliminated. a' = −loss a + p a† − g² a†a² for the mean.
  ///
  ///     ρ' += (p/2)[a†² − a², ρ] + 2 loss D[a]ρ + g² D[a²]ρ
  void add_pulse(const Eigen::MatrixXd& a, double loss, double pump, double g2) {
    const Eigen::MatrixXd a2 = a * a;
    add_commutator(pump / 2 * (a2.transpose() - a2));
    add_dissipator(2 * loss, a);
    add_dissipator(g2, a2);
  }

  /// Measured feedback in the limit of no delay [Wiseman & Milburn, Phys. Rev. A 49, 1350 (1994), eq. 3.21,
  /// with detection efficiency]: the record μ̃ = ⟨X⟩ + √(1/4ηj) dW/dt of pulse `from`, measured at the rate j,
  /// displaces pulse `to` by a' = K μ̃. With c = √j a and G = K (a† − a)/(2√j):
  ///
  ///     ρ' += [G, cρ + ρc†] + (1/2η) [G, [G, ρ]]
  ///
  /// The loss of the measured port is part of add_pulse's.
  void add_feedback(const Eigen::MatrixXd& from, const Eigen::MatrixXd& to, double K, double j,
                    double efficiency) {
    const Eigen::MatrixXd one = Eigen::MatrixXd::Identity(dimension_, dimension_);
    const Eigen::MatrixXd G = K / (2 * std::sqrt(j)) * (to.transpose() - to);
    const Eigen::MatrixXd c = std::sqrt(j) * from;
    add(1, G * c, one);
    add(-1, c, G);
    add(1, G, c.transpose());
    add(-1, one, c.transpose() * G);
    add(1 / (2 * efficiency), G * G, one);
    add(-1 / efficiency, G, G);
    add(1 / (2 * efficiency), one, G * G);
  }

  /// Steady state, from vacuum by Runge–Kutta 4 until ρ changes by less than 1e-8 a time unit (or 400 time
  /// units are over). The step is the stability limit of the fastest decay.
  Eigen::MatrixXd steady_state() const {
    Eigen::VectorXd rho = Eigen::VectorXd::Zero(dimension_ * dimension_);
    rho(0) = 1;
    double fastest = 0;
    for (Eigen::Index i = 0; i < generator_.outerSize(); ++i) {
      double row = 0;
      for (Eigen::SparseMatrix<double, Eigen::RowMajor>::InnerIterator it(generator_, i); it; ++it)
        row += std::abs(it.value());
      fastest = std::max(fastest, row);  // Gershgorin
    }
    const double h = 2.7 / fastest;
    Eigen::VectorXd k1, k2, k3, k4;
    for (double t = 0; t < 400; t += h) {
      k1 = generator_ * rho;
      if (k1.lpNorm<Eigen::Infinity>() < 1e-8) break;
      k2 = generator_ * (rho + h / 2 * k1);
      k3 = generator_ * (rho + h / 2 * k2);
      k4 = generator_ * (rho + h * k3);
      rho += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
    }
    return Eigen::Map<Eigen::MatrixXd>(rho.data(), dimension_, dimension_);
  }

 private:
  Eigen::Index dimension_;
  Eigen::SparseMatrix<double, Eigen::RowMajor> generator_;
};

inline double expectation(const Eigen::MatrixXd& rho, const Eigen::MatrixXd& operation) {
  return (rho * operation).trace();
}

/// Moments of one pulse in the steady state.
struct QuantumMoments {
  double photons;  ///< ⟨a†a⟩
  double x2;       ///< ⟨X²⟩, X = (a + a†)/2; vacuum ¼
  double y2;       ///< ⟨Y²⟩
  double highest;  ///< population of the last Fock state kept: what the truncation loses
};

inline QuantumMoments moments_of(const Eigen::MatrixXd& rho, const Eigen::MatrixXd& a) {
  // Normal order, so that the last Fock state, where [a, a†] is not 1, does no harm.
  const double photons = expectation(rho, a.transpose() * a);
  const double squeezing = expectation(rho, a * a);
  return {photons, photons / 2 + squeezing / 2 + 0.25, photons / 2 - squeezing / 2 + 0.25,
          rho(rho.rows() - 1, rho.cols() - 1)};
}

inline QuantumMoments single_pulse(double loss, double pump, double g2, int levels) {
  const Eigen::MatrixXd a = annihilation(levels);
  MasterEquation equation(levels);
  equation.add_pulse(a, loss, pump, g2);
  return moments_of(equation.steady_state(), a);
}

}  // namespace opoloop
