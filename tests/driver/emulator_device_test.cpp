#include "driver/emulator_device.h"

#include <catch2/catch.hpp>
#include <map>
#include <mutex>
#include <utility>

#include "core/random.h"
#include "driver/device.h"
#include "driver/run_recorder.h"

using namespace opoloop;

namespace {

/// Keeps the energy of the last round trip of each trajectory.
class LastEnergies final : public RunRecorder {
 public:
  void begin(int, int, std::int64_t rounds, std::int64_t, double, bool, bool) override { rounds_ = rounds; }
  void record(const TileObservation& seen) override {
    if (seen.round != rounds_) return;
    const std::lock_guard lock(mutex_);
    for (int lane = 0; lane < seen.lanes; ++lane)
      energies[seen.first_trajectory + static_cast<std::uint32_t>(lane)] = seen.energy[lane];
  }
  std::map<std::uint32_t, double> energies;

 private:
  std::int64_t rounds_ = 0;
  std::mutex mutex_;
};

std::shared_ptr<Problem> quarters(int n) {
  std::vector<IsingEdge> edges;
  RandomSequence random(3, Stream::generator);
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) edges.push_back({i, j, random.below(2) == 0 ? -0.25 : 0.25});
  }
  auto problem = std::make_shared<Problem>();
  problem->ising =
      IsingModel(n, std::move(edges), std::vector<double>(static_cast<std::size_t>(n), 0.25), 7.5);
  return problem;
}

Job job_of(std::shared_ptr<Problem> problem) {
  Job job;
  job.problem = std::move(problem);
  job.settings.runs = 4;
  job.settings.steps = 40;
  return job;
}

}  // namespace

TEST_CASE("logged energies are the problem's, also where a machine scales its couplings") {
  LastEnergies recorder;
  Job job = job_of(quarters(20));
  job.settings.log_trajectories = 4;
  job.recorder = &recorder;
  // Quarters are exact in 8 bits: nothing is rounded, all is scaled.
  const Result result = make_device("emulator:?coupling_bits=8")->run(job);
  REQUIRE(recorder.energies.size() == 4);
  for (const Sample& sample : result.samples)
    CHECK(recorder.energies.at(sample.trajectory) == Approx(sample.energy_final).epsilon(1e-9));
}

TEST_CASE("a time limit of centuries is none") {
  Job job = job_of(quarters(10));
  job.settings.time_limit_s = 1e10;
  const Result result = make_device("emulator:")->run(job);
  CHECK_FALSE(result.time_limited);
  REQUIRE(result.samples.size() == 4);
  for (const Sample& sample : result.samples) CHECK(sample.rounds == 40);
}

TEST_CASE("more threads than there are numbers of threads do no harm") {
  for (const char* device : {"emulator:", "annealing:", "dsb:"}) {
    Job job = job_of(quarters(10));
    const Result one = make_device(device)->run(job);
    job.settings.threads = 2147483647;
    const Result many = make_device(device)->run(job);
    REQUIRE(many.samples.size() == one.samples.size());
    for (std::size_t i = 0; i < one.samples.size(); ++i)
      CHECK(many.samples[i].spins_final == one.samples[i].spins_final);
  }
}
