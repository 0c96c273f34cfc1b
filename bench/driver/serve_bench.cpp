// A server on loopback: what the network costs one job, and what many clients at once do to it.
//
// Expected (issue 5): a job of 10 ms costs under 5 ms more than in process; of 200 clients × 50 small jobs
// each is answered exactly once and right, with no status of 500 or more but 503.
//
// Usage: bench_serve [folder for the journal] [clients] [jobs a client]
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "driver/device.h"
#include "driver/server/service.h"

using namespace opoloop;

namespace {

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

Job small_job(std::uint64_t seed, std::int64_t steps) {
  auto problem = std::make_shared<Problem>();
  std::vector<IsingEdge> edges;
  for (std::int32_t i = 0; i < 32; ++i) edges.push_back({i, (i + 1) % 32, i == 0 ? -1.0 : 1.0});
  problem->ising = IsingModel(32, edges);
  Job job;
  job.problem = std::move(problem);
  job.settings.seed = seed;
  job.settings.runs = 16;
  job.settings.steps = steps;
  return job;
}

/// What one flush of this disk costs: no accepted job can be quicker.
double flush_s(const std::string& folder) {
  const std::string path = folder + "/flush";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
  std::vector<double> times;
  for (int k = 0; k < 21; ++k) {
    const auto start = Clock::now();
    if (::pwrite(fd, "0123456789", 10, 10 * k) != 10 || ::fdatasync(fd) != 0) std::printf("cannot flush\n");
    times.push_back(seconds_since(start));
  }
  ::close(fd);
  ::unlink(path.c_str());
  return median(times);
}

void overhead(Device& here, Device& there, double flush) {
  // As many round trips as take about 10 ms here.
  std::int64_t steps = 1000;
  const auto once = [](Device& device, std::int64_t count, std::uint64_t seed) {
    const auto start = Clock::now();
    device.run(small_job(seed, count));
    return seconds_since(start);
  };
  once(here, steps, 1);
  while (once(here, steps, 1) < 0.010) steps += steps / 4;
  std::vector<double> local, remote;
  for (std::uint64_t seed = 0; seed < 41; ++seed) {
    local.push_back(once(here, steps, seed));
    remote.push_back(once(there, steps, seed));
  }
  const double extra = median(remote) - median(local);
  std::printf(
      "one job        %.2f ms in process, %.2f ms over loopback: %.2f ms more (expected under 5; a flush of "
      "this disk "
      "takes %.2f)\n",
      1e3 * median(local), 1e3 * median(remote), 1e3 * extra, 1e3 * flush);
}

void load(const std::string& uri, int clients, int jobs, Service& service) {
  const auto here = make_device("emulator:");
  std::vector<Result> right;
  for (int k = 0; k < jobs; ++k) right.push_back(here->run(small_job(static_cast<std::uint64_t>(k), 100)));
  std::atomic<int> answered{0}, wrong{0}, failed{0};
  std::mutex mutex;
  std::string first_failure;
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  for (int c = 0; c < clients; ++c) {
    threads.emplace_back([&] {
      const auto device = make_device(uri);
      for (int k = 0; k < jobs; ++k) {
        try {
          const Result result = device->run(small_job(static_cast<std::uint64_t>(k), 100));
          ++answered;
          const auto& expected = right[static_cast<std::size_t>(k)].samples;
          bool same = result.samples.size() == expected.size();
          for (std::size_t s = 0; same && s < expected.size(); ++s) {
            same = result.samples[s].spins_best == expected[s].spins_best &&
                   result.samples[s].energy_final == expected[s].energy_final;
          }
          wrong += same ? 0 : 1;
        } catch (const std::exception& error) {
          ++failed;
          const std::lock_guard lock(mutex);
          if (first_failure.empty()) first_failure = error.what();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = seconds_since(start);
  const EngineCounts counts = service.engine().counts();
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "%d clients    %d jobs answered in %.1f s (%.0f a second), %d wrong, %d failed (expected 0 and 0)\n",
      clients, answered.load(), seconds, answered / seconds, wrong.load(), failed.load());
  std::printf(
      "the engine     %llu accepted, %llu done, %llu refused (queue full, tried again); peak memory of all "
      "%.0f MiB\n",
      static_cast<unsigned long long>(counts.accepted), static_cast<unsigned long long>(counts.done),
      static_cast<unsigned long long>(counts.refused_full), static_cast<double>(usage.ru_maxrss) / 1024);
  if (!first_failure.empty()) std::printf("first failure  %s\n", first_failure.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::string folder = argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string();
    folder += "/opoloop-serve-bench";
    std::filesystem::create_directories(folder);
    const int clients = argc > 2 ? std::atoi(argv[2]) : 200;
    const int jobs = argc > 3 ? std::atoi(argv[3]) : 50;
    const double flush = flush_s(folder);
    ServiceOptions options;
    options.engine.journal = folder;
    options.engine.devices = {"emulator:"};
    options.engine.workers = 2;
    Service service(options);
    const std::string uri = "opoloop://127.0.0.1:" + std::to_string(service.port());
    overhead(*make_device("emulator:"), *make_device(uri), flush);
    const std::uint64_t before = service.engine().counts().accepted;
    load(uri, clients, jobs, service);
    std::printf("exactly once   %llu accepted of %d submitted\n",
                static_cast<unsigned long long>(service.engine().counts().accepted - before), clients * jobs);
    service.stop();
    std::filesystem::remove_all(folder);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
