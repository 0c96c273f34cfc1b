#include "attention/softmax.h"

#include <vector>

#include "attention/read_out.h"

namespace opoloop {

// A gate that is open everywhere: log(1 + ε) is the same for every token and drops out of the softmax.
template <class Scalar>
void softmax_attention(const QamaShape& shape, double scale, const Scalar* Q, const Scalar* K,
                       const Scalar* V, std::span<const std::uint8_t> removed, Scalar* output, int threads) {
  shape.validate();
  const std::vector<Scalar> open(shape.rows(), Scalar(1));
  ReadOutInput<Scalar> in;
  in.shape = shape;
  in.scale = scale;
  in.Q = Q;
  in.K = K;
  in.V = V;
  in.a = open.data();
  in.removed = removed;
  QamaSpec spec;
  spec.form = QamaForm::gated;
  read_out(spec, in, false, output, threads);
}

template void softmax_attention<float>(const QamaShape&, double, const float*, const float*, const float*,
                                       std::span<const std::uint8_t>, float*, int);
template void softmax_attention<double>(const QamaShape&, double, const double*, const double*, const double*,
                                        std::span<const std::uint8_t>, double*, int);

}  // namespace opoloop
