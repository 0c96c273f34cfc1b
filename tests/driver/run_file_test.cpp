#include "driver/run_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "driver/run_file_parts.h"
#include "driver/transpose.h"
#include "tests/driver/temporary_folder.h"
#include "tests/driver/toy_run.h"

using namespace opoloop;
using test::TemporaryFolder;
using test::ToyRun;

namespace {

/// Collects what a recorder was given, to compare with what the file gives back.
class Remember final : public RunRecorder {
 public:
  explicit Remember(RunRecorder* next) : next_(next) {}
  void begin(int trajectories, int n, std::int64_t rounds, std::int64_t every, double dt, bool e,
             bool m) override {
    amplitude.resize(static_cast<std::size_t>(trajectories));
    energy.resize(static_cast<std::size_t>(trajectories));
    next_->begin(trajectories, n, rounds, every, dt, e, m);
  }
  void record(const TileObservation& o) override {
    for (int l = 0; l < o.lanes && o.first_trajectory + static_cast<unsigned>(l) < amplitude.size(); ++l) {
      std::vector<float> row;
      for (int i = 0; i < o.n; ++i) row.push_back(o.amplitude[i * kTileLanes + l]);
      amplitude[o.first_trajectory + static_cast<unsigned>(l)].push_back(row);
      energy[o.first_trajectory + static_cast<unsigned>(l)].push_back(o.energy[l]);
    }
    next_->record(o);
  }
  std::vector<std::vector<std::vector<float>>> amplitude;
  std::vector<std::vector<double>> energy;

 private:
  RunRecorder* next_;
};

Remember write(const ToyRun& toy, const std::string& path, bool interrupted = false) {
  const Problem problem = test::toy_problem(toy);
  RunFile file(path, problem, {"opoloop solve 'toy file'", 18446744073709551615ULL, "toy:"});
  Remember remember(&file);
  Result result = test::play(toy, problem, toy.logged > 0 ? &remember : nullptr);
  result.interrupted = interrupted;
  result.adaptations = {"couplings rounded to 8 bits", "field moved to an ancilla"};
  result.warnings = {"nothing of note"};
  file.finish(result, solve_statistics(result, std::nullopt));
  return remember;
}

bool ok(const std::string& path) {
  const RunFileCheck check = check_run_file(path);
  for (const std::string& line : check.lines) UNSCOPED_INFO(line);
  return check.ok;
}

}  // namespace

TEST_CASE("spins are packed as numpy.unpackbits undoes them") {
  const std::vector<std::int8_t> spins = {1, -1, -1, -1, -1, -1, -1, 1, /**/ -1, 1, 1};
  const std::vector<std::uint8_t> bits = run_file::pack_spins(spins);
  CHECK(bits == std::vector<std::uint8_t>{0b10000001, 0b01100000});
  CHECK(run_file::unpack_spins(bits.data(), 11) == spins);
}

TEST_CASE("lanes of a tile are split exactly, whatever the size") {
  for (const std::size_t n : {1U, 3U, 7U, 16U, 33U}) {
    for (const std::size_t rows : {1U, 2U, 5U}) {
      std::vector<float> tile(rows * n * 16);
      for (std::size_t k = 0; k < tile.size(); ++k) tile[k] = static_cast<float>(k);
      std::vector<float> lanes(16 * (rows * n + 3), -1);
      split_lanes(tile.data(), rows, n, lanes.data(), rows * n + 3);
      for (std::size_t l = 0; l < 16; ++l) {
        for (std::size_t c = 0; c < rows * n; ++c) REQUIRE(lanes[l * (rows * n + 3) + c] == tile[c * 16 + l]);
        for (std::size_t c = rows * n; c < rows * n + 3; ++c) REQUIRE(lanes[l * (rows * n + 3) + c] == -1);
      }
    }
  }
}

TEST_CASE("everything written comes back") {
  const TemporaryFolder folder;
  const std::string path = folder.file("run.h5");
  ToyRun toy;
  toy.every = GENERATE(1, 7);        // 200 is no multiple of 7: the last round is a row of its own
  toy.logged = GENERATE(20, 19, 5);  // the last tile holds 4 trajectories; a tile may be logged in part
  toy.max_cut = GENERATE(false, true);
  const Remember remember = write(toy, path);
  CHECK(ok(path));
  CHECK_FALSE(std::filesystem::exists(path + ".part"));

  const RunFileContents c = read_run_file(path);
  const Problem problem = test::toy_problem(toy);
  const Result result = test::play(toy, problem, nullptr);
  CHECK(c.complete);
  CHECK(c.finished);
  CHECK(c.problem_name == problem.name);
  CHECK(c.n == 20);
  CHECK(c.edges == problem.ising.edge_count());
  CHECK(c.problem_kind == problem.kind);
  if (toy.max_cut) CHECK(c.total_weight == problem.total_weight());
  CHECK(c.device_uri == "toy:");
  CHECK(c.device_parameters.at("dt").value == "0.05");
  CHECK(c.device_parameters.at("dt").unit == "signal amplitude lifetimes");
  CHECK(c.device_parameters.at("pump").value == "0:1.5");
  CHECK(c.device_parameters.at("law").unit.empty());
  CHECK(c.adaptations ==
        std::vector<std::string>{"couplings rounded to 8 bits", "field moved to an ancilla"});
  CHECK(c.warnings == std::vector<std::string>{"nothing of note"});
  const std::map<std::string, std::string> attributes(c.attributes.begin(), c.attributes.end());
  CHECK(attributes.at("command_line") == "opoloop solve 'toy file'");
  CHECK(attributes.at("seed") == "18446744073709551615");
  CHECK(attributes.at("schema_version") == "1");

  REQUIRE(c.energy_best.size() == 20);
  for (std::size_t r = 0; r < 20; ++r) {
    const Sample& s = result.samples[r];
    CHECK(c.trajectory[r] == s.trajectory);
    CHECK(c.energy_best[r] == s.energy_best);
    CHECK(c.energy_final[r] == s.energy_final);
    CHECK(c.round_best[r] == s.round_best);
    CHECK(c.rounds[r] == s.rounds);
    CHECK(c.spins_best[r] == s.spins_best);
    CHECK_FALSE(c.diverged[r]);
  }
  const SolveStatistics s = solve_statistics(result, std::nullopt);
  CHECK(c.statistic.at("p_success_best").values ==
        std::vector<double>{s.p_best, s.p_best_interval.low, s.p_best_interval.high});
  CHECK(c.statistic.at("tts_round_trips").values[0] == s.round_trips.value);
  CHECK(c.statistic.at("trials").values[0] == 20);
  CHECK(std::count(c.success_best.begin(), c.success_best.end(), true) == s.successes_best);
  CHECK(std::count(c.success_final.begin(), c.success_final.end(), true) == s.successes_final);

  const std::size_t rows = toy.every == 1 ? 201 : 30;
  REQUIRE(c.log_rounds.size() == rows);
  CHECK(c.log_rounds.front() == 0);
  CHECK(c.log_rounds[1] == toy.every);
  CHECK(c.log_rounds.back() == 200);
  CHECK(c.log_pump.back() == 1.5);
  REQUIRE(c.amplitude.size() == static_cast<std::size_t>(toy.logged));
  CHECK(c.amplitude == remember.amplitude);
  CHECK(c.energy == remember.energy);
  for (std::size_t r = 0; r < c.energy.size(); ++r) {
    double lowest = c.energy[r][0];
    for (std::size_t t = 0; t < rows; ++t) {
      lowest = std::min(lowest, c.energy[r][t]);
      CHECK(c.energy_so_far[r][t] == lowest);
    }
  }
}

TEST_CASE("a problem beyond the dense limit is stored as sparse rows and checked all the same") {
  const TemporaryFolder folder;
  Problem problem;
  std::vector<IsingEdge> edges;
  for (int i = 0; i + 1 < 1500; ++i) edges.push_back({i, i + 1, i % 3 - 0.5});
  edges.push_back({0, 1499, 2});
  std::vector<double> h(1500, 0.25);
  problem.ising = IsingModel(1500, std::move(edges), std::move(h), 3);
  problem.name = "ring";
  Result result;
  result.device_uri = "none:";
  Sample s;
  s.spins_best.assign(1500, 1);
  s.spins_best[4] = -1;
  s.energy_best = s.energy_final = problem.ising.energy(s.spins_best);
  s.rounds = 1;
  result.samples = {s};
  const std::string path = folder.file("run.h5");
  {
    RunFile file(path, problem, {});
    file.finish(result, solve_statistics(result, std::nullopt));
  }
  CHECK(ok(path));
  // The same file with one energy falsified is caught.
  result.samples[0].energy_best += 1;
  {
    RunFile file(path, problem, {});
    file.finish(result, solve_statistics(result, std::nullopt));
  }
  CHECK_FALSE(check_run_file(path).ok);
}

TEST_CASE("trajectories that stop early end in NaN, and the axis ends with the longest") {
  const TemporaryFolder folder;
  const std::string path = folder.file("run.h5");
  ToyRun toy;
  toy.every = 10;
  toy.stop = [](int tile) { return tile == 0 ? 123 : 57; };  // between two rows: that state is no row
  const Remember remember = write(toy, path, true);
  CHECK(ok(path));
  const RunFileContents c = read_run_file(path);
  CHECK_FALSE(c.complete);
  CHECK(c.finished);
  CHECK(c.logged_rows == 13);
  CHECK(c.log_rounds.back() == 120);
  CHECK(c.amplitude[0][12] == remember.amplitude[0][12]);
  CHECK(c.amplitude[19][5] == remember.amplitude[19][5]);
  CHECK(std::isnan(c.amplitude[19][6][0]));
  CHECK(std::isnan(c.energy[19][6]));
  CHECK_FALSE(std::isnan(c.energy_so_far[19][5]));
}

TEST_CASE("a large log is finished in place and says the same") {
  const TemporaryFolder folder;
  const std::string path = folder.file("run.h5");
  ToyRun toy;
  toy.n = 64;
  toy.rounds = 3300;
  toy.trajectories = toy.logged = 18;
  toy.has_measured = true;  // 18 × 3301 × 64 × 4 × 3 = 46 MB of planned rows
  SECTION("in full") {}
  SECTION("cut short") {
    toy.rounds = 6000;
    toy.stop = [](int tile) { return tile == 0 ? 3200 : 3000; };
  }
  const Remember remember = write(toy, path);
  CHECK(std::filesystem::file_size(path) > static_cast<std::uintmax_t>(kPackedLogBytes));
  CHECK(ok(path));
  const RunFileContents c = read_run_file(path, {100000, 1 << 30});
  const std::int64_t rows = toy.stop ? 3201 : 3301;
  REQUIRE(c.logged_rows == rows);
  for (std::size_t r = 0; r < 18; ++r) {
    const auto held = static_cast<std::ptrdiff_t>(remember.energy[r].size());
    CHECK(std::equal(remember.amplitude[r].begin(), remember.amplitude[r].end(), c.amplitude[r].begin()));
    CHECK(std::equal(remember.energy[r].begin(), remember.energy[r].end(), c.energy[r].begin()));
    for (auto t = held; t < rows; ++t) CHECK(std::isnan(c.energy[r][static_cast<std::size_t>(t)]));
  }
  // Reading within limits thins the rows, but never the lowest energy so far.
  const RunFileContents thin = read_run_file(path, {50, 1});
  CHECK(thin.amplitude.size() == 1);
  CHECK(thin.log_rounds.size() <= 52);
  CHECK(thin.energy_so_far[0].back() == c.energy_so_far[0].back());
  CHECK(thin.amplitude[0].back() == c.amplitude[0].back());
}

TEST_CASE("without a log the group is left out") {
  const TemporaryFolder folder;
  const std::string path = folder.file("run.h5");
  ToyRun toy;
  toy.logged = 0;
  write(toy, path);
  CHECK(ok(path));
  CHECK(read_run_file(path).amplitude.empty());
}

TEST_CASE("files that are no run files are refused in one line") {
  const TemporaryFolder folder;
  CHECK_THROWS_AS(read_run_file(folder.file("missing.h5")), InputError);
  CHECK_THROWS_AS(read_run_file(folder.path()), InputError);
  std::ofstream(folder.file("text.h5")) << "1 2 3\n";
  CHECK_THROWS_AS(read_run_file(folder.file("text.h5")), InputError);
  ToyRun toy;
  write(toy, folder.file("run.h5"));
  std::filesystem::resize_file(folder.file("run.h5"), std::filesystem::file_size(folder.file("run.h5")) / 2);
  CHECK_THROWS_AS(read_run_file(folder.file("run.h5")), InputError);
  CHECK_FALSE(check_run_file(folder.file("run.h5")).ok);
}

TEST_CASE("a run file cannot replace a directory or appear in a missing one, and leaves nothing behind") {
  const TemporaryFolder folder;
  const Problem problem = test::toy_problem({});
  CHECK_THROWS_AS(RunFile(folder.path(), problem, {}), Error);
  CHECK_THROWS_AS(RunFile(folder.file("missing/run.h5"), problem, {}), Error);
  CHECK_THROWS_AS(RunFile("/dev/full", problem, {}), Error);
  {
    RunFile file(folder.file("run.h5"), problem, {});
    file.discard();
  }
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a log beyond all disks is refused before anything is written") {
  const TemporaryFolder folder;
  RunFile file(folder.file("run.h5"), test::toy_problem({}), {});
  CHECK_THROWS_AS(file.begin(100000, 2000, 1000000, 1, 0.1, false, false), InputError);
  CHECK_FALSE(std::filesystem::exists(folder.file("run.h5.part")));
}

TEST_CASE("h5py reads it without help") {
  if (std::system("/usr/bin/python3 -c 'import h5py, numpy' >/dev/null 2>&1") != 0) {
    WARN("skipped: /usr/bin/python3 has no h5py");
    return;
  }
  const TemporaryFolder folder;
  const std::string path = folder.file("run.h5");
  write({}, path);
  std::ofstream(folder.file("read.py")) << R"(import sys, h5py, numpy as np
with h5py.File(sys.argv[1]) as f:
    assert f.attrs["complete"] == 1 and f.attrs["schema"] == "opoloop-run", dict(f.attrs)
    n = f["problem"].attrs["n"]
    s = 2 * np.unpackbits(f["runs/spins_best"][()], axis=1)[:, :n].astype(int) - 1
    J, h, offset = f["problem/J"][()], f["problem/h"][()], f["problem/offset"][()]
    E = -0.5 * np.einsum("ri,ij,rj->r", s, J, s) - s @ h + offset
    assert np.array_equal(E, f["runs/energy_best"][()]), E
    a = f["trajectories/amplitude"]
    assert a.shape == (20, 201, 20) and a.fletcher32 and a.shuffle and a.compression == "gzip"
    assert [d.label or d.keys() for d in a.dims] and "round" in a.dims[1].keys() and "time" in a.dims[1].keys()
    x = a[()]
    s = np.where(np.signbit(x), -1, 1)
    E = -0.5 * np.einsum("rti,ij,rtj->rt", s, J, s)
    assert np.array_equal(E, f["trajectories/energy"][()])
    def units(name, obj):
        if isinstance(obj, h5py.Dataset): assert "units" in obj.attrs, name
    f.visititems(units)
)";
  const std::string command = "/usr/bin/python3 " + folder.file("read.py") + " " + path;
  CHECK(std::system(command.c_str()) == 0);
}
