#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace opoloop::kernels {

// Layouts (see matrix_kernels.cpp for why):
//   x, field   [tile][N][16] float, 64-byte aligned
//   panels     J in panels of 16 rows: [⌈N/16⌉][K][16] float, element (p, k, r) = J[16p+r][k], zero beyond N
//   panels8    the same in 8 bits, four k together: [⌈N/16⌉][⌈N/4⌉][16][4] int8
//   sparse     all ordered pairs by rows: row_start [N+1], column, value; upper_start[i] = first column > i

/// Row sums are one fused multiply-add a term in increasing k, whatever the storage.
void dense_apply(const float* panels, int n, const float* x, float* field, int tiles);
void dense_energies(const float* panels, int n, const float* x, double* energy, int tiles);
void dense_apply_one(const float* panels, int n, const float* x, float* field, double* energy);

void int8_apply(const std::int8_t* panels8, int n, const float* x, float* field, int tiles);
/// upper8: panels8 with only the entries right of the diagonal (k > row), the rest 0; upper_sums[i] = Σ_{k>i}
/// J_ik.
void int8_energies(const std::int8_t* upper8, const std::int32_t* upper_sums, int n, const float* x,
                   double* energy, int tiles);
void int8_apply_one(const std::int8_t* panels8, int n, const float* x, float* field, double* energy);

struct SparseView {
  int n;
  const std::int64_t* row_start;
  const std::int64_t* upper_start;
  const std::int32_t* column;
  const float* value;
};
void sparse_apply(const SparseView& J, const float* x, float* field, int tiles);
void sparse_energies(const SparseView& J, const float* x, double* energy, int tiles);
void sparse_apply_one(const SparseView& J, const float* x, float* field, double* energy);

/// Instruction set in use, for run files and reports: "AVX2", "AVX3_DL", …
const char* instruction_set();

/// 64-byte aligned array, zero-filled.
template <class T>
class AlignedArray {
 public:
  AlignedArray() = default;
  explicit AlignedArray(std::size_t size)
      : data_(static_cast<T*>(::operator new[](size * sizeof(T) + 64, std::align_val_t(64)))), size_(size) {
    for (std::size_t i = 0; i < size + 64 / sizeof(T); ++i) data_.get()[i] = T{};
  }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return data_.get()[i]; }
  const T& operator[](std::size_t i) const { return data_.get()[i]; }

 private:
  struct Free {
    void operator()(T* p) const { ::operator delete[](p, std::align_val_t(64)); }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace opoloop::kernels
