#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attention/qama_layer.h"
#include "hamiltonian/qama/qama_scores.h"

namespace opoloop {

/// A batch of attention inputs as an .npz archive holds it (docs/qama.md, 6), in one of two ways:
///
///     Q, K, V [B, H, N, d]                                 ready heads; s = d^−½
///     X [B, N, d_model], W_q, W_k, W_v [H·d, d_model]      a layer and its input; s = (d_model/H)^−½
///         optional norm_{q,k,v}_gain, norm_{q,k,v}_bias [d_model]; gain 1, bias 0 where left out
///         heads, a number, unless whoever reads it says
///
/// and in both optionally u [d] (ones where left out) and mask [B, N], non-zero where a token is masked. Any
/// numeric type, kept as float32; C or Fortran order. Other members are ignored.
struct QamaFile {
  std::string name;    ///< file name without its folders
  std::string source;  ///< path
  std::string sha256;  ///< of the bytes
  QamaShape shape;
  bool layer = false;                ///< X and weights, not Q, K, V
  std::vector<float> Q, K, V;        ///< [B, H, N, d]; empty for a layer
  RowMatrix<float> X;                ///< [B·N, d_model]; empty for heads
  QamaWeights<float> weights;        ///< of a layer
  std::vector<float> u;              ///< [d]
  bool u_given = false;              ///< false: ones
  std::vector<std::uint8_t> masked;  ///< [B, N], or empty
};

struct QamaFileOptions {
  std::optional<int> heads;              ///< H of a layer; must agree with the file's where both are given
  std::uint64_t memory_limit_bytes = 0;  ///< nothing larger is allocated; 0 = the machine's memory
};

/// True where the bytes are an archive with the members of a QamaFile: Q, K and V, or X. A problem file
/// (hamiltonian/formats/npz.h) has neither. False for anything that is no readable archive.
bool is_qama_file(std::string_view bytes);
/// The same of a file; false where it cannot be read.
bool is_qama_file_at(const std::string& path);

/// Throws InputError, one line naming file and member, what was found and what was expected: a member that is
/// missing, of the wrong shape, not numeric or not finite, a damaged archive, heads or scores that would not
/// fit into memory.
QamaFile parse_qama_file(std::string_view bytes, const std::string& name,
                         const QamaFileOptions& options = {});
QamaFile read_qama_file(const std::string& path, const QamaFileOptions& options = {});

/// The archive that parse_qama_file() reads back: Q, K, V, u and, where there is one, mask.
std::string write_qama_heads(const QamaShape& shape, const std::vector<float>& Q, const std::vector<float>& K,
                             const std::vector<float>& V, const std::vector<float>& u,
                             const std::vector<std::uint8_t>& masked = {});

}  // namespace opoloop
