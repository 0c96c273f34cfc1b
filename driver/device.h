#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cim_model/imperfections.h"
#include "core/error.h"
#include "hamiltonian/problem.h"

namespace opoloop {

/// The machine has the job, and its answer is not here yet: a later process gets it by the job's id
/// (attach()).
class NotAnswered : public Error {
 public:
  using Error::Error;
};

class QamaProblem;   // hamiltonian/qama/qama_problem.h
struct BatchResult;  // driver/batch.h
class RunRecorder;   // driver/run_recorder.h: where amplitudes of a run are streamed to

/// What a device can take. The layer above adapts a problem to it (driver/adapt.h) and records what it did.
struct Capabilities {
  std::int64_t max_spins = 0;        ///< 0 = no limit but memory
  std::optional<int> coupling_bits;  ///< signed integers of so many bits; unset = real numbers
  bool linear_term = true;           ///< false: needs an ancilla
  bool trajectories = false;         ///< returns amplitudes over round trips
  bool exact = false;                ///< proves its optimum
  bool structured_couplings = false;
  bool seed_determines_answer = false;  ///< the same job gives the same answer again, to the bit
  bool resumable = false;               ///< a job lives on without this process: attach() finds it by its id
};

/// A named, documented value for the run file: every parameter a device ran with.
struct ParameterValue {
  std::string value;
  std::string unit;  ///< empty = dimensionless
};

/// What to run. Values left unset are chosen by the device from the problem.
struct JobSettings {
  std::optional<int> runs;            ///< trajectories
  std::optional<std::int64_t> steps;  ///< round trips (emulator), sweeps (annealing), steps (bifurcation)
  std::uint64_t seed = 1;
  int threads = 1;
  std::optional<double> target_energy;  ///< success is energy ≤ target (within rounding of the sums)
  bool until_target = false;            ///< stop as soon as one trajectory reaches it
  std::optional<double> time_limit_s;   ///< stop handing out new work after this, report what is done
  int log_trajectories = 0;             ///< stream amplitudes of the first so many trajectories
  std::int64_t log_every = 1;           ///< every so many round trips
  std::map<std::string, std::string> parameters;  ///< --model, --law, --preset, --dt, URI query, config keys
};

struct Job {
  std::shared_ptr<const Problem> problem;
  JobSettings settings;
  RunRecorder* recorder = nullptr;  ///< null unless amplitudes are logged
  /// Shown amplitudes of the first trajectories now and then, energies in those of the problem. Whether it is
  /// there changes no number of the answer; a device without amplitudes leaves it alone.
  RunRecorder* watcher = nullptr;
};

/// One trajectory (or read) of a device, in the problem's own spins (ancilla removed).
struct Sample {
  std::uint32_t trajectory = 0;  ///< its random stream
  double energy_final = 0;
  double energy_best = 0;
  std::int64_t round_best = 0;  ///< round trip (sweep, step) of the best energy
  std::int64_t rounds = 0;      ///< actually run
  bool diverged = false;
  ClippingCounts clipping;  ///< values outside the converters' ranges; 0 where a device has none
  std::vector<std::int8_t> spins_best;
  std::vector<std::int8_t> spins_final;
};

/// Where time went, in seconds; unset where it does not apply.
struct Timing {
  double wall_s = 0;                                               ///< of the sampling itself, without set-up
  double setup_s = 0;                                              ///< packing J, building tables
  std::optional<double> queue_s, network_s, anneal_s, read_out_s;  ///< remote machines
};

struct Result {
  std::string device_uri;
  std::map<std::string, ParameterValue> parameters;  ///< everything that was in force
  std::vector<std::string> adaptations;              ///< what was changed to fit the device, in words
  std::vector<std::string> warnings;
  std::vector<Sample> samples;              ///< ordered by trajectory
  std::int64_t steps = 0;                   ///< round trips asked per run
  int runs = 0;                             ///< trajectories asked
  double products_per_step = 0;             ///< matrix–vector products in one step (0: none)
  std::optional<double> round_trip_time_s;  ///< of the machine preset
  std::optional<double> machine_time_s;     ///< one run on the machine preset
  std::int64_t stored_couplings = 0;        ///< multiplied per product (GFLOP/s = 2·this/time)
  std::string coupling_storage;
  Timing timing;
  bool counts_clipping = false;  ///< the device has converters or fixed-point arithmetic that can saturate
  bool interrupted = false;      ///< stopped early: samples hold what was done
  bool time_limited = false;
  bool proven = false;  ///< the lowest energy of the samples is that of the ground state
};

enum class JobStatus { queued, running, done, failed, cancelled };

/// Called now and then from the calling thread of run(): fraction in [0, 1] and best energy so far.
struct Progress {
  double fraction = 0;
  double rate_per_s = 0;  ///< trajectory·steps a second
  std::optional<double> best_energy;
};
using ProgressCallback = std::function<void(const Progress&)>;

/// The seam between a program and whatever solves its Ising problem: the emulator in this process, a real
/// machine, a remote server, or a software baseline. Only the URI differs (docs/devices.md).
class Device {
 public:
  virtual ~Device() = default;

  virtual std::string uri() const = 0;
  virtual Capabilities capabilities() const = 0;

  /// Throws InputError where submit() would: lets a caller ask before it opens, or replaces, a run file.
  virtual void check(const Job& job) const = 0;
  /// Hands the job over and returns its id at once. Throws InputError where the device cannot take it.
  virtual std::string submit(const Job& job) = 0;
  virtual JobStatus poll(const std::string& id, Progress* progress = nullptr) = 0;
  /// poll(), but waits until the job ends or `timeout_s` is over, whichever comes first. By default polls
  /// with growing pauses; a device that can wait for its job does.
  virtual JobStatus wait(const std::string& id, double timeout_s, Progress* progress = nullptr);
  /// Waits for the end and returns the answer; rethrows what made the job fail. An id is answered once. A
  /// device whose machine may take days throws NotAnswered when it has waited long enough.
  virtual Result result(const std::string& id) = 0;
  virtual void cancel(const std::string& id) = 0;

  /// Finds a job that an earlier process submitted, so that wait() and result() know it. Throws InputError
  /// where there is none, where it is another job than this one, or where the device has no such jobs.
  virtual void attach(const std::string& id, const Job& job);

  /// submit and finish.
  Result run(const Job& job, const ProgressCallback& on_progress = {});
  /// Waits with progress, then result. An interrupt (Ctrl-C) cancels the job and returns what is done.
  Result finish(const std::string& id, const ProgressCallback& on_progress = {});

  /// Solves a batch of different problems, each once, and returns the best state found for each
  /// (driver/batch.h). By default one job after another; a device that can run problems side by side does,
  /// with a budget of its own where settings.runs and settings.steps are unset. Settings about targets,
  /// limits and logging are not looked at. Throws InputError where a problem does not fit; a device that
  /// fails in the middle leaves the rest unanswered and says so in the result.
  virtual BatchResult run_batch(std::span<const QamaProblem> problems, const JobSettings& settings);
};

/// Makes the device a URI names: "emulator:", "emulator:ntt-2016?law=cac", "annealing:", "dsb:", "bsb:",
/// "exact:", "opoloop://host:port", "quanfluence://host/device/id", "kaiwu:CPQC-550", "spool:folder". Throws
/// InputError listing the schemes.
std::unique_ptr<Device> make_device(const std::string& uri);

}  // namespace opoloop
