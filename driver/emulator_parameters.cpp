#include "driver/emulator_parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "cim_model/models/discrete_optics.h"
#include "cim_model/presets.h"
#include "core/error.h"
#include "driver/imperfection_parameters.h"
#include "hamiltonian/extreme_eigenvalues.h"

namespace opoloop {
namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

/// One number or schedule of LoopParameters, its name, and how it is read and written.
struct Entry {
  ParameterHelp help;
  std::function<void(LoopParameters&, const std::string& text)> set;
  std::function<std::string(const LoopParameters&)> get;
};

double parse(const std::string& name, const std::string& text) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    throw InputError(fmt::format("emulator: {} = '{}': expected a number", name, text));
  }
  return value;
}

Entry number(const char* name, const char* unit, double LoopParameters::* member, const char* help) {
  return {{name, unit, "of the preset", help},
          [name, member](LoopParameters& p, const std::string& text) { p.*member = parse(name, text); },
          [member](const LoopParameters& p) { return number_text(p.*member); }};
}

Entry integer(const char* name, int LoopParameters::* member, const char* help) {
  return {{name, "", "of the preset", help},
          [name, member](LoopParameters& p, const std::string& text) {
            const double value = parse(name, text);
            if (value != std::floor(value) || std::abs(value) > 1e9) {
              throw InputError(fmt::format("emulator: {} = '{}': expected an integer", name, text));
            }
            p.*member = static_cast<int>(value);
          },
          [member](const LoopParameters& p) { return fmt::format("{}", p.*member); }};
}

Entry schedule(const char* name, const char* unit, Schedule LoopParameters::* member, const char* help) {
  return {
      {name, unit, "of the preset", help},
      [name, member](LoopParameters& p, const std::string& text) { p.*member = Schedule::parse(text, name); },
      [member](const LoopParameters& p) { return (p.*member).text(); }};
}

/// A number that the program works out unless it is given.
Entry optional_number(const char* name, const char* unit, const char* unset,
                      std::optional<double> LoopParameters::* member, const char* help) {
  return {{name, unit, unset, help},
          [name, member](LoopParameters& p, const std::string& text) { p.*member = parse(name, text); },
          [unset, member](const LoopParameters& p) {
            return (p.*member) ? number_text(*(p.*member)) : std::string(unset);
          }};
}

/// One of an enumeration with name_of() and a parser.
template <class Kind>
Entry named(const char* name, Kind LoopParameters::* member, Kind (*parser)(const std::string&),
            const char* help) {
  return {{name, "", name_of(LoopParameters().*member), help},
          [member, parser](LoopParameters& p, const std::string& text) { p.*member = parser(text); },
          [member](const LoopParameters& p) { return name_of(p.*member); }};
}

Entry yes_or_no(const char* name, bool LoopParameters::* member, const char* help) {
  return {{name, "", (LoopParameters().*member) ? "true" : "false", help},
          [name, member](LoopParameters& p, const std::string& text) {
            if (text != "true" && text != "false") {
              throw InputError(fmt::format("emulator: {} = '{}': must be true or false", name, text));
            }
            p.*member = text == "true";
          },
          [member](const LoopParameters& p) { return std::string((p.*member) ? "true" : "false"); }};
}

Entry target(const char* name, const char* unit, double BestEnergyTarget::* member, const char* help) {
  return {{name, unit, "of the preset", help},
          [name, member](LoopParameters& p, const std::string& text) {
            p.best_energy.*member = parse(name, text);
          },
          [member](const LoopParameters& p) { return number_text(p.best_energy.*member); }};
}

const std::vector<Entry>& entries() {
  using P = LoopParameters;
  static const std::vector<Entry> all = {
      number("dt", "signal lifetimes", &P::dt, "time of one round trip"),
      schedule("pump", "threshold", &P::pump,
               "p, as VALUE, FROM:TO, FROM:TO@FRACTION of the run, or points VALUE@FRACTION,…"),
      schedule("alpha", "x²", &P::alpha,
               "target of x² (cac, cac-best), part of it (ahc); of cfc target of z², in (x/time)²"),
      schedule("beta", "1/time", &P::beta, "rate of the error variable of cac, cfc, sfc, ahc"),
      number("gain", "", &P::gain, "factor on the coupling strength"),
      number("saturation", "", &P::saturation, "μ, coefficient of x³ (mean-field, phenomenological)"),
      number("limit", "x/time", &P::limit, "bound of the injection (clipped, tanh)"),
      number("clamp", "x", &P::amplitude_clamp, "|x| ≤ this after every round trip; 0 = none"),
      number("clamp_over_sqrt_alpha", "", &P::clamp_over_sqrt_alpha, "|x| ≤ this · √α; 0 = none"),
      number("error_start", "", &P::error_start, "e at round 0"),
      number("error_min", "", &P::error_min, "lower bound of e; 0 = none"),
      number("error_max", "", &P::error_max, "upper bound of e; 0 = none"),
      number("error_dt", "signal lifetimes", &P::error_dt, "time of one error step; 0 = dt/error_substeps"),
      number("start_sd", "x", &P::start_sd,
             "standard deviation of x at round 0 (mean-field, bounded, phenomenological)"),
      integer("substeps", &P::substeps, "steps of the amplitude equation per round trip"),
      integer("error_substeps", &P::error_substeps, "steps of the error equation per round trip"),
      schedule("sfc_c", "time/x", &P::sfc_c, "c of sfc"),
      number("sfc_k", "", &P::sfc_k, "k of sfc"),
      target("rho", "x²", &BestEnergyTarget::rho, "ρ of cac-best"),
      target("delta", "1/energy", &BestEnergyTarget::delta, "δ of cac-best"),
      target("gamma", "1/time²", &BestEnergyTarget::gamma, "γ of cac-best"),
      target("tau", "signal lifetimes", &BestEnergyTarget::tau, "τ of cac-best"),
      number("g2", "", &P::g2, "saturation parameter g² (all models but mean-field)"),
      number("measured_loss", "intrinsic loss", &P::measured_loss,
             "j of gaussian, gaussian-moments, discrete"),
      number("detection_efficiency", "", &P::detection_efficiency, "η, in (0, 1]"),
      integer("line_limit", &P::line_limit, "delay lines of the machine; 0 = as many as J takes"),
      yes_or_no("line_modulators", &P::line_modulators, "delay lines have a modulator for every pulse"),
      integer("line_delay", &P::line_delay, "whole round trips that light spends in the delay lines"),
      named("injection_point", &P::injection_point, &parse_injection_point,
            "where delay lines join the ring: distributed, before or after the crystal"),
      named("nonlinearity", &P::nonlinearity, &parse_nonlinearity,
            "transfer function of bounded: tanh, sine, clipped or cubic"),
      number("nonlinearity_limit", "x", &P::nonlinearity_limit, "bound of the clipped transfer function"),
      optional_number("cavity_noise", "x", "vacuum: g √(dt/2)", &P::cavity_noise,
                      "standard deviation added to x a round trip (bounded, phenomenological)"),
      optional_number("record_noise", "x", "homodyne: g √((1+j)/4ηj dt)", &P::record_noise,
                      "standard deviation of a measurement (phenomenological)"),
  };
  return all;
}

/// The loop of AHC for couplings of any scale.
LoopParameters ahc_parameters(const IsingModel& model) {
  LoopParameters p = loop_preset("cim-optimizer-ahc", model);
  // eps = 0.07 is for J = ±1 and N about 100, where ξ = 0.14: in units of ξ it is for any couplings.
  p.gain /= std::sqrt(2.0 / 99);
  p.xi.reset();
  p.preset.clear();
  return p;
}

/// The loop for `law=` without `preset=`, from a published setting of that law.
LoopParameters parameters_of_law(LawKind law, const IsingModel& model) {
  const bool sparse = model.density() < 0.1 && model.size() >= 200;
  switch (law) {
    case LawKind::cac:
      return loop_preset(sparse ? "gset-cac" : "sk-cac", model);
    case LawKind::sfc:
      return loop_preset("sk-sfc", model);
    case LawKind::cac_best:
      return cac_best_parameters(model);
    case LawKind::ahc:
      return ahc_parameters(model);
    default:
      return loop_preset("sk-cfc", model);
  }
}

Schedule scaled(const Schedule& schedule, double factor) {
  std::vector<Schedule::Point> points = schedule.points();
  for (Schedule::Point& point : points) point.value *= factor;
  return Schedule(std::move(points));
}

/// Published settings are in units of the solitary threshold and of the loaded cavity. Models of a measured
/// state count time and gain in intrinsic lifetimes, where both rates are s = 1 + j times larger: with t =
/// t'/s, p = s p', gain = s gain' and x = √s x' it runs the same dynamics: injections grow by s√s, so what
/// bounds them does too (docs/physics.md). Only SFC's tanh, bounded by 1 in any units, follows no further
/// than its linear part.
void to_intrinsic_units(LoopParameters& p) {
  const double s = 1 + p.measured_loss;
  p.dt /= s;
  p.error_dt /= s;
  p.pump = scaled(p.pump, s);
  p.gain *= s;
  p.amplitude_clamp *= std::sqrt(s);
  p.beta = p.law == LawKind::sfc   ? scaled(p.beta, s)
           : p.law == LawKind::cfc ? scaled(p.beta, 1 / (s * s))
                                   : p.beta;
  p.alpha = scaled(p.alpha, p.law == LawKind::cfc ? s * s * s : s);
  // α of CFC is the target of an injection, its root grows s times as fast as x.
  if (p.law == LawKind::cfc) p.clamp_over_sqrt_alpha /= s;
  p.limit *= s * std::sqrt(s);
  p.imperfections.adc_full_scale *= std::sqrt(s);
  p.imperfections.dac_full_scale *= s * std::sqrt(s);
  p.best_energy.rho *= s;
  p.best_energy.gamma *= s;  // ξ_t per time: ξ_t itself multiplies x²/s, once s times as fast
  p.best_energy.tau /= s;
}

double highest(const Schedule& schedule) {
  double value = 0;
  for (const Schedule::Point& point : schedule.points()) value = std::max(value, point.value);
  return value;
}

/// Largest x² a run is likely to see, in the model's own units.
double largest_square(const LoopParameters& p) {
  if (p.amplitude_clamp > 0) return p.amplitude_clamp * p.amplitude_clamp;
  if (p.clamp_over_sqrt_alpha > 0) {
    return p.clamp_over_sqrt_alpha * p.clamp_over_sqrt_alpha * highest(p.alpha);
  }
  return is_measured(p.model) ? 3 * (1 + p.measured_loss) : 3;
}

/// A published target of x² may be more than a crystal pass of model (e) leaves in a pulse. CAC would raise e
/// for ever: the whole schedule is lowered until it is nowhere more than half of what a pass leaves at p = 0,
/// nor 0.9 of what it leaves at the pump of that time.
void lower_target(LoopParameters& p) {
  if (p.model != ModelKind::discrete || (p.law != LawKind::cac && p.law != LawKind::cac_best)) return;
  const double pump_unit = p.imperfections.pump_unit;
  if (!(pump_unit > 0)) return;  // refused later, by its name
  const double rho = p.law == LawKind::cac_best ? p.best_energy.rho : 0;
  double factor = 1;
  // Between the points of both schedules the pump and the target are straight lines.
  for (const Schedule* schedule : {&p.pump, &p.alpha}) {
    for (const Schedule::Point& point : schedule->points()) {
      constexpr std::int64_t kRounds = 1'000'000;
      const auto round = std::llround(point.fraction * kRounds);
      const double most = std::min(attainable_square(p, 0) / 2,
                                   0.9 * attainable_square(p, p.pump.at(round, kRounds) / pump_unit));
      factor = std::min(factor, most / (p.alpha.at(round, kRounds) + rho));
    }
  }
  if (!(factor < 1 && factor > 0)) return;
  p.alpha = scaled(p.alpha, factor);
  p.best_energy.rho *= factor;
}

/// Sub-steps a round trip that the fastest rate of a model needs: its variances relax much faster than the
/// amplitude of the published settings. Model (e) chooses the steps of each crystal pass itself.
int needed_substeps(const LoopParameters& p) {
  const double s = 1 + p.measured_loss;
  const double x2 = largest_square(p);
  double lowest_pump = 0, highest_pump = 0;
  for (const Schedule::Point& point : p.pump.points()) {
    lowest_pump = std::min(lowest_pump, point.value / p.imperfections.pump_unit);
    highest_pump = std::max(highest_pump, point.value / p.imperfections.pump_unit);
  }
  const double strongest_pump = std::max(highest_pump, -lowest_pump);
  double steps_per_time = 0;
  switch (p.model) {
    case ModelKind::gaussian:  // V
      steps_per_time = 2 * (s - lowest_pump) + 6 * x2;
      break;
    case ModelKind::gaussian_moments:  // n + m and n − m, the other quadrature
      steps_per_time = std::max(2 * (s - lowest_pump) + 6 * x2, 2 * (s + highest_pump) + 2 * x2);
      break;
    case ModelKind::positive_p:  // five steps a relaxation: coarse ones leave the manifold and spike
      steps_per_time = 5 * (1 + strongest_pump + 3 * x2);
      break;
    default:
      break;
  }
  return static_cast<int>(std::clamp(std::ceil(p.dt * steps_per_time), 1.0, 1e6));
}

/// A bounded nonlinearity cannot reach the amplitudes of published targets. With x = s x' the same dynamics
/// of e runs at targets s² as large and a rate β/s²; 0.6 of the bound leaves f some slope.
void to_bounded_amplitude(LoopParameters& p) {
  const double bound = nonlinearity_bound(p);
  double s = 1;
  switch (p.law) {
    case LawKind::cac:
      s = 0.6 * bound / std::sqrt(highest(p.alpha));
      break;
    case LawKind::cac_best:
      s = 0.6 * bound / std::sqrt(highest(p.alpha) + p.best_energy.rho);
      break;
    case LawKind::cfc:
      s = bound;  // α is the target of z², which f sees beside p x
      break;
    default:
      return;
  }
  p.alpha = scaled(p.alpha, s * s);
  p.best_energy.rho *= s * s;
  p.best_energy.gamma /= s * s;
  p.beta = scaled(p.beta, 1 / (s * s));
}

/// Passive lines give back less light than they take: ξ |λ| must stay below the loss of 1 or both quadratures
/// oscillate without a pump. Half of it leaves the threshold 1 − ξ λ_max at ½.
void to_passive_lines(LoopParameters& p, const IsingModel& model, bool look_at_spectrum) {
  p.dt = 0.1;
  p.rounds = 1000;
  p.pump = Schedule::ramp(0.3, 1.2, 0.9);
  p.preset.clear();
  if (!look_at_spectrum) return;
  const ExtremeEigenvalues ends = extreme_eigenvalues(model);
  const double largest = std::max(std::abs(ends.smallest), std::abs(ends.largest));
  if (largest > 0) p.gain = 0.5 / (coupling_normalisation(model) * largest);
}

}  // namespace

std::span<const ParameterHelp> emulator_parameter_help() {
  static const std::vector<ParameterHelp> help = [] {
    std::vector<ParameterHelp> list = {
        {"preset", "", "automatic", "a loop preset (opoloop devices lists them)"},
        {"model", "", "mean-field", names_of_models()},
        {"law", "", "of the preset", names_of_laws()},
        {"stepper", "", "euler", "euler or rk4 (mean-field)"},
        {"field_mode", "", "of the law", "how h enters: mean-amplitude, ancilla or sqrt-alpha"},
        {"storage", "", "automatic", "dense-f32, dense-i8, sparse, circulant or toeplitz: how J is kept"},
        {"coupling_bits", "bit", "ideal, or the machine's",
         "J and h rounded to signed integers of so many bits, the largest filling the range"},
        {"xi", "", "√(2N/ΣJ²)", "coupling normalisation ξ"},
        {"read", "", "state", "state or record: which sign is the spin"},
    };
    for (const Entry& e : entries()) list.push_back(e.help);
    for (const ImperfectionParameter& i : imperfection_parameters()) list.push_back(i.help);
    return list;
  }();
  return help;
}

LoopParameters emulator_parameters(const std::map<std::string, std::string>& given, const IsingModel& model,
                                   bool look_at_spectrum) {
  const ParameterReader reader("emulator", given, emulator_parameter_help());
  const auto text = [&](const char* name) {
    const auto found = given.find(name);
    return found == given.end() ? std::string() : found->second;
  };

  LoopParameters p;
  if (reader.has("preset") && text("preset") != "automatic") {
    p = loop_preset(text("preset"), model);
    if (reader.has("law")) p.law = parse_law(text("law"));
  } else {
    p = automatic_parameters(model, look_at_spectrum);
    // Light in delay lines meets no electronics: the one law that means nothing else is the default there.
    const bool lines = reader.has("model") && parse_model(text("model")) == ModelKind::delay_lines;
    const LawKind law = reader.has("law") ? parse_law(text("law")) : lines ? LawKind::linear : p.law;
    if (law != p.law) {
      p = parameters_of_law(law, model);
      p.law = law;
    }
    if (lines && law == LawKind::linear) to_passive_lines(p, model, look_at_spectrum);
  }
  if (reader.has("model")) p.model = parse_model(text("model"));
  if (reader.has("nonlinearity")) p.nonlinearity = parse_nonlinearity(text("nonlinearity"));
  if (reader.has("nonlinearity_limit"))
    p.nonlinearity_limit = parse("nonlinearity_limit", text("nonlinearity_limit"));
  if (p.model == ModelKind::bounded && p.nonlinearity_limit > 0) to_bounded_amplitude(p);
  if (reader.has("measured_loss")) p.measured_loss = parse("measured_loss", text("measured_loss"));
  if (is_measured(p.model) && p.measured_loss >= 0) to_intrinsic_units(p);
  // What is attainable depends on these.
  if (reader.has("dt")) p.dt = parse("dt", text("dt"));
  if (reader.has("pump")) p.pump = Schedule::parse(text("pump"), "pump");
  if (reader.has("pump_unit")) p.imperfections.pump_unit = parse("pump_unit", text("pump_unit"));
  lower_target(p);
  p.field_mode = reader.has("field_mode")            ? parse_field_mode(text("field_mode"))
                 : p.model == ModelKind::delay_lines ? FieldMode::ancilla
                                                     : usual_field_mode(p.law);
  static const std::array<std::string, 2> steppers = {"euler", "rk4"};
  p.stepper = reader.choice("stepper", p.stepper == Stepper::euler ? "euler" : "rk4", steppers) == "euler"
                  ? Stepper::euler
                  : Stepper::runge_kutta4;
  static const std::array<std::string, 2> reads = {"state", "record"};
  p.read_record = reader.choice("read", p.read_record ? "record" : "state", reads) == "record";
  if (reader.has("xi")) p.xi = reader.number("xi", 0, -kNoLimit, kNoLimit);
  for (const Entry& e : entries()) {
    if (reader.has(e.help.name)) e.set(p, text(e.help.name.c_str()));
  }
  for (const ImperfectionParameter& i : imperfection_parameters()) {
    if (reader.has(i.help.name)) i.set(p.imperfections, text(i.help.name.c_str()));
  }
  // One bound replaces the other.
  if (reader.has("clamp") && !reader.has("clamp_over_sqrt_alpha")) p.clamp_over_sqrt_alpha = 0;
  if (reader.has("clamp_over_sqrt_alpha") && !reader.has("clamp")) p.amplitude_clamp = 0;
  if (!reader.has("substeps")) p.substeps = std::max(p.substeps, needed_substeps(p));
  return p;
}

CouplingStorage coupling_storage(const std::map<std::string, std::string>& given) {
  static const std::array<std::string, 6> names = {"automatic", "dense-f32", "dense-i8",
                                                   "sparse",    "circulant", "toeplitz"};
  const ParameterReader reader("emulator", given, emulator_parameter_help());
  const std::string name = reader.choice("storage", "automatic", names);
  if (name == "dense-f32") return CouplingStorage::dense_f32;
  if (name == "dense-i8") return CouplingStorage::dense_i8;
  if (name == "sparse") return CouplingStorage::sparse;
  if (name == "circulant") return CouplingStorage::circulant;
  if (name == "toeplitz") return CouplingStorage::toeplitz;
  return CouplingStorage::automatic;
}

std::optional<int> coupling_bits(const std::map<std::string, std::string>& given,
                                 std::optional<int> machine) {
  const auto found = given.find("coupling_bits");
  if (found == given.end()) return machine;
  if (found->second == "ideal") return std::nullopt;
  const ParameterReader reader("emulator", given, emulator_parameter_help());
  return static_cast<int>(reader.integer("coupling_bits", 0, 2, 32));
}

void check_emulator_parameter(const std::string& name, const std::string& text) {
  const std::map<std::string, std::string> given = {{name, text}};
  coupling_storage(given);
  coupling_bits(given, {});
  LoopParameters p = emulator_parameters(given, IsingModel(30, {}), false);
  // Given without its other half, and right only with it.
  if (name == "feedback_integer_bits") p.imperfections.feedback_fraction_bits = 0;
  if (name == "feedback_fraction_bits") p.imperfections.feedback_integer_bits = 0;
  if (text == "ideal") p.imperfections.feedback_integer_bits = p.imperfections.feedback_fraction_bits = {};
  p.validate();
}

std::map<std::string, ParameterValue> describe(const LoopParameters& p) {
  std::map<std::string, ParameterValue> out;
  out["model"] = {name_of(p.model), ""};
  out["law"] = {name_of(p.law), ""};
  out["preset"] = {p.preset.empty() ? "automatic" : p.preset, ""};
  out["stepper"] = {p.stepper == Stepper::euler ? "euler" : "rk4", ""};
  out["field_mode"] = {name_of(p.field_mode), ""};
  out["read"] = {p.read_record ? "record" : "state", ""};
  for (const Entry& e : entries()) out[e.help.name] = {e.get(p), e.help.unit};
  for (const ImperfectionParameter& i : imperfection_parameters())
    out[i.help.name] = {i.get(p.imperfections), i.help.unit};
  if (p.law == LawKind::cfc) out["alpha"].unit = "(x/time)²";  // the target of an injection
  // Only presets set these; without them the numbers above would not give the run again.
  const auto yes_no = [](bool value) { return std::string(value ? "true" : "false"); };
  out["error_uses_new_amplitude"] = {yes_no(p.error_uses_new_amplitude), ""};
  out["best_energy.previous_energy"] = {yes_no(p.best_energy.previous_energy), ""};
  out["start_uniform_half_width"] = {number_text(p.start_uniform_half_width), "x"};
  if (p.model == ModelKind::discrete) {
    // What the machine is built of; follows from dt, j and g².
    const DiscreteOptics optics = DiscreteOptics::of(p);
    out["optics.out_coupling"] = {number_text(optics.out_coupling), "of the power"};
    out["optics.facet_loss"] = {number_text(optics.facet_loss), "of the power, each facet"};
    out["optics.interaction"] = {number_text(optics.interaction), ""};
    out["optics.decay_trips"] = {number_text(optics.decay_trips), "round trips"};
  }
  return out;
}

}  // namespace opoloop
