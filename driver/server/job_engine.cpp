#include "driver/server/job_engine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "core/clock.h"
#include "core/interrupt.h"
#include "core/sha256.h"
#include "driver/run_file.h"
#include "driver/server/bounded_recorder.h"
#include "driver/server/job_records.h"
#include "driver/server/journal.h"
#include "driver/server/random_id.h"
#include "driver/statistics.h"
#include "hamiltonian/formats/file_bytes.h"
#include "hamiltonian/problem_file.h"

namespace opoloop {
namespace {

double unix_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string fingerprint_of(const std::string& description, const std::string& problem) {
  Sha256 hash;
  hash.update(description.data(), description.size());
  hash.update("\n", 1);
  hash.update(problem.data(), problem.size());
  return hash.hex_digest();
}

bool ended(JobStatus status) {
  return status != JobStatus::queued && status != JobStatus::running;
}

/// Where nobody is there to hear that it did not work. False where it did not: the device may be out of
/// reach, the job may have ended.
bool cancel_quietly(const std::function<void()>& cancel_there) {
  try {
    if (cancel_there) cancel_there();
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

struct JobEngine::Impl {
  JobEngineOptions options;
  std::map<std::string, std::unique_ptr<Device>> devices;
  std::unique_ptr<Journal> journal;

  mutable std::mutex mutex;
  std::condition_variable work, idle;
  std::map<std::string, JobPointer> jobs;
  std::map<std::string, JobPointer> keys;
  std::deque<JobPointer> queue;
  std::deque<JobPointer> finished;
  std::deque<std::weak_ptr<StoredJob>> pictures;  ///< jobs that have ended and still have one, oldest first
  std::multiset<std::uint32_t> segments;          ///< of the acceptance of every job that is kept
  EngineCounts counts;
  bool stopping = false;  ///< no new jobs
  bool stopped = false;   ///< no job will end any more
  std::vector<std::thread> workers;

  // --- opening -------------------------------------------------------------------------------------------

  std::string log_path(const std::string& id) const { return options.journal + "/run-" + id + ".h5"; }

  void replay_accepted(const std::string& body, const Journal::Place& place) {
    const JobPointer job = accepted_job(body, options.journal);
    job->accepted_at = place;
    job->journaled = job->accepted = true;
    add(job);
    segments.insert(place.segment);
  }

  void replay_finished(const std::string& body, const Journal::Place& place) {
    const FinishedRecord record = finished_record(body, options.journal);
    const auto found = jobs.find(record.id);
    if (found == jobs.end()) return;
    StoredJob& job = *found->second;
    if (ended(job.view.status)) return;  // the first answer counts
    job.view.status = record.status;
    job.view.error = record.error;
    job.view.ended_unix_s = record.ended_unix_s;
    job.view.progress.fraction = 1;
    const std::size_t at = payload_of(body);
    job.finished_at = {place.segment, place.offset + at, place.length - at};
    finished.push_back(found->second);
  }

  void replay(std::uint32_t type, const std::string& body, const Journal::Place& place) {
    if (type == kAccepted) return replay_accepted(body, place);
    if (type == kFinished) return replay_finished(body, place);
    const auto found = jobs.find(body);
    if (found == jobs.end()) return;
    if (type == kCancelAsked) found->second->cancel_asked = true;
    if (type == kForgotten) remove(found->second);
  }

  /// Run files of a server that was killed: those being sent, and those of jobs that are no more.
  void remove_leftovers() const {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(options.journal, ignored)) {
      const std::string name = entry.path().filename();
      if (!name.ends_with(".h5") && !name.ends_with(".part")) continue;
      const bool log =
          name.starts_with("run-") && name.ends_with(".h5") && jobs.contains(name.substr(4, name.size() - 7));
      if (!log && (name.starts_with("run-") || name.starts_with("sending-"))) {
        std::filesystem::remove(entry.path(), ignored);
      }
    }
  }

  void open() {
    if (options.devices.empty()) throw InputError("a server needs a device to offer");
    for (const std::string& uri : options.devices) devices[uri] = make_device(uri);
    const std::uint64_t record = std::max(options.limits.memory_bytes, options.max_result_bytes) + (1 << 20);
    journal = std::make_unique<Journal>(options.journal, record,
                                        [this](std::uint32_t type, const std::string& body,
                                               const Journal::Place& place) { replay(type, body, place); });
    remove_leftovers();
    // In the order of acceptance, which is that of the records.
    std::vector<JobPointer> waiting;
    for (const auto& [id, job] : jobs) {
      if (!ended(job->view.status)) waiting.push_back(job);
    }
    std::sort(waiting.begin(), waiting.end(), [](const JobPointer& a, const JobPointer& b) {
      return std::pair(a->accepted_at.segment, a->accepted_at.offset) <
             std::pair(b->accepted_at.segment, b->accepted_at.offset);
    });
    require_devices_of(waiting);
    queue.assign(waiting.begin(), waiting.end());
  }

  /// What was accepted is not to fail because this server was started otherwise than the one before.
  void require_devices_of(const std::vector<JobPointer>& waiting) const {
    std::set<std::string> missing;
    for (const JobPointer& job : waiting) {
      if (!job->cancel_asked && !devices.contains(job->view.device)) missing.insert(job->view.device);
    }
    if (missing.empty()) return;
    throw InputError(fmt::format("the journal {} has jobs that wait for {}: offer that too (--device)",
                                 options.journal, fmt::join(missing, " and ")));
  }

  // --- the tables; callers hold the mutex ----------------------------------------------------------------

  void add(const JobPointer& job) {
    jobs[job->view.id] = job;
    if (!job->key.empty()) keys[job->key] = job;
  }

  void remove(const JobPointer& given) {
    // The reference may be to an element of what is erased.
    const JobPointer job = given;  // NOLINT(performance-unnecessary-copy-initialization)
    jobs.erase(job->view.id);
    if (!job->key.empty()) keys.erase(job->key);
    if (job->journaled) segments.erase(segments.find(job->accepted_at.segment));
    std::erase(queue, job);
    std::erase(finished, job);
    std::error_code ignored;
    if (job->view.logged) std::filesystem::remove(log_path(job->view.id), ignored);
  }

  /// What to ask of a device that computes this job, if one does. To be asked without the mutex: a remote
  /// device takes its time.
  static std::function<void()> cancelling(const StoredJob& job) {
    if (job.device == nullptr) return {};
    return [device = job.device, id = job.device_job] { device->cancel(id); };
  }

  void touch(StoredJob& job) {
    ++job.view.version;
    job.changed.notify_all();
  }

  JobPointer find(const std::string& id) const {
    const auto found = jobs.find(id);
    return found == jobs.end() || !found->second->accepted ? nullptr : found->second;
  }

  /// Where nothing is kept of them any more, old segments go.
  void drop_segments() {
    journal->drop_before(segments.empty() ? journal->current_segment() : *segments.begin());
  }

  void forget_oldest() {
    while (finished.size() > static_cast<std::size_t>(options.max_finished)) {
      const JobPointer job = finished.front();
      // Not flushed: forgetting a little later does no harm.
      journal->append(kForgotten, job->view.id);
      remove(job);
    }
    drop_segments();
  }

  /// The device of a job that it takes, by URI. Throws InputError where it does not.
  std::string device_for(const JobRequest& request) const {
    std::string uri = request.description.device;
    if (uri.empty()) uri = options.devices.front();
    const auto found = devices.find(uri);
    if (found == devices.end()) {
      throw InputError(fmt::format("device: '{}' is not offered here; see /v1/devices", uri.substr(0, 60)));
    }
    JobSettings settings = request.description.settings;
    settings.threads = options.threads_per_job;
    found->second->check({std::make_shared<const Problem>(request.problem), settings, nullptr});
    if (settings.runs &&
        2.0 * *settings.runs * request.problem.ising.size() > static_cast<double>(options.max_result_bytes)) {
      throw InputError(fmt::format("runs = {}: the answer would have more than {} bytes", *settings.runs,
                                   options.max_result_bytes));
    }
    return uri;
  }

  // --- running -------------------------------------------------------------------------------------------

  Problem load_problem_of(const StoredJob& job) const {
    const std::string body = journal->read(job.accepted_at);
    LoadOptions load;
    load.format = ProblemFormat::npz;
    Problem problem =
        load_problem_from_bytes(std::string_view(body).substr(payload_of(body)), job.view.problem_name, load);
    problem.name = job.view.problem_name;
    problem.source = job.problem_source;
    problem.sha256 = job.problem_sha256;
    return problem;
  }

  /// Keeps the picture of a job that has ended, and forgets that of the oldest where they are too many.
  void keep_picture(const JobPointer& job) {
    if (!job->picture || !job->picture->begun()) {
      job->picture.reset();
      return;
    }
    pictures.push_back(job);
    std::erase_if(pictures, [](const std::weak_ptr<StoredJob>& kept) { return kept.expired(); });
    while (pictures.size() > static_cast<std::size_t>(std::max(0, options.kept_pictures))) {
      if (const JobPointer oldest = pictures.front().lock()) oldest->picture.reset();
      pictures.pop_front();
    }
  }

  /// Puts the end of a job into the journal, then shows it.
  void store(const JobPointer& job, JobStatus status, const std::string& error, const std::string& answer,
             bool flush) {
    const double now = unix_seconds();
    Journal::Place place;
    const std::uint64_t ticket =
        journal->append(kFinished, finished_body({job->view.id, status, error, now}, answer), &place);
    if (flush) journal->sync(ticket);
    const std::lock_guard lock(mutex);
    if (job->abandoned) return;  // it was never accepted
    counts.disk_trouble.clear();
    job->finished_at = {place.segment, place.offset + place.length - answer.size(), answer.size()};
    job->view.status = status;
    job->view.error = error;
    job->view.ended_unix_s = now;
    job->view.progress.fraction = 1;
    counts.done += status == JobStatus::done;
    counts.failed += status == JobStatus::failed;
    counts.cancelled += status == JobStatus::cancelled;
    finished.push_back(job);
    keep_picture(job);
    touch(*job);
    try {
      forget_oldest();
    } catch (const Error& refused) {
      counts.disk_trouble = refused.what();
    }
  }

  /// store(), again and again until the disk takes it or the server stops.
  void store_for_sure(const JobPointer& job, JobStatus status, const std::string& error,
                      const std::string& answer, bool flush) {
    for (;;) {
      try {
        store(job, status, error, answer, flush);
        return;
      } catch (const Error& refused) {
        std::unique_lock lock(mutex);
        counts.disk_trouble = refused.what();
        if (idle.wait_for(lock, std::chrono::milliseconds(200), [&] { return stopping || job->abandoned; })) {
          job->abandoned = true;
          return;
        }
      }
    }
  }

  static Result nothing_done(const StoredJob& job) {
    Result result;
    result.device_uri = job.view.device;
    result.runs = job.description.settings.runs.value_or(0);
    result.steps = job.description.settings.steps.value_or(0);
    result.interrupted = true;
    return result;
  }

  struct Answer {
    std::string text;
    bool stopped_early = false;
    bool flush = true;  ///< the seed alone does not determine it: whoever has seen it is to see it again
  };

  Answer compute(const JobPointer& job) {
    auto problem = std::make_shared<const Problem>(load_problem_of(*job));
    JobSettings settings = job->description.settings;
    settings.threads = options.threads_per_job;
    settings.time_limit_s = std::min(settings.time_limit_s.value_or(options.max_job_s), options.max_job_s);
    std::unique_ptr<RunFile> file;
    std::unique_ptr<BoundedRecorder> recorder;
    if (job->view.logged) {
      file = std::make_unique<RunFile>(
          log_path(job->view.id), *problem,
          RunFile::Header{"opoloop serve: job " + job->view.id, settings.seed, job->view.device});
      recorder = std::make_unique<BoundedRecorder>(*file, options.max_log_bytes);
    }
    Device& device = *devices.at(job->view.device);
    const auto picture = options.kept_pictures >= 0 && device.capabilities().trajectories
                             ? std::make_shared<LivePicture>()
                             : nullptr;
    const std::string running = device.submit({problem, settings, recorder.get(), picture.get()});
    bool cancelled = false;
    {
      const std::lock_guard lock(mutex);
      job->picture = picture;
      job->device = &device;
      job->device_job = running;
      cancelled = job->cancel_asked || job->abandoned;
    }
    if (cancelled) cancel_quietly([&] { device.cancel(running); });
    Progress progress;
    while (!ended(device.wait(running, 0.1, &progress))) {
      const std::lock_guard lock(mutex);
      job->view.progress = progress;
      touch(*job);
    }
    {
      const std::lock_guard lock(mutex);
      job->device = nullptr;
      job->view.progress = progress;
    }
    const Result result = device.result(running);
    {
      const std::lock_guard lock(mutex);
      if (job->abandoned) return {};
    }
    if (file) {
      file->finish(result, solve_statistics(result, settings.target_energy, problem->ising.largest_term()));
    }
    std::string answer = result_json(result);
    if (answer.size() > options.max_result_bytes) {
      throw InputError(
          fmt::format("the answer has {} bytes, this server keeps at most {}: ask for fewer runs",
                      answer.size(), options.max_result_bytes));
    }
    const bool stopped_early = result.interrupted || result.time_limited;
    return {answer, stopped_early,
            stopped_early || settings.until_target || !device.capabilities().seed_determines_answer};
  }

  /// What fails while this server stops may fail because of that: a remote device is not asked twice any
  /// more. The job is tried again at the next start, unless it is refused.
  bool left_to_the_next_start(const JobPointer& job, const std::exception& failed) {
    if (dynamic_cast<const InputError*>(&failed) != nullptr) return false;
    const std::lock_guard lock(mutex);
    // A signal is known to devices before whoever waits for it has called stop().
    if (stopping || interrupted()) job->abandoned = true;
    return job->abandoned;
  }

  void run(const JobPointer& job) {
    Answer answer;
    std::string error;
    JobStatus status = JobStatus::done;
    bool cancelled = false;
    {
      const std::lock_guard lock(mutex);
      cancelled = job->cancel_asked;
    }
    if (cancelled) {
      answer.text = result_json(nothing_done(*job));
      status = JobStatus::cancelled;
    } else {
      try {
        answer = compute(job);
      } catch (const std::exception& failed) {
        if (left_to_the_next_start(job, failed)) return;
        status = JobStatus::failed;
        error = failed.what();
        std::error_code ignored;
        if (job->view.logged) std::filesystem::remove(log_path(job->view.id), ignored);
      }
      const std::lock_guard lock(mutex);
      if (job->abandoned) return;
      if (status == JobStatus::done && job->cancel_asked && answer.stopped_early)
        status = JobStatus::cancelled;
    }
    store_for_sure(job, status, error, answer.text, answer.flush);
  }

  void work_loop() {
    std::unique_lock lock(mutex);
    for (;;) {
      work.wait(lock, [&] { return stopping || !queue.empty(); });
      if (stopping) return;
      const JobPointer job = queue.front();
      queue.pop_front();
      ++counts.running;
      job->view.status = JobStatus::running;
      touch(*job);
      lock.unlock();
      const auto start = Clock::now();
      run(job);
      lock.lock();
      counts.busy_s += seconds_since(start);
      --counts.running;
      if (job->abandoned) {
        job->view.status = JobStatus::queued;
        touch(*job);
      }
      idle.notify_all();
    }
  }
};

JobEngine::JobEngine(JobEngineOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
  impl_->open();
}

JobEngine::~JobEngine() {
  stop(0);
}

void JobEngine::start() {
  for (int k = 0; k < impl_->options.workers; ++k) {
    impl_->workers.emplace_back([this] { impl_->work_loop(); });
  }
}

std::string JobEngine::check(const JobRequest& request) const {
  JobDescription description = request.description;
  description.device = impl_->device_for(request);
  return fingerprint_of(description_json(description), problem_to_bytes(request.problem, ProblemFormat::npz));
}

Submission JobEngine::submit(const JobRequest& request, const std::string& key) {
  Impl& e = *impl_;
  auto job = std::make_shared<StoredJob>();
  job->description = request.description;
  job->description.device = e.device_for(request);
  const std::string description = description_json(job->description);
  const std::string problem = problem_to_bytes(request.problem, ProblemFormat::npz);
  job->key = key;
  job->view.fingerprint = fingerprint_of(description, problem);
  job->view.device = job->description.device;
  job->view.label = job->description.label;
  job->view.settings = job->description.settings;
  job->view.problem_name = request.problem.name;
  job->view.note = request.note;
  job->view.spins = request.problem.ising.size();
  job->view.logged = request.description.settings.log_trajectories > 0;
  job->view.id = random_id();
  job->view.created_unix_s = unix_seconds();
  job->problem_source = request.problem.source;
  job->problem_sha256 = request.problem.sha256;

  std::unique_lock lock(e.mutex);
  if (!key.empty()) {
    // A request that was sent twice at once: the second waits for what becomes of the first.
    for (auto same = e.keys.find(key); same != e.keys.end(); same = e.keys.find(key)) {
      const JobPointer other = same->second;
      if (other->view.fingerprint != job->view.fingerprint) {
        throw JobConflict("this Idempotency-Key stands for another job already");
      }
      if (other->accepted) return {other->view.id, false};
      other->changed.wait_for(lock, std::chrono::milliseconds(100));
    }
  }
  if (e.stopping) throw Stopping("the server is stopping");
  if (e.queue.size() >= static_cast<std::size_t>(e.options.max_queue)) {
    ++e.counts.refused_full;
    throw QueueFull(fmt::format("{} jobs are waiting already", e.queue.size()));
  }
  e.add(job);
  std::uint64_t ticket = 0;
  try {
    ticket = e.journal->append(kAccepted, accepted_body(*job, problem), &job->accepted_at);
    job->journaled = true;
    e.segments.insert(job->accepted_at.segment);
    // It may run while its record is being flushed: nobody learns its id, and so its answer, before that.
    e.queue.push_back(job);
    e.work.notify_one();
    lock.unlock();
    e.journal->sync(ticket);
    lock.lock();
  } catch (const Error& refused) {
    if (!lock.owns_lock()) lock.lock();
    e.counts.disk_trouble = refused.what();
    job->abandoned = true;
    const auto cancel_there = Impl::cancelling(*job);
    e.remove(job);
    e.touch(*job);
    lock.unlock();
    cancel_quietly(cancel_there);
    throw;
  }
  job->accepted = true;
  ++e.counts.accepted;
  job->changed.notify_all();
  return {job->view.id, true};
}

std::optional<JobView> JobEngine::find(const std::string& id) const {
  const std::lock_guard lock(impl_->mutex);
  const JobPointer job = impl_->find(id);
  return job ? std::optional(job->view) : std::nullopt;
}

std::optional<JobView> JobEngine::wait(const std::string& id, double timeout_s,
                                       std::optional<std::uint64_t> version) const {
  std::unique_lock lock(impl_->mutex);
  const JobPointer job = impl_->find(id);
  if (!job) return std::nullopt;
  job->changed.wait_for(lock, std::chrono::duration<double>(timeout_s), [&] {
    return ended(job->view.status) || impl_->stopped || (version && job->view.version != *version);
  });
  return job->view;
}

std::string JobEngine::result(const std::string& id) const {
  Journal::Place place;
  {
    const std::lock_guard lock(impl_->mutex);
    const JobPointer job = impl_->find(id);
    if (!job) throw InputError("no such job");
    const JobStatus status = job->view.status;
    if (status == JobStatus::failed) throw JobConflict("the job failed: " + job->view.error);
    if (!ended(status)) throw JobConflict("the job is " + status_name(status));
    place = job->finished_at;
  }
  return impl_->journal->read(place);
}

void JobEngine::write_run_file(const std::string& id, const std::string& path) const {
  const Result answer = parse_result(result(id));
  JobPointer job;
  {
    const std::lock_guard lock(impl_->mutex);
    job = impl_->find(id);
    if (!job) throw InputError("no such job");
  }
  const std::string log = impl_->log_path(id);
  if (job->view.logged && std::filesystem::exists(log)) {
    std::error_code failed;
    std::filesystem::copy_file(log, path, std::filesystem::copy_options::overwrite_existing, failed);
    if (failed) throw Error(fmt::format("{}: cannot be written: {}", path, failed.message()));
    return;
  }
  const Problem problem = impl_->load_problem_of(*job);
  const JobSettings& settings = job->description.settings;
  RunFile file(path, problem, {"opoloop serve: job " + id, settings.seed, job->view.device});
  file.finish(answer, solve_statistics(answer, settings.target_energy, problem.ising.largest_term()));
}

std::vector<JobView> JobEngine::listed() const {
  constexpr std::size_t kMostWaiting = 20;
  std::vector<JobView> views;
  const std::lock_guard lock(impl_->mutex);
  const auto add = [&](const JobPointer& job) {
    if (job->accepted && views.size() < kMostListed) views.push_back(job->view);
  };
  for (const auto& [id, job] : impl_->jobs) {
    if (job->view.status == JobStatus::running) add(job);
  }
  std::sort(views.begin(), views.end(),
            [](const JobView& a, const JobView& b) { return a.created_unix_s < b.created_unix_s; });
  for (std::size_t k = 0; k < std::min(kMostWaiting, impl_->queue.size()); ++k) add(impl_->queue[k]);
  for (auto job = impl_->finished.rbegin(); job != impl_->finished.rend() && views.size() < kMostListed;
       ++job)
    add(*job);
  return views;
}

std::shared_ptr<const LivePicture> JobEngine::picture(const std::string& id) const {
  JobPointer job;
  {
    const std::lock_guard lock(impl_->mutex);
    job = impl_->find(id);
    if (!job) return nullptr;
    if (job->picture || !job->view.logged || !ended(job->view.status)) return job->picture;
  }
  RunFileReadLimits limits;
  limits.rows = LivePicture::kRows;
  limits.amplitude_bytes = std::int64_t{64} << 20;
  std::shared_ptr<LivePicture> picture;
  try {
    picture = std::make_shared<LivePicture>(read_run_file(impl_->log_path(id), limits));
  } catch (const Error&) {
    return nullptr;  // a job that failed has no file
  }
  if (!picture->begun() || impl_->options.kept_pictures < 1) return picture;
  const std::lock_guard lock(impl_->mutex);
  if (!job->picture) {
    job->picture = picture;
    impl_->keep_picture(job);
  }
  return job->picture;
}

bool JobEngine::cancel(const std::string& id) {
  JobPointer job;
  bool known = false;
  {
    const std::lock_guard lock(impl_->mutex);
    job = impl_->find(id);
    if (!job) return false;
    if (ended(job->view.status)) return true;
    known = job->cancel_asked;
  }
  // Asked for and answered: it holds after a restart too. Asked again, a device hears it again: it may have
  // been out of reach.
  if (!known) impl_->journal->sync(impl_->journal->append(kCancelAsked, id));
  bool waiting = false;
  std::function<void()> cancel_there;
  {
    const std::lock_guard lock(impl_->mutex);
    job->cancel_asked = true;
    cancel_there = Impl::cancelling(*job);
    waiting = std::erase(impl_->queue, job) > 0;
  }
  try {
    if (cancel_there) cancel_there();
  } catch (const InputError&) {
    cancel_there = {};  // it has ended meanwhile: the device knows it no longer
  }
  if (!waiting) return true;
  try {
    impl_->store(job, JobStatus::cancelled, "", result_json(Impl::nothing_done(*job)), true);
  } catch (const Error&) {
    // A worker will do it when the disk takes it.
    const std::lock_guard lock(impl_->mutex);
    impl_->queue.push_front(job);
    impl_->work.notify_one();
  }
  return true;
}

bool JobEngine::forget(const std::string& id) {
  std::uint64_t ticket = 0;
  {
    const std::lock_guard lock(impl_->mutex);
    const JobPointer job = impl_->find(id);
    if (!job) return false;
    if (!ended(job->view.status)) throw JobConflict("the job is " + status_name(job->view.status));
    ticket = impl_->journal->append(kForgotten, id);
    impl_->remove(job);
    impl_->drop_segments();
  }
  impl_->journal->sync(ticket);
  return true;
}

bool JobEngine::stopped() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->stopped;
}

EngineCounts JobEngine::counts() const {
  const std::lock_guard lock(impl_->mutex);
  EngineCounts counts = impl_->counts;
  counts.queued = static_cast<int>(impl_->queue.size());
  counts.kept = static_cast<int>(impl_->finished.size());
  return counts;
}

const JobEngineOptions& JobEngine::options() const {
  return impl_->options;
}

Capabilities JobEngine::capabilities(const std::string& device) const {
  const auto found = impl_->devices.find(device);
  if (found == impl_->devices.end()) throw InputError("no such device: " + device.substr(0, 60));
  return found->second->capabilities();
}

void JobEngine::stop(double grace_s) {
  std::vector<std::function<void()>> cancellations;
  {
    std::unique_lock lock(impl_->mutex);
    impl_->stopping = true;
    impl_->work.notify_all();
    impl_->idle.notify_all();
    impl_->idle.wait_for(lock, std::chrono::duration<double>(grace_s),
                         [&] { return impl_->counts.running == 0; });
    impl_->stopped = true;
    for (const auto& [id, job] : impl_->jobs) {
      job->changed.notify_all();
      if (job->view.status != JobStatus::running) continue;
      job->abandoned = true;
      cancellations.push_back(Impl::cancelling(*job));
    }
  }
  for (const auto& cancel_there : cancellations) cancel_quietly(cancel_there);
  for (std::thread& worker : impl_->workers) worker.join();
  impl_->workers.clear();
}

}  // namespace opoloop
