#include "driver/qama_run_file.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <limits>

#include "core/error.h"
#include "hamiltonian/qama/qama_problem.h"
#include "tests/driver/temporary_folder.h"

using namespace opoloop;

namespace {

/// Two problems of two heads and two tokens, with right energies.
struct Batch {
  std::vector<float> J = {0, 1, 1, 0, 0, -2, -2, 0, 0, 0.5F, 0.5F, 0, 0, 3, 3, 0};
  std::vector<float> h = {1, -1, 0.5F, 2, 0, 1, -3, 1};
  std::vector<std::int8_t> x = {1, 0, 1, 1, 0, 0, 1, 1};
  std::vector<double> energy;
  std::vector<std::uint8_t> answered = {1, 1};
  std::vector<float> output = std::vector<float>(12, 0.25F), u = {1, 2, 3};

  Batch() {
    for (std::size_t b = 0; b < 2; ++b) {
      const QamaProblem problem({}, 2, 2, std::span(J).subspan(8 * b, 8), std::span(h).subspan(4 * b, 4));
      energy.push_back(problem.qubo_energy(std::span(x).subspan(4 * b, 4)));
    }
    output.resize(2 * 2 * 2 * 3, 0.25F);
  }

  QamaRun run() const {
    QamaRun run;
    run.command_line = "opoloop qama solve";
    run.device_uri = "exact:";
    run.name = "in.npz";
    run.shape = {2, 2, 2, 3};
    run.J = J;
    run.h = h;
    run.x = x;
    run.u = u;
    run.energy = energy;
    run.answered = answered;
    run.output = output;
    run.parameters["sweeps"] = {"12", "sweeps"};
    return run;
  }
};

}  // namespace

TEST_CASE("a batch's file is checked by its own energies") {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("batch.h5");
  Batch batch;
  write_qama_run(path, batch.run());
  CHECK(is_qama_run(path));
  const RunFileCheck good = check_qama_run(path);
  CHECK(good.ok);
  CHECK(good.complete);

  // Each of these must be found out.
  Batch wrong = batch;
  wrong.energy[1] += 1e-3;
  write_qama_run(path, wrong.run());
  CHECK_FALSE(check_qama_run(path).ok);
  wrong = batch;
  wrong.x[0] = 0;
  write_qama_run(path, wrong.run());
  CHECK_FALSE(check_qama_run(path).ok);
  wrong = batch;
  wrong.answered[1] = 0;  // and yet complete
  write_qama_run(path, wrong.run());
  CHECK_FALSE(check_qama_run(path).ok);
  QamaRun other = batch.run();
  other.spec.c_m = 0.7;
  write_qama_run(path, other);
  CHECK_FALSE(check_qama_run(path).ok);
  // Nothing but the file itself is left behind.
  CHECK(std::distance(std::filesystem::directory_iterator(std::filesystem::path(path).parent_path()),
                      std::filesystem::directory_iterator()) == 1);
}

TEST_CASE("a batch that failed half-way is valid and not complete") {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("batch.h5");
  Batch batch;
  batch.answered[1] = 0;
  batch.energy[1] = std::numeric_limits<double>::quiet_NaN();
  QamaRun run = batch.run();
  run.failure = "problem 1: connection lost";
  write_qama_run(path, run);
  const RunFileCheck check = check_qama_run(path);
  CHECK(check.ok);
  CHECK_FALSE(check.complete);

  // A single problem that was asked for makes a complete file.
  run.failure.clear();
  run.only = 0;
  write_qama_run(path, run);
  CHECK(check_qama_run(path).ok);
  CHECK(check_qama_run(path).complete);
}

TEST_CASE("run files and batches are told apart") {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("batch.h5");
  const Batch batch;
  write_qama_run(path, batch.run());
  CHECK_FALSE(check_run_file(path).ok);
  CHECK_THROWS_AS(read_run_file(path), InputError);
  CHECK_FALSE(is_qama_run(folder.file("missing.h5")));
  CHECK_THROWS_AS(write_qama_run(folder.file("no/such/place.h5"), batch.run()), Error);
}
