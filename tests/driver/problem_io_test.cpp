#include "driver/problem_io.h"

#include <hdf5.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <limits>
#include <sstream>

#include "core/error.h"
#include "driver/run_file.h"
#include "tests/hamiltonian/problem_samples.h"

using namespace opoloop;
using namespace opoloop::testing;
using Catch::Matchers::Contains;

namespace {

// A file as another program would write it: datasets of doubles and attributes, nothing of ours.
class ForeignFile {
 public:
  explicit ForeignFile(const std::string& path)
      : file_(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)) {}
  ~ForeignFile() { H5Fclose(file_); }
  ForeignFile(const ForeignFile&) = delete;
  ForeignFile& operator=(const ForeignFile&) = delete;

  void group(const char* name) { H5Gclose(H5Gcreate2(file_, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)); }
  void dataset(const char* name, const std::vector<double>& values, std::vector<hsize_t> shape,
               hid_t type = H5T_IEEE_F64LE) {
    const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
    const hid_t set = H5Dcreate2(file_, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    H5Dclose(set);
    H5Sclose(space);
  }
  void attribute(const char* object, const char* name, const std::string& text) {
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, text.size());  // fixed length, no terminator
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    const hid_t made =
        H5Acreate_by_name(file_, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(made, type, text.data());
    H5Aclose(made);
    H5Tclose(type);
    H5Sclose(space);
  }

 private:
  hid_t file_;
};

void check_same_energies(const Problem& a, const Problem& b) {
  REQUIRE(a.ising.size() == b.ising.size());
  for (unsigned bits = 0; bits < 1U << a.ising.size(); ++bits) {
    const auto s = spins_of(a.ising.size(), bits);
    CHECK(a.ising.energy(s) == b.ising.energy(s));
  }
}

}  // namespace

TEST_CASE("HDF5 gives back every energy, the kind and the best known value") {
  const ScratchDirectory scratch;
  Problem problem = five_spins(true, 7.25);
  problem.kind = ProblemKind::qubo;
  problem.best_known_energy = -3.5;
  write_problem(problem, scratch.file("five.bin"), ProblemFormat::hdf5);  // found by its magic bytes
  const Problem back = open_problem(scratch.file("five.bin"));
  check_same_energies(problem, back);
  CHECK(back.kind == ProblemKind::qubo);
  CHECK(back.best_known_energy == -3.5);
  CHECK(back.name == "five");
  CHECK(back.source == scratch.file("five.bin"));
  CHECK(back.sha256.size() == 64);
}

TEST_CASE("HDF5 stores sparse problems as CSR") {
  const ScratchDirectory scratch;
  Problem problem;
  std::vector<IsingEdge> edges;
  for (std::int32_t i = 0; i + 7 < 3000; ++i) edges.push_back({i, i + 7, i % 5 - 2.5});
  problem.ising = IsingModel(3000, edges);
  problem.kind = ProblemKind::max_cut;
  write_problem(problem, scratch.file("chain.h5"), ProblemFormat::hdf5);
  const Problem back = open_problem(scratch.file("chain.h5"));
  CHECK(back.kind == ProblemKind::max_cut);
  const auto read = back.ising.edges();
  REQUIRE(read.size() == edges.size());
  for (std::size_t k = 0; k < read.size(); ++k) {
    REQUIRE((read[k].i == edges[k].i && read[k].j == edges[k].j && read[k].J == edges[k].J));
  }
}

TEST_CASE("HDF5 of other programs: sign convention, diagonal, the problem of a run file") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("foreign.h5");
  {
    ForeignFile file(path);
    file.group("/problem");
    file.dataset("/problem/J", {2, 3, 3, 0}, {2, 2});
    file.dataset("/problem/h", {0.5, -1}, {2});
  }
  // Ours: E = −3 s0 s1 − ½·2 − (½ s0 − s1).
  CHECK(open_problem(path).ising.energy(spins_of(2, 0b11)) == -3 - 1 + 0.5);
  CHECK(open_problem(path).ising.energy(spins_of(2, 0b01)) == 3 - 1 - 1.5);
  {
    ForeignFile file(path);
    file.attribute("/", "sign_convention", "E = +1/2 sum J s s + sum h s");
    file.dataset("/J", {2, 3, 3, 0}, {2, 2});
    file.dataset("/h", {0.5, -1}, {2});
  }
  CHECK(open_problem(path).ising.energy(spins_of(2, 0b11)) == 3 + 1 - 0.5);
  CHECK(open_problem(path).ising.energy(spins_of(2, 0b01)) == -3 + 1 + 1.5);
}

TEST_CASE("HDF5 in float32 may be as asymmetric as its rounding, dense or in rows") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("foreign.h5");
  for (const bool rows : {false, true}) {
    for (const hid_t type : {H5T_IEEE_F32LE, H5T_IEEE_F64LE}) {
      {
        ForeignFile file(path);
        if (rows) {
          file.dataset("/J_indptr", {0, 1, 2}, {3}, H5T_STD_I64LE);
          file.dataset("/J_indices", {1, 0}, {2}, H5T_STD_I64LE);
          file.dataset("/J_data", {1, 1.000001}, {2}, type);
        } else {
          file.dataset("/J", {0, 1, 1.000001, 0}, {2, 2}, type);
        }
      }
      if (type == H5T_IEEE_F32LE) {
        CHECK(open_problem(path).ising.edge_count() == 1);
      } else {
        CHECK_THROWS_WITH(open_problem(path), Contains("not symmetric"));
      }
    }
  }
}

TEST_CASE("bad HDF5 files are refused in one line") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("bad.h5");
  const auto refused = [&](const std::string& message) {
    try {
      open_problem(path);
      FAIL_CHECK("was accepted");
    } catch (const InputError& error) {
      CHECK_THAT(error.what(), Contains(message));
      CHECK(std::string(error.what()).rfind(path, 0) == 0);
      CHECK(std::string(error.what()).find('\n') == std::string::npos);
    }
  };
  ForeignFile(path).group("/other");
  refused("has neither /J nor");
  ForeignFile(path).dataset("/J", {0, 1, 2, 0}, {2, 2});
  refused("not symmetric");
  ForeignFile(path).dataset("/J", {0, 1, 2, 0}, {4});
  refused("must have 2 dimensions");
  ForeignFile(path).dataset("/J", {0, 1, 2, 0}, {1, 4});
  refused("'1 x 4': /J must be square");
  ForeignFile(path).dataset("/J", {0, std::numeric_limits<double>::quiet_NaN(), 1, 0}, {2, 2});
  refused("'/J item 1': must be finite");
  {
    ForeignFile file(path);
    file.dataset("/J", {0, 1, 1, 0}, {2, 2});
    file.dataset("/h", {0, 1, 1}, {3});
  }
  refused("'h': has 3 entries for 2 spins");
  {
    ForeignFile file(path);
    file.dataset("/J", {0, 1, 1, 0}, {2, 2});
    file.attribute("/", "sign_convention", "whatever");
  }
  refused("'whatever': sign_convention must be");
  {
    ForeignFile file(path);
    file.dataset("/J_indptr", {0, 1, 3}, {3});
    file.dataset("/J_indices", {1, 0}, {2});
    file.dataset("/J_data", {4, 4}, {2});
  }
  refused("'indptr[2]': is 3, but 2 entries are stored");
  {
    ForeignFile file(path);
    file.dataset("/J_indptr", {0, 1, 2}, {3});
    file.dataset("/J_indices", {1, 5}, {2});
    file.dataset("/J_data", {4, 4}, {2});
  }
  refused("'indices[1]': 5 is out of range");
  ForeignFile(path).dataset("/J", {0, 1, 1, 0}, {2, 2});
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  refused("truncated file");
}

TEST_CASE("what cannot be written leaves nothing behind") {
  const ScratchDirectory scratch;
  CHECK_THROWS_WITH(write_problem(five_spins(true, 0), scratch.file("none/a.h5"), ProblemFormat::hdf5),
                    Contains("No such file or directory"));
  CHECK_THROWS_AS(write_problem(five_spins(true, 0), scratch.file("a.qplib"), ProblemFormat::qplib),
                  InputError);
  CHECK(std::filesystem::is_empty(scratch.path()));
}

TEST_CASE("open_problem looks best known values up") {
  const ScratchDirectory scratch;
  std::ofstream(scratch.file("t.txt")) << "3 3\n1 2 1\n2 3 1\n1 3 5\n";
  CHECK_FALSE(open_problem(scratch.file("t.txt")).best_known_energy);
  std::ofstream(scratch.file("known_values.csv")) << "file,n,sense,best\nt.txt,3,max-cut,6\n";
  const Problem problem = open_problem(scratch.file("t.txt"));
  CHECK(problem.best_known_energy == -5.0);
  CHECK(problem.cut_of_energy(*problem.best_known_energy) == 6);
}

TEST_CASE("a run file is a problem file") {
  const ScratchDirectory scratch;
  for (const std::int32_t extra : {0, 5000}) {  // small problems are stored dense, large ones as CSR
    const Problem five = five_spins(true, 7.25);
    Problem problem = five;
    problem.ising = IsingModel(
        5 + extra, five.ising.edges(),
        [&] {
          std::vector<double> h(five.ising.field().begin(), five.ising.field().end());
          h.resize(h.size() + static_cast<std::size_t>(extra), 0.0);
          return h;
        }(),
        7.25);
    problem.kind = ProblemKind::qubo;
    problem.best_known_energy = -1.5;
    {
      const RunFile file(scratch.file("run.h5"), problem, {});
    }
    const Problem back = open_problem(scratch.file("run.h5"));
    CHECK(back.kind == ProblemKind::qubo);
    CHECK(back.name == "five");
    CHECK(back.best_known_energy == -1.5);
    REQUIRE(back.ising.size() == problem.ising.size());
    std::vector<std::int8_t> spins(static_cast<std::size_t>(problem.ising.size()), 1);
    for (unsigned bits = 0; bits < 32; ++bits) {
      for (std::size_t i = 0; i < 5; ++i) spins[i] = (bits >> i & 1U) ? 1 : -1;
      CHECK(back.ising.energy(spins) == problem.ising.energy(spins));
    }
  }
}
