#include <Eigen/Dense>
#include <cmath>

#include "experiments/closed_forms/groups.h"
#include "experiments/closed_forms/replicas.h"
#include "hamiltonian/brute_force.h"
#include "hamiltonian/generators.h"

// Where oscillation starts: a mode k of J, J v_k = λ_k v_k, grows at p − 1 + ξ λ_k, so that the loop's
// threshold is 1 − ξ λ_max [W13], or 1 + j − ξ λ_max with a measured loss j [K20], and what rises first is
// the top eigenvector of J, which is not the ground state.

namespace opoloop {
namespace {

Eigen::MatrixXd dense(const IsingModel& model) {
  const auto n = static_cast<Eigen::Index>(model.size());
  Eigen::MatrixXd J = Eigen::MatrixXd::Zero(n, n);
  for (std::int32_t i = 0; i < model.size(); ++i) {
    for (std::size_t k = 0; k < model.columns(i).size(); ++k) {
      J(i, model.columns(i)[k]) = J(model.columns(i)[k], i) = model.couplings(i)[k];
    }
  }
  return J;
}

/// The first SK instance whose top eigenvector, rounded to spins, is not a ground state.
IsingModel frustrated_instance() {
  for (std::uint64_t seed = 1;; ++seed) {
    const IsingModel model = sherrington_kirkpatrick(16, CouplingKind::plus_minus_one, false, seed).ising;
    const Eigen::VectorXd top =
        Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(dense(model)).eigenvectors().col(15);
    std::vector<std::int8_t> spins;
    for (const double v : top) spins.push_back(v < 0 ? -1 : 1);
    if (model.energy(spins) > brute_force(model).energy) return model;
  }
}

/// Models (a) and bounded: without noise, the same near zero.
void add_exact_growth(ModelKind kind, std::vector<ClosedForm>& rows) {
  ClosedForms forms("threshold and growth", rows);
  const IsingModel model = frustrated_instance();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> modes(dense(model));
  const double xi = coupling_normalisation(model);
  const double p = 0.9;
  const double dt = 0.01;
  LoopParameters parameters = linear_loop(kind, p, dt, 400);
  parameters.cavity_noise = 0;
  parameters.start_sd = 1e-12;  // x² stays below the rounding of 1
  std::vector<Eigen::VectorXd> path;
  LoopOptions options;
  options.observer = [&](const LoopObservation& seen) {
    path.emplace_back(Eigen::Map<const Eigen::VectorXd>(seen.model.amplitude().data(), 16));
  };
  run_loop(model, parameters, options);

  // One Euler step multiplies mode k by 1 + (p − 1 + ξλ_k) dt. Two projections and a quotient of numbers that
  // are right to 2⁻⁵³ of |x|, divided by dt.
  const Eigen::VectorXd before = modes.eigenvectors().transpose() * path[0];
  const Eigen::VectorXd after = modes.eigenvectors().transpose() * path[1];
  double rounding = 0;
  for (const double y : before)
    rounding = std::max(rounding, 64 * 0x1p-53 * path[0].norm() / std::abs(y) / dt);
  const auto rate = [&](Eigen::Index k) { return (after[k] / before[k] - 1) / dt; };
  const auto lambda = [&](Eigen::Index k) { return modes.eigenvalues()[k]; };
  forms.bounded("threshold 1 − ξ λ_max, SK N = 16", name_of(kind), 1 - xi * lambda(15), p - rate(15),
                rounding);
  forms.bounded("growth p − 1 + ξ λ_8, SK N = 16", name_of(kind), p - 1 + xi * lambda(8), rate(8), rounding);
  forms.bounded("growth p − 1 + ξ λ_min, SK N = 16", name_of(kind), p - 1 + xi * lambda(0), rate(0),
                rounding);

  // The direction after T steps: each mode's share is its start times its multiplier to the T.
  double top = 0;
  double all = 0;
  for (Eigen::Index k = 0; k < 16; ++k) {
    const double share = before[k] * std::pow(1 + (p - 1 + xi * lambda(k)) * dt, 400);
    all += share * share;
    if (k == 15) top = share * share;
  }
  const double measured = std::pow(modes.eigenvectors().col(15).dot(path.back()) / path.back().norm(), 2);
  forms.bounded("share of the top eigenvector in the first mode to rise", name_of(kind), top / all, measured,
                400 * 16 * 0x1p-53);
}

/// Pairs below threshold: the symmetric mode y of each obeys y' = (1 − (p_th − p) dt) y + noise, whatever the
/// noise, so its regression on itself one round earlier gives p_th.
void add_sampled_threshold(const ValidationSettings& settings, ModelKind model, double pump, double predicted,
                           const std::string& formula, std::vector<ClosedForm>& rows) {
  const double dt = 0.05;
  LoopParameters parameters = linear_loop(model, pump, dt, 600);
  parameters.xi = 0.35;
  const Replicas replicas =
      run_replicas(pulse_pairs(200, 1), parameters, settings, 2, [](std::span<double> sums) -> LoopObserver {
        return [sums, last = std::vector<double>()](const LoopObservation& seen) mutable {
          const auto x = seen.model.amplitude();
          for (std::size_t k = 0; k < last.size(); ++k) {
            sums[0] += last[k] * (x[2 * k] + x[2 * k + 1]);
            sums[1] += last[k] * last[k];
          }
          last.resize(x.size() / 2);
          for (std::size_t k = 0; k < last.size(); ++k) last[k] = x[2 * k] + x[2 * k + 1];
        };
      });
  ClosedForms("threshold and growth", rows)
      .sampled(formula, name_of(model), predicted,
               replicas.estimate([&](std::span<const double> s) { return pump + (1 - s[0] / s[1]) / dt; }));
}

}  // namespace

LoopParameters linear_loop(ModelKind model, double pump, double dt, std::int64_t rounds) {
  LoopParameters p;
  p.model = model;
  p.law = LawKind::linear;
  p.pump = pump;
  p.dt = dt;
  p.rounds = rounds;
  p.g2 = kSmallG2;
  return p;
}

void add_growth(const ValidationSettings& settings, std::vector<ClosedForm>& rows) {
  add_exact_growth(ModelKind::mean_field, rows);
  add_exact_growth(ModelKind::bounded, rows);
  add_sampled_threshold(settings, ModelKind::truncated_wigner, 0.3, 1 - 0.35,
                        "threshold 1 − ξ λ_max, two pulses", rows);
  add_sampled_threshold(settings, ModelKind::delay_lines, 0.3, 1 - 0.35, "threshold 1 − ξ λ_max, two pulses",
                        rows);
  add_sampled_threshold(settings, ModelKind::gaussian, 1.0, 2 - 0.35,
                        "threshold 1 + j − ξ λ_max, two pulses, j = 1", rows);
}

}  // namespace opoloop
