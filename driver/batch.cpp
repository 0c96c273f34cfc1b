#include "driver/batch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <mutex>
#include <utility>

#include "core/clock.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/threads.h"

namespace opoloop {

std::size_t BatchResult::done() const {
  return static_cast<std::size_t>(
      std::count_if(answers.begin(), answers.end(), [](const auto& answer) { return answer.has_value(); }));
}

void require_spins(const Capabilities& capabilities, const QamaProblem& problem, const std::string& uri) {
  if (capabilities.max_spins <= 0 || problem.spins() == 0) return;
  const std::int64_t ancilla = capabilities.linear_term ? 0 : 1;
  const std::int64_t needed = problem.spins() + ancilla;
  if (needed <= capabilities.max_spins) return;
  const std::int64_t room = capabilities.max_spins - ancilla;
  const std::int64_t per_token = std::int64_t{problem.heads()} * problem.bits();
  const std::int64_t per_head = std::int64_t{problem.live()} * problem.bits();
  std::vector<std::string> fitting;
  if (room / per_token > 0) {
    fitting.push_back(fmt::format("{} tokens with {} heads", room / per_token, problem.heads()));
  }
  if (room / per_head > 0) {
    fitting.push_back(fmt::format("{} heads with {} tokens", room / per_head, problem.live()));
  }
  throw InputError(
      fmt::format("device '{}' has {} spins, {} are needed ({} heads × {} tokens × {} bits{}); would fit: {}",
                  uri, capabilities.max_spins, needed, problem.heads(), problem.live(), problem.bits(),
                  ancilla > 0 ? " and an ancilla for the linear term" : "",
                  fitting.empty() ? fmt::format("{} spins in all", room)
                                  : fmt::format("{}", fmt::join(fitting, ", or "))));
}

BatchResult gather_batch(std::span<const QamaProblem> problems, int threads,
                         const std::function<BatchAnswer(std::size_t)>& solve) {
  const auto begin = Clock::now();
  BatchResult result;
  result.answers.resize(problems.size());
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::exception_ptr bad_input;
  parallel_for(static_cast<std::int64_t>(problems.size()), threads, [&](std::int64_t item) {
    const auto p = static_cast<std::size_t>(item);
    if (problems[p].spins() == 0) {
      result.answers[p] = BatchAnswer{{}, problems[p].qubo_energy({})};
      return;
    }
    if (failed.load()) return;
    if (interrupted()) {
      const std::lock_guard lock(mutex);
      if (result.failure.empty()) result.failure = "interrupted";
      failed = true;
      return;
    }
    try {
      result.answers[p] = solve(p);
    } catch (const InputError&) {  // the caller's mistake, not the device's
      const std::lock_guard lock(mutex);
      if (!bad_input) bad_input = std::current_exception();
      failed = true;
    } catch (const std::exception& error) {
      const std::lock_guard lock(mutex);
      if (result.failure.empty()) result.failure = fmt::format("problem {}: {}", p, error.what());
      failed = true;
    }
  });
  if (bad_input) std::rethrow_exception(bad_input);
  result.wall_s = seconds_since(begin);
  return result;
}

BatchResult Device::run_batch(std::span<const QamaProblem> problems, const JobSettings& settings) {
  for (const QamaProblem& problem : problems) require_spins(capabilities(), problem, uri());
  BatchResult details;
  // One at a time: each job has all the threads, and a remote machine has one queue.
  BatchResult result = gather_batch(problems, 1, [&](std::size_t p) {
    auto problem = std::make_shared<Problem>();
    problem->ising = problems[p].to_dense();
    problem->kind = ProblemKind::qubo;
    problem->name = fmt::format("qama-{}", p);
    Job job;
    job.problem = problem;
    job.settings = settings;
    Result answer = run(job);
    if (answer.interrupted) throw Error("interrupted");
    if (answer.samples.empty()) throw Error("the device answered without a sample");
    const auto best =
        std::min_element(answer.samples.begin(), answer.samples.end(),
                         [](const Sample& a, const Sample& b) { return a.energy_best < b.energy_best; });
    if (details.parameters.empty()) {
      details.runs = answer.runs;
      details.parameters = std::move(answer.parameters);
      details.adaptations = std::move(answer.adaptations);
    }
    details.steps = std::max(details.steps, answer.steps);
    return BatchAnswer{best->spins_best, problems[p].energy(best->spins_best)};
  });
  result.runs = details.runs;
  result.steps = details.steps;
  result.parameters = std::move(details.parameters);
  result.adaptations = std::move(details.adaptations);
  return result;
}

}  // namespace opoloop
