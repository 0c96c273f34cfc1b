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

void set_dead_pulses(Imperfections& i, const std::string& text) {
  i.dead_pulses.clear();
  if (text == "none") return;
  std::string_view rest = text;
  for (;;) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    i.dead_pulses.push_back(parse<std::int32_t>(
        "dead_pulses", rest.substr(0, comma), "pulse numbers with commas between, such as 3,17, or 'none'"));
    if (comma == rest.size()) return;
    rest.remove_prefix(comma + 1);
  }
}

std::vector<ImperfectionParameter> make_list() {
  using I = Imperfections;
  return {
      number("out_coupling", "", "1, ideal", &I::out_coupling,
             "R, part of the energy led to the detector; adds vacuum noise to the record. Not for models "
             "that measure themselves"),
      number("electronic_noise", "units of x", "0", &I::electronic_noise,
             "standard deviation of noise on the record, each round trip"),
      bits("adc_bits", &I::adc_bits, "measurement: bits of the analogue-to-digital converter"),
      number("adc_full_scale", "units of x", "3", &I::adc_full_scale,
             "records beyond ± this saturate; needs adc_bits"),
      bits("feedback_integer_bits", &I::feedback_integer_bits,
           "fixed point of the injection: integer bits, beside a sign bit"),
      bits("feedback_fraction_bits", &I::feedback_fraction_bits,
           "fixed point of the injection: fraction bits"),
      bits("dac_bits", &I::dac_bits, "injection: bits of the digital-to-analogue converter"),
      number("dac_full_scale", "x/time", "8", &I::dac_full_scale,
             "injections beyond ± this saturate; needs dac_bits"),
      {{"feedback_delay", "round trips", "0", "round trips between a measurement and its injection"},
       [](I& i, const std::string& text) {
         i.feedback_delay = parse<int>("feedback_delay", text, "an integer");
       },
       [](const I& i) { return fmt::format("{}", i.feedback_delay); }},
      number("injection_phase", "rad", "0", &I::injection_phase,
             "phase between injection and pulse: in phase × cos, other quadrature × sin"),
      number("pump_noise", "", "0", &I::pump_noise,
             "relative standard deviation of the pump each round trip, common to all pulses"),
      number("pump_noise_per_pulse", "", "0", &I::pump_noise_per_pulse, "the same for each pulse alone"),
      number("gain_spread", "", "0", &I::gain_spread,
             "relative standard deviation of the pump from pulse to pulse, a fixed pattern"),
      number("pump_drift", "", "0", &I::pump_drift,
             "relative RMS of a slow drift of the pump, spectrum 1/f, another one each run"),
      {{"dead_pulses", "", "none",
        "numbers of pulses that do not oscillate, such as 3,17; their spins read +1"},
       set_dead_pulses,
       [](const I& i) {
         return i.dead_pulses.empty() ? std::string("none")
                                      : fmt::format("{}", fmt::join(i.dead_pulses, ","));
       }},
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
