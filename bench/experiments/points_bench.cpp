// What sharing the points of an experiment costs.
//
// Expected (issue 6): twice as many ranks as cores lose under 5% of the throughput of one rank a core;
// merging 10⁵ points takes under a minute; the memory of a merge does not depend on the number of points.
//
// Usage: bench_points [folder] [cores] [points]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/threads.h"
#include "experiments/points/run_points.h"
#include "experiments/sweep/sweep_plan.h"

using namespace opoloop;

namespace {

/// Runs `work` in a process of its own, so that its memory can be told apart.
template <class Work>
pid_t start_process(const Work& work) {
  const pid_t process = ::fork();
  if (process != 0) return process;
  try {
    work();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    ::_exit(1);
  }
  ::_exit(0);
}

void wait_for(pid_t process, rusage* used = nullptr) {
  int status = 0;
  if (::wait4(process, &status, 0, used) != process || status != 0) std::exit(1);
}

struct Cost {
  double wall_s = 0;
  double cpu_s = 0;  ///< of all ranks: what they do, however busy the computer is with other work
};

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

/// Until `ranks` processes of one thread each have measured and merged the sweep.
Cost cost_of_ranks(const SweepPlan& plan, const std::string& folder, int ranks) {
  PointRunOptions options;
  options.file = folder + "/throughput.h5";
  std::filesystem::remove(options.file);
  options.share.size = static_cast<std::uint64_t>(ranks);
  const Clock::time_point start = Clock::now();
  std::vector<pid_t> processes;
  for (int rank = 0; rank < ranks; ++rank) {
    options.share.rank = static_cast<std::uint64_t>(rank);
    processes.push_back(start_process([&] { run_points(plan, options); }));
  }
  Cost cost;
  for (const pid_t process : processes) {
    rusage used{};
    wait_for(process, &used);
    cost.cpu_s += seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
  }
  cost.wall_s = seconds_since(start);
  return cost;
}

void throughput(const std::string& folder, int cores, int points) {
  const std::string config = "[[instances]]\ngenerate = \"sk\"\nn = 16\ncount = " + std::to_string(points) +
                             "\n[[devices]]\nuri = \"annealing:\"\nruns = 200\nsteps = 100\n";
  const SweepPlan plan(parse_sweep_config(config, "bench", 1), 1);
  std::vector<double> wall, cpu;
  for (int pass = 0; pass < 5; ++pass) {
    const Cost one_each = cost_of_ranks(plan, folder, cores);
    const Cost two_each = cost_of_ranks(plan, folder, 2 * cores);
    wall.push_back(two_each.wall_s / one_each.wall_s);
    cpu.push_back(two_each.cpu_s / one_each.cpu_s);
    std::printf("%d points of a sweep: %d ranks %.2f s (%.2f s of processors), %d ranks %.2f s (%.2f s)\n",
                points, cores, one_each.wall_s, one_each.cpu_s, 2 * cores, two_each.wall_s, two_each.cpu_s);
  }
  std::sort(wall.begin(), wall.end());
  std::sort(cpu.begin(), cpu.end());
  std::printf("ratio, median of 5 pairs: wall time %.3f, processor time %.3f (expected: below 1.05)\n",
              wall[2], cpu[2]);
}

/// Shards of four ranks with the columns of a sweep.
void write_shards(const std::string& folder, std::uint64_t points) {
  std::filesystem::create_directories(folder);
  ShardHeader header;
  header.experiment = "sweep";
  header.version = "bench";
  header.points = points;
  header.columns = {{"instance", "1", "", true}, {"device", "1", "", true}, {"setting", "1", "", true}};
  for (int c = 0; c < 20; ++c) header.columns.push_back({"number_" + std::to_string(c), "1", "", false});
  for (std::uint64_t rank = 0; rank < 4; ++rank) {
    ShardWriter shard(shard_path(folder, rank, 4), header);
    PointShare share;
    share.rank = rank;
    share.size = 4;
    for (std::uint64_t i = 0; i < points; ++i) {
      if (!share.holds(i)) continue;
      PointRecord record{i, 0, 0.01, "sk n=100 seed=" + std::to_string(i), {}, ""};
      record.values = {"sk n=100 seed=" + std::to_string(i), std::string("emulator:"),
                       std::string("steps=100")};
      for (int c = 0; c < 20; ++c) record.values.emplace_back(1.0 / static_cast<double>(i + 1) + c);
      shard.append(record);
    }
    shard.close();
  }
}

void merging(const std::string& folder) {
  for (const std::uint64_t points : {10000U, 100000U, 1000000U}) {
    const std::string file = folder + "/merge.h5";
    wait_for(start_process([&] { write_shards(parts_folder(file), points); }));
    const Clock::time_point start = Clock::now();
    rusage used{};
    wait_for(start_process([&] { merge_by_hand(parts_folder(file), file); }), &used);
    std::printf("merge of %8llu points: %6.2f s, %5.1f MiB at most, file %.0f MiB\n",
                static_cast<unsigned long long>(points), seconds_since(start),
                static_cast<double>(used.ru_maxrss) / 1024,
                static_cast<double>(std::filesystem::file_size(file)) / (1U << 20));
    std::filesystem::remove_all(parts_folder(file));
    std::filesystem::remove(file);
  }
  std::printf("  expected: 100000 points in under 60 s, memory that does not grow\n");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string base = argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string();
  const int cores = argc > 2 ? std::atoi(argv[2]) : available_threads();
  const int points = argc > 3 ? std::atoi(argv[3]) : 1000;
  std::string folder = base + "/opoloop-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) {
    std::fprintf(stderr, "%s: no such folder\n", base.c_str());
    return 2;
  }
  throughput(folder, cores, points);
  merging(folder);
  std::filesystem::remove_all(folder);
  return 0;
}
