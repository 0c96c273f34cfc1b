#include "driver/bifurcation_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "core/threads.h"
#include "driver/statistics.h"
#include "driver/stop_clock.h"

namespace opoloop {
namespace {

// Trajectories that share one pass over J. Small, so that threads and early stops have something to share;
// results do not depend on it.
constexpr int kBlockTrajectories = 4 * kTileLanes;

}  // namespace

std::span<const ParameterHelp> BifurcationDevice::parameters() {
  static const std::vector<ParameterHelp> all = {
      {"dt", "", "1.25", "time step"},
      {"a0", "", "1", "detuning, and pump at the end of the run"},
      {"c0", "1/energy", "0.5 √(N−1) / √(Σ_ij J_ij²)", "strength of the couplings"},
      {"start", "", "0.1", "positions and momenta start uniform in ± this"},
      {"energy_every", "steps", "1", "bsb: follow the energy every so many steps (dsb always does)"},
  };
  return all;
}

BifurcationDevice::BifurcationDevice(DeviceUri uri, BifurcationKind kind)
    : LocalDevice(std::move(uri)), kind_(kind) {
  require_empty_rest(parsed_uri());
}

BifurcationParameters BifurcationDevice::read_parameters(const JobSettings& settings) const {
  constexpr double kMost = std::numeric_limits<double>::infinity();
  const ParameterReader reader(parsed_uri().scheme, settings.parameters, parameters());
  BifurcationParameters p;
  p.kind = kind_;
  p.dt = reader.number("dt", p.dt, 0, 10, true);
  p.a0 = reader.number("a0", p.a0, 0, 100, true);
  p.c0 = reader.number("c0", 0, 0, kMost, true);
  p.start = reader.number("start", p.start, 0, 1, true);
  p.energy_every =
      reader.integer("energy_every", p.energy_every, 1, std::numeric_limits<std::int64_t>::max());
  return p;
}

void BifurcationDevice::validate(const Job& job) const {
  read_parameters(job.settings);
  require_single_precision(job.problem->ising);
}

Result BifurcationDevice::execute(const Job& job, JobControl& control) {
  const IsingModel& model = job.problem->ising;
  const JobSettings& settings = job.settings;
  BifurcationParameters p = read_parameters(settings);
  const StopClock setup_clock({}, control.cancel);
  const std::unique_ptr<Coupling> coupling = make_coupling(model);
  if (p.c0 == 0) p.c0 = bifurcation_c0(model);
  const std::int64_t n = model.size();
  // Tuned on SK: the best number of steps grows about as n, and is larger for dSB.
  p.steps = settings.steps.value_or(kind_ == BifurcationKind::ballistic
                                        ? std::clamp<std::int64_t>(2 * n, 100, 10000)
                                        : std::clamp<std::int64_t>(3 * n, 150, 10000));
  const int runs = settings.runs.value_or(128);
  control.total = p.steps * runs;
  const double setup_s = setup_clock.elapsed_s();

  const StopClock clock(settings.time_limit_s, control.cancel);
  std::atomic<bool> reached{false};
  const double term = model.largest_term();
  const auto stop = [&] { return reached.load(std::memory_order_relaxed) || clock.stop(); };
  // Fewer trajectories in a block where that keeps every thread busy.
  const int threads = std::min(settings.threads, runs);
  const int share = (runs - 1) / threads + 1;
  const int block = std::min(kBlockTrajectories, (share + kTileLanes - 1) / kTileLanes * kTileLanes);
  const std::int64_t blocks = (runs + block - 1) / block;
  std::vector<std::vector<BifurcationRun>> done(static_cast<std::size_t>(blocks));
  parallel_for(blocks, settings.threads, [&](std::int64_t b) {
    if (stop()) return;
    BifurcationOptions options;
    options.seed = settings.seed;
    options.first_trajectory = static_cast<std::uint32_t>(b * block);
    options.trajectories = static_cast<int>(std::min<std::int64_t>(block, runs - b * block));
    if (settings.until_target) options.stop_energy = settings.target_energy;
    options.stop = stop;
    options.done = [&](std::int64_t steps) { control.progress.fetch_add(steps, std::memory_order_relaxed); };
    std::vector<BifurcationRun> answers = run_bifurcation(model, *coupling, p, options);
    for (const BifurcationRun& run : answers) {
      control.offer_energy(run.energy_best);
      if (settings.until_target && reaches(run.energy_best, *settings.target_energy, term)) reached = true;
    }
    done[static_cast<std::size_t>(b)] = std::move(answers);
  });

  Result result;
  result.timing.wall_s = clock.elapsed_s();
  result.timing.setup_s = setup_s;
  result.runs = runs;
  result.steps = p.steps;
  result.products_per_step = 1;
  result.stored_couplings = coupling->stored_couplings();
  result.coupling_storage = coupling->storage();
  result.interrupted = clock.cancelled();
  result.time_limited = clock.time_over();
  for (std::size_t b = 0; b < done.size(); ++b) {
    for (std::size_t k = 0; k < done[b].size(); ++k) {
      BifurcationRun& run = done[b][k];
      Sample sample;
      sample.trajectory = static_cast<std::uint32_t>(b * static_cast<std::size_t>(block) + k);
      sample.energy_final = run.energy_final;
      sample.energy_best = run.energy_best;
      sample.round_best = run.round_best;
      sample.rounds = run.rounds;
      sample.diverged = run.diverged;
      sample.spins_best = std::move(run.spins_best);
      sample.spins_final = std::move(run.spins_final);
      result.samples.push_back(std::move(sample));
    }
  }
  result.parameters["dt"] = {number_text(p.dt), ""};
  result.parameters["a0"] = {number_text(p.a0), ""};
  result.parameters["c0"] = {number_text(p.c0), "1/energy"};
  result.parameters["start"] = {number_text(p.start), ""};
  if (kind_ == BifurcationKind::ballistic) {
    result.parameters["energy_every"] = {fmt::format("{}", p.energy_every), "steps"};
  }
  result.parameters["steps"] = {fmt::format("{}", p.steps), "steps"};
  result.parameters["runs"] = {fmt::format("{}", runs), ""};
  result.parameters["seed"] = {fmt::format("{}", settings.seed), ""};
  return result;
}

}  // namespace opoloop
