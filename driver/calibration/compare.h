#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "driver/calibration/calibration.h"
#include "driver/device.h"
#include "driver/statistics.h"

namespace opoloop::calibration {

/// One problem on two devices, the same job but for the seed.
struct JobComparison {
  std::string problem;
  std::int64_t runs_a = 0, runs_b = 0;
  std::int64_t successes_a = 0, successes_b = 0;
  double target = 0;
  bool target_proven = false;  ///< by enumeration; otherwise the best energy that either device found
  double success_z = 0;        ///< two-proportion test, pooled; positive where a succeeds more often
  double mean_energy_a = 0, mean_energy_b = 0;
  double energy_distance = 0;  ///< Kolmogorov–Smirnov distance of the energies of the final states
  double energy_p = 1;         ///< its p-value; conservative where energies are discrete
  double largest_bias_z = 0;   ///< of ⟨σ_i⟩_a − ⟨σ_i⟩_b, over the spins
  int most_biased_spin = 0;
  std::vector<double> energies_a, energies_b;
};

/// Everything together. Each p-value is that of "the two devices are the same".
struct DeviceComparison {
  std::string a, b;
  std::vector<JobComparison> jobs;
  double success_a = 0, success_b = 0;  ///< of all runs
  Interval success_a_interval, success_b_interval;
  double success_p = 1;  ///< Σ z² of the jobs against χ²
  double energy_p = 1;   ///< smallest of the jobs' p-values, times their number
  double bias_p = 1;     ///< most biased spin of all, times the number of spins
  std::vector<std::string> warnings;

  /// No test rejects at 5% in all: each is held to a third of that.
  bool agree() const;
};

/// Kolmogorov–Smirnov: largest distance of two empirical distributions and its asymptotic p-value.
struct KsTest {
  double distance = 0;
  double p = 1;
};
KsTest kolmogorov_smirnov(std::vector<double> a, std::vector<double> b);
/// z of the difference of two proportions, pooled; 0 where neither varies.
double two_proportion_z(std::int64_t successes_a, std::int64_t runs_a, std::int64_t successes_b,
                        std::int64_t runs_b);

/// p-value of a z score, both tails.
double p_of_z(double z);

/// The job that a problem is sent with; seeds are set by compare_devices.
using SettingsOf = std::function<JobSettings(const Problem&)>;
using ComparisonProgress = std::function<void(const std::string& what)>;

/// Runs each problem on both devices. `a` gets the seeds `seed`, seed + 2, …, `b` the ones between: with the
/// same seed an emulator and its twin would share their random numbers and agree better than machines do.
DeviceComparison compare_devices(Device& a, Device& b,
                                 const std::vector<std::shared_ptr<const Problem>>& problems,
                                 const SettingsOf& settings, std::uint64_t seed,
                                 const ComparisonProgress& progress = {});

/// Problems that no calibration has seen: Sherrington–Kirkpatrick, Gaussian couplings.
std::vector<std::shared_ptr<const Problem>> unseen_problems(int count, int spins, std::uint64_t seed);
/// What an operator would send to a calibrated machine to solve them: linear feedback of a strength that the
/// calibration makes known and of the sign that turns a reversed feedback round, the pump swept through
/// threshold.
SettingsOf unseen_settings(const Calibration& calibration, int runs, int threads);

}  // namespace opoloop::calibration
