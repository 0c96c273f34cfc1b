#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "hamiltonian/ising_model.h"

namespace opoloop {

/// Trajectories advance in tiles of 16: the state of one tile is an N × 16 matrix of float, row i holding
/// pulse i of 16 trajectories in one cache line. `tiles` consecutive tiles are N·16 floats apart.
inline constexpr int kTileLanes = 16;

/// The matrix J as an operator on tiles of trajectories. Nothing outside an implementation knows how J is
/// stored. Every direct implementation sums J_ik x_k in increasing k with one fused multiply-add a term, so
/// dense, 8-bit and sparse storage of the same matrix give the same bits, for any number of tiles and any
/// vector length with fused multiply-add. The Fourier ones (hamiltonian/circulant_coupling.h) and
/// QAMA's blocks (hamiltonian/qama/qama_coupling.h) agree with them to rounding, and with themselves for any
/// number of tiles.
class Coupling {
 public:
  virtual ~Coupling() = default;

  virtual int size() const = 0;
  /// "dense-f32", "dense-i8", "sparse-csr", "circulant-fft", "toeplitz-fft": for run files and reports.
  virtual std::string storage() const = 0;
  /// Couplings actually multiplied per product, for GFLOP/s: 2N² for dense, 2·nnz for sparse are 2·this.
  virtual std::int64_t stored_couplings() const = 0;
  /// True where energies() is exact: integer couplings whose partial sums all fit.
  virtual bool exact_energies() const = 0;

  /// field ← J x for `tiles` tiles. x, field: [tile][N][16] float, 64-byte aligned, not overlapping.
  virtual void apply(const float* x, float* field, int tiles) const = 0;

  /// energy[tile·16 + lane] = −½ Σ_ij J_ij σ_i σ_j with σ = −1 where the sign bit of x is set and +1
  /// elsewhere. Exact where J is an integer matrix; float32 products summed in double otherwise.
  /// (No field term and no offset: those belong to the caller.)
  virtual void energies(const float* x, double* energy, int tiles) const = 0;

  /// The same for one trajectory, x and field being plain vectors of N floats: one pass over J serves the
  /// product and, if energy is not null, the energy. Bits equal those of apply() and energies().
  virtual void apply_one(const float* x, float* field, double* energy) const = 0;
};

/// Products with J are computed in single precision: throws InputError where the largest |J_ij| or |h_i| is
/// outside 1e-30 … 1e30, so that sums would overflow or vanish.
void require_single_precision(const IsingModel& model);

enum class CouplingStorage { automatic, dense_f32, dense_i8, sparse, circulant, toeplitz };

/// Chooses the storage: sparse below a density where it is faster, 8-bit where every coupling is an integer
/// with |J| ≤ 127, float32 otherwise; by Fourier transform where J is circulant or Toeplitz and that costs
/// fewer operations (a ring is circulant, but its two neighbours are cheaper still). Throws InputError where
/// the storage asked for cannot hold J exactly (dense_i8, circulant, toeplitz) or where the dense matrix
/// would not fit into memory (says how much it needs).
std::unique_ptr<Coupling> make_coupling(const IsingModel& model,
                                        CouplingStorage storage = CouplingStorage::automatic);

}  // namespace opoloop
