#pragma once

#include <string>

namespace opoloop {

/// Which Hamiltonian and read-out of the QAMA operator [1] (docs/qama.md, P. Du et al., arXiv 2504.11083).
enum class QamaForm {
  v2,     ///< October 2025: J = sym(QKᵀ s), h = mean(V u); the default
  v1,     ///< April 2025: J = Jensen–Shannon divergence, h = entropy of the values
  gated,  ///< the Hamiltonian of v2, read out as softmax attention restricted to the selected tokens (ours)
};

std::string name_of(QamaForm form);
/// Throws InputError listing the known names.
QamaForm parse_qama_form(const std::string& text);

/// The coefficients of the Hamiltonian. With a_{t,i} = Σ_b 2^b x_{t,i,b} / (2^q − 1) the selection of token i
/// by head t (a = x for q = 1), over x ∈ {0,1}^{H×N×q}, minimised:
///
///     E(x) = − c_q Σ_t Σ_ij J^t_ij a_i a_j − C_l Σ_t Σ_i h^t_i a_i + P Σ_{i,b} Σ_{t≠t'} x_{t,i,b} x_{t',i,b}
///            + μ Σ_t (Σ_i a_i − s N)² / N − λ Σ_t Σ_ij (|i−j|/N) a_i a_j
///
///     v2, gated   C_l = c_l N,  P = (c_m/2) √(2/π) N/(H−1)   [eq. of v2]
///     v1          C_l = c_l,    P = c_m/(H(H−1))             (their γ·2/(H(H−1)) Σ_{t<t'})
///
/// and P = 0 where H = 1. Sums over t ≠ t' and i, j run over ordered pairs. N counts the tokens that are not
/// masked, so that padding does not change a problem. Energies are dimensionless.
struct QamaSpec {
  QamaForm form = QamaForm::v2;
  double c_q = 1;              ///< interaction (α of v1)
  double c_l = 0.16;           ///< value importance (β of v1)
  double c_m = 0.8;            ///< head penalty (γ of v1)
  int bits = 1;                ///< q, binary digits of a selection, 1 … 8
  double sparsity = 0;         ///< μ
  double sparsity_target = 0;  ///< s, the wanted share of selected tokens, in [0, 1]
  double long_range = 0;       ///< λ

  /// The published coefficients: v2 1, 0.16, 0.8 with one bit; v1 1, 1, 2 with three.
  static QamaSpec published(QamaForm form);

  /// C_l and P above for `tokens` unmasked tokens.
  double linear_factor(int tokens) const;
  double head_penalty(int heads, int tokens) const;

  /// Throws InputError naming the coefficient, its value and what is allowed.
  void validate() const;
};

}  // namespace opoloop
