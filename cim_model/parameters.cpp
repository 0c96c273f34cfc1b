#include "cim_model/parameters.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "cim_model/models/discrete_optics.h"
#include "core/error.h"
#include "hamiltonian/ising_model.h"

namespace opoloop {
namespace {

void require(bool holds, const std::string& name, double value, const std::string& allowed) {
  if (!holds) throw_parameter_error(name, value, allowed);
}

/// NaN fails every comparison, so `low ≤ value` alone would let +∞ pass and nothing else.
bool at_least(double value, double low) {
  return std::isfinite(value) && value >= low;
}
bool above(double value, double low) {
  return std::isfinite(value) && value > low;
}

/// A Schedule made from one number is not checked at construction, so every point is looked at here.
template <class Predicate>
void require_points(const Schedule& schedule, const std::string& name, const std::string& allowed,
                    Predicate&& holds) {
  if (schedule.empty()) throw InputError(fmt::format("{}: the schedule has no points", name));
  for (const Schedule::Point& point : schedule.points()) {
    require(std::isfinite(point.value) && holds(point.value), name, point.value, allowed);
  }
}

constexpr std::array<std::pair<ModelKind, const char*>, 9> kModelNames = {{
    {ModelKind::mean_field, "mean-field"},
    {ModelKind::truncated_wigner, "truncated-wigner"},
    {ModelKind::gaussian, "gaussian"},
    {ModelKind::delay_lines, "delay-lines"},
    {ModelKind::bounded, "bounded"},
    {ModelKind::phenomenological, "phenomenological"},
    {ModelKind::positive_p, "positive-p"},
    {ModelKind::gaussian_moments, "gaussian-moments"},
    {ModelKind::discrete, "discrete"},
}};

constexpr std::array<std::pair<LawKind, const char*>, 8> kLawNames = {{
    {LawKind::linear, "linear"},
    {LawKind::clipped, "clipped"},
    {LawKind::tanh, "tanh"},
    {LawKind::cac, "cac"},
    {LawKind::cfc, "cfc"},
    {LawKind::sfc, "sfc"},
    {LawKind::cac_best, "cac-best"},
    {LawKind::ahc, "ahc"},
}};

constexpr std::array<std::pair<FieldMode, const char*>, 3> kFieldModeNames = {{
    {FieldMode::mean_amplitude, "mean-amplitude"},
    {FieldMode::ancilla, "ancilla"},
    {FieldMode::sqrt_alpha, "sqrt-alpha"},
}};

constexpr std::array<std::pair<Nonlinearity, const char*>, 4> kNonlinearityNames = {{
    {Nonlinearity::tanh, "tanh"},
    {Nonlinearity::sine, "sine"},
    {Nonlinearity::clipped, "clipped"},
    {Nonlinearity::cubic, "cubic"},
}};

constexpr std::array<std::pair<InjectionPoint, const char*>, 3> kInjectionPointNames = {{
    {InjectionPoint::distributed, "distributed"},
    {InjectionPoint::before, "before"},
    {InjectionPoint::after, "after"},
}};

template <class Table, class Kind>
std::string name_in(const Table& table, Kind kind) {
  for (const auto& [known, name] : table) {
    if (known == kind) return name;
  }
  return "unknown";  // only reachable by casting a number to the enum
}

template <class Table>
std::string names_in(const Table& table) {
  std::string names;
  for (const auto& [kind, name] : table) names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  return names;
}

/// Names are written with hyphens; underscores are taken too, because config files like them.
template <class Table>
auto parse_in(const Table& table, const std::string& text, const char* what) {
  std::string hyphens = text;
  for (char& c : hyphens) c = c == '_' ? '-' : c;
  for (const auto& [kind, name] : table) {
    if (hyphens == name) return kind;
  }
  throw InputError(fmt::format("{} = '{}': must be one of {}", what, text, names_in(table)));
}

}  // namespace

void LoopParameters::validate() const {
  require(rounds >= 1, "rounds", static_cast<double>(rounds), "at least 1 round trip");
  require(above(dt, 0), "dt", dt, "positive and finite [signal amplitude lifetimes]");
  require(substeps >= 1, "substeps", substeps, "at least 1 step per round trip");
  require(error_substeps >= 1, "error_substeps", error_substeps, "at least 1 step per round trip");
  require(at_least(error_dt, 0), "error_dt", error_dt,
          "0 (then dt/error_substeps) or positive and finite [signal amplitude lifetimes]");

  require_points(pump, "pump", "finite [solitary thresholds]", [](double) { return true; });
  require_points(alpha, "alpha", "positive and finite [squared amplitude]", [](double v) { return v > 0; });
  require_points(beta, "beta", "at least 0 and finite [per time unit]", [](double v) { return v >= 0; });
  require_points(sfc_c, "sfc_c", "at least 0 and finite", [](double v) { return v >= 0; });
  require(at_least(sfc_k, 0), "sfc_k", sfc_k, "at least 0 and finite");
  require(at_least(best_energy.rho, 0), "rho", best_energy.rho, "at least 0 and finite [squared amplitude]");
  require(at_least(best_energy.delta, 0), "delta", best_energy.delta,
          "at least 0 and finite [per unit of Ising energy]");
  require(at_least(best_energy.gamma, 0), "gamma", best_energy.gamma,
          "at least 0 and finite [per squared time unit]");
  require(above(best_energy.tau, 0), "tau", best_energy.tau,
          "positive and finite [signal amplitude lifetimes]");
  require(at_least(saturation, 0), "saturation", saturation, "at least 0 and finite");

  require(at_least(gain, 0), "gain", gain, "at least 0 and finite");
  if (xi) require(std::isfinite(*xi), "xi", *xi, "finite");
  require(above(limit, 0), "limit", limit, "positive and finite [normalised amplitude per time unit]");

  require(at_least(amplitude_clamp, 0), "clamp", amplitude_clamp,
          "0 (none) or positive and finite [normalised amplitude]");
  require(at_least(clamp_over_sqrt_alpha, 0), "clamp_over_sqrt_alpha", clamp_over_sqrt_alpha,
          "0 (none) or positive and finite [multiples of sqrt(alpha)]");
  require(amplitude_clamp == 0 || clamp_over_sqrt_alpha == 0, "clamp_over_sqrt_alpha", clamp_over_sqrt_alpha,
          fmt::format("0 because clamp = {} is set too: give one of the two", amplitude_clamp));
  require(std::isfinite(error_start), "error_start", error_start, "finite");
  require(at_least(error_min, 0), "error_min", error_min, "0 (none) or positive and finite");
  require(at_least(error_max, 0), "error_max", error_max, "0 (none) or positive and finite");
  require(error_max == 0 || error_min <= error_max, "error_max", error_max,
          fmt::format("at least error_min = {}, or 0 (none)", error_min));
  require(at_least(start_sd, 0), "start_sd", start_sd, "at least 0 and finite [normalised amplitude]");
  require(at_least(start_uniform_half_width, 0), "start_uniform_half_width", start_uniform_half_width,
          "0 (normal start) or positive and finite [normalised amplitude]");

  if (const auto reason = why_not(model, law)) {
    throw InputError(fmt::format("law = {}: {}", name_of(law), *reason));
  }
  const bool quantum =
      model != ModelKind::mean_field && model != ModelKind::bounded && model != ModelKind::phenomenological;
  require(
      at_least(g2, 0) && (!quantum || g2 > 0), "g2", g2,
      quantum ? "positive and finite [1/photons] for a quantum model" : "at least 0 and finite [1/photons]");
  const bool measured = is_measured(model) || (model == ModelKind::phenomenological && !record_noise);
  require(at_least(measured_loss, 0) && (!measured || measured_loss > 0), "measured_loss", measured_loss,
          measured ? "positive and finite [intrinsic amplitude loss]: without it there is no record"
                   : "at least 0 and finite [intrinsic amplitude loss]");
  if (model == ModelKind::discrete && (law == LawKind::cac || law == LawKind::cac_best)) {
    // CAC-best moves its target up to α + ρ.
    const double left = attainable_square(*this);
    if (law == LawKind::cac_best) {
      require(
          best_energy.rho < left, "rho", best_energy.rho,
          fmt::format("below {:.3g} [squared amplitude]: at dt = {} and pump {:.4g} a crystal pass of model "
                      "discrete leaves no more in a pulse, and the target goes up to alpha + rho",
                      left, dt, highest_pump_of(*this)));
    }
    const double most = left - (law == LawKind::cac_best ? best_energy.rho : 0);
    require_points(
        alpha, "alpha",
        fmt::format(
            "at most {:.3g} [squared amplitude]: at dt = {} and pump {:.4g} a crystal pass of model discrete "
            "leaves no more in a pulse{}",
            most, dt, highest_pump_of(*this),
            law == LawKind::cac_best ? ", and the target goes up to alpha + rho" : ""),
        [most](double v) { return v <= most; });
  }
  require(above(detection_efficiency, 0) && detection_efficiency <= 1, "detection_efficiency",
          detection_efficiency, "in (0, 1]");
  require(line_limit >= 0, "line_limit", line_limit, "0 (as many as J takes) or the number of delay lines");
  require(line_delay >= 0, "line_delay", line_delay, "at least 0 round trips");
  require(above(nonlinearity_limit, 0), "nonlinearity_limit", nonlinearity_limit,
          "positive and finite [normalised amplitude]");
  if (cavity_noise) {
    require(at_least(*cavity_noise, 0), "cavity_noise", *cavity_noise,
            "at least 0 and finite [normalised amplitude]");
  }
  if (record_noise) {
    require(at_least(*record_noise, 0), "record_noise", *record_noise,
            "at least 0 and finite [normalised amplitude]");
  }
  if (model == ModelKind::bounded && (law == LawKind::cac || law == LawKind::cac_best)) {
    // e would grow without end in pursuit of an amplitude that f cannot give.
    const double bound = nonlinearity_bound(*this);
    const double above_alpha = law == LawKind::cac_best ? best_energy.rho : 0;
    require_points(
        alpha, "alpha",
        fmt::format("below {:g}: nonlinearity {} bounds |x| by {:g}, and alpha{} is a target of x²",
                    bound * bound, name_of(nonlinearity), bound, law == LawKind::cac_best ? " + rho" : ""),
        [&](double v) { return v + above_alpha < bound * bound; });
  }
  validate_imperfections(*this);
  if (stepper == Stepper::runge_kutta4 && model != ModelKind::mean_field) {
    throw InputError(fmt::format("stepper = rk4: model {} is stochastic, must be euler", name_of(model)));
  }
}

std::optional<std::string> why_not(ModelKind model, LawKind law) {
  if (model == ModelKind::delay_lines && law != LawKind::linear) {
    return "model delay-lines has no electronics in the loop, light is injected as it is: must be linear";
  }
  if (model == ModelKind::bounded && law == LawKind::ahc) {
    return "its target alpha + xi <s J s> is the amplitude that a cubic saturation gives; model bounded "
           "cannot "
           "reach it: take cac";
  }
  return std::nullopt;
}

double nonlinearity_bound(const LoopParameters& parameters) {
  switch (parameters.nonlinearity) {
    case Nonlinearity::tanh:
      return 1;
    case Nonlinearity::sine:
      return 0.5;
    case Nonlinearity::clipped:
      return parameters.nonlinearity_limit;
    case Nonlinearity::cubic:
      return 2 / (3 * std::sqrt(3.0));
  }
  return 1;
}

double coupling_normalisation(const IsingModel& model) {
  double sum = model.sum_of_squares();
  double pulses = model.size();
  if (model.has_field()) {
    for (const double h : model.field()) sum += 2 * h * h;
    pulses += 1;
  }
  return sum > 0 ? std::sqrt(2 * pulses / sum) : 1;
}

double coupling_strength(const IsingModel& problem, const LoopParameters& parameters) {
  return parameters.gain * (parameters.xi ? *parameters.xi : coupling_normalisation(problem));
}

bool model_measures(ModelKind model) {
  return is_measured(model) || model == ModelKind::phenomenological;
}

bool is_measured(ModelKind kind) {
  return kind == ModelKind::gaussian || kind == ModelKind::gaussian_moments || kind == ModelKind::discrete;
}

bool has_separate_record(const LoopParameters& parameters) {
  return model_measures(parameters.model) || parameters.model == ModelKind::positive_p ||
         changes_record(parameters);
}

double held_amplitude(const LoopParameters& parameters, double alpha) {
  const bool injected = parameters.law == LawKind::cfc && is_measured(parameters.model);
  return std::sqrt(alpha) / (injected ? 1 + parameters.measured_loss : 1);
}

std::vector<ModelKind> all_models() {
  std::vector<ModelKind> all;
  for (const auto& entry : kModelNames) all.push_back(entry.first);
  return all;
}
std::vector<LawKind> all_laws() {
  std::vector<LawKind> all;
  for (const auto& entry : kLawNames) all.push_back(entry.first);
  return all;
}

std::string names_of_models() {
  return names_in(kModelNames);
}
std::string names_of_laws() {
  return names_in(kLawNames);
}

std::string name_of(ModelKind kind) {
  return name_in(kModelNames, kind);
}
std::string name_of(LawKind kind) {
  return name_in(kLawNames, kind);
}
std::string name_of(FieldMode mode) {
  return name_in(kFieldModeNames, mode);
}
std::string name_of(Nonlinearity kind) {
  return name_in(kNonlinearityNames, kind);
}
std::string name_of(InjectionPoint point) {
  return name_in(kInjectionPointNames, point);
}
ModelKind parse_model(const std::string& text) {
  return parse_in(kModelNames, text, "model");
}
LawKind parse_law(const std::string& text) {
  return parse_in(kLawNames, text, "law");
}
FieldMode parse_field_mode(const std::string& text) {
  return parse_in(kFieldModeNames, text, "field_mode");
}
Nonlinearity parse_nonlinearity(const std::string& text) {
  return parse_in(kNonlinearityNames, text, "nonlinearity");
}
InjectionPoint parse_injection_point(const std::string& text) {
  return parse_in(kInjectionPointNames, text, "injection_point");
}

}  // namespace opoloop
