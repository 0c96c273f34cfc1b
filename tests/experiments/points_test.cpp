// Shares, shards and the merge, each by itself; run_points_test.cpp runs them together.

#include <stdlib.h>  // NOLINT: mkdtemp is POSIX
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <csignal>
#include <fstream>
#include <map>
#include <optional>

#include "core/error.h"
#include "driver/sweep_file.h"
#include "experiments/points/point_merge.h"
#include "experiments/points/point_share.h"
#include "tests/driver/temporary_folder.h"
#include "tests/experiments/toy_plan.h"

using namespace opoloop;
using test::TemporaryFolder;
using test::ToyPlan;

namespace {

PointShare share_in(const std::map<std::string, std::string>& variables, const std::string& array = "") {
  return point_share(array, [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

PointRecord record_of(const ToyPlan& plan, std::uint64_t index) {
  return {index, 0, 0.25, plan.name(index), {plan.word(index), plan.value(index)}, ""};
}

PointRecord failed(const ToyPlan& plan, std::uint64_t index, std::uint32_t times, const std::string& why) {
  return {index, times, 0.25, plan.name(index), {}, why};
}

}  // namespace

TEST_CASE("point share: all shares of any size hold every point once, and equally many") {
  for (std::uint64_t size = 1; size <= 9; ++size) {
    std::vector<int> held(size, 0);
    for (std::uint64_t i = 0; i < 1003; ++i) {
      int holders = 0;
      for (std::uint64_t rank = 0; rank < size; ++rank) {
        PointShare share;
        share.rank = rank;
        share.size = size;
        if (!share.holds(i)) continue;
        ++holders;
        ++held[rank];
      }
      REQUIRE(holders == 1);
    }
    const auto [least, most] = std::minmax_element(held.begin(), held.end());
    CHECK(*most - *least <= 1);
  }
}

TEST_CASE("point share: what one of four left over spreads over two, and every fourth point over four") {
  int left = 0, to_first = 0;
  std::array<int, 4> every_fourth{};
  for (std::uint64_t i = 0; i < 40000; ++i) {
    PointShare killed;
    killed.rank = 3;
    killed.size = 4;
    PointShare first;
    first.size = 2;
    left += killed.holds(i) ? 1 : 0;
    to_first += killed.holds(i) && first.holds(i) ? 1 : 0;
    for (std::uint64_t rank = 0; i % 4 == 1 && rank < 4; ++rank) {
      PointShare share;
      share.rank = rank;
      share.size = 4;
      every_fourth[rank] += share.holds(i) ? 1 : 0;
    }
  }
  // Binomial, within 5 standard deviations.
  CHECK(std::abs(to_first - left / 2.0) < 5 * std::sqrt(left / 4.0));
  for (const int count : every_fourth) CHECK(std::abs(count - 2500) < 5 * std::sqrt(10000 * 0.25 * 0.75));
}

TEST_CASE("point share: from Open MPI, PMI and srun") {
  const PointShare mpi = share_in({{"OMPI_COMM_WORLD_RANK", "2"},
                                   {"OMPI_COMM_WORLD_SIZE", "8"},
                                   {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"},
                                   // orted was itself started by srun: its variables are not ours
                                   {"SLURM_PROCID", "0"},
                                   {"SLURM_STEP_ID", "0"},
                                   {"SLURM_STEP_NUM_TASKS", "2"}});
  CHECK(mpi.rank == 2);
  CHECK(mpi.size == 8);
  CHECK(mpi.default_threads(16) == 4);
  CHECK(mpi.default_threads(2) == 1);
  const PointShare pmi = share_in({{"PMI_RANK", "1"}, {"PMI_SIZE", "3"}});
  CHECK(pmi.rank == 1);
  CHECK(pmi.size == 3);
  const PointShare srun = share_in({{"SLURM_PROCID", "5"},
                                    {"SLURM_STEP_ID", "0"},
                                    {"SLURM_STEP_NUM_TASKS", "6"},
                                    {"SLURM_STEP_NUM_NODES", "2"},
                                    {"SLURM_NTASKS", "6"},
                                    {"SLURM_CPUS_PER_TASK", "2"}});
  CHECK(srun.rank == 5);
  CHECK(srun.size == 6);
  CHECK(srun.source == "Slurm");
  CHECK(srun.default_threads(16) == 2);
  CHECK(share_in({}).size == 1);
}

TEST_CASE("point share: a process that srun did not start takes all points, and says so") {
  // The batch script of `sbatch -n 4`: a rank and a number of tasks, but it is alone.
  const PointShare batch =
      share_in({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}, {"SLURM_JOB_ID", "7"}, {"SLURM_NPROCS", "4"}});
  CHECK(batch.size == 1);
  CHECK(batch.note.find("4 tasks") != std::string::npos);
  // A batch script submitted from within a step inherits that step's number of tasks, not its id.
  const PointShare nested = share_in({{"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "4"}});
  CHECK(nested.size == 1);
  // SLURM_BATCH_SCRIPT and SLURM_INTERACTIVE_STEP.
  for (const char* step : {"4294967291", "4294967290"}) {
    CHECK(share_in({{"SLURM_PROCID", "0"}, {"SLURM_STEP_ID", step}, {"SLURM_STEP_NUM_TASKS", "4"}}).size ==
          1);
  }
}

TEST_CASE("point share: --array, by hand and from a Slurm job array") {
  const PointShare third = share_in({{"PMI_RANK", "1"}, {"PMI_SIZE", "3"}}, "3/10");
  CHECK(third.rank == 2);
  CHECK(third.size == 10);
  CHECK(share_in({{"PMI_RANK", "1"}, {"PMI_SIZE", "3"}}, "1/1").size == 1);
  std::map<std::string, std::string> task = {{"SLURM_ARRAY_TASK_ID", "14"},
                                             {"SLURM_ARRAY_TASK_MIN", "4"},
                                             {"SLURM_ARRAY_TASK_MAX", "24"},
                                             {"SLURM_ARRAY_TASK_COUNT", "5"}};
  const PointShare fives = share_in(task, "slurm");
  CHECK(fives.rank == 2);
  CHECK(fives.size == 5);
  // Each task of the array an srun of its own.
  task.insert({{"SLURM_PROCID", "3"}, {"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "4"}});
  const PointShare both = share_in(task, "slurm");
  CHECK(both.rank == 11);
  CHECK(both.size == 20);
  task.insert_or_assign("SLURM_ARRAY_TASK_COUNT", "4");  // 4, 14, 24 and another: whose place is not told
  CHECK_THROWS_WITH(share_in(task, "slurm"), Catch::Contains("not evenly spaced"));
  for (const char* bad : {"0/10", "11/10", "3", "3/", "/3", "a/b", "3/10x", "1/0"}) {
    CHECK_THROWS_WITH(share_in({}, bad), Catch::Contains("expected I/N"));
  }
  CHECK_THROWS_WITH(share_in({}, "slurm"), Catch::Contains("not in a job array"));
}

TEST_CASE("point share: variables that make no sense are refused") {
  CHECK_THROWS_WITH(share_in({{"PMI_RANK", "3"}, {"PMI_SIZE", "3"}}), Catch::Contains("no such rank"));
  CHECK_THROWS_WITH(share_in({{"PMI_RANK", "-1"}, {"PMI_SIZE", "3"}}), Catch::Contains("a whole number"));
  CHECK_THROWS_WITH(share_in({{"PMIX_RANK", "0"}}), Catch::Contains("how many ranks"));
}

TEST_CASE("point shard: what is written is read again, whatever the values") {
  const ToyPlan plan(1000);
  ShardHeader header = shard_header(plan, "opoloop experiment toy");
  header.plan = "text of several\nlines";
  const std::string first = header_line(header);
  CHECK(first.find('\n') == std::string::npos);
  CHECK(difference(parse_header(first, "x"), header).empty());
  for (const double value : {0.1, -0.0, 5e-324, 1.7976931348623157e308, 1.0 / 3, 1e22, HUGE_VAL, -HUGE_VAL}) {
    PointRecord record = record_of(plan, 5);
    record.values = {std::string("tab\t\"quoted\"\n\x01"), value};
    const PointRecord again = parse_record(record_line(record), plan.columns(), "x", 2);
    CHECK(std::bit_cast<std::uint64_t>(std::get<double>(again.values[1])) ==
          std::bit_cast<std::uint64_t>(value));
    CHECK(std::get<std::string>(again.values[0]) == "tab\t\"quoted\"\n\x01");
  }
  PointRecord record = record_of(plan, 4294967295);
  record.values = {std::string("no \xff UTF-8"), std::nan("")};
  const PointRecord again = parse_record(record_line(record), plan.columns(), "x", 2);
  CHECK(again.index == 4294967295);
  CHECK(std::isnan(std::get<double>(again.values[1])));
  const PointRecord twice = parse_record(record_line(failed(plan, 7, 2, "why\nnot")), plan.columns(), "x", 2);
  CHECK(twice.failures == 2);
  CHECK(twice.failure == "why\nnot");
}

TEST_CASE("point shard: a torn last line is cut off, a damaged one is named, another plan is refused") {
  const TemporaryFolder folder;
  const ToyPlan plan(100);
  const std::string path = shard_path(folder.path(), 0, 1);
  const ShardHeader header = shard_header(plan, "x");
  {
    ShardWriter shard(path, header);
    shard.append(record_of(plan, 3));
    shard.append(record_of(plan, 4));
    // A second process of this share (a second description of the file counts as one).
    CHECK_THROWS_WITH(ShardWriter(path, header), Catch::Contains("another process measures this share"));
    CHECK(being_written(path));
  }
  CHECK_FALSE(being_written(path));
  const auto whole = std::filesystem::file_size(path);
  std::filesystem::resize_file(path, whole - 3);
  CHECK(finished_points(folder.path(), &header).count == 1);
  {
    ShardWriter shard(path, header);
    CHECK(shard.points_at_opening() == 1);
    shard.append(record_of(plan, 4));
  }
  CHECK(std::filesystem::file_size(path) == whole);
  CHECK(finished_points(folder.path()).count == 2);

  ToyPlan other(100);
  other.seed_ = 2;
  CHECK_THROWS_WITH(ShardWriter(path, shard_header(other, "x")),
                    Catch::Contains("another plan: seed 1, not 2"));
  other.seed_ = 1;
  other.plan_ = "else";
  const ShardHeader others = shard_header(other, "x");
  CHECK_THROWS_WITH(finished_points(folder.path(), &others), Catch::Contains("what is measured differs"));
  ShardHeader old = header;
  old.version = "0.0.1";
  CHECK_THROWS_WITH(finished_points(folder.path(), &old), Catch::Contains("measured by opoloop"));

  std::ofstream(path, std::ios::app) << "[5,0\n";
  CHECK_THROWS_WITH(finished_points(folder.path()), Catch::Contains("shard-0-of-1.jsonl:4: '[5,0'"));
  std::filesystem::resize_file(path, whole);
  std::ofstream(path, std::ios::app) << "[100,0,1,\"a\",\"b\",2]\n";
  CHECK_THROWS_WITH(finished_points(folder.path()), Catch::Contains("expected a point below 100"));
  std::filesystem::resize_file(path, whole);
  std::ofstream(path, std::ios::app) << "[6,0,1,\"a\",2,\"b\"]\n";
  CHECK_THROWS_WITH(merge_points(folder.path(), folder / "a.h5"), Catch::Contains("point 6"));
  CHECK(folder.names().size() == 1);  // nothing half-written stays
}

TEST_CASE("point shard: a full disk leaves no half line") {
  const TemporaryFolder folder;
  const ToyPlan plan(100);
  const std::string path = shard_path(folder.path(), 0, 1);
  ShardWriter shard(path, shard_header(plan, "x"));
  shard.append(record_of(plan, 3));
  const auto whole = std::filesystem::file_size(path);
  // A limit on the size of files is a disk with room for ten bytes more.
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{whole + 10, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &full) == 0);
  bool refused = false;
  try {
    shard.append(record_of(plan, 4));
  } catch (const Error&) {
    refused = true;
  }
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);
  CHECK(refused);
  CHECK(std::filesystem::file_size(path) == whole);
  shard.append(record_of(plan, 5));
  shard.close();
  const FinishedPoints points = finished_points(folder.path());
  CHECK(points.count == 2);
  CHECK(points.finished[5]);
}

TEST_CASE("point merge: onto another disk") {
  const TemporaryFolder folder;
  const ToyPlan plan(5);
  {
    ShardWriter shard(shard_path(folder.path(), 0, 1), shard_header(plan, "x"));
    for (std::uint64_t i = 0; i < 5; ++i) shard.append(record_of(plan, i));
  }
  std::string pattern = "/dev/shm/opoloop-merge-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) {
    WARN("skipped: no /dev/shm to write to");
    return;
  }
  CHECK(merge_points(folder.path(), pattern + "/a.h5").complete());
  CHECK(read_sweep_file(pattern + "/a.h5").rows() == 5);
  std::filesystem::remove_all(pattern);
}

TEST_CASE("point merge: the same file from any shards, in any order, in memory or not") {
  const ToyPlan plan(1000);
  const ShardHeader header = shard_header(plan, "opoloop toy");
  std::optional<Sweep> first;
  for (const std::uint64_t size : {1U, 3U, 8U}) {
    // 1 MiB: one run; 300 bytes: hundreds of them, made one 64 at a time.
    for (const std::size_t run_bytes : {std::size_t{1} << 20, std::size_t{300}}) {
      const TemporaryFolder folder;
      for (std::uint64_t rank = 0; rank < size; ++rank) {
        ShardWriter shard(shard_path(folder.path(), rank, size), header);
        for (std::uint64_t i = 0; i < 1000; ++i) {
          const std::uint64_t index = i * 387 % 1000;  // out of order, as threads leave them
          if (index % size == rank) shard.append(record_of(plan, index));
        }
      }
      const MergedPoints merged = merge_points(folder.path(), folder / "a.h5", run_bytes);
      CHECK(merged.complete());
      CHECK(merged.failed == 0);
      const Sweep sweep = read_sweep_file(folder / "a.h5");
      REQUIRE(sweep.rows() == 1000);
      CHECK(sweep.complete);
      CHECK(sweep.plan == "toy");
      CHECK(folder.names().size() == size + 1);
      for (std::uint64_t i = 0; i < 1000; ++i) {
        REQUIRE(sweep.numbers(kPointColumn)[i] == static_cast<double>(i));
        REQUIRE(sweep.words("word")[i] == plan.word(i));
        REQUIRE(std::bit_cast<std::uint64_t>(sweep.numbers("value")[i]) ==
                std::bit_cast<std::uint64_t>(plan.value(i)));
      }
    }
  }
}

TEST_CASE("point merge: of a point finished twice the measured one counts, else the last attempt") {
  const TemporaryFolder folder;
  const ToyPlan plan(5);
  const ShardHeader header = shard_header(plan, "x");
  {
    ShardWriter shard(shard_path(folder.path(), 0, 2), header);
    shard.append(failed(plan, 0, 1, "first"));
    shard.append(record_of(plan, 1));
    shard.append(failed(plan, 2, 2, "second"));
  }
  {
    ShardWriter shard(shard_path(folder.path(), 1, 2), header);
    shard.append(failed(plan, 2, 1, "first"));
    shard.append(record_of(plan, 0));
    shard.append(failed(plan, 1, 1, "first"));
  }
  const MergedPoints merged = merge_points(folder.path(), folder / "a.h5");
  CHECK(merged.finished == 3);
  CHECK_FALSE(merged.complete());
  CHECK(merged.failed == 1);
  REQUIRE(merged.failures.size() == 1);
  CHECK(merged.failures[0] == "toy 2: second");
  const Sweep sweep = read_sweep_file(folder / "a.h5");
  CHECK_FALSE(sweep.complete);
  CHECK(sweep.words(kPointFailureColumn) == std::vector<std::string>{"", "", "second"});
  CHECK(sweep.words("word")[0] == plan.word(0));
  CHECK(std::isnan(sweep.numbers("value")[2]));
  const FinishedPoints points = finished_points(folder.path());
  CHECK(points.count == 3);
  CHECK(points.failed == std::map<std::uint64_t, std::uint32_t>{{2, 2}});
}
