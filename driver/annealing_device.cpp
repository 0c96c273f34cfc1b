#include "driver/annealing_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/threads.h"
#include "driver/annealing.h"
#include "driver/batch.h"
#include "driver/published_annealing.h"
#include "driver/qama_annealing.h"
#include "driver/statistics.h"
#include "driver/stop_clock.h"

namespace opoloop {
namespace {

const std::array<std::string, 3> kSchedules = {"geometric", "linear", "published"};
// Budget of one problem of a batch (docs/qama.md has what it buys).
int batch_reads(int spins) {
  return std::clamp(600 / spins, 1, 40);
}
constexpr std::int64_t kBatchSweeps = 120;
const std::array<std::string, 2> kYesNo = {"true", "false"};

struct Choices {
  std::optional<double> hot, cold;
  bool geometric = true;
  bool descend = true;
  bool published = false;
  PublishedSchedule published_schedule;
};

Choices read_choices(const JobSettings& settings) {
  const ParameterReader reader("annealing", settings.parameters, AnnealingDevice::parameters());
  constexpr double kMost = std::numeric_limits<double>::infinity();
  Choices choices;
  if (reader.has("t_hot")) choices.hot = reader.number("t_hot", 0, 0, kMost, true);
  if (reader.has("t_cold")) choices.cold = reader.number("t_cold", 0, 0, kMost, true);
  const std::string schedule = reader.choice("schedule", kSchedules[0], kSchedules);
  choices.geometric = schedule == kSchedules[0];
  choices.published = schedule == kSchedules[2];
  choices.published_schedule.patience = static_cast<int>(reader.number("patience", 0, 0, 1e9, false));
  choices.descend = reader.choice("descend", kYesNo[0], kYesNo) == kYesNo[0];
  if (choices.hot && choices.cold && *choices.cold > *choices.hot) {
    throw InputError(fmt::format("annealing: t_cold = {} is above t_hot = {}", *choices.cold, *choices.hot));
  }
  return choices;
}

}  // namespace

std::span<const ParameterHelp> AnnealingDevice::parameters() {
  static const std::vector<ParameterHelp> all = {
      {"t_hot", "energy", "0.8 of the largest rms local field", "temperature of the first sweep"},
      {"t_cold", "energy", "smallest excitations made with probability 5%", "temperature of the last sweep"},
      {"schedule", "", "geometric",
       "geometric or linear in temperature, or published: that of the QAMA paper"},
      {"patience", "steps", "0",
       "schedule=published: stop after so many without a new best energy; 0 = never"},
      {"descend", "", "true", "after the last sweep flip whatever lowers the energy: true or false"},
  };
  return all;
}

AnnealingDevice::AnnealingDevice(DeviceUri uri) : LocalDevice(std::move(uri)) {
  require_empty_rest(parsed_uri());
}

void AnnealingDevice::validate(const Job& job) const {
  read_choices(job.settings);
}

Result AnnealingDevice::execute(const Job& job, JobControl& control) {
  const IsingModel& model = job.problem->ising;
  const JobSettings& settings = job.settings;
  const Choices choices = read_choices(settings);
  const StopClock setup_clock({}, control.cancel);
  const std::unique_ptr<Annealer> annealer = make_annealer(model);
  AnnealingSchedule schedule = annealer->choose_temperatures();
  if (choices.hot) schedule.hot = *choices.hot;
  if (choices.cold) schedule.cold = *choices.cold;
  // One end given: the chosen other end moves with it where they would cross.
  if (choices.cold && !choices.hot) schedule.hot = std::max(schedule.hot, schedule.cold);
  if (choices.hot) schedule.cold = std::min(schedule.cold, schedule.hot);
  schedule.geometric = choices.geometric;
  schedule.descend = choices.descend;
  // Tuned on SK and G-set: the best number of sweeps grows about as n.
  const std::int64_t n = model.size();
  schedule.sweeps = settings.steps.value_or(std::clamp<std::int64_t>(2 * n, 100, 4000));
  Result result;
  if (choices.published) {
    const PublishedSchedule& published = choices.published_schedule;
    schedule.sweeps = published.steps();
    schedule.hot = published.hot;
    schedule.cold = published.cold;
    schedule.descend = true;
    if (settings.steps || choices.hot || choices.cold || !choices.descend) {
      result.warnings.push_back(
          "annealing: schedule=published has its own steps and temperatures and descends: steps, t_hot, "
          "t_cold "
          "and descend change nothing");
    }
  }
  const int runs = settings.runs.value_or(n <= 1000 ? 128 : 32);
  control.total = schedule.sweeps * runs;
  const double setup_s = setup_clock.elapsed_s();

  const StopClock clock(settings.time_limit_s, control.cancel);
  std::atomic<bool> reached{false};
  const double term = job.problem->ising.largest_term();
  const auto stop = [&] { return reached.load(std::memory_order_relaxed) || clock.stop(); };
  std::vector<std::optional<Sample>> samples(static_cast<std::size_t>(runs));
  parallel_for(runs, settings.threads, [&](std::int64_t run) {
    if (stop()) return;
    AnnealingOptions options;
    options.seed = settings.seed;
    options.read = static_cast<std::uint32_t>(run);
    if (settings.until_target) options.stop_energy = settings.target_energy;
    options.stop = stop;
    options.done = [&](std::int64_t sweeps) {
      control.progress.fetch_add(sweeps, std::memory_order_relaxed);
    };
    AnnealingRead read =
        choices.published ? published_annealing(model, choices.published_schedule, options.seed, options.read)
                          : annealer->run(schedule, options);
    control.offer_energy(read.energy_best);
    if (settings.until_target && reaches(read.energy_best, *settings.target_energy, term)) reached = true;
    Sample sample;
    sample.trajectory = options.read;
    sample.energy_final = read.energy_final;
    sample.energy_best = read.energy_best;
    sample.round_best = read.round_best;
    sample.rounds = read.rounds;
    sample.spins_best = std::move(read.spins_best);
    sample.spins_final = std::move(read.spins_final);
    samples[static_cast<std::size_t>(run)] = std::move(sample);
  });

  result.timing.wall_s = clock.elapsed_s();
  result.timing.setup_s = setup_s;
  result.runs = runs;
  result.steps = schedule.sweeps;
  result.coupling_storage = choices.published ? "f64" : annealer->storage();
  result.interrupted = clock.cancelled();
  result.time_limited = clock.time_over();
  for (auto& sample : samples) {
    if (sample) result.samples.push_back(std::move(*sample));
  }
  result.parameters["t_hot"] = {number_text(schedule.hot), "energy"};
  result.parameters["t_cold"] = {number_text(schedule.cold), "energy"};
  result.parameters["schedule"] = {kSchedules[choices.published ? 2 : schedule.geometric ? 0 : 1], ""};
  result.parameters["descend"] = {schedule.descend ? kYesNo[0] : kYesNo[1], ""};
  result.parameters["sweeps"] = {fmt::format("{}", schedule.sweeps), "sweeps"};
  result.parameters["runs"] = {fmt::format("{}", runs), ""};
  result.parameters["seed"] = {fmt::format("{}", settings.seed), ""};
  return result;
}

BatchResult AnnealingDevice::run_batch(std::span<const QamaProblem> problems, const JobSettings& given) {
  const JobSettings settings = merged(given);
  const Choices choices = read_choices(settings);
  int largest = 1;
  for (const QamaProblem& problem : problems) largest = std::max(largest, problem.spins());
  const int runs = settings.runs.value_or(batch_reads(largest));
  const std::int64_t sweeps = settings.steps.value_or(kBatchSweeps);
  if (runs < 1) throw_parameter_error("runs", runs, "at least 1");
  if (sweeps < 1) throw_parameter_error("steps", static_cast<double>(sweeps), "at least 1");
  BatchResult result = gather_batch(problems, settings.threads, [&](std::size_t p) {
    const auto first = static_cast<std::uint32_t>(p) * static_cast<std::uint32_t>(runs);  // read numbers
    BatchAnswer best;
    const auto offer = [&](std::vector<std::int8_t> spins) {
      const double energy = problems[p].energy(spins);
      if (best.spins.empty() || energy < best.energy) best = {std::move(spins), energy};
    };
    if (choices.published) {
      const IsingModel model = problems[p].to_dense();
      for (int run = 0; run < runs; ++run) {
        offer(published_annealing(model, choices.published_schedule, settings.seed,
                                  first + static_cast<std::uint32_t>(run))
                  .spins_best);
      }
      return best;
    }
    const QamaAnnealer annealer(problems[p]);
    AnnealingSchedule schedule;
    if (!choices.hot || !choices.cold) schedule = annealer.choose_temperatures(settings.seed);
    if (choices.hot) schedule.hot = *choices.hot;
    if (choices.cold) schedule.cold = *choices.cold;
    schedule.cold = std::min(schedule.cold, schedule.hot);
    schedule.geometric = choices.geometric;
    schedule.descend = choices.descend;
    schedule.sweeps = sweeps;
    for (int run = 0; run < runs; ++run) {
      offer(annealer.run(schedule, settings.seed, first + static_cast<std::uint32_t>(run)));
    }
    return best;
  });
  result.runs = runs;
  result.steps = choices.published ? choices.published_schedule.steps() : sweeps;
  result.parameters["schedule"] = {kSchedules[choices.published ? 2 : choices.geometric ? 0 : 1], ""};
  result.parameters["descend"] = {choices.descend ? kYesNo[0] : kYesNo[1], ""};
  result.parameters["sweeps"] = {fmt::format("{}", result.steps), "sweeps"};
  result.parameters["runs"] = {fmt::format("{}", runs), ""};
  result.parameters["seed"] = {fmt::format("{}", settings.seed), ""};
  return result;
}

}  // namespace opoloop
