#include "driver/device.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/clock.h"
#include "core/error.h"
#include "core/interrupt.h"

namespace opoloop {

JobStatus Device::wait(const std::string& id, double timeout_s, Progress* progress) {
  const auto end = Clock::now() + std::chrono::duration<double>(timeout_s);
  std::chrono::duration<double> pause{0.001};
  for (;;) {
    const JobStatus status = poll(id, progress);
    const bool ended = status != JobStatus::queued && status != JobStatus::running;
    const std::chrono::duration<double> left = end - Clock::now();
    if (ended || left.count() <= 0) return status;
    std::this_thread::sleep_for(std::min(pause, left));
    pause *= 2;
  }
}

void Device::attach(const std::string&, const Job&) {
  throw InputError("device '" + uri() + "' keeps no jobs that could be resumed");
}

Result Device::run(const Job& job, const ProgressCallback& on_progress) {
  return finish(submit(job), on_progress);
}

Result Device::finish(const std::string& id, const ProgressCallback& on_progress) {
  constexpr double kReportEvery_s = 0.1;
  bool cancelled = false;
  for (;;) {
    Progress progress;
    const JobStatus status = wait(id, kReportEvery_s, &progress);
    if (status != JobStatus::queued && status != JobStatus::running) break;
    if (on_progress) on_progress(progress);
    if (interrupted() && !cancelled) {
      cancel(id);
      cancelled = true;
    }
  }
  return result(id);
}

}  // namespace opoloop
