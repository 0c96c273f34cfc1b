#include "hamiltonian/coupling.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "core/error.h"
#include "hamiltonian/circulant_coupling.h"
#include "hamiltonian/kernels/matrix_kernels.h"

namespace opoloop {
namespace {

using kernels::AlignedArray;

std::size_t panels_of(int n) {
  return (static_cast<std::size_t>(n) + 15) / 16;
}

void check_memory(const IsingModel& model, double bytes, const char* storage) {
  const double have =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  if (bytes > 0.8 * have) {
    throw InputError(
        fmt::format("a {} coupling matrix of {} spins needs {:.1f} GiB; this machine has {:.1f} GiB", storage,
                    model.size(), bytes / (1 << 30), have / (1 << 30)));
  }
}

/// Float sums of integers are exact while every partial sum stays below 2^24.
bool exact_in_float(const IsingModel& model) {
  if (!model.integer_couplings(0x1p24)) return false;
  std::vector<double> row(static_cast<std::size_t>(model.size()), 0);
  for (const IsingEdge& e : model.edges()) {
    row[static_cast<std::size_t>(e.i)] += std::abs(e.J);
    row[static_cast<std::size_t>(e.j)] += std::abs(e.J);
  }
  return std::all_of(row.begin(), row.end(), [](double sum) { return sum < 0x1p24; });
}

class DenseCoupling final : public Coupling {
 public:
  explicit DenseCoupling(const IsingModel& model) : n_(model.size()), exact_(exact_in_float(model)) {
    const auto n = static_cast<std::size_t>(n_);
    check_memory(model, static_cast<double>(panels_of(n_) * 16 * n * sizeof(float)), "float32");
    panels_ = AlignedArray<float>(panels_of(n_) * n * 16);
    for (std::int32_t i = 0; i < n_; ++i) {
      const auto js = model.columns(i);
      const auto values = model.couplings(i);
      for (std::size_t e = 0; e < js.size(); ++e) {
        const auto value = static_cast<float>(values[e]);
        at(i, js[e]) = value;
        at(js[e], i) = value;
      }
    }
  }
  int size() const override { return n_; }
  std::string storage() const override { return "dense-f32"; }
  std::int64_t stored_couplings() const override { return static_cast<std::int64_t>(n_) * n_; }
  bool exact_energies() const override { return exact_; }
  void apply(const float* x, float* field, int tiles) const override {
    kernels::dense_apply(panels_.data(), n_, x, field, tiles);
  }
  void energies(const float* x, double* energy, int tiles) const override {
    kernels::dense_energies(panels_.data(), n_, x, energy, tiles);
  }
  void apply_one(const float* x, float* field, double* energy) const override {
    kernels::dense_apply_one(panels_.data(), n_, x, field, energy);
  }

 private:
  float& at(std::int32_t i, std::int32_t k) {
    return panels_[(static_cast<std::size_t>(i) / 16 * static_cast<std::size_t>(n_) +
                    static_cast<std::size_t>(k)) *
                       16 +
                   static_cast<std::size_t>(i) % 16];
  }

  int n_;
  bool exact_;
  AlignedArray<float> panels_;
};

/// Small integer couplings: the triangle right of the diagonal in 8 bits for energies (exact), and the whole
/// matrix for the product: as float panels where they fit into the caches, in 8 bits, widened on the way,
/// where not.
class Int8Coupling final : public Coupling {
 public:
  explicit Int8Coupling(const IsingModel& model)
      : n_(model.size()), groups_((static_cast<std::size_t>(n_) + 3) / 4) {
    const std::size_t bytes = panels_of(n_) * groups_ * 64;
    const bool widen = n_ <= kWidenBelow;
    check_memory(model, static_cast<double>(bytes) * (widen ? 5 : 2), "8-bit");
    if (!model.integer_couplings(127)) {
      throw InputError("8-bit storage needs integer couplings with |J| ≤ 127");
    }
    upper8_ = AlignedArray<std::int8_t>(bytes);
    if (widen) {
      floats_ = std::make_unique<DenseCoupling>(model);
    } else {
      panels8_ = AlignedArray<std::int8_t>(bytes);
    }
    upper_sums_.assign(static_cast<std::size_t>(n_), 0);
    for (std::int32_t i = 0; i < n_; ++i) {
      const auto js = model.columns(i);
      const auto values = model.couplings(i);
      for (std::size_t e = 0; e < js.size(); ++e) {
        const auto value = static_cast<std::int8_t>(values[e]);
        upper8_[at(i, js[e])] = value;
        upper_sums_[static_cast<std::size_t>(i)] += value;
        if (!widen) panels8_[at(i, js[e])] = panels8_[at(js[e], i)] = value;
      }
    }
  }
  int size() const override { return n_; }
  std::string storage() const override { return "dense-i8"; }
  std::int64_t stored_couplings() const override { return static_cast<std::int64_t>(n_) * n_; }
  bool exact_energies() const override { return true; }
  void apply(const float* x, float* field, int tiles) const override {
    if (floats_) return floats_->apply(x, field, tiles);
    kernels::int8_apply(panels8_.data(), n_, x, field, tiles);
  }
  void energies(const float* x, double* energy, int tiles) const override {
    kernels::int8_energies(upper8_.data(), upper_sums_.data(), n_, x, energy, tiles);
  }
  void apply_one(const float* x, float* field, double* energy) const override {
    if (floats_) return floats_->apply_one(x, field, energy);  // integer sums: exact in float below 2^24
    kernels::int8_apply_one(panels8_.data(), n_, x, field, energy);
  }

 private:
  static constexpr int kWidenBelow = 1024;

  /// Place of J_ik in the packed panels (kernels/matrix_kernels.h).
  std::size_t at(std::int32_t i, std::int32_t k) const {
    const auto row = static_cast<std::size_t>(i);
    const auto column = static_cast<std::size_t>(k);
    return ((row / 16 * groups_ + column / 4) * 16 + row % 16) * 4 + column % 4;
  }

  int n_;
  std::size_t groups_;
  AlignedArray<std::int8_t> upper8_;
  AlignedArray<std::int8_t> panels8_;  // empty where floats_ holds the matrix
  std::vector<std::int32_t> upper_sums_;
  std::unique_ptr<DenseCoupling> floats_;
};

class SparseCoupling final : public Coupling {
 public:
  explicit SparseCoupling(const IsingModel& model) : n_(model.size()), exact_(exact_in_float(model)) {
    const auto n = static_cast<std::size_t>(n_);
    std::vector<std::int64_t> degree(n + 1, 0);
    for (std::int32_t i = 0; i < n_; ++i) {
      for (const std::int32_t j : model.columns(i)) {
        ++degree[static_cast<std::size_t>(i)];
        ++degree[static_cast<std::size_t>(j)];
      }
    }
    row_start_.assign(n + 1, 0);
    for (std::size_t i = 0; i < n; ++i) row_start_[i + 1] = row_start_[i] + degree[i];
    column_.resize(static_cast<std::size_t>(row_start_[n]));
    value_.resize(column_.size());
    upper_start_.assign(n, 0);
    std::vector<std::int64_t> next(row_start_.begin(), row_start_.end() - 1);
    // Visiting pairs row by row puts columns j < i of row i before its columns j > i, in order.
    for (std::int32_t i = 0; i < n_; ++i) {
      upper_start_[static_cast<std::size_t>(i)] = next[static_cast<std::size_t>(i)];
      const auto js = model.columns(i);
      const auto values = model.couplings(i);
      for (std::size_t e = 0; e < js.size(); ++e) {
        put(next, i, js[e], values[e]);
        put(next, js[e], i, values[e]);
      }
    }
  }
  int size() const override { return n_; }
  std::string storage() const override { return "sparse-csr"; }
  std::int64_t stored_couplings() const override { return static_cast<std::int64_t>(column_.size()); }
  bool exact_energies() const override { return exact_; }
  void apply(const float* x, float* field, int tiles) const override {
    kernels::sparse_apply(view(), x, field, tiles);
  }
  void energies(const float* x, double* energy, int tiles) const override {
    kernels::sparse_energies(view(), x, energy, tiles);
  }
  void apply_one(const float* x, float* field, double* energy) const override {
    kernels::sparse_apply_one(view(), x, field, energy);
  }

 private:
  void put(std::vector<std::int64_t>& next, std::int32_t i, std::int32_t j, double value) {
    const auto e = static_cast<std::size_t>(next[static_cast<std::size_t>(i)]++);
    column_[e] = j;
    value_[e] = static_cast<float>(value);
  }
  kernels::SparseView view() const {
    return {n_, row_start_.data(), upper_start_.data(), column_.data(), value_.data()};
  }

  int n_;
  bool exact_;
  std::vector<std::int64_t> row_start_;
  std::vector<std::int64_t> upper_start_;
  std::vector<std::int32_t> column_;
  std::vector<float> value_;
};

/// The Fourier storage that suits J and costs less than `direct` multiply-adds, if there is one. Most
/// problems are turned away by their size before their couplings are looked at.
std::optional<CouplingStorage> fourier_storage(const IsingModel& model, double direct) {
  const int n = model.size();
  if (fourier_cost(n, CouplingStorage::circulant) < direct && !circulant_mismatch(model))
    return CouplingStorage::circulant;
  if (fourier_cost(n, CouplingStorage::toeplitz) < direct && !toeplitz_mismatch(model))
    return CouplingStorage::toeplitz;
  return std::nullopt;
}

}  // namespace

void require_single_precision(const IsingModel& model) {
  const double largest = model.largest_term();
  if (largest == 0 || (largest >= 1e-30 && largest <= 1e30)) return;
  throw InputError(fmt::format(
      "the largest coupling or field is {:g}: single precision takes 1e-30 to 1e30, choose another unit",
      largest));
}

std::unique_ptr<Coupling> make_coupling(const IsingModel& model, CouplingStorage storage) {
  if (storage == CouplingStorage::automatic) {
    // A sparse row costs one cache-line load a coupling where a dense one costs half a cycle: below about
    // a sixth of all pairs sparse wins (bench/coupling).
    constexpr double kSparseBelow = 0.15;
    const double n = model.size();
    const double pairs = model.density() * n * (n - 1);
    if (const auto fourier = fourier_storage(model, std::min(n * n, pairs / kSparseBelow))) {
      storage = *fourier;
    } else if (model.density() < kSparseBelow && model.size() > 16) {
      storage = CouplingStorage::sparse;
    } else {
      storage = model.integer_couplings(127) ? CouplingStorage::dense_i8 : CouplingStorage::dense_f32;
    }
  }
  switch (storage) {
    case CouplingStorage::sparse:
      return std::make_unique<SparseCoupling>(model);
    case CouplingStorage::dense_i8:
      return std::make_unique<Int8Coupling>(model);
    case CouplingStorage::circulant:
    case CouplingStorage::toeplitz:
      return make_fourier_coupling(model, storage);
    default:
      return std::make_unique<DenseCoupling>(model);
  }
}

}  // namespace opoloop
