#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "cim_model/loop.h"
#include "experiments/closed_forms/closed_form.h"

namespace opoloop {

/// Independent repetitions of one measurement, each a few sums. Samples within a replica may be as correlated
/// as they like: errors come from the scatter between replicas alone.
class Replicas {
 public:
  Replicas(std::size_t count, std::size_t entries) : sums_(count, std::vector<double>(entries, 0.0)) {}

  std::size_t count() const { return sums_.size(); }
  std::span<double> of(std::size_t replica) { return sums_[replica]; }

  /// A function of the sums (a ratio of two of them, say) with its standard error and without its leading
  /// bias: the jackknife over replicas (Efron & Stein, Annals of Statistics 9, 586 (1981)).
  Estimate estimate(const std::function<double(std::span<const double>)>& function) const;

 private:
  std::vector<std::vector<double>> sums_;
};

/// Called once a replica with that replica's sums: returns what to do with each round trip.
using ReplicaObserver = std::function<LoopObserver(std::span<double> sums)>;

/// Runs the loop once a replica (run_loop, trajectory = replica) and lets `observe` fill `entries` sums.
/// The answer does not depend on the number of threads.
Replicas run_replicas(const IsingModel& problem, const LoopParameters& parameters,
                      const ValidationSettings& settings, std::size_t entries,
                      const ReplicaObserver& observe);

/// The same with a law of the caller's own.
using LawFactory = std::function<std::unique_ptr<FeedbackLaw>()>;
Replicas run_replicas(const IsingModel& problem, const LoopParameters& parameters, const LawFactory& law,
                      const ValidationSettings& settings, std::size_t entries,
                      const ReplicaObserver& observe);

/// n pulses that do not see each other: n samples a trajectory.
IsingModel uncoupled_pulses(int n);
/// n/2 pairs (0,1), (2,3), … with coupling J.
IsingModel pulse_pairs(int n, double J);
/// A closed chain.
IsingModel pulse_ring(int n, double J);
/// The corners of a cube with all couplings +1: 3-regular, no frustration.
IsingModel ferromagnetic_cube();

/// Stationary variance of x ← (1 − a dt) x + b ΔW: b²/(2a) of the Ornstein–Uhlenbeck process times
/// 1/(1 − a dt/2), so that statements need no allowance for dt.
double euler_variance(double a, double b, double dt);

}  // namespace opoloop
