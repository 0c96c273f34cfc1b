#include "experiments/applications/solve_application.h"

#include <algorithm>
#include <memory>

#include "driver/device.h"
#include "driver/statistics.h"

namespace opoloop {

SolvedApplication solve_application(const Application& application, double target, const SolveEffort& effort,
                                    const PointContext& context) {
  SolvedApplication solved;
  if (context.stop && context.stop()) {
    solved.stopped = true;
    return solved;
  }
  const auto problem = std::make_shared<Problem>(application.problem());
  Job job;
  job.problem = problem;
  job.settings.runs = effort.runs;
  job.settings.seed = effort.seed;
  job.settings.threads = context.threads;
  job.settings.target_energy = target;
  const Result result = make_device(effort.device)->run(job);
  solved.stopped = result.interrupted;
  const double term = problem->ising.largest_term();
  double least = std::numeric_limits<double>::infinity();
  std::vector<const Sample*> order;
  for (const Sample& sample : result.samples) {
    ++solved.runs;
    if (sample.diverged || sample.spins_best.empty()) continue;
    order.push_back(&sample);
    const std::vector<std::int8_t> x = bits_of(sample.spins_best);
    const bool feasible = broken_constraints(application.qubo(), x).violation == 0;
    solved.best_energy = std::min(solved.best_energy, sample.energy_best);
    solved.feasible += feasible ? 1 : 0;
    solved.successes += feasible && reaches(sample.energy_best, target, term) ? 1 : 0;
    const double objective = application.objective(x);
    if (feasible && objective < least) {
      least = objective;
      solved.best = x;
    }
  }
  std::sort(order.begin(), order.end(), [](const Sample* a, const Sample* b) {
    return a->energy_best != b->energy_best ? a->energy_best < b->energy_best : a->trajectory < b->trajectory;
  });
  for (const Sample* sample : order) {
    if (solved.offered.size() >= SolvedApplication::kOffered) break;
    std::vector<std::int8_t> x = bits_of(sample->spins_best);
    if (std::find(solved.offered.begin(), solved.offered.end(), x) == solved.offered.end()) {
      solved.offered.push_back(std::move(x));
    }
  }
  return solved;
}

}  // namespace opoloop
