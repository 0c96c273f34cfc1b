#include "driver/server/hdf5_upload.h"

#include <hdf5.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "core/error.h"
#include "driver/problem_hdf5.h"
#include "hamiltonian/formats/detect.h"
#include "tests/driver/server_fixture.h"

using namespace opoloop;
using Catch::Matchers::Contains;
using test::TemporaryFolder;

namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

Problem ring(int n) {
  std::vector<IsingEdge> edges;
  for (std::int32_t i = 0; i < n; ++i) edges.push_back({i, (i + 1) % n, i == 0 ? -1.5 : 1.0});
  Problem problem;
  problem.ising = IsingModel(n, edges, std::vector<double>(static_cast<std::size_t>(n), 0.25), 3);
  problem.name = "a ring";
  return problem;
}

std::string refusal(const std::string& bytes, const JobLimits& limits = {}) {
  try {
    read_uploaded_hdf5(bytes, "sent.h5", limits);
  } catch (const InputError& error) {
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    return error.what();
  }
  return "taken";
}

}  // namespace

TEST_CASE("an HDF5 problem that was sent is the one that was written") {
  const TemporaryFolder folder;
  const Problem written = ring(30);
  write_problem_hdf5(written, folder.file("p.h5"));
  const std::string bytes = bytes_of(folder.file("p.h5"));
  REQUIRE(begins_like_hdf5(bytes));
  const Problem read = read_uploaded_hdf5(bytes, "sent.h5", {});
  CHECK(read.name == "a ring");
  CHECK(read.sha256 == read_problem_hdf5(folder.file("p.h5")).sha256);
  const std::vector<std::int8_t> up(30, 1);
  CHECK(read.ising.energy(up) == written.ising.energy(up));

  test::Server server(test::service_options(folder.file("journal")));
  const HttpReply accepted =
      server.client.send("POST", "/v1/jobs", {{"problem", "p.h5", "application/x-hdf5", bytes}}, {}, 20);
  REQUIRE(accepted.status == 202);
  CHECK(server.ended(test::Json::parse(accepted.body).at("id")).at("problem").at("spins") == 30);
}

TEST_CASE("an HDF5 file that is damaged, too large or no problem is refused and nothing else happens") {
  const TemporaryFolder folder;
  write_problem_hdf5(ring(30), folder.file("p.h5"));
  const std::string bytes = bytes_of(folder.file("p.h5"));
  CHECK_THAT(refusal(bytes.substr(0, bytes.size() / 2)), Contains("sent.h5"));
  CHECK_THAT(refusal(bytes.substr(0, 8)), Contains("sent.h5"));
  JobLimits limits;
  limits.max_spins = 29;
  CHECK_THAT(refusal(bytes, limits), Contains("at most 29"));
  limits = {};
  limits.memory_bytes = 5000;
  CHECK_THAT(refusal(bytes, limits), Contains("sent.h5"));
  // Whatever one byte does, the answer is a problem or a refusal.
  for (std::size_t at = 8; at < bytes.size(); at += bytes.size() / 7) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x55);
    refusal(changed);
  }
}

TEST_CASE("an HDF5 file that was sent opens no other file of the server") {
  const TemporaryFolder folder;
  write_problem_hdf5(ring(30), folder.file("secret.h5"));
  // /J is a link to the J of another file.
  const hid_t file = H5Fcreate(folder.file("link.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  REQUIRE(file >= 0);
  REQUIRE(H5Lcreate_external(folder.file("secret.h5").c_str(), "/J", file, "/J", H5P_DEFAULT, H5P_DEFAULT) >=
          0);
  H5Fclose(file);
  CHECK(read_problem_hdf5(folder.file("link.h5")).ising.size() == 30);  // its owner may
  CHECK_THAT(refusal(bytes_of(folder.file("link.h5"))), Contains("sent.h5"));
  // The numbers of /J are the bytes of another file.
  const hid_t other = H5Fcreate(folder.file("storage.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t shape[] = {2, 2};
  const hid_t space = H5Screate_simple(2, shape, nullptr);
  const hid_t made = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(made, folder.file("secret.h5").c_str(), 0, 32);
  const hid_t set = H5Dcreate2(other, "/J", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, made, H5P_DEFAULT);
  REQUIRE(set >= 0);
  H5Dclose(set);
  H5Pclose(made);
  H5Sclose(space);
  H5Fclose(other);
  CHECK_THAT(refusal(bytes_of(folder.file("storage.h5"))), Contains("external"));
}
