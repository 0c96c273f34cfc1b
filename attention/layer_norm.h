#pragma once

#include <Eigen/Core>

namespace opoloop {

/// Row-major matrix of the attention module: rows are tokens.
template <class Scalar>
using RowMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class Scalar>
using RowVector = Eigen::Matrix<Scalar, 1, Eigen::Dynamic>;

/// Layer normalisation of rows (Ba, Kiros, Hinton 2016, arXiv 1607.06450), as torch.nn.LayerNorm has it:
/// y = gain ∘ (x − mean)/√(var + ε) + bias, var with 1/width, ε = 1e−5. A row of equal values gives the bias.
template <class Scalar>
struct LayerNorm {
  RowVector<Scalar> gain, bias;

  explicit LayerNorm(int width = 0)
      : gain(RowVector<Scalar>::Ones(width)), bias(RowVector<Scalar>::Zero(width)) {}

  /// What the backward pass needs.
  struct Saved {
    RowMatrix<Scalar> normal;                             ///< (x − mean)/√(var + ε)
    Eigen::Matrix<Scalar, Eigen::Dynamic, 1> inverse_sd;  ///< 1/√(var + ε)
  };
  RowMatrix<Scalar> forward(const RowMatrix<Scalar>& x, Saved& saved) const;

  struct Gradient {
    RowMatrix<Scalar> x;
    RowVector<Scalar> gain, bias;
  };
  Gradient backward(const Saved& saved, const RowMatrix<Scalar>& output_gradient) const;
};

extern template struct LayerNorm<float>;
extern template struct LayerNorm<double>;

}  // namespace opoloop
