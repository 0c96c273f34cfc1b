#include "driver/local_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <exception>
#include <thread>
#include <utility>

#include "core/clock.h"
#include "core/error.h"
#include "hamiltonian/formats/read_context.h"

namespace opoloop {

void JobControl::offer_energy(double energy) {
  double best = best_energy.load(std::memory_order_relaxed);
  while (energy < best && !best_energy.compare_exchange_weak(best, energy, std::memory_order_relaxed)) {
  }
}

struct LocalDevice::LocalJob {
  Job job;
  JobControl control;
  Clock::time_point start = Clock::now();
  std::mutex mutex;
  std::condition_variable ended;
  bool finished = false;
  std::exception_ptr failure;
  Result result;
  std::thread thread;

  JobStatus status(Progress* progress) {
    bool is_finished = false;
    {
      const std::lock_guard lock(mutex);
      is_finished = finished;
    }
    if (progress != nullptr) {
      const auto done = static_cast<double>(control.progress.load());
      const auto total = static_cast<double>(control.total.load());
      const double elapsed = seconds_since(start);
      progress->fraction = is_finished ? 1.0 : (total > 0 ? std::min(1.0, done / total) : 0.0);
      progress->rate_per_s = elapsed > 0 ? done / elapsed : 0.0;
      const double best =
          control.best_energy.load() * control.energy_unit.load() + control.energy_offset.load();
      progress->best_energy = std::isfinite(best) ? std::optional<double>(best) : std::nullopt;
    }
    if (!is_finished) return JobStatus::running;
    if (failure) return JobStatus::failed;
    return result.interrupted ? JobStatus::cancelled : JobStatus::done;
  }
};

namespace {

/// Checks that hold for every device in this process.
void check_settings(const Job& job, const Capabilities& can) {
  if (!job.problem) throw InputError("a job without a problem");
  const std::int64_t n = job.problem->ising.size();
  if (n < 1) throw InputError("a job with an empty problem");
  if (can.max_spins > 0 && n > can.max_spins) {
    throw InputError(fmt::format("the problem has {} spins, this device takes at most {}", n, can.max_spins));
  }
  const JobSettings& s = job.settings;
  if (s.runs && *s.runs < 1) throw_parameter_error("runs", *s.runs, "at least 1");
  if (s.runs) {
    // Best and final spins of every run, and its row of the result.
    const double bytes = *s.runs * (2.0 * static_cast<double>(n) + sizeof(Sample));
    const auto have = static_cast<double>(physical_memory());
    if (bytes > have) {
      throw InputError(fmt::format("runs = {}: their results need {}, this machine has {}", *s.runs,
                                   bytes_text(bytes), bytes_text(have)));
    }
  }
  if (s.steps && *s.steps < 1) throw_parameter_error("steps", static_cast<double>(*s.steps), "at least 1");
  if (s.threads < 1) throw_parameter_error("threads", s.threads, "at least 1");
  if (s.time_limit_s && !(*s.time_limit_s > 0)) {
    throw_parameter_error("time-limit", *s.time_limit_s, "a positive number of seconds");
  }
  if (s.target_energy && !std::isfinite(*s.target_energy)) {
    throw_parameter_error("target", *s.target_energy, "a finite energy");
  }
  if (s.until_target && !s.target_energy) {
    throw InputError("until-target needs a target energy, and none is given or known");
  }
  if (s.log_trajectories > 0 && !can.trajectories) {
    throw InputError("this device has no amplitudes to log (log-trajectories)");
  }
}

}  // namespace

LocalDevice::~LocalDevice() {
  assert(jobs_.empty() && "a derived destructor must call stop()");
}

void LocalDevice::validate(const Job&) const {}

Job LocalDevice::merged(const Job& job) const {
  Job whole = job;
  whole.settings = merged(job.settings);
  return whole;
}

JobSettings LocalDevice::merged(const JobSettings& settings) const {
  JobSettings whole = settings;
  whole.parameters.insert(uri_.query.begin(), uri_.query.end());
  return whole;
}

void LocalDevice::check(const Job& job) const {
  const Job whole = merged(job);
  check_settings(whole, capabilities());
  validate(whole);
}

std::string LocalDevice::hand_over(const Job&) {
  return fmt::format("local-{}", next_id_++);
}

std::string LocalDevice::submit(const Job& job) {
  check(job);
  Job whole = merged(job);
  std::string id = hand_over(whole);
  begin(id, std::move(whole));
  return id;
}

void LocalDevice::begin(const std::string& id, Job job) {
  const std::lock_guard lock(mutex_);
  if (jobs_.contains(id)) return;
  auto local = std::make_shared<LocalJob>();
  local->job = std::move(job);
  local->control.id = id;
  local->thread = std::thread([this, raw = local.get()] {
    Result result;
    std::exception_ptr failure;
    try {
      result = execute(raw->job, raw->control);
      result.device_uri = uri_.text;
    } catch (...) {
      failure = std::current_exception();
    }
    const std::lock_guard done(raw->mutex);
    raw->result = std::move(result);
    raw->failure = failure;
    raw->finished = true;
    raw->ended.notify_all();
  });
  jobs_.emplace(id, std::move(local));
}

std::shared_ptr<LocalDevice::LocalJob> LocalDevice::find(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) {
    throw InputError(
        fmt::format("device '{}' has no job '{}' (an answer can be fetched once)", uri_.text, id));
  }
  return found->second;
}

JobStatus LocalDevice::poll(const std::string& id, Progress* progress) {
  return find(id)->status(progress);
}

JobStatus LocalDevice::wait(const std::string& id, double timeout_s, Progress* progress) {
  const auto local = find(id);
  {
    std::unique_lock lock(local->mutex);
    local->ended.wait_for(lock, std::chrono::duration<double>(timeout_s), [&] { return local->finished; });
  }
  return local->status(progress);
}

Result LocalDevice::result(const std::string& id) {
  const auto local = find(id);
  {
    std::unique_lock lock(local->mutex);
    local->ended.wait(lock, [&] { return local->finished; });
  }
  {
    // Of two callers that waited for the same id, only the one that takes it off the list is answered.
    const std::lock_guard lock(mutex_);
    if (jobs_.erase(id) == 0) {
      throw InputError(fmt::format("device '{}' has already answered job '{}'", uri_.text, id));
    }
  }
  local->thread.join();
  if (local->failure) std::rethrow_exception(local->failure);
  return std::move(local->result);
}

void LocalDevice::cancel(const std::string& id) {
  find(id)->control.cancel.store(true);
}

void LocalDevice::stop() {
  std::map<std::string, std::shared_ptr<LocalJob>> jobs;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(jobs_);
  }
  for (auto& [id, local] : jobs) {
    local->control.left.store(true);
    local->control.cancel.store(true);
  }
  for (auto& [id, local] : jobs) {
    if (local->thread.joinable()) local->thread.join();
  }
}

}  // namespace opoloop
