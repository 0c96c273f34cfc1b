#include "driver/calibration/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <numeric>

#include "cim_model/parameters.h"
#include "core/error.h"
#include "hamiltonian/brute_force.h"
#include "hamiltonian/generators.h"

namespace opoloop::calibration {
namespace {

/// Enumeration that takes about a second; beyond that the best energy found stands in.
constexpr int kProvenSpins = 22;

double mean_of(const std::vector<double>& values) {
  return values.empty()
             ? 0
             : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<double> final_energies(const Result& result) {
  std::vector<double> energies;
  for (const Sample& s : result.samples) energies.push_back(s.energy_final);
  return energies;
}

std::int64_t successes(const Result& result, double target, double term) {
  return std::count_if(result.samples.begin(), result.samples.end(),
                       [&](const Sample& s) { return !s.diverged && reaches(s.energy_best, target, term); });
}

/// Number of runs in which each spin ends up.
std::vector<std::int64_t> ups(const Result& result, std::size_t n) {
  std::vector<std::int64_t> counts(n, 0);
  for (const Sample& s : result.samples) {
    for (std::size_t i = 0; i < n && i < s.spins_final.size(); ++i) counts[i] += s.spins_final[i] > 0 ? 1 : 0;
  }
  return counts;
}

JobComparison compare_job(const Problem& problem, const Result& a, const Result& b) {
  JobComparison c;
  c.problem = problem.name;
  c.runs_a = static_cast<std::int64_t>(a.samples.size());
  c.runs_b = static_cast<std::int64_t>(b.samples.size());
  if (c.runs_a == 0 || c.runs_b == 0)
    throw Error(fmt::format("problem {}: a device returned no samples", problem.name));
  if (problem.best_known_energy) {
    c.target = *problem.best_known_energy;
    c.target_proven = true;
  } else if (problem.ising.size() <= kProvenSpins) {
    c.target = brute_force(problem.ising).energy;
    c.target_proven = true;
  } else {
    c.target = a.samples.front().energy_best;
    for (const Result* r : {&a, &b}) {
      for (const Sample& s : r->samples) c.target = std::min(c.target, s.energy_best);
    }
  }
  const double term = problem.ising.largest_term();
  c.successes_a = successes(a, c.target, term);
  c.successes_b = successes(b, c.target, term);
  c.success_z = two_proportion_z(c.successes_a, c.runs_a, c.successes_b, c.runs_b);
  c.energies_a = final_energies(a);
  c.energies_b = final_energies(b);
  c.mean_energy_a = mean_of(c.energies_a);
  c.mean_energy_b = mean_of(c.energies_b);
  const KsTest ks = kolmogorov_smirnov(c.energies_a, c.energies_b);
  c.energy_distance = ks.distance;
  c.energy_p = ks.p;
  const auto n = static_cast<std::size_t>(problem.ising.size());
  const std::vector<std::int64_t> up_a = ups(a, n), up_b = ups(b, n);
  for (std::size_t i = 0; i < n; ++i) {
    const double z = two_proportion_z(up_a[i], c.runs_a, up_b[i], c.runs_b);
    if (std::abs(z) <= std::abs(c.largest_bias_z)) continue;
    c.largest_bias_z = z;
    c.most_biased_spin = static_cast<int>(i);
  }
  return c;
}

}  // namespace

double p_of_z(double z) {
  return 2 * boost::math::cdf(boost::math::complement(boost::math::normal(), std::abs(z)));
}

bool DeviceComparison::agree() const {
  return std::min({success_p, energy_p, bias_p}) >= 0.05 / 3;
}

KsTest kolmogorov_smirnov(std::vector<double> a, std::vector<double> b) {
  KsTest test;
  if (a.empty() || b.empty()) return test;
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  const auto na = static_cast<double>(a.size());
  const auto nb = static_cast<double>(b.size());
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    // Sums in another order are no other energy.
    const double value = std::min(a[i], b[j]) + 1e-9 * std::max(1.0, std::abs(std::min(a[i], b[j])));
    while (i < a.size() && a[i] <= value) ++i;
    while (j < b.size() && b[j] <= value) ++j;
    test.distance =
        std::max(test.distance, std::abs(static_cast<double>(i) / na - static_cast<double>(j) / nb));
  }
  const double root = std::sqrt(na * nb / (na + nb));
  // Stephens 1970 (doi 10.1111/j.2517-6161.1970.tb00821.x): the asymptotic law for numbers that are not
  // large.
  const double lambda = (root + 0.12 + 0.11 / root) * test.distance;
  if (lambda < 0.2) return test;
  double sum = 0;
  for (int k = 1; k <= 100; ++k) sum += (k % 2 == 1 ? 2 : -2) * std::exp(-2.0 * k * k * lambda * lambda);
  test.p = std::clamp(sum, 0.0, 1.0);
  return test;
}

double two_proportion_z(std::int64_t successes_a, std::int64_t runs_a, std::int64_t successes_b,
                        std::int64_t runs_b) {
  const auto na = static_cast<double>(runs_a), nb = static_cast<double>(runs_b);
  const double pooled = static_cast<double>(successes_a + successes_b) / (na + nb);
  const double variance = pooled * (1 - pooled) * (1 / na + 1 / nb);
  if (!(variance > 0)) return 0;
  return (static_cast<double>(successes_a) / na - static_cast<double>(successes_b) / nb) /
         std::sqrt(variance);
}

DeviceComparison compare_devices(Device& a, Device& b,
                                 const std::vector<std::shared_ptr<const Problem>>& problems,
                                 const SettingsOf& settings, std::uint64_t seed,
                                 const ComparisonProgress& progress) {
  if (problems.empty()) throw InputError("compare-devices: there is no problem to run");
  DeviceComparison out;
  out.a = a.uri();
  out.b = b.uri();
  const auto job_of = [&](const std::shared_ptr<const Problem>& problem, std::uint64_t of) {
    Job job;
    job.problem = problem;
    job.settings = settings(*problem);
    job.settings.seed = of;
    return job;
  };
  for (const auto& problem : problems) {
    a.check(job_of(problem, seed));
    b.check(job_of(problem, seed));
  }
  std::int64_t sa = 0, sb = 0, na = 0, nb = 0, spins = 0;
  double squares = 0, lowest = 1, bias = 0;
  int varying = 0;
  for (const auto& problem : problems) {
    if (progress) progress(problem->name);
    const Result ra = a.run(job_of(problem, seed++));
    const Result rb = b.run(job_of(problem, seed++));
    if (ra.interrupted || rb.interrupted) throw Error("compare-devices: interrupted");
    JobComparison c = compare_job(*problem, ra, rb);
    sa += c.successes_a;
    sb += c.successes_b;
    na += c.runs_a;
    nb += c.runs_b;
    spins += problem->ising.size();
    squares += c.success_z * c.success_z;
    varying +=
        c.successes_a + c.successes_b > 0 && c.successes_a + c.successes_b < c.runs_a + c.runs_b ? 1 : 0;
    lowest = std::min(lowest, c.energy_p);
    bias = std::max(bias, std::abs(c.largest_bias_z));
    for (const Result* r : {&ra, &rb}) {
      for (const std::string& warning : r->warnings) {
        if (std::find(out.warnings.begin(), out.warnings.end(), warning) == out.warnings.end())
          out.warnings.push_back(warning);
      }
    }
    out.jobs.push_back(std::move(c));
  }
  out.success_a = static_cast<double>(sa) / static_cast<double>(na);
  out.success_b = static_cast<double>(sb) / static_cast<double>(nb);
  out.success_a_interval = wilson_interval(sa, na);
  out.success_b_interval = wilson_interval(sb, nb);
  if (varying > 0)
    out.success_p = boost::math::cdf(boost::math::complement(boost::math::chi_squared(varying), squares));
  out.energy_p = std::min(1.0, lowest * static_cast<double>(out.jobs.size()));
  out.bias_p = std::min(1.0, p_of_z(bias) * static_cast<double>(spins));
  return out;
}

std::vector<std::shared_ptr<const Problem>> unseen_problems(int count, int spins, std::uint64_t seed) {
  std::vector<std::shared_ptr<const Problem>> problems;
  for (int i = 0; i < count; ++i) {
    auto problem = std::make_shared<Problem>(
        sherrington_kirkpatrick(spins, CouplingKind::gaussian, false, seed + static_cast<std::uint64_t>(i)));
    if (spins <= kProvenSpins) {
      problem->best_known_energy = brute_force(problem->ising).energy;
      problem->best_known_source = "enumeration";
    }
    problems.push_back(std::move(problem));
  }
  return problems;
}

SettingsOf unseen_settings(const Calibration& c, int runs, int threads) {
  if (c.loop.feedback_gain == 0)
    throw InputError(
        "calibration: the feedback was not calibrated (no records 'pairs'): problems cannot be compared");
  // ξ λ_max of these problems is about 2√2: the coupling then moves the threshold by 0.7 of itself.
  constexpr double kStrength = 0.25;
  JobSettings s;
  s.runs = runs;
  s.threads = threads;
  s.steps = static_cast<std::int64_t>(std::ceil(40 / c.loop.dt));
  s.parameters = {{"law", "linear"},
                  {"gain", "1"},
                  {"pump", fmt::format("{}:{}@0.9", 0.2 * c.loop.pump_unit, 1.2 * c.loop.pump_unit)}};
  const double strength = kStrength / (c.loop.feedback_gain * c.loop.record_gain);
  return [s, strength](const Problem& problem) {
    JobSettings settings = s;
    settings.parameters["xi"] = fmt::format("{}", strength * coupling_normalisation(problem.ising));
    return settings;
  };
}

}  // namespace opoloop::calibration
