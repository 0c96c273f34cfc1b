#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cim_model/imperfections.h"
#include "cim_model/schedule.h"

namespace opoloop {

// Symbols (docs/physics.md has the table with sources):
//   x_i  normalised in-phase amplitude of pulse i, as laws see it and as it is returned
//   p    pump, in units of the solitary threshold          dt   time of one round trip × signal decay rate
//   g²   saturation parameter (1/g² = photon number at p = 2)
//   e_i  error (feedback gain) variable of pulse i          α    target squared amplitude
//   β    rate of the error variable                         ξ    coupling normalisation √(2N / Σ_ij J_ij²)
//   j    added amplitude loss of the measured loop          η    detection efficiency

/// How one pulse behaves between two injections. Paper tags are those of docs/physics.md.
enum class ModelKind {
  mean_field,        ///< (a) dx/dt = (p−1) x − μ x³ + inj                                [W13, R21]
  truncated_wigner,  ///< (b) Itô, in-phase c and quadrature s with √(c²+s²+½) noise     [W13, M16]
  gaussian,          ///< (d) mean μ and variance V under continuous measurement          [K20]
  delay_lines,       ///< (g) (b) coupled by optical delay lines, both quadratures         [W13]
  bounded,           ///< x ← x + dt (f(p x + inj) − x) + noise, f bounded                 [B21]
  phenomenological,  ///< (f) x ← A G(x) + r₁ + dt inj, read as G(x) + r₃
  positive_p,        ///< (c) Itô, independent complex α and α⁺: no truncation            [IY20]
  gaussian_moments,  ///< (d) with n = ⟨δa†δa⟩ and m = ⟨δa²⟩ instead of V alone           [I22]
  discrete,          ///< (e) the round trip optics by the part                            [N22]
};

/// How the measured amplitudes turn into the injection.
enum class LawKind {
  linear,    ///< inj = ξ Σ J x̃
  clipped,   ///< inj = clip(ξ Σ J x̃, ±limit)
  tanh,      ///< inj = limit · tanh(ξ Σ J x̃ / limit)
  cac,       ///< inj = e ξ Σ J x̃,         ė = −β e (x̃² − α)                             [R21]
  cfc,       ///< z = e ξ Σ J x̃, inj = z,  ė = −β e (z² − α)                             [R21]
  sfc,       ///< z = −ξ Σ J x̃, inj = −tanh(c z) − k (z − e),  ė = −β (e − z)            [R21]
  cac_best,  ///< CAC whose target follows the best energy so far                         [L21]
  ahc,       ///< CAC whose target is α + ξ ⟨σ_i Σ_j J_ij σ_j⟩                             [L19]
};

/// How a linear term h enters a loop that only multiplies by J.
enum class FieldMode {
  mean_amplitude,  ///< Σ J x̃ + h ⟨|x̃|⟩, the mean over the pulses of one trajectory
  ancilla,         ///< one more pulse coupled by h; its sign is the gauge of the read-out
  sqrt_alpha,      ///< Σ J x̃ + h √α, the amplitude that CAC holds
};

enum class Stepper {
  euler,        ///< Euler, Euler–Maruyama for stochastic models: what the papers used
  runge_kutta4  ///< deterministic models only, injection held over the round trip
};

/// Transfer function f of model `bounded`, slope 1 at 0; x stays below its bound  [B21].
enum class Nonlinearity {
  tanh,     ///< tanh u, bound 1
  sine,     ///< ½ sin 2u = cos²(u − π/4) − ½ of an intensity modulator, bound ½
  clipped,  ///< clip(u, ±nonlinearity_limit)
  cubic,    ///< u − u³: the first terms of the others; bounded by 0.385 up to its maximum, diverges beyond
};

/// Where the delay lines join the ring.
enum class InjectionPoint {
  distributed,  ///< all along the round trip, as equation (b) has it
  before,       ///< before the crystal: what is injected is amplified with the pulse
  after,        ///< after it
};

/// Law [L21]'s moving target: a = α − ρ tanh(δ (H_best − H)), dξ_t/dt = γ, ξ_t back to 0 whenever τ passes
/// without a better energy; ė = −ξ_t (x² − a) e.
struct BestEnergyTarget {
  double rho = 3;
  double delta = 10;      ///< per unit of Ising energy
  double gamma = 1.1e-4;  ///< per squared time unit
  double tau = 1000;      ///< time units
  /// a of round k from the energy of round k − 1 (a = α in round 0), as in machines and programs that hand
  /// the energy to the next round trip; false: from the energy of round k itself.
  bool previous_energy = false;
};

/// Everything that fixes the dynamics of one run, apart from J, h and the seed.
struct LoopParameters {
  ModelKind model = ModelKind::mean_field;
  LawKind law = LawKind::cfc;
  Stepper stepper = Stepper::euler;
  FieldMode field_mode = FieldMode::mean_amplitude;
  std::string preset;  ///< name of the published setting this started from; empty if none

  std::int64_t rounds = 1000;  ///< round trips in a run; one product J x̃ each
  double dt = 0.4;             ///< time of one round trip, in signal amplitude lifetimes
  int substeps = 1;            ///< steps of the amplitude equation per round trip (of dt/substeps)
  int error_substeps = 1;      ///< steps of the error equation per round trip
  double error_dt = 0;         ///< time of one error step; 0 = dt/error_substeps

  Schedule pump = Schedule(1.0);   ///< p
  Schedule alpha = Schedule(1.0);  ///< target squared amplitude (cac, cfc, cac_best)
  Schedule beta = Schedule(0.2);   ///< error rate (cac, cfc, sfc), per time unit
  Schedule sfc_c = Schedule(1.0);  ///< c of sfc
  double sfc_k = 0.2;              ///< k of sfc
  BestEnergyTarget best_energy;    ///< cac_best only
  double saturation = 1.0;         ///< μ, coefficient of x³ in mean_field

  double gain = 1.0;  ///< factor on the coupling strength
  /// ξ; unset = √(2N / Σ_ij J_ij²) of the problem at hand. Negative for machines whose feedback is reversed.
  std::optional<double> xi;
  double limit = 1.0;  ///< bound of the injection (clipped, tanh)

  double amplitude_clamp = 0;        ///< |x| ≤ this after every round trip; 0 = none
  double clamp_over_sqrt_alpha = 0;  ///< |x| ≤ this · √α; 0 = none. At most one of the two.
  /// cac, cac_best: ė sees x^{k+1} (after advance and clamp) instead of the measured x̃^k; for programs that
  /// update x in place before e. Ignored by the other laws, whose ė contains no x.
  bool error_uses_new_amplitude = false;
  double error_start = 1.0;  ///< e_i at round 0
  double error_min = 0;      ///< lower bound of e (0 = none)
  /// Upper bound of e (0 = none). A spin without couplings never reaches its target, so its e would grow
  /// until it is no number; no published setting comes near this bound.
  double error_max = 1e6;
  double start_sd = 1e-4;  ///< standard deviation of x at round 0 (mean_field, bounded, phenomenological)
  double start_uniform_half_width = 0;  ///< > 0: x at round 0 uniform in ± this instead (the same models)

  double g2 = 1e-4;                 ///< g² (quantum models)
  double measured_loss = 1.0;       ///< j (is_measured), in units of the intrinsic amplitude loss
  double detection_efficiency = 1;  ///< η, in (0, 1]

  // delay_lines
  int line_limit = 0;           ///< lines that the machine has; 0 = as many as J takes
  bool line_modulators = true;  ///< lines have modulators that give every pulse its own amplitude
  int line_delay = 0;           ///< whole round trips that light spends in the lines, besides the slots
  InjectionPoint injection_point = InjectionPoint::distributed;

  Nonlinearity nonlinearity = Nonlinearity::tanh;  ///< f (bounded)
  double nonlinearity_limit = 0.4;                 ///< bound of f where it is clipped
  /// Standard deviation of what a round trip adds to x (bounded, phenomenological: r₁); unset = that of the
  /// vacuum, g √(dt/2).
  std::optional<double> cavity_noise;
  /// Standard deviation of x̃ (phenomenological: r₃); unset = that of a homodyne detector behind the coupler
  /// of loss j, g √((1 + j)/(4 η j dt)).
  std::optional<double> record_noise;

  bool read_record = false;  ///< spins from the sign of the measured record instead of the state

  Imperfections imperfections;  ///< of the machine around the pulses; all ideal by default

  /// Time of one step of the error equation, in signal lifetimes.
  double error_step() const { return error_dt > 0 ? error_dt : dt / error_substeps; }

  /// Throws InputError naming the parameter, its value and what is allowed.
  void validate() const;
};

/// ξ = √(2N / Σ_ij J_ij²) over ordered pairs; 1 for a problem without couplings. With a field, h enters the
/// sum as the couplings of an ancilla would (Σ_ij J² + 2 Σ h², N + 1), so that overall scale drops out.
class IsingModel;
double coupling_normalisation(const IsingModel& model);

/// ξ·gain that multiplies the field: parameters.xi or coupling_normalisation(problem), times gain.
double coupling_strength(const IsingModel& problem, const LoopParameters& parameters);

/// Why this model cannot run with this law; empty where it can.
std::optional<std::string> why_not(ModelKind model, LawKind law);

/// sup |f| of model `bounded` (of the stable branch, where f is cubic).
double nonlinearity_bound(const LoopParameters& parameters);
/// True for models that contain their own detector (their record carries the noise of the measurement): what
/// they extract is a parameter of the model.
bool model_measures(ModelKind model);

/// True for the models of a measured state, (d), its extended moments and (e). Their time is in intrinsic
/// amplitude lifetimes, the loop adds the loss j, and the solitary threshold is p = 1 + j.
bool is_measured(ModelKind kind);

/// True where the record x̃ is not the amplitude itself.
bool has_separate_record(const LoopParameters& parameters);

/// √α in units of x: the amplitude that a law with a target holds. α of CFC is the target of an injection,
/// which grows with the loss of a measured model as x does not.
double held_amplitude(const LoopParameters& parameters, double alpha);

/// All of them, in the order of the enumerations.
std::vector<ModelKind> all_models();
std::vector<LawKind> all_laws();
/// Their names, with commas between.
std::string names_of_models();
std::string names_of_laws();

std::string name_of(ModelKind kind);
std::string name_of(LawKind kind);
std::string name_of(FieldMode mode);
std::string name_of(Nonlinearity kind);
std::string name_of(InjectionPoint point);
/// Throw InputError listing the known names.
ModelKind parse_model(const std::string& text);
LawKind parse_law(const std::string& text);
FieldMode parse_field_mode(const std::string& text);
Nonlinearity parse_nonlinearity(const std::string& text);
InjectionPoint parse_injection_point(const std::string& text);

}  // namespace opoloop
