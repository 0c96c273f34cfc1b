#include <cmath>

#include "experiments/closed_forms/groups.h"
#include "experiments/closed_forms/replicas.h"

// Continuous homodyne measurement [K20]: what is learnt (V falls below its unconditional value), what
// learning does to the state (the same dW in record and mean), and what feeding the record back does.

namespace opoloop {

double steady_excess_variance(double pump, double j, double eta) {
  const double a = 1 - pump + j;
  return (-a + std::sqrt(a * a + 2 * eta * j * pump)) / (2 * eta * j);
}

namespace {

/// Injects K times what was measured of the same pulse, which no coupling matrix can: J_ii = 0.
class SelfFeedback final : public FeedbackLaw {
 public:
  explicit SelfFeedback(double K) : K_(K) {}
  void start(int /*n*/) override {}
  void inject(const Feedback& feedback, std::span<double> injection) override {
    for (std::size_t i = 0; i < injection.size(); ++i) injection[i] = K_ * feedback.measured[i];
  }

 private:
  double K_;
};

/// Sums: μ², V, number, and Σ μ̃_k μ̃_{k+lag} for lag = 1, 5, 10.
ReplicaObserver moments(std::int64_t begin) {
  return [begin](std::span<double> sums) -> LoopObserver {
    return [sums, begin, past = std::vector<std::vector<double>>()](const LoopObservation& seen) mutable {
      if (seen.round < begin) return;
      const auto variables = seen.model.variables();
      for (const double mu : variables[0].values) sums[0] += mu * mu;
      for (const double V : variables[1].values) sums[1] += V;
      sums[2] += static_cast<double>(variables[0].values.size());
      past.insert(past.begin(), {seen.measured.begin(), seen.measured.end()});
      if (past.size() <= 10) return;
      past.resize(11);
      sums[6] += 1;
      std::size_t entry = 3;
      for (const std::size_t lag : {1, 5, 10}) {
        double sum = 0;
        for (std::size_t i = 0; i < past[0].size(); ++i) sum += past[0][i] * past[lag][i];
        sums[entry++] += sum / static_cast<double>(past[0].size());
      }
    };
  };
}

}  // namespace

void add_measurement(const ValidationSettings& settings, std::vector<ClosedForm>& rows) {
  ClosedForms forms("measurement", rows);
  const double dt = 0.05;
  const double p = 0.5;
  const double j = 1;
  const double a = 1 - p + j;
  const double u = steady_excess_variance(p, j);
  const double back = std::sqrt(j) * u;
  LoopParameters parameters = linear_loop(ModelKind::gaussian, p, dt, 1000);
  parameters.measured_loss = j;
  const Replicas replicas = run_replicas(uncoupled_pulses(200), parameters, settings, 7, moments(200));
  forms.bounded("V = ½ + (−a + √(a² + 2jp))/2j, p = 0.5, j = 1", "gaussian", 0.5 + u,
                replicas.estimate([](std::span<const double> s) { return s[1] / s[2]; }).value,
                10 * kSmallG2);  // g²μ² shifts it
  // The mean's share of the total comes from an Euler step, and its factor 1/(1 − a dt/2) is taken out.
  forms.sampled("V + 2 Var μ = (1+j)/2(1+j−p), p = 0.5, j = 1", "gaussian", (1 + j) / (2 * (1 + j - p)),
                replicas.estimate([&](std::span<const double> s) {
                  return s[1] / s[2] + 2 * s[0] / s[2] * (1 - a * dt / 2);
                }));
  std::size_t entry = 3;
  for (const int lag : {1, 5, 10}) {
    const double past = std::pow(1 - a * dt, lag - 1);
    const double predicted = (euler_variance(a, back, dt) * (1 - a * dt) + u / 2) * past;
    forms.sampled("Cov[μ̃(t+τ), μ̃(t)] = (p/4a) e^{−aτ}, τ = " + std::string(lag == 1   ? "0.05"
                                                                           : lag == 5 ? "0.25"
                                                                                      : "0.5"),
                  "gaussian", predicted, replicas.estimate([entry](std::span<const double> s) {
                    return s[entry] / s[6] / kSmallG2;
                  }));
    ++entry;
  }

  // Fresh noise in place of the back-action's would give 0.0286 here.
  const double K = 0.4;
  const Replicas fed_back = run_replicas(
      uncoupled_pulses(200), parameters, [&] { return std::make_unique<SelfFeedback>(K); }, settings, 7,
      moments(200));
  forms.sampled("self-feedback Kμ̃: Var μ = (√j u + K/2√j)²/2(a − K), K = 0.4", "gaussian",
                euler_variance(a - K, back + K / (2 * std::sqrt(j)), dt),
                fed_back.estimate([](std::span<const double> s) { return s[0] / s[2]; }));

  LoopParameters lossy = parameters;
  lossy.detection_efficiency = 0.4;
  const Replicas poorly = run_replicas(uncoupled_pulses(200), lossy, settings, 7, moments(400));
  forms.bounded("V = ½ + (−a + √(a² + 2ηjp))/2ηj, η = 0.4", "gaussian",
                0.5 + steady_excess_variance(p, j, 0.4),
                poorly.estimate([](std::span<const double> s) { return s[1] / s[2]; }).value, 10 * kSmallG2);
  forms.sampled("V + 2 Var μ does not depend on η, η = 0.4", "gaussian", (1 + j) / (2 * (1 + j - p)),
                poorly.estimate([&](std::span<const double> s) {
                  return s[1] / s[2] + 2 * s[0] / s[2] * (1 - a * dt / 2);
                }));
}

}  // namespace opoloop
