#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "hamiltonian/problem.h"

/// Shared by the tests of problem files: the asymmetric 5-spin instance, states, scratch directories.
namespace opoloop::testing {

inline std::vector<std::int8_t> spins_of(int n, unsigned bits) {
  std::vector<std::int8_t> s(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) s[static_cast<std::size_t>(i)] = (bits >> i & 1U) ? 1 : -1;
  return s;
}

/// No two states of this instance are related by a symmetry, so a swapped index, a lost sign or a factor of
/// two changes some energy. Values that have no short decimal (1/3) test that numbers survive exactly.
inline Problem five_spins(bool field, double offset) {
  Problem problem;
  std::vector<double> h;
  if (field) h = {0.5, -1, 0, 2, 0.125};
  problem.ising =
      IsingModel(5, {{0, 1, 1.5}, {1, 3, -0.25}, {2, 4, 2}, {0, 4, -3}, {1, 2, 1.0 / 3}}, h, offset);
  problem.name = "five";
  return problem;
}

/// A directory of its own, removed at the end.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "opoloop-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no scratch directory");
    path_ = pattern;
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace opoloop::testing
