#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hamiltonian/coupling.h"
#include "hamiltonian/ising_model.h"

namespace opoloop {

// J is Toeplitz where J_ij depends on |i − j| only, and circulant where it depends on (i − j) mod N only:
// what N pulses in a ring couple through delay lines. Multiplication by a circulant is a convolution, so it
// costs O(L log L) by Fourier transform; a Toeplitz matrix is a corner of a circulant of twice its size
// (Golub & Van Loan, Matrix Computations, 4.8).

/// The first coupling, row by row, that keeps a matrix from having the structure.
struct StructureMismatch {
  std::int32_t i;
  std::int32_t j;
  double found;              ///< J_ij
  std::int32_t distance;     ///< d, the distance of i and j along the line, or the other way around the ring
  double expected;           ///< J_0d
  std::string text() const;  ///< "J_3,7 = 1 where J_0,4 = -1"
};

/// Empty where J is Toeplitz (circulant), to the last bit.
std::optional<StructureMismatch> toeplitz_mismatch(const IsingModel& model);
std::optional<StructureMismatch> circulant_mismatch(const IsingModel& model);

/// Length of the transform that a storage uses: N for circulant; for Toeplitz the smallest even number
/// 2^a 3^b 5^c 7^d of at least 2N.
int transform_length(int n, CouplingStorage storage);

/// What one product and one energy cost by Fourier transform, in fused multiply-adds of the dense kernel.
double fourier_cost(int n, CouplingStorage storage);

/// J as a convolution through FFTW. Products are single precision, with an error of order
/// 2⁻²⁴ log₂(L) max|λ| ‖x‖ (not that of the direct sums, so amplitudes differ in their last bits from those
/// of the other storages). Energies are made of the integer correlations R_d = Σ_i σ_i σ_{i+d}, which the
/// transform gives exactly after rounding: exact where J is integer, summed in double otherwise.
/// storage: circulant or toeplitz. Throws InputError naming the coupling that does not fit.
std::unique_ptr<Coupling> make_fourier_coupling(const IsingModel& model, CouplingStorage storage);

}  // namespace opoloop
