#include "driver/exact_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "driver/device_parameters.h"
#include "driver/stop_clock.h"
#include "hamiltonian/brute_force.h"

namespace opoloop {

ExactDevice::ExactDevice(DeviceUri uri) : LocalDevice(std::move(uri)) {
  require_empty_rest(parsed_uri());
}

Capabilities ExactDevice::capabilities() const {
  Capabilities can;
  can.max_spins = kBruteForceMaxSpins;
  can.exact = true;
  can.seed_determines_answer = true;
  return can;
}

void ExactDevice::validate(const Job& job) const {
  ParameterReader("exact", job.settings.parameters, {});
}

Result ExactDevice::execute(const Job& job, JobControl& control) {
  const IsingModel& model = job.problem->ising;
  const JobSettings& settings = job.settings;
  const int runs = settings.runs.value_or(1);
  const std::int64_t states = std::int64_t{1} << (model.has_field() ? model.size() : model.size() - 1);
  control.total = states;
  const StopClock clock(settings.time_limit_s, control.cancel);
  const BruteForceResult found = brute_force(
      model, settings.threads, std::max(runs, 1), [&] { return clock.stop(); }, &control.progress);
  control.offer_energy(found.energy);

  Result result;
  result.timing.wall_s = clock.elapsed_s();
  result.runs = runs;
  result.steps = 1;
  result.parameters["states"] = {fmt::format("{}", found.evaluated), ""};
  result.parameters["degeneracy"] = {fmt::format("{}", found.degeneracy), ""};
  result.parameters["proven"] = {found.complete ? "true" : "false", ""};
  if (settings.steps && *settings.steps != 1) {
    result.warnings.push_back("exact: has no steps; the number given was not used");
  }
  result.proven = found.complete;
  if (!found.complete) {
    result.time_limited = clock.time_over();
    result.interrupted = clock.cancelled();
    result.warnings.push_back(
        fmt::format("stopped after {} of {} states: the best energy is not proven", found.evaluated, states));
  }
  for (int run = 0; run < runs; ++run) {
    Sample sample;
    sample.trajectory = static_cast<std::uint32_t>(run);
    sample.energy_best = sample.energy_final = found.energy;
    sample.round_best = sample.rounds = 1;
    sample.spins_best = found.ground_states[static_cast<std::size_t>(run) % found.ground_states.size()];
    sample.spins_final = sample.spins_best;
    result.samples.push_back(std::move(sample));
  }
  return result;
}

}  // namespace opoloop
