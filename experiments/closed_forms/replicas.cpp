#include "experiments/closed_forms/replicas.h"

#include <cmath>

#include "core/threads.h"

namespace opoloop {

Estimate Replicas::estimate(const std::function<double(std::span<const double>)>& function) const {
  const std::size_t entries = sums_.front().size();
  std::vector<double> total(entries, 0.0);
  for (const auto& sums : sums_) {
    for (std::size_t e = 0; e < entries; ++e) total[e] += sums[e];
  }
  const auto n = static_cast<double>(sums_.size());
  const double all = function(total);
  std::vector<double> without(entries);
  std::vector<double> left_out;
  double mean = 0;
  for (const auto& sums : sums_) {
    for (std::size_t e = 0; e < entries; ++e) without[e] = total[e] - sums[e];
    left_out.push_back(function(without));
    mean += left_out.back() / n;
  }
  double scatter = 0;
  for (const double value : left_out) scatter += (value - mean) * (value - mean);
  return {n * all - (n - 1) * mean, std::sqrt((n - 1) / n * scatter)};
}

Replicas run_replicas(const IsingModel& problem, const LoopParameters& parameters, const LawFactory& law,
                      const ValidationSettings& settings, std::size_t entries,
                      const ReplicaObserver& observe) {
  Replicas replicas(static_cast<std::size_t>(settings.replicas), entries);
  parallel_for(settings.replicas, settings.threads, [&](std::int64_t replica) {
    LoopOptions options;
    options.seed = settings.seed;
    options.trajectory = static_cast<std::uint32_t>(replica);
    options.observer = observe(replicas.of(static_cast<std::size_t>(replica)));
    const auto model = make_pulse_model(parameters, problem);
    const auto own = law();
    run_loop(problem, parameters, *model, *own, options);
  });
  return replicas;
}

Replicas run_replicas(const IsingModel& problem, const LoopParameters& parameters,
                      const ValidationSettings& settings, std::size_t entries,
                      const ReplicaObserver& observe) {
  const double strength = coupling_strength(problem, parameters);
  return run_replicas(
      problem, parameters, [&] { return make_feedback_law(parameters, strength); }, settings, entries,
      observe);
}

IsingModel uncoupled_pulses(int n) {
  return {n, {}};
}

IsingModel pulse_pairs(int n, double J) {
  std::vector<IsingEdge> edges;
  for (int k = 0; k + 1 < n; k += 2) edges.push_back({k, k + 1, J});
  return {n, edges};
}

IsingModel pulse_ring(int n, double J) {
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) edges.push_back({i, (i + 1) % n, J});
  return {n, edges};
}

IsingModel ferromagnetic_cube() {
  std::vector<IsingEdge> edges;
  for (int i = 0; i < 8; ++i) {
    for (const int bit : {1, 2, 4}) {
      if ((i & bit) == 0) edges.push_back({i, i | bit, 1});
    }
  }
  return {8, edges};
}

double euler_variance(double a, double b, double dt) {
  return b * b / (2 * a * (1 - a * dt / 2));
}

}  // namespace opoloop
