#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "driver/device.h"

namespace opoloop {

/// Base64 of RFC 4648 with padding. Decoding throws InputError naming `what` where the text is not that.
std::string base64_encode(std::string_view bytes);
std::string base64_decode(std::string_view text, const char* what);

/// A problem in D-Wave's qp encoding, on a clique of `qubits`: the biases of all qubits in order, NaN where a
/// qubit takes no part, and the couplings of all pairs of those that do, (0,1) (0,2) … (1,2) …, both as
/// base64 of little-endian doubles. Minimised: Σ h_i v_i + Σ J_ij v_i v_j with v = ±1 (ising) or 0/1 (qubo).
struct QpProblem {
  std::vector<std::int32_t> active;  ///< qubits that take part, increasing; spin k of `problem` is active[k]
  Problem problem;
};

/// Throws InputError on another length, a coupling or bias that is not finite, or no active qubit.
QpProblem decode_qp(bool binary, std::string_view lin, std::string_view quad, std::int32_t qubits);

/// Samples in the same encoding, each field base64.
struct QpAnswer {
  std::string active_variables;  ///< i32
  std::string energies;          ///< f64
  std::string num_occurrences;   ///< i32
  std::string solutions;         ///< a row of bits a sample, most significant first, padded to bytes; 1: +1
};

/// The best state of every run: as a histogram (equal states once, lowest energy first), or one by one in
/// order. At most `max_answers`.
QpAnswer encode_qp(const Result& result, const std::vector<std::int32_t>& active, bool histogram,
                   std::size_t max_answers);

}  // namespace opoloop
