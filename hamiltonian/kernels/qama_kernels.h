#pragma once

namespace opoloop::kernels {

// Vector kernels of the QAMA structure (hamiltonian/qama). Tiles as in hamiltonian/coupling.h: a head is
// `rows` rows of 16 floats, heads follow each other.

/// field[t][i] −= factor · Σ_{t'≠t} x[t'][i], for one tile.
void subtract_other_heads(float factor, int heads, int rows, const float* x, float* field);

/// energy[lane] += factor · Σ_i (S_i² − heads), S_i = Σ_t sign(x[t][i]), for one tile. Sums of signs are
/// exact.
void add_head_energies(float factor, int heads, int rows, const float* x, double* energy);

/// J = s·(G + Gᵀ)/2 with G = Q Kᵀ and a zero diagonal: Q, K [n, d] with rows `stride` floats apart, J [n, n]
/// row-major. Sums run over d in increasing order, one fused multiply-add a term.
void symmetric_scores(const float* Q, const float* K, int n, int d, int stride, float s, float* J);

}  // namespace opoloop::kernels
