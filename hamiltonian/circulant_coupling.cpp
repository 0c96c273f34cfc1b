#include "hamiltonian/circulant_coupling.h"

#include <fftw3.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <map>
#include <mutex>
#include <utility>

#include "core/error.h"
#include "core/fftw_lock.h"
#include "hamiltonian/kernels/matrix_kernels.h"

namespace opoloop {
namespace {

using kernels::AlignedArray;

/// Plans of one length. Only whole transforms of single vectors are planned: a plan for 16 at once may order
/// its operations differently, and then a trajectory's bits would depend on how many run beside it. Plans are
/// estimated, not measured, so that they do not depend on the clock.
struct Plans {
  fftwf_plan forward = nullptr;   ///< float, L real → L/2 + 1 complex
  fftwf_plan backward = nullptr;  ///< and back; destroys its input
  fftw_plan forward_double = nullptr;
  fftw_plan backward_double = nullptr;

  Plans() = default;
  Plans(const Plans&) = delete;
  Plans& operator=(const Plans&) = delete;
  ~Plans() {
    fftwf_destroy_plan(forward);
    fftwf_destroy_plan(backward);
    fftw_destroy_plan(forward_double);
    fftw_destroy_plan(backward_double);
  }
};

/// One set of plans a length for the life of the process: planning is not thread-safe, executing is.
const Plans& plans_of(int length) {
  static std::map<int, Plans> known;
  const std::lock_guard lock(fftw_planner_mutex());
  const auto found = known.find(length);
  if (found != known.end()) return found->second;
  const auto size = static_cast<std::size_t>(length);
  AlignedArray<float> real(size);
  AlignedArray<std::complex<float>> spectrum(size / 2 + 1);
  AlignedArray<double> real_double(size);
  AlignedArray<std::complex<double>> spectrum_double(size / 2 + 1);
  auto* const s = reinterpret_cast<fftwf_complex*>(spectrum.data());
  auto* const d = reinterpret_cast<fftw_complex*>(spectrum_double.data());
  Plans& plans = known[length];
  plans.forward = fftwf_plan_dft_r2c_1d(length, real.data(), s, FFTW_ESTIMATE);
  plans.backward = fftwf_plan_dft_c2r_1d(length, s, real.data(), FFTW_ESTIMATE);
  plans.forward_double = fftw_plan_dft_r2c_1d(length, real_double.data(), d, FFTW_ESTIMATE);
  plans.backward_double = fftw_plan_dft_c2r_1d(length, d, real_double.data(), FFTW_ESTIMATE);
  return plans;
}

/// Work space of one thread, aligned as the plans expect it.
template <class Real>
struct Scratch {
  AlignedArray<Real> real;
  AlignedArray<std::complex<Real>> spectrum;
  void fit(int length) {
    const auto size = static_cast<std::size_t>(length);
    if (real.size() == size) return;
    real = AlignedArray<Real>(size);
    spectrum = AlignedArray<std::complex<Real>>(size / 2 + 1);
  }
};

bool is_circulant(CouplingStorage storage) {
  return storage == CouplingStorage::circulant;
}

/// J_0d for d = 0 … N−1.
std::vector<double> first_row(const IsingModel& model) {
  std::vector<double> row(static_cast<std::size_t>(model.size()), 0);
  const auto columns = model.columns(0);
  for (std::size_t k = 0; k < columns.size(); ++k)
    row[static_cast<std::size_t>(columns[k])] = model.couplings(0)[k];
  return row;
}

class FourierCoupling final : public Coupling {
 public:
  FourierCoupling(const IsingModel& model, CouplingStorage storage)
      : n_(model.size()),
        length_(transform_length(n_, storage)),
        circulant_(is_circulant(storage)),
        exact_(model.integer_couplings(0x1p24) &&
               static_cast<double>(n_) * n_ * model.largest_coupling() < 0x1p53),
        plans_(plans_of(length_)),
        row_(first_row(model)) {
    // The circulant whose corner is J: c_d = c_{L−d} = J_0d. Its spectrum is real because it is symmetric;
    // the transform back is not normalised, which 1/L makes up for.
    Scratch<double> space;
    space.fit(length_);
    for (std::size_t d = 0; d < row_.size(); ++d) {
      space.real[d] = row_[d];
      if (d > 0) space.real[static_cast<std::size_t>(length_) - d] = row_[d];
    }
    fftw_execute_dft_r2c(plans_.forward_double, space.real.data(),
                         reinterpret_cast<fftw_complex*>(space.spectrum.data()));
    for (std::size_t k = 0; k < space.spectrum.size(); ++k)
      eigenvalues_.push_back(static_cast<float>(space.spectrum[k].real() / length_));
  }

  int size() const override { return n_; }
  std::string storage() const override { return circulant_ ? "circulant-fft" : "toeplitz-fft"; }
  std::int64_t stored_couplings() const override {
    // Two real transforms of 2.5 L log₂ L operations each, counted like the rest as two a coupling.
    return static_cast<std::int64_t>(2.5 * length_ * std::log2(std::max(2, length_)));
  }
  bool exact_energies() const override { return exact_; }

  void apply(const float* x, float* field, int tiles) const override {
    const std::size_t stride = static_cast<std::size_t>(n_) * kTileLanes;
    for (std::size_t tile = 0; tile < static_cast<std::size_t>(tiles); ++tile) {
      for (std::size_t lane = 0; lane < kTileLanes; ++lane)
        convolve(x + tile * stride + lane, field + tile * stride + lane, kTileLanes);
    }
  }
  void energies(const float* x, double* energy, int tiles) const override {
    const std::size_t stride = static_cast<std::size_t>(n_) * kTileLanes;
    for (std::size_t tile = 0; tile < static_cast<std::size_t>(tiles); ++tile) {
      for (std::size_t lane = 0; lane < kTileLanes; ++lane)
        energy[tile * kTileLanes + lane] = correlation_energy(x + tile * stride + lane, kTileLanes);
    }
  }
  void apply_one(const float* x, float* field, double* energy) const override {
    convolve(x, field, 1);
    if (energy != nullptr) *energy = correlation_energy(x, 1);
  }

 private:
  void convolve(const float* x, float* field, std::size_t stride) const {
    thread_local Scratch<float> space;
    space.fit(length_);
    const auto n = static_cast<std::size_t>(n_);
    for (std::size_t i = 0; i < n; ++i) space.real[i] = x[i * stride];
    for (std::size_t i = n; i < space.real.size(); ++i) space.real[i] = 0;
    auto* const spectrum = reinterpret_cast<fftwf_complex*>(space.spectrum.data());
    fftwf_execute_dft_r2c(plans_.forward, space.real.data(), spectrum);
    for (std::size_t k = 0; k < eigenvalues_.size(); ++k) space.spectrum[k] *= eigenvalues_[k];
    fftwf_execute_dft_c2r(plans_.backward, spectrum, space.real.data());
    for (std::size_t i = 0; i < n; ++i) field[i * stride] = space.real[i];
  }

  /// −½ Σ_d J_0d R_d, R_d = Σ_i σ_i σ_{i+d}: the transform back of |σ̂|² (Wiener–Khinchin). Its error is some
  /// 1e-15 · N log₂ L where a wrong integer would need ½.
  double correlation_energy(const float* x, std::size_t stride) const {
    thread_local Scratch<double> space;
    space.fit(length_);
    const auto n = static_cast<std::size_t>(n_);
    for (std::size_t i = 0; i < n; ++i) space.real[i] = std::signbit(x[i * stride]) ? -1 : 1;
    for (std::size_t i = n; i < space.real.size(); ++i) space.real[i] = 0;
    auto* const spectrum = reinterpret_cast<fftw_complex*>(space.spectrum.data());
    fftw_execute_dft_r2c(plans_.forward_double, space.real.data(), spectrum);
    for (std::size_t k = 0; k < space.spectrum.size(); ++k) space.spectrum[k] = std::norm(space.spectrum[k]);
    fftw_execute_dft_c2r(plans_.backward_double, spectrum, space.real.data());
    // Around the ring each ordered pair (i, i + d) comes once a d; along a line each unordered pair does.
    const double pairs = circulant_ ? 0.5 : 1;
    double sum = 0;
    for (std::size_t d = 1; d < n; ++d) sum += row_[d] * std::round(space.real[d] / length_);
    return -pairs * sum;
  }

  int n_;
  int length_;
  bool circulant_;
  bool exact_;
  const Plans& plans_;
  std::vector<double> row_;         // J_0d
  std::vector<float> eigenvalues_;  // of the circulant, over L
};

}  // namespace

std::string StructureMismatch::text() const {
  return fmt::format("J_{},{} = {:g} where J_0,{} = {:g}", i, j, found, distance, expected);
}

std::optional<StructureMismatch> toeplitz_mismatch(const IsingModel& model) {
  const std::vector<double> row = first_row(model);
  for (std::int32_t i = 1; i < model.size(); ++i) {
    // Zero couplings are not stored, so a row that stores as many as it should and all of them right is
    // right.
    const auto columns = model.columns(i);
    std::size_t at = 0;
    for (std::int32_t j = i + 1; j < model.size(); ++j) {
      const double expected = row[static_cast<std::size_t>(j - i)];
      const bool stored = at < columns.size() && columns[at] == j;
      const double found = stored ? model.couplings(i)[at++] : 0;
      if (found != expected) return StructureMismatch{i, j, found, j - i, expected};
    }
  }
  return std::nullopt;
}

std::optional<StructureMismatch> circulant_mismatch(const IsingModel& model) {
  const std::vector<double> row = first_row(model);
  const auto n = row.size();
  for (std::size_t d = 1; d < n; ++d) {
    // J_0,N−d is the coupling of pulses 0 and N − d, a distance d around the ring.
    if (row[n - d] != row[d]) {
      return StructureMismatch{0, static_cast<std::int32_t>(n - d), row[n - d], static_cast<std::int32_t>(d),
                               row[d]};
    }
  }
  return toeplitz_mismatch(model);
}

int transform_length(int n, CouplingStorage storage) {
  if (is_circulant(storage)) return n;
  for (int length = 2 * n;; length += 2) {
    int rest = length;
    for (const int prime : {2, 3, 5, 7}) {
      while (rest % prime == 0) rest /= prime;
    }
    if (rest == 1) return length;
  }
}

double fourier_cost(int n, CouplingStorage storage) {
  const double length = transform_length(n, storage);
  // Two transforms in float for the product and two in double for the energy are 2.5 L log₂ L operations each
  // and run at a small fraction of the dense kernel's rate, which does nothing but fused multiply-adds on
  // whole vectors: some 16 of its slots for one of theirs. Large prime factors cost a few times more.
  return 16 * (4 * 2.5 / 2) * length * std::log2(std::max(2.0, length));
}

std::unique_ptr<Coupling> make_fourier_coupling(const IsingModel& model, CouplingStorage storage) {
  const bool circulant = is_circulant(storage);
  const auto mismatch = circulant ? circulant_mismatch(model) : toeplitz_mismatch(model);
  if (mismatch) {
    throw InputError(fmt::format("storage = {}: the couplings are not {}: {}",
                                 circulant ? "circulant" : "toeplitz", circulant ? "circulant" : "Toeplitz",
                                 mismatch->text()));
  }
  return std::make_unique<FourierCoupling>(model, storage);
}

}  // namespace opoloop
