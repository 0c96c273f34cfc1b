// The engine of an experiment: threads, ranks, kills, resumption.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <catch2/catch.hpp>
#include <fstream>
#include <map>

#include "driver/sweep_file.h"
#include "experiments/points/run_points.h"
#include "tests/driver/temporary_folder.h"
#include "tests/experiments/toy_plan.h"

using namespace opoloop;
using test::TemporaryFolder;
using test::ToyPlan;

namespace {

PointRunOptions options_for(const TemporaryFolder& folder, std::uint64_t rank = 0, std::uint64_t size = 1) {
  PointRunOptions options;
  options.file = folder / "toy.h5";
  options.share.rank = rank;
  options.share.size = size;
  return options;
}

/// Every column but the wall time, bit for bit.
std::string bits_of(const std::string& file) {
  const Sweep sweep = read_sweep_file(file);
  std::string bits = sweep.plan + (sweep.complete ? "+" : "-");
  for (const SweepColumn& column : sweep.columns) {
    if (column.name == kPointWallColumn) continue;
    bits += column.name;
    if (const auto* numbers = std::get_if<std::vector<double>>(&column.values)) {
      for (const double x : *numbers) bits += std::to_string(std::bit_cast<std::uint64_t>(x)) + ',';
    } else {
      for (const std::string& word : std::get<std::vector<std::string>>(column.values)) bits += word + ',';
    }
  }
  return bits;
}

/// How often each point was measured.
std::map<std::uint64_t, int> measured(const std::string& log) {
  std::map<std::uint64_t, int> times;
  std::ifstream file(log);
  for (std::uint64_t index = 0; file >> index;) ++times[index];
  return times;
}

/// Runs a share in a process of its own. Fork only while this process has no other thread.
pid_t start_share(const ToyPlan& plan, const PointRunOptions& options, int report_to = -1) {
  const pid_t process = ::fork();
  REQUIRE(process >= 0);
  if (process != 0) return process;
  int code = 3;
  try {
    const PointOutcome outcome = run_points(plan, options);
    code = 0;
    if (outcome.ours_to_report && report_to >= 0) code = ::write(report_to, "r", 1) == 1 ? 0 : 3;
  } catch (...) {
  }
  ::_exit(code);
}

int exit_code(pid_t process) {
  int status = 0;
  REQUIRE(::waitpid(process, &status, 0) == process);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

TEST_CASE("points: the same numbers with any threads and any number of shares, one after another") {
  const ToyPlan plan(203);
  std::string first;
  for (const std::uint64_t size : {1U, 2U, 4U}) {
    for (const int threads : {1, 4}) {
      const TemporaryFolder folder;
      for (std::uint64_t rank = size; rank-- > 0;) {
        PointRunOptions options = options_for(folder, rank, size);
        options.threads = threads;
        const PointOutcome outcome = run_points(plan, options);
        CHECK(outcome.ours_to_report == (rank == 0));
        CHECK(outcome.complete() == (rank == 0));
        CHECK((outcome.measured_here >= 203 / size && outcome.measured_here <= 203 / size + 1));
      }
      if (first.empty()) first = bits_of(folder / "toy.h5");
      CHECK(bits_of(folder / "toy.h5") == first);
      CHECK(folder.names() == std::vector<std::string>{"toy.h5"});  // the shards are gone
    }
  }
}

TEST_CASE("points: four processes at once make one file, and one of them reports") {
  ToyPlan plan(60);
  const TemporaryFolder folder;
  plan.log = folder / "log";
  int channel[2];
  REQUIRE(::pipe(channel) == 0);
  std::vector<pid_t> processes;
  for (std::uint64_t rank = 0; rank < 4; ++rank) {
    processes.push_back(start_share(plan, options_for(folder, rank, 4), channel[1]));
  }
  for (const pid_t process : processes) CHECK(exit_code(process) == 0);
  ::close(channel[1]);
  char reports[8];
  CHECK(::read(channel[0], reports, sizeof reports) == 1);
  ::close(channel[0]);
  CHECK(read_sweep_file(folder / "toy.h5").rows() == 60);
  for (const auto& [index, times] : measured(plan.log)) CHECK(times == 1);
  CHECK(measured(plan.log).size() == 60);
}

TEST_CASE("points: a share is killed, and three others finish without measuring a point again") {
  ToyPlan plan(48);
  plan.takes = std::chrono::milliseconds(20);  // so that the kill comes before the last one
  const TemporaryFolder folder;
  plan.log = folder / "log";
  const std::vector<pid_t> processes = {start_share(plan, options_for(folder, 0, 2)),
                                        start_share(plan, options_for(folder, 1, 2))};
  // Somewhere in the middle of the second share's 24 points.
  const std::string killed = shard_path(parts_folder(folder / "toy.h5"), 1, 2);
  while (!std::filesystem::exists(killed) || std::filesystem::file_size(killed) < 500) ::usleep(500);
  ::kill(processes[1], SIGKILL);
  CHECK(exit_code(processes[1]) == 128 + SIGKILL);
  CHECK(exit_code(processes[0]) == 0);
  const FinishedPoints before = finished_points(parts_folder(folder / "toy.h5"));
  REQUIRE(before.count >= 24);
  REQUIRE(before.count < 48);
  const auto in_vain = measured(plan.log);  // at most one that no line tells of

  std::ofstream(killed, std::ios::app) << "[40,0,0.00";  // as if it had died while it wrote
  plan.takes = std::chrono::milliseconds(0);
  for (std::uint64_t rank = 0; rank < 3; ++rank) {
    PointRunOptions options = options_for(folder, rank, 3);
    options.start = PointStart::resume;
    CHECK(run_points(plan, options).ours_to_report == (rank == 2));
  }
  for (const auto& [index, times] : measured(plan.log)) {
    INFO(index);
    const bool repeated = in_vain.contains(index) && !before.finished[index];
    CHECK(times == (repeated ? 2 : 1));
  }
  CHECK(in_vain.size() <= before.count + 1);
  const TemporaryFolder alone;
  ToyPlan same(48);
  run_points(same, options_for(alone));
  CHECK(bits_of(folder / "toy.h5") == bits_of(alone / "toy.h5"));
}

TEST_CASE("points: a stopped run is a file of what there is, and goes on") {
  ToyPlan plan(20);
  const TemporaryFolder folder;
  plan.log = folder / "log";
  PointRunOptions options = options_for(folder);
  std::atomic<int> asked{0};
  options.stop = [&] { return ++asked > 12; };
  const PointOutcome first = run_points(plan, options);
  CHECK(first.stopped);
  CHECK(first.ours_to_report);
  CHECK(first.finished < 20);
  CHECK(first.finished > 0);
  const Sweep part = read_sweep_file(folder / "toy.h5");
  CHECK_FALSE(part.complete);
  CHECK(part.rows() == first.finished);

  options.stop = nullptr;
  CHECK_THROWS_WITH(run_points(plan, options), Catch::Contains("holds points already: go on with --resume"));
  options.start = PointStart::resume;
  const PointOutcome second = run_points(plan, options);
  CHECK(second.complete());
  CHECK(second.measured_here == 20 - first.finished);
  CHECK(measured(plan.log).size() == 20);
  // Nothing is left to do, and nothing is done.
  const PointOutcome third = run_points(plan, options);
  CHECK(third.complete());
  CHECK(third.measured_here == 0);
  CHECK(third.ours_to_report);
  for (const auto& [index, times] : measured(plan.log)) CHECK(times == 1);
}

TEST_CASE("points: a bad point is recorded with its reason, the others go on, and it can be tried again") {
  ToyPlan plan(30);
  plan.failing = {4, 17};
  const TemporaryFolder folder;
  plan.log = folder / "log";
  PointRunOptions options = options_for(folder);
  options.threads = 3;
  const PointOutcome first = run_points(plan, options);
  CHECK(first.complete());
  CHECK(first.failed == 2);
  CHECK(first.failures ==
        std::vector<std::string>{"toy 4: point 4 cannot be measured", "toy 17: point 17 cannot be measured"});
  CHECK(first.parts_kept);
  const Sweep sweep = read_sweep_file(folder / "toy.h5");
  CHECK(sweep.complete);
  CHECK(sweep.words(kPointFailureColumn)[4] == "point 4 cannot be measured");
  CHECK(sweep.words(kPointNameColumn)[4] == "toy 4");

  options.start = PointStart::resume;
  CHECK(run_points(plan, options).measured_here == 0);
  plan.failing = {17};
  options.retry_failed = true;
  const PointOutcome again = run_points(plan, options);
  CHECK(again.measured_here == 2);
  CHECK(again.failed == 1);
  plan.failing = {};
  const PointOutcome last = run_points(plan, options);
  CHECK(last.measured_here == 1);
  CHECK(last.failed == 0);
  CHECK_FALSE(last.parts_kept);
  const auto times = measured(plan.log);
  CHECK(times.at(4) == 2);
  CHECK(times.at(17) == 3);
  CHECK(times.at(5) == 1);
  CHECK(read_sweep_file(folder / "toy.h5").words("word")[17] == plan.word(17));
}

TEST_CASE("points: another plan's shards and files are refused, and so is a resume of nothing") {
  const TemporaryFolder folder;
  ToyPlan plan(5);
  PointRunOptions options = options_for(folder);
  options.start = PointStart::resume;
  CHECK_THROWS_WITH(run_points(plan, options), Catch::Contains("nothing to go on with"));
  CHECK(folder.names().empty());
  options.start = PointStart::either;
  plan.failing = {2};
  run_points(plan, options);
  ToyPlan other(5);
  other.plan_ = "another";
  CHECK_THROWS_WITH(run_points(other, options), Catch::Contains("points of another plan"));
  // Another rank of another plan does not add a shard either.
  PointRunOptions rank = options_for(folder, 1, 2);
  CHECK_THROWS_WITH(run_points(other, rank), Catch::Contains("points of another plan"));
  CHECK(shards_in(parts_folder(options.file)).size() == 1);
  plan.failing = {};
  options.retry_failed = true;
  CHECK(run_points(plan, options).complete());
  CHECK_THROWS_WITH(run_points(other, options), Catch::Contains("a file of another plan"));
}

TEST_CASE("points: to start over a finished file, or a file of something else, is refused") {
  const TemporaryFolder folder;
  const ToyPlan plan(5);
  const PointRunOptions options = options_for(folder);
  run_points(plan, options);
  const std::string before = bits_of(options.file);
  CHECK_THROWS_WITH(run_points(plan, options), Catch::Contains("is complete"));
  ToyPlan other(5);
  other.plan_ = "another";
  CHECK_THROWS_WITH(run_points(other, options),
                    Catch::Contains("a file of another plan: what is measured differs: '" + plan.plan_ +
                                    "', not 'another'; give the options"));
  CHECK(bits_of(options.file) == before);
  PointRunOptions text = options;
  text.file = folder.file("my.toml", "seeds = 3\n");
  CHECK_THROWS_WITH(run_points(plan, text), Catch::Contains("not an experiment file"));
  CHECK(folder.names().size() == 2);
  // A share without points that starts after the others have finished has nothing to do, and says nothing.
  PointRunOptions late = options_for(folder, 8, 9);
  while (late.share.holds(0) || late.share.holds(1) || late.share.holds(2) || late.share.holds(3) ||
         late.share.holds(4)) {
    --late.share.rank;
  }
  CHECK(run_points(plan, late).complete());
  CHECK(bits_of(options.file) == before);
  CHECK(folder.names().size() == 2);
}

TEST_CASE("points: seeds beyond 2^63 come back as they are") {
  const TemporaryFolder folder;
  ToyPlan plan(3);
  plan.seed_ = 10'000'000'000'000'000'000U;
  PointRunOptions options = options_for(folder);
  run_points(plan, options);
  CHECK(read_sweep_header(options.file).seed == plan.seed_);
  options.start = PointStart::resume;
  CHECK(run_points(plan, options).complete());
}

TEST_CASE("points: one at a time gets all threads and a folder for checkpoints that outlives a stop") {
  ToyPlan plan(3);
  plan.serial = true;
  const TemporaryFolder folder;
  PointRunOptions options = options_for(folder);
  options.threads = 5;
  std::vector<int> threads;
  bool found = false;
  bool stop = true;
  plan.on_measure = [&](std::uint64_t index, const PointContext& context) {
    threads.push_back(context.threads);
    if (index != 1) return;
    if (stop) {
      std::ofstream(context.scratch / "checkpoint") << "half";
    } else {
      found = std::filesystem::exists(context.scratch / "checkpoint");
    }
  };
  options.stop = [&] { return stop && threads.size() >= 2; };
  CHECK(run_points(plan, options).stopped);
  stop = false;
  options.start = PointStart::resume;
  CHECK(run_points(plan, options).complete());
  CHECK(found);
  CHECK(threads == std::vector<int>(4, 5));
}

TEST_CASE("points: values that do not fit the columns end the run") {
  class BadPlan final : public PointPlan {
   public:
    std::string experiment() const override { return "bad"; }
    std::string description() const override { return ""; }
    std::uint64_t seed() const override { return 1; }
    std::uint64_t size() const override { return 100; }
    const std::vector<PointColumn>& columns() const override { return toy_.columns(); }
    std::string name(std::uint64_t) const override { return "bad"; }
    std::optional<PointValues> measure(std::uint64_t, const PointContext&) const override {
      return PointValues{1.0};
    }

   private:
    ToyPlan toy_{1};
  };
  const TemporaryFolder folder;
  PointRunOptions options = options_for(folder);
  options.threads = 2;
  CHECK_THROWS_WITH(run_points(BadPlan(), options), Catch::Contains("do not fit its columns"));
}

TEST_CASE("points: progress counts the other shares too") {
  ToyPlan plan(40);
  const TemporaryFolder folder;
  run_points(plan, options_for(folder, 1, 2));
  PointRunOptions options = options_for(folder, 0, 2);
  std::vector<std::uint64_t> finished;
  options.progress = [&](const PointProgress& progress) {
    finished.push_back(progress.finished);
    CHECK(progress.points == 40);
    CHECK(progress.finished_since_start == finished.size());
  };
  run_points(plan, options);
  REQUIRE(finished.size() == 20);
  CHECK(finished.front() == 21);
  CHECK(finished.back() == 40);
}
