#include "driver/transpose.h"

#include <cstring>

#include "hamiltonian/coupling.h"

namespace opoloop {

namespace {

// Four floats in one register of any machine this builds for (SSE2, NEON): GCC's and clang's own vectors.
using Four = float __attribute__((vector_size(16)));

Four load(const float* p) {
  Four v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

void store(float* p, Four v) {
  std::memcpy(p, &v, sizeof v);
}

}  // namespace

void split_lanes(const float* tile, std::size_t rows, std::size_t n, float* lanes, std::size_t lane_stride) {
  static_assert(kTileLanes == 16);
  const std::size_t columns =
      rows * n;  // rows follow each other in both layouts: one long 16 × columns transpose
  std::size_t c = 0;
  for (; c + 4 <= columns; c += 4) {
    for (std::size_t lane = 0; lane < kTileLanes; lane += 4) {
      const float* from = tile + c * kTileLanes + lane;
      const Four a = load(from);
      const Four b = load(from + kTileLanes);
      const Four e = load(from + 2 * kTileLanes);
      const Four f = load(from + 3 * kTileLanes);
      const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
      const Four ef_low = __builtin_shufflevector(e, f, 0, 4, 1, 5);
      const Four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
      const Four ef_high = __builtin_shufflevector(e, f, 2, 6, 3, 7);
      float* to = lanes + lane * lane_stride + c;
      store(to, __builtin_shufflevector(ab_low, ef_low, 0, 1, 4, 5));
      store(to + lane_stride, __builtin_shufflevector(ab_low, ef_low, 2, 3, 6, 7));
      store(to + 2 * lane_stride, __builtin_shufflevector(ab_high, ef_high, 0, 1, 4, 5));
      store(to + 3 * lane_stride, __builtin_shufflevector(ab_high, ef_high, 2, 3, 6, 7));
    }
  }
  for (; c < columns; ++c) {
    for (std::size_t lane = 0; lane < kTileLanes; ++lane)
      lanes[lane * lane_stride + c] = tile[c * kTileLanes + lane];
  }
}

}  // namespace opoloop
