#include "driver/emulator_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>

#include "cim_model/ensemble.h"
#include "cim_model/feedback_law.h"
#include "cim_model/pulse_model.h"
#include "cim_model/stability.h"
#include "core/clock.h"
#include "core/error.h"
#include "driver/adapt.h"
#include "driver/device_file.h"
#include "driver/device_parameters.h"
#include "driver/emulator_parameters.h"
#include "driver/onlookers.h"
#include "driver/statistics.h"
#include "driver/trajectory_sample.h"
#include "hamiltonian/coupling.h"
#include "hamiltonian/kernels/matrix_kernels.h"

namespace opoloop {
namespace {

/// Parameters for a problem whose field, if any, is carried as `mode` says; the problem the loop then sees.
struct Prepared {
  LoopParameters parameters;
  IsingModel extended;  // with the ancilla, if there is one
  bool ancilla = false;
};

Prepared prepare(const std::map<std::string, std::string>& given, const Job& job, const IsingModel& model,
                 bool look_at_spectrum) {
  Prepared out;
  out.parameters = emulator_parameters(given, model, look_at_spectrum);
  if (job.settings.steps) out.parameters.rounds = *job.settings.steps;
  out.parameters.validate();
  if (model.has_field() && out.parameters.field_mode == FieldMode::ancilla) {
    out.ancilla = true;
    out.extended = with_ancilla(model);
  }
  require_dead_pulses_exist(out.parameters.imperfections, model.size() + (out.ancilla ? 1 : 0));
  return out;
}

/// How many trajectories when nobody says: a full batch, fewer where one round trip of the batch is long.
int automatic_runs(const Coupling& coupling) {
  const double products = 2.0 * static_cast<double>(coupling.stored_couplings());
  return products < 4e7 ? 128 : products < 4e8 ? 64 : 16;
}

}  // namespace

EmulatorDevice::EmulatorDevice(DeviceUri uri) : LocalDevice(std::move(uri)) {
  const std::string& rest = parsed_uri().rest;
  if (names_device_file(rest)) {
    DeviceFile file = read_device_file(rest);
    device_file_ = file.path;
    defaults_ = std::move(file.parameters);
    if (!file.machine.empty()) machine_ = &machine_preset(file.machine);
  } else if (!rest.empty()) {
    machine_ = &machine_preset(rest);
  }
  if (machine_ != nullptr && machine_->adc_bits)
    defaults_.emplace("adc_bits", std::to_string(machine_->adc_bits->value));
}

std::map<std::string, std::string> EmulatorDevice::in_force(const Job& job) const {
  std::map<std::string, std::string> parameters = job.settings.parameters;
  parameters.insert(defaults_.begin(), defaults_.end());
  return parameters;
}

Capabilities EmulatorDevice::capabilities() const {
  Capabilities can;
  can.trajectories = true;
  can.seed_determines_answer = true;
  if (machine_ == nullptr) return can;
  if (machine_->pulses_usable) can.max_spins = machine_->pulses_usable->value;
  if (machine_->coupling_max) {
    // |J| ≤ 2^(b−1) − 1.
    can.coupling_bits = std::bit_width(static_cast<unsigned>(machine_->coupling_max->value)) + 1;
    can.linear_term = false;
  }
  return can;
}

void EmulatorDevice::validate(const Job& job) const {
  const auto given = in_force(job);
  coupling_storage(given);
  coupling_bits(given, {});
  const Prepared prepared = prepare(given, job, job.problem->ising, false);
  // Some models refuse problems: delay lines those that take more lines than there are.
  if (!engine_runs(prepared.parameters)) {
    make_pulse_model(prepared.parameters, prepared.ancilla ? prepared.extended : job.problem->ising);
  }
  require_single_precision(job.problem->ising);
}

Result EmulatorDevice::execute(const Job& job, JobControl& control) {
  const auto begin = Clock::now();
  const JobSettings& settings = job.settings;
  const auto given = in_force(job);
  Capabilities can = capabilities();
  can.coupling_bits = coupling_bits(given, can.coupling_bits);
  const AdaptedProblem adapted = adapt(job.problem, can);
  Prepared prepared = prepare(given, job, adapted.problem->ising, true);
  const LoopParameters& parameters = prepared.parameters;
  const IsingModel& model = prepared.ancilla ? prepared.extended : adapted.problem->ising;
  const auto coupling = make_coupling(model, coupling_storage(given));

  Result result;
  result.runs = settings.runs.value_or(automatic_runs(*coupling));
  result.steps = parameters.rounds;
  result.products_per_step = 1;
  result.stored_couplings = coupling->stored_couplings();
  result.coupling_storage = coupling->storage();
  result.parameters = describe(parameters);
  result.parameters["coupling_strength"] = {number_text(coupling_strength(model, parameters)), "1/energy"};
  result.parameters["coupling_bits"] = {
      can.coupling_bits ? fmt::format("{}", *can.coupling_bits) : std::string("ideal"), "bit"};
  if (!device_file_.empty()) result.parameters["device_file"] = {device_file_, ""};
  result.counts_clipping = can_clip(parameters.imperfections);
  result.parameters["instruction_set"] = {kernels::instruction_set(), ""};
  if (machine_ != nullptr) {
    result.parameters["machine"] = {machine_->name, ""};
    if (machine_->round_trip_time_s) result.round_trip_time_s = machine_->round_trip_time_s->value;
    result.machine_time_s = machine_->machine_time_s(parameters.rounds);
  }
  if (prepared.ancilla)
    result.adaptations.push_back("linear term moved into an ancilla pulse (field_mode = ancilla)");

  if (std::string warning = time_step_warning(model, parameters); !warning.empty())
    result.warnings.push_back(std::move(warning));

  EngineOptions options;
  options.seed = settings.seed;
  options.trajectories = result.runs;
  options.threads = settings.threads;
  options.cancel = &control.cancel;
  options.progress = &control.progress;
  options.best_energy = &control.best_energy;
  if (settings.until_target && settings.target_energy) {
    const double target = adapted.device_energy(*settings.target_energy);
    options.stop_energy = target + energy_slack(target, adapted.problem->ising.largest_term());
    if (adapted.quantisation && !adapted.quantisation->exact) {
      result.warnings.push_back(
          "until-target looked at energies of the rounded couplings: it may have stopped early or not at "
          "all");
    }
  }
  control.energy_offset = adapted.problem_energy(0);
  control.energy_unit = adapted.problem_energy(1) - adapted.problem_energy(0);
  const Onlookers onlookers(job, {model.size(), result.runs, parameters.rounds, parameters.dt},
                            has_error_variable(parameters.law), has_separate_record(parameters),
                            [&](double energy) { return adapted.problem_energy(energy); });
  onlookers.attach_to(options);
  control.total = static_cast<std::int64_t>(result.runs) * parameters.rounds;
  result.timing.setup_s = seconds_since(begin);

  const auto start = Clock::now();
  if (settings.time_limit_s) options.deadline = start + clock_duration(*settings.time_limit_s);
  std::vector<TrajectoryResult> trajectories = run_ensemble(model, *coupling, parameters, options);
  result.timing.wall_s = seconds_since(start);
  const bool cut_short =
      trajectories.size() < static_cast<std::size_t>(result.runs) ||
      std::any_of(
          trajectories.begin(), trajectories.end(),
          [&](const TrajectoryResult& t) { return !t.diverged && t.rounds < parameters.rounds; });
  // A cancel that comes after the last round trip leaves a whole answer.
  result.interrupted = cut_short && control.cancel.load();
  result.time_limited =
      cut_short && !result.interrupted && options.deadline && Clock::now() >= *options.deadline;

  std::int64_t diverged = 0;
  for (const TrajectoryResult& t : trajectories) {
    Sample sample = sample_of(t, prepared.ancilla);
    if (prepared.ancilla) {
      // The same sums in the order of the problem as it was given.
      sample.energy_best = adapted.problem->ising.energy(sample.spins_best);
      sample.energy_final = adapted.problem->ising.energy(sample.spins_final);
    }
    if (t.diverged) ++diverged;
    result.samples.push_back(std::move(sample));
  }
  if (diverged > 0) {
    result.warnings.push_back(
        fmt::format("{} of {} trajectories left the range of numbers and were stopped there; more substeps "
                    "or a smaller dt or gain help",
                    diverged, result.samples.size()));
  }
  return adapted.restore(std::move(result));
}

}  // namespace opoloop
