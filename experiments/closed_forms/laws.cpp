#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "experiments/closed_forms/groups.h"
#include "experiments/closed_forms/replicas.h"
#include "hamiltonian/brute_force.h"
#include "hamiltonian/extreme_eigenvalues.h"
#include "hamiltonian/generators.h"

// Where the feedback laws come to rest on a problem without frustration (a cube of ferromagnetic couplings,
// d = 3, all states equal up to sign), and the facts about the Möbius ladder of 16 spins, the field's first
// benchmark [M16, I16].

namespace opoloop {
namespace {

constexpr int kNeighbours = 3;

/// |x| and e of pulse 0 when nothing moves any more.
struct Rest {
  double x = 0;
  double e = 0;
};
Rest rest(const LoopParameters& parameters) {
  Rest state;
  LoopOptions options;
  options.observer = [&](const LoopObservation& seen) {
    state.x = std::abs(seen.model.amplitude()[0]);
    if (!seen.error.empty()) state.e = seen.error[0];
  };
  run_loop(ferromagnetic_cube(), parameters, options);
  return state;
}

/// The positive root of x³ − (p−1) x = injection(x) from above, by bisection.
template <class Injection>
double amplitude_under(double p, Injection&& injection) {
  double low = 1e-3;
  double high = 10;
  for (int k = 0; k < 200; ++k) {
    const double x = (low + high) / 2;
    (x * x * x - (p - 1) * x > injection(x) ? high : low) = x;
  }
  return (low + high) / 2;
}

}  // namespace

void add_laws(const ValidationSettings& /*settings*/, std::vector<ClosedForm>& rows) {
  ClosedForms forms("feedback laws", rows);
  const double p = 0.6;
  const double xi = 0.3;
  const double alpha = 0.7;
  LoopParameters parameters = linear_loop(ModelKind::mean_field, p, 0.05, 20000);
  parameters.xi = xi;
  parameters.start_sd = 1e-2;
  parameters.alpha = alpha;
  parameters.beta = 0.1;
  parameters.limit = 0.5;
  parameters.error_start = 1;
  const double drive = xi * kNeighbours;
  // The iteration ends on the fixed point; conditioning of the root costs a few roundings.
  const double rounding = 1e-12;

  parameters.law = LawKind::linear;
  forms.bounded("linear: x² = p − 1 + ξd", "mean-field", std::sqrt(p - 1 + drive), rest(parameters).x,
                rounding);
  parameters.law = LawKind::clipped;
  forms.bounded("clipped: x³ − (p−1) x = min(ξdx, limit)", "mean-field",
                amplitude_under(p, [&](double x) { return std::min(drive * x, 0.5); }), rest(parameters).x,
                rounding);
  parameters.law = LawKind::tanh;
  forms.bounded("tanh: x³ − (p−1) x = limit · tanh(ξdx/limit)", "mean-field",
                amplitude_under(p, [&](double x) { return 0.5 * std::tanh(drive * x / 0.5); }),
                rest(parameters).x, rounding);
  parameters.law = LawKind::cac;
  forms.bounded("CAC: x² = α", "mean-field", std::sqrt(alpha), rest(parameters).x, rounding);
  forms.bounded("CAC: e = (1 − p + α)/(ξ σ_i Σ J σ)", "mean-field", (1 - p + alpha) / drive,
                rest(parameters).e, rounding);
  parameters.law = LawKind::ahc;
  parameters.alpha = 0.2;
  const double target = 0.2 + drive;  // a = α + ξ ⟨σ Σ J σ⟩
  forms.bounded("AHC: x² = α + ξ ⟨σ_i Σ J σ⟩", "mean-field", std::sqrt(target), rest(parameters).x, rounding);
  forms.bounded("AHC: e = (1 − p + x²)/(ξ σ_i Σ J σ)", "mean-field", (1 - p + target) / drive,
                rest(parameters).e, rounding);
  parameters.alpha = alpha;
  parameters.law = LawKind::cfc;
  const double held = amplitude_under(p, [&](double) { return std::sqrt(alpha); });
  forms.bounded("CFC: x³ − (p−1) x = √α", "mean-field", held, rest(parameters).x, rounding);
  forms.bounded("CFC: e = √α/(ξ |Σ J x|)", "mean-field", std::sqrt(alpha) / (drive * held),
                rest(parameters).e, rounding);
  parameters.law = LawKind::sfc;
  parameters.sfc_c = 2.0;
  parameters.error_start = 0;
  forms.bounded("SFC: x³ − (p−1) x = tanh(c ξdx), e = z", "mean-field",
                amplitude_under(p, [&](double x) { return std::tanh(2 * drive * x); }), rest(parameters).x,
                rounding);

  const Problem ladder = moebius_ladder(16);
  const BruteForceResult ground = brute_force(ladder.ising);
  double weight = 0;
  for (const IsingEdge& edge : ladder.ising.edges()) weight -= edge.J;
  forms.bounded("Möbius ladder N = 16: largest cut", "–", 22, (weight - ground.energy) / 2, 1e-12);
  forms.bounded("Möbius ladder N = 16: optima", "–", 16, static_cast<double>(ground.degeneracy), 1e-12);
  forms.bounded("Möbius ladder N = 16: λ_max(−A) = 1 + 2 cos(π/8)", "–",
                1 + 2 * std::cos(std::acos(-1.0) / 8), extreme_eigenvalues(ladder.ising).largest, 1e-9);
}

}  // namespace opoloop
