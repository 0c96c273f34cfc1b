#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sys/mman.h>
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "core/error.h"
#include "core/random.h"
#include "driver/run_file.h"
#include "tests/driver/temporary_folder.h"
#include "tests/driver/toy_run.h"

using namespace opoloop;
using test::TemporaryFolder;

namespace {

constexpr int kSpins = 50;
constexpr int kLogged = 40;
constexpr double kFlush = 0.05;

/// Value written at (trajectory, row, pulse): a reader can tell a right number from any other.
float stamp(std::uint32_t trajectory, std::int64_t row, int pulse) {
  return static_cast<float>(1 + trajectory) + static_cast<float>(row % 1000) / 1024 +
         static_cast<float>(pulse) / 4194304;
}

/// Logs stamped rows of three tiles; the number handed over so far goes to `rows`.
void log_stamps(RunFile& file, std::int64_t rounds, std::atomic<std::int64_t>* rows, std::int64_t pause_us) {
  std::vector<float> x(kSpins * kTileLanes);
  std::vector<double> energy(kTileLanes);
  for (std::int64_t k = 0; k <= rounds; ++k) {
    for (std::uint32_t first = 0; first < kLogged; first += kTileLanes) {
      for (int i = 0; i < kSpins; ++i) {
        for (unsigned l = 0; l < kTileLanes; ++l)
          x[static_cast<std::size_t>(i) * kTileLanes + l] = stamp(first + l, k, i);
      }
      for (unsigned l = 0; l < kTileLanes; ++l) energy[l] = -static_cast<double>(k) - first - l;
      file.record({k, first, kTileLanes, static_cast<double>(k), 0.5, kSpins, x.data(), nullptr, nullptr,
                   energy.data()});
    }
    if (rows != nullptr) rows->store(k + 1);
    if (pause_us > 0) std::this_thread::sleep_for(std::chrono::microseconds(pause_us));
  }
}

void require_right_rows(const RunFileContents& c) {
  for (std::size_t r = 0; r < c.amplitude.size(); ++r) {
    for (std::size_t t = 0; t < c.amplitude[r].size(); ++t) {
      if (std::isnan(c.amplitude[r][t][0])) break;  // beyond rows_written
      REQUIRE(c.energy[r][t] == -static_cast<double>(t) - static_cast<double>(r));
      int wrong = 0;  // one check a row: there are millions of numbers
      for (int i = 0; i < kSpins; ++i) {
        wrong += c.amplitude[r][t][static_cast<std::size_t>(i)] !=
                 stamp(static_cast<std::uint32_t>(r), static_cast<std::int64_t>(t), i);
      }
      REQUIRE(wrong == 0);
    }
  }
}

bool readable_elsewhere(const std::string& path) {
  const std::string python =
      "/usr/bin/python3 -c 'import h5py,sys\nf=h5py.File(sys.argv[1])\n"
      "w=f[\"trajectories/rows_written\"][()] if \"trajectories\" in f else []\n"
      "[f[\"trajectories/amplitude\"][r,:w[r]] for r in range(len(w))]\n"
      "[o[()] for o in (f[\"problem/J\"],f[\"problem/h\"])]' " +
      path + " >/dev/null 2>&1";
  const std::string dump = "h5dump -H " + path + " >/dev/null 2>&1";
  return std::system(python.c_str()) == 0 && std::system(dump.c_str()) == 0;
}

bool have_other_readers() {
  return std::system("/usr/bin/python3 -c 'import h5py' >/dev/null 2>&1") == 0 &&
         std::system("h5dump -V >/dev/null 2>&1") == 0;
}

}  // namespace

TEST_CASE("kill -9 at any moment leaves a file that opens, and no flushed row is lost") {
  const bool others = have_other_readers();
  if (!others) WARN("h5py or h5dump not found: only our own reader is tried");
  const TemporaryFolder folder;
  auto* shared = static_cast<std::atomic<std::int64_t>*>(
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  REQUIRE(shared != MAP_FAILED);
  const Problem problem = test::toy_problem({.n = kSpins});
  RandomSequence random(2024, Stream::bootstrap);
  int with_rows = 0;
  for (int trial = 0; trial < 24; ++trial) {
    const std::string path = folder.file("run.h5");
    ::unlink(path.c_str());
    shared->store(0);
    // Every third child logs at full speed, so that it is killed in the middle of a write; the others slowly.
    const std::int64_t pause = trial % 3 == 0 ? 0 : 200;
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      try {
        RunFile file(path, problem, {"kill me", 1, "toy:", kFlush});
        file.begin(kLogged, kSpins, 40000, 1, 1, false, false);
        log_stamps(file, 40000, shared, pause);
        ::pause();
      } catch (...) {
      }
      ::_exit(3);
    }
    // The first are killed while the file is being made, the others while it grows: after its rows have begun
    // to arrive in the file (which the flush period guarantees) and a random time more.
    std::int64_t seen = 0;
    if (trial < 6) {
      std::this_thread::sleep_for(std::chrono::microseconds(random.below(40000)));
    } else {
      // However long a busy machine takes: only a child that died will never write.
      while (seen == 0 && ::waitpid(child, nullptr, WNOHANG) == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        if (::access(path.c_str(), F_OK) == 0) seen = read_run_file(path, {2, 1}).logged_rows;
      }
      REQUIRE(seen > 0);
      std::this_thread::sleep_for(std::chrono::microseconds(random.below(100000)));
      seen = std::max(seen, read_run_file(path, {2, 1}).logged_rows);
    }
    const std::int64_t handed_over = shared->load();
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));

    INFO("trial " << trial << ": " << handed_over << " rows handed over, " << seen
                  << " of them seen in the file before the kill");
    if (::access(path.c_str(), F_OK) != 0) continue;  // killed before it got its name
    const RunFileCheck check = check_run_file(path);
    for (const std::string& line : check.lines) UNSCOPED_INFO(line);
    REQUIRE(check.ok);
    REQUIRE_FALSE(check.complete);
    const RunFileContents c = read_run_file(path, {1 << 20, 1 << 30});
    require_right_rows(c);
    REQUIRE(c.logged_rows >= seen);
    with_rows += c.logged_rows > 0;
    if (others) REQUIRE(readable_elsewhere(path));
  }
  CHECK(with_rows >= 18);
  ::munmap(shared, 4096);
}

TEST_CASE("rows in the file are exactly those the file says were written") {
  // The writer is drained by finish(); a copy of the file taken while logging goes on is a consistent one.
  const TemporaryFolder folder;
  const Problem problem = test::toy_problem({.n = kSpins});
  RunFile file(folder.file("run.h5"), problem, {"", 1, "toy:", 0.0});  // every row is handed on at once
  file.begin(kLogged, kSpins, 3000, 1, 1, false, false);
  std::thread writer([&] { log_stamps(file, 3000, nullptr, 0); });
  for (int look = 0; look < 10; ++look) {
    const RunFileContents c = read_run_file(folder.file("run.h5"), {1 << 20, 1 << 30});
    require_right_rows(c);
  }
  writer.join();
  Result result;
  result.device_uri = "toy:";
  file.finish(result, solve_statistics(result, std::nullopt));
  const RunFileContents c = read_run_file(folder.file("run.h5"), {1 << 20, 1 << 30});
  CHECK(c.logged_rows == 3001);
  require_right_rows(c);
}

TEST_CASE("a full disk is one clear error and leaves a valid file") {
  // A limit on the size of files stands for the full disk: it needs no mount, and bites in the middle.
  const TemporaryFolder folder;
  const std::string path = folder.file("run.h5");
  const Problem problem = test::toy_problem({.n = kSpins});
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto limit = [&](rlim_t bytes) {
    const rlimit now{bytes, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &now) == 0);
  };
  const auto unlimited = [&] { ::setrlimit(RLIMIT_FSIZE, &before); };

  SECTION("while logging") {
    RunFile file(path, problem, {"", 1, "toy:", 0.01});
    file.begin(kLogged, kSpins, 20000, 1, 1, false, false);
    limit(rlim_t{20} << 20);  // of 160 MB
    std::string message;
    try {
      log_stamps(file, 20000, nullptr, 0);
    } catch (const Error& error) {
      message = error.what();
    }
    CHECK(message.find(path.substr(path.find_last_of('/'))) != std::string::npos);
    CHECK(message.find("cannot write") != std::string::npos);
    CHECK_THROWS_AS(file.finish({}, {}), Error);
  }
  SECTION("at the end") {
    RunFile file(path, problem, {"", 1, "toy:", 0.01});
    file.begin(kLogged, kSpins, 100, 1, 1, false, false);
    log_stamps(file, 100, nullptr, 0);
    limit(4096);
    Result result;
    CHECK_THROWS_AS(file.finish(result, solve_statistics(result, std::nullopt)), Error);
  }
  SECTION("before anything") {
    limit(1024);
    CHECK_THROWS_AS(RunFile(path, problem, {}), Error);
    unlimited();
    CHECK(::access(path.c_str(), F_OK) != 0);
  }
  unlimited();
  ::signal(SIGXFSZ, old_handler);
  CHECK(::access((path + ".part").c_str(), F_OK) != 0);
  if (::access(path.c_str(), F_OK) == 0) {
    const RunFileCheck check = check_run_file(path);
    for (const std::string& line : check.lines) UNSCOPED_INFO(line);
    CHECK(check.ok);
    CHECK_FALSE(check.complete);
    require_right_rows(read_run_file(path, {1 << 20, 1 << 30}));
  }
}
