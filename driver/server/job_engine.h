#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "driver/server/job_json.h"
#include "driver/server/live_picture.h"

namespace opoloop {

struct JobEngineOptions {
  std::string journal;               ///< folder; made where it is missing
  std::vector<std::string> devices;  ///< URIs on offer; the first is the default
  int workers = 1;                   ///< jobs that run at the same time
  int threads_per_job = 1;
  int max_queue = 1000;      ///< accepted and not yet running
  int max_finished = 10000;  ///< answers kept; the oldest are forgotten
  double max_job_s = 3600;   ///< a job is stopped after this and answers with what is done
  std::uint64_t max_log_bytes = std::uint64_t{1} << 30;  ///< amplitudes one job may log
  std::uint64_t max_result_bytes = std::uint64_t{256} << 20;
  /// Jobs whose amplitudes stay in memory after their end, for a late look (below 1 MB each); −1: none are
  /// watched at all.
  int kept_pictures = 32;
  bool list_jobs = false;  ///< whoever may ask at all may ask which jobs there are
  JobLimits limits;
};

/// Why a job was not taken, beside an InputError (it is wrong) and an Error (the disk refuses).
class QueueFull : public Error {
 public:
  using Error::Error;
};
class Stopping : public Error {
 public:
  using Error::Error;
};
/// The idempotency key stands for another job already; or the job is in a state that forbids what was asked.
class JobConflict : public Error {
 public:
  using Error::Error;
};

/// What everybody who knows its id may see of a job.
struct JobView {
  std::string id;
  std::string device;
  std::string label;
  std::string note;  ///< of the request
  JobStatus status = JobStatus::queued;
  std::string problem_name;
  std::string fingerprint;  ///< SHA-256 of what was accepted: device, settings and problem
  std::int32_t spins = 0;
  JobSettings settings;  ///< as they were asked for
  double created_unix_s = 0;
  double ended_unix_s = 0;  ///< 0 before the end
  Progress progress;
  std::string error;          ///< of a failed job
  bool logged = false;        ///< amplitudes were asked for
  std::uint64_t version = 0;  ///< counts changes
};

struct EngineCounts {
  std::uint64_t accepted = 0, refused_full = 0, done = 0, failed = 0, cancelled = 0;  ///< since the start
  int queued = 0, running = 0, kept = 0;
  double busy_s = 0;         ///< of workers
  std::string disk_trouble;  ///< empty where the journal can be written
};

struct Submission {
  std::string id;
  bool created = true;  ///< false: the key stood for this very job already
};

/// Accepts jobs, keeps them in a journal (journal.h) and runs them on worker threads.
///
/// A job that was accepted is on the disk before submit() returns; it is run, by this process or by the next
/// one that opens the journal, until its answer is in the journal, and only then is the answer shown: nobody
/// sees two different answers. The answer of a job that ran to its end follows from its seed, so it need not
/// be flushed: after a power cut it would be computed again, the same. One that was stopped early or at its
/// target, and that of a machine whose answers no seed determines, is flushed.
/// While the disk refuses, finished jobs wait, holding their worker, and nothing is lost; but a job whose run
/// file (log_trajectories) it refuses has failed.
class JobEngine {
 public:
  /// Opens the journal and queues again what was accepted and not finished. Throws InputError on a device
  /// that cannot be made, a journal in use or damaged, a device that jobs wait for and that is not on offer.
  explicit JobEngine(JobEngineOptions options);
  /// stop(0).
  ~JobEngine();
  JobEngine(const JobEngine&) = delete;
  JobEngine& operator=(const JobEngine&) = delete;

  /// Begins to run jobs; a test may look at the queue before.
  void start();
  /// The fingerprint that submit() would give the job. Throws the InputError that it would.
  std::string check(const JobRequest& request) const;
  /// `key` (may be empty) is the client's own name of the request: sent again, it gives the same job.
  /// Throws InputError, QueueFull, Stopping, JobConflict, Error.
  Submission submit(const JobRequest& request, const std::string& key);

  std::optional<JobView> find(const std::string& id) const;
  /// find(), after the job's version is not `version` any more, it has ended, or `timeout_s` is over.
  std::optional<JobView> wait(const std::string& id, double timeout_s,
                              std::optional<std::uint64_t> version = {}) const;
  /// The answer (result_json) of a job that is done or cancelled. Throws JobConflict in any other state.
  std::string result(const std::string& id) const;
  /// The run file of such a job: with amplitudes where it logged them, otherwise made from the answer at
  /// `path`.
  void write_run_file(const std::string& id, const std::string& path) const;

  /// Jobs that run, then some that wait, in their order, then the latest that ended; at most kMostListed.
  std::vector<JobView> listed() const;
  static constexpr std::size_t kMostListed = 50;

  /// The amplitudes of a job that runs, or ran: of this process, or from its log. Null where it has none
  /// (yet). It may grow while one looks.
  std::shared_ptr<const LivePicture> picture(const std::string& id) const;

  /// Stops a job soon; it answers with what is done. Nothing happens to one that has ended. False: no such
  /// id.
  bool cancel(const std::string& id);
  /// Removes a job that has ended, and its files. Throws JobConflict for one that has not. False: no such id.
  bool forget(const std::string& id);

  EngineCounts counts() const;
  const JobEngineOptions& options() const;
  /// What a device on offer can do. Throws InputError for one that is not.
  Capabilities capabilities(const std::string& device) const;

  /// Takes no more jobs, gives those that run so many seconds to end, stops the others, which will run again
  /// when the journal is opened next, and joins all threads. Call any number of times.
  void stop(double grace_s);
  /// True once stop() has given up waiting: no job will end any more.
  bool stopped() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace opoloop
