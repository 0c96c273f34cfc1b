#pragma once

// Small archives of attention inputs, for tests.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "attention/qama_file.h"
#include "core/random.h"
#include "hamiltonian/formats/npy.h"
#include "hamiltonian/formats/zip_archive.h"
#include "tests/hamiltonian/qama_reference.h"

namespace opoloop::testing {

/// Members by name, without ".npy", so that one can be changed or left out.
using Members = std::map<std::string, std::string>;

inline std::string archive_of(const Members& members) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const auto& [name, bytes] : members) files.emplace_back(name + ".npy", bytes);
  return zip_of(files);
}

inline std::vector<float> normal_floats(std::size_t count, std::uint64_t seed, double size = 1) {
  RandomSequence random(seed, Stream::generator);
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<float>(size * random.normal()));
  return values;
}

/// Q, K, V, u and, where it has one, the mask.
inline Members members_of(const QamaCase& c) {
  const std::vector<std::int64_t> shape = {c.B, c.H, c.N, c.d};
  Members members = {{"Q", npy_of_floats(c.Q, shape)},
                     {"K", npy_of_floats(c.K, shape)},
                     {"V", npy_of_floats(c.V, shape)},
                     {"u", npy_of_floats(c.u, {c.d})}};
  if (!c.removed.empty()) {
    members["mask"] = npy_of_bytes("|b1", {c.removed.begin(), c.removed.end()}, {c.B, c.N});
  }
  return members;
}

/// A layer: X [B, N, d_model], weights [H·d, d_model], norms of the keys only.
struct LayerSample {
  int B = 2, N = 5, model = 6, H = 2, d = 4;
  std::vector<float> X, W[3], u, gain, bias;

  LayerSample() {
    X = normal_floats(static_cast<std::size_t>(B * N * model), 1);
    for (std::uint64_t k = 0; k < 3; ++k)
      W[k] = normal_floats(static_cast<std::size_t>(H * d * model), 2 + k, 0.5);
    u = normal_floats(static_cast<std::size_t>(d), 6);
    gain = normal_floats(static_cast<std::size_t>(model), 7);
    bias = normal_floats(static_cast<std::size_t>(model), 8);
  }

  Members members() const {
    const std::vector<std::int64_t> weights = {H * d, model};
    return {{"X", npy_of_floats(X, {B, N, model})},
            {"W_q", npy_of_floats(W[0], weights)},
            {"W_k", npy_of_floats(W[1], weights)},
            {"W_v", npy_of_floats(W[2], weights)},
            {"u", npy_of_floats(u, {d})},
            {"norm_k_gain", npy_of_floats(gain, {model})},
            {"norm_k_bias", npy_of_floats(bias, {model})},
            {"heads", npy_of_numbers({static_cast<double>(H)}, {})}};
  }
};

}  // namespace opoloop::testing
