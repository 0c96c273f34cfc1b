#include "driver/imperfection_parameters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <vector>

#include "core/error.h"

namespace opoloop {
namespace {

template <class Number>
Number parse(const char* name, std::string_view text, const char* expected) {
  Number value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size())
    throw InputError(fmt::format("{} = '{}': expected {}", name, text, expected));
  return value;
}

ImperfectionParameter number(const char* name, const char* unit, const char* ideal,
                             double Imperfections::* member, const char* help) {
  return {{name, unit, ideal, help},
          [name, member](Imperfections& i, const std::string& text) {
            i.*member = parse<double>(name, text, "a number");
          },
          [member](const Imperfections& i) { return number_text(i.*member); }};
}

ImperfectionParameter bits(const char* name, std::optional<int> Imperfections::* member, const char* help) {
  return {{name, "bit", "ideal", help},
          [name, member](Imperfections& i, const std::string& text) {
            i.*member = text == "ideal" ? std::optional<int>()
                                        : parse<int>(name, text, "a number of bits or 'ideal'");
          },
          [member](const Imperfections& i) {
            return i.*member ? fmt::format("{}", *(i.*member)) : std::string("ideal");
          }};
}

/// A list with commas between, or "none".
template <class Number>
ImperfectionParameter list(const char* name, const char* unit, std::vector<Number> Imperfections::* member,
                           const char* expected, const char* help) {
  return {{name, unit, "none", help},
          [name, member, expected](Imperfections& i, const std::string& text) {
            std::vector<Number> values;
            std::string_view rest = text == "none" ? std::string_view() : std::string_view(text);
            while (text != "none") {
              const std::size_t comma = std::min(rest.find(','), rest.size());
              values.push_back(parse<Number>(name, rest.substr(0, comma), expected));
              if (comma == rest.size()) break;
              rest.remove_prefix(comma + 1);
            }
            i.*member = std::move(values);
          },
          [member](const Imperfections& i) {
            return (i.*member).empty() ? std::string("none") : fmt::format("{}", fmt::join(i.*member, ","));
          }};
}

std::vector<ImperfectionParameter> make_list() {
  using I = Imperfections;
  return {
      number("out_coupling", "", "1, ideal", &I::out_coupling,
             "R, part of the energy led to the detector; adds vacuum noise to the record. Not for models "
             "that measure themselves"),
      number("record_gain", "record per x", "1", &I::record_gain,
             "units of the record per x: out-coupling, detector and amplifier together"),
      number("electronic_noise", "units of the record", "0", &I::electronic_noise,
             "standard deviation of noise on the record, each round trip"),
      bits("adc_bits", &I::adc_bits, "measurement: bits of the analogue-to-digital converter"),
      number("adc_full_scale", "units of the record", "3", &I::adc_full_scale,
             "records beyond ± this saturate; needs adc_bits"),
      bits("feedback_integer_bits", &I::feedback_integer_bits,
           "fixed point of the injection: integer bits, beside a sign bit"),
      bits("feedback_fraction_bits", &I::feedback_fraction_bits,
           "fixed point of the injection: fraction bits"),
      bits("dac_bits", &I::dac_bits, "injection: bits of the digital-to-analogue converter"),
      number("dac_full_scale", "x/time", "8", &I::dac_full_scale,
             "injections beyond ± this saturate; needs dac_bits"),
      number("feedback_gain", "", "1", &I::feedback_gain,
             "injection that arrives per injection asked for; negative where the sign is wrong"),
      {{"feedback_delay", "round trips", "0", "round trips between a measurement and its injection"},
       [](I& i, const std::string& text) {
         i.feedback_delay = parse<int>("feedback_delay", text, "an integer");
       },
       [](const I& i) { return fmt::format("{}", i.feedback_delay); }},
      number("injection_phase", "rad", "0", &I::injection_phase,
             "phase between injection and pulse: in phase × cos, other quadrature × sin"),
      number("pump_unit", "pump setting", "1", &I::pump_unit,
             "setting of the pump that is p = 1 of the model: the threshold of a pulse alone"),
      number("pump_noise", "", "0", &I::pump_noise,
             "relative standard deviation of the pump each round trip, common to all pulses"),
      number("pump_noise_per_pulse", "", "0", &I::pump_noise_per_pulse, "the same for each pulse alone"),
      number("gain_spread", "", "0", &I::gain_spread,
             "relative standard deviation of the pump from pulse to pulse, a fixed pattern"),
      list("gain_map", "relative", &I::gain_map, "numbers with commas between, such as 0.01,-0.02, or 'none'",
           "deviation of each pulse's pump as measured, one number a pulse; 0 beyond the last"),
      number("pump_drift", "", "0", &I::pump_drift,
             "relative RMS of a slow drift of the pump, spectrum 1/f, another one each run"),
      list("dead_pulses", "", &I::dead_pulses, "pulse numbers with commas between, such as 3,17, or 'none'",
           "numbers of pulses that do not oscillate, such as 3,17; their spins read +1"),
      {{"device_seed", "", "1", "which machine: fixes the pattern of gain_spread, whatever --seed is"},
       [](I& i, const std::string& text) {
         i.device_seed = parse<std::uint64_t>("device_seed", text, "an integer from 0");
       },
       [](const I& i) { return fmt::format("{}", i.device_seed); }},
  };
}

}  // namespace

std::span<const ImperfectionParameter> imperfection_parameters() {
  static const std::vector<ImperfectionParameter> list = make_list();
  return list;
}

}  // namespace opoloop
