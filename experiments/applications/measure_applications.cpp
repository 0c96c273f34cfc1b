#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/random.h"
#include "experiments/applications/application_instances.h"
#include "experiments/applications/applications_plan.h"
#include "experiments/applications/solve_application.h"

// One function an application: make the instance, ask the reference, run the device, decode.

namespace opoloop {
namespace {

constexpr double kNone = ApplicationRow::kNone;

std::string text_of(const std::vector<std::int8_t>& x) {
  std::string text;
  for (const std::int8_t bit : x) text += bit != 0 ? '1' : '0';
  return text;
}

/// What a row says about one QUBO; added up where there are several.
void add(ApplicationRow& row, const Application& application, const Reference& reference,
         const SolvedApplication& solved) {
  const bool first = std::isnan(row.qubos);
  // A QUBO without a feasible state makes its sum NaN for good.
  const auto plus = [first](double& sum, double value) { sum = first ? value : sum + value; };
  row.spins = application.qubo().objective.n;
  row.couplings = static_cast<double>(application.problem().ising.edge_count());
  plus(row.qubos, 1);
  row.penalty =
      std::isnan(row.penalty) ? application.penalty() : std::max(row.penalty, application.penalty());
  row.penalty_bound = std::isnan(row.penalty_bound)
                          ? application.penalty_bound()
                          : std::max(row.penalty_bound, application.penalty_bound());
  plus(row.proven, reference.proven ? 1 : 0);
  plus(row.runs, solved.runs);
  plus(row.feasible, solved.feasible);
  plus(row.successes, solved.successes);
  plus(row.solved, solved.successes > 0 ? 1 : 0);
  plus(row.reference_value, reference.objective);
  plus(row.best_value, solved.best.empty() ? kNone : application.objective(solved.best));
}

struct Task {
  const ApplicationPoint& point;
  const std::filesystem::path& data;
  const PointContext& context;

  SolveEffort effort(int runs, std::uint64_t part = 0) const {
    // A stream of its own for each QUBO of a point.
    const PhiloxWords words = philox_words(point.seed, Stream::instance_seed, 1, part, 0);
    return {point.device, runs, std::uint64_t{words[0]} << 32U | words[1]};
  }
  bool stopped() const { return context.stop && context.stop(); }
};

constexpr int kRuns = 64;
constexpr int kRunsOfMany = 16;  // where a point is many QUBOs

/// False where it was stopped.
bool measure_independent_set(const Task& task, ApplicationRow& row) {
  const auto instance = independent_set_instance(task.point.instance, task.point.seed, task.data);
  const Reference greedy = instance.set->reference();
  Reference reference = greedy;
  if (instance.known_size) {
    reference.method = instance.source;
    reference.objective = -*instance.known_size;
    reference.proven = instance.proven;
  }
  row.reference = reference.method;
  const SolvedApplication solved =
      solve_application(*instance.set, reference.objective, task.effort(kRuns), task.context);
  if (solved.stopped) return false;
  add(row, *instance.set, reference, solved);
  row.merit = solved.best.empty() ? kNone : -instance.set->objective(solved.best);
  row.merit_reference = -reference.objective;
  row.merit_baseline = -greedy.objective;
  row.answer = text_of(solved.best);
  return true;
}

bool measure_tracking(const Task& task, ApplicationRow& row) {
  const auto tracking = tracking_instance(task.point.instance, task.point.seed);
  const Reference reference = tracking->reference();
  row.reference = reference.method;
  const SolvedApplication solved =
      solve_application(*tracking, reference.objective, task.effort(kRuns), task.context);
  if (solved.stopped) return false;
  add(row, *tracking, reference, solved);
  const std::vector<Link> truth = true_links(tracking->scene());
  if (!solved.best.empty()) row.merit = link_score(tracking->links_of(solved.best), truth);
  row.merit_reference = link_score(tracking->links_of(reference.x), truth);
  row.merit_baseline = link_score(frame_to_frame_links(tracking->scene()), truth);
  row.answer = text_of(solved.best);
  return true;
}

bool measure_clustering(const Task& task, ApplicationRow& row) {
  const auto clustering = clustering_instance(task.point.instance, task.point.seed, task.data);
  const Reference reference = clustering->reference();
  row.reference = reference.method;
  const SolvedApplication solved =
      solve_application(*clustering, reference.objective, task.effort(kRuns), task.context);
  if (solved.stopped) return false;
  add(row, *clustering, reference, solved);
  const std::vector<int>& truth = clustering->points().labels;
  if (!solved.best.empty()) {
    row.merit = adjusted_rand_index(clustering->labels_of(solved.best), truth);
  }
  row.merit_reference = adjusted_rand_index(clustering->labels_of(reference.x), truth);
  row.merit_baseline = adjusted_rand_index(k_means(clustering->points(), clustering->clusters(), 1), truth);
  row.answer = text_of(solved.best);
  return true;
}

bool measure_super_resolution(const Task& task, ApplicationRow& row) {
  const auto instance = super_resolution_instance(task.point.instance, task.point.seed, task.data);
  std::vector<std::vector<double>> codes, exact;
  std::vector<std::string> words;
  for (std::size_t p = 0; p < instance.patches.size(); ++p) {
    const SparseCoding coding(instance.patches[p].signal, instance.dictionary.low, kSparsity);
    const Reference reference = coding.reference();
    row.reference = reference.method;
    const SolvedApplication solved =
        solve_application(coding, reference.objective, task.effort(kRunsOfMany, p), task.context);
    if (solved.stopped) return false;
    add(row, coding, reference, solved);
    // A patch without a feasible state keeps its bicubic pixels.
    const std::vector<std::int8_t> best =
        solved.best.empty() ? std::vector<std::int8_t>(reference.x.size(), 0) : solved.best;
    codes.push_back(coding.coefficients(best));
    exact.push_back(coding.coefficients(reference.x));
    words.push_back(fmt::format("{}", fmt::join(codes.back(), " ")));
    if (task.context.progress) {
      task.context.progress(static_cast<double>(p + 1) / static_cast<double>(instance.patches.size()),
                            "patches");
    }
  }
  row.merit = psnr_db(assemble(instance.low, instance.patches, codes, instance.dictionary), instance.truth);
  row.merit_reference =
      psnr_db(assemble(instance.low, instance.patches, exact, instance.dictionary), instance.truth);
  row.merit_baseline = psnr_db(bicubic_doubled(instance.low), instance.truth);
  row.answer = fmt::format("{}", fmt::join(words, "/"));
  return true;
}

bool measure_design(const Task& task, ApplicationRow& row) {
  const DesignInstance instance = design_instance(task.point.instance);
  bool stopped = false;
  const DesignSearch search = search_designs(
      instance.film, instance.start, instance.rounds, task.point.seed,
      [&](const SurrogateDesign& surrogate, int round) {
        const Reference reference = surrogate.reference();
        row.reference = reference.method;
        SolvedApplication solved =
            solve_application(surrogate, reference.objective,
                              task.effort(kRunsOfMany, static_cast<std::uint64_t>(round)), task.context);
        stopped = stopped || solved.stopped;
        if (!stopped) add(row, surrogate, reference, solved);
        if (task.context.progress) {
          task.context.progress(static_cast<double>(round + 1) / instance.rounds, "rounds");
        }
        return solved.offered;
      },
      [&] { return stopped || task.stopped(); });
  if (stopped || task.stopped()) return false;
  std::vector<double> all = all_designs(instance.film);
  std::sort(all.begin(), all.end());
  const std::vector<double>& values = search.evaluations.values;
  const auto percent = [](double lg) { return 100 * std::pow(10.0, lg); };
  row.merit = percent(*std::min_element(values.begin(), values.end()));
  row.merit_reference = percent(all.front());
  row.merit_baseline = percent(random_search_median(all, values.size()));
  row.answer = fmt::format("{}", fmt::join(search.evaluations.designs, " "));
  return true;
}

}  // namespace

std::optional<ApplicationRow> measure_application(const ApplicationPoint& point,
                                                  const std::filesystem::path& data,
                                                  const PointContext& context) {
  const auto start = Clock::now();
  ApplicationRow row;
  row.application = point.application;
  row.instance = point.instance;
  row.seed = fmt::format("{}", point.seed);
  row.device = point.device;
  const Task task{point, data, context};
  bool done = false;
  if (point.application == kIndependentSet) done = measure_independent_set(task, row);
  if (point.application == kTracking) done = measure_tracking(task, row);
  if (point.application == kSuperResolution) done = measure_super_resolution(task, row);
  if (point.application == kDesign) done = measure_design(task, row);
  if (point.application == kClustering) done = measure_clustering(task, row);
  if (!done) return std::nullopt;
  row.wall_s = seconds_since(start);
  return row;
}

}  // namespace opoloop
