#include "driver/calibration/twin_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "driver/device_parameters.h"

namespace opoloop::calibration {
namespace {

/// In basic quotes of TOML.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + '"';
}

std::string line(const Estimate& e, const std::string& name, double value) {
  return fmt::format("{} = {:.9g}  # {}; 95%: {:.6g} to {:.6g}\n", name, value, e.what, e.low, e.high);
}

}  // namespace

std::string twin_file(const Calibration& c) {
  // So fine that the steps disappear: the records show where the feedback's converter ends, not its steps.
  constexpr int kDacBits = 20;
  std::string out =
      "# Twin of a machine, written by opoloop calibrate: load it with --device emulator:THIS_FILE\nformat = "
      "1\n";
  out += fmt::format("description = {}\n",
                     quoted("twin of " + c.source + (c.description.empty() ? "" : ": " + c.description)));
  out +=
      "\n# The model whose parameters these are: docs/physics.md eq. M2, one Euler step a round trip.\n"
      "model = \"truncated-wigner\"\nstepper = \"euler\"\nsubsteps = 1\nclamp = 0\n\n";
  for (const Estimate& e : c.estimates) {
    if (e.only_lower_bound) {
      out += fmt::format("# {}: beyond {:.6g}, not reached by the records\n", e.name, e.low);
    } else if (e.name == "feedback_delay" || e.name == "adc_bits") {
      out += fmt::format("{} = {}  # {}; 95%: {} to {}\n", e.name, std::lround(e.value), e.what,
                         std::lround(e.low), std::lround(e.high));
    } else if (e.name == "dac_full_scale") {
      // A converter of b bits ends one step short of its full scale.
      out += fmt::format("dac_bits = {}\n", kDacBits);
      out += line(e, e.name, e.value / (1 - std::ldexp(1.0, 1 - kDacBits)));
    } else if (e.name == "adc_step" || e.name == "amplitude_lifetime") {
      out += fmt::format("# {} = {:.9g} {}; 95%: {:.6g} to {:.6g}\n", e.name, e.value, e.unit, e.low, e.high);
    } else {
      out += line(e, e.name, e.value);
    }
  }
  if (!c.gain_map.empty()) {
    std::vector<std::string> values;
    for (const Estimate& e : c.gain_map) values.push_back(fmt::format("{:.6f}", e.value));
    out += fmt::format("gain_map = [{}]\n", fmt::join(values, ", "));
  }
  if (!c.dead_pulses.empty()) out += fmt::format("dead_pulses = [{}]\n", fmt::join(c.dead_pulses, ", "));
  // A comment ends with its line, and names of records are anybody's.
  for (std::string note : c.notes) {
    std::replace_if(note.begin(), note.end(), [](unsigned char ch) { return ch < 0x20 || ch == 0x7f; }, ' ');
    out += fmt::format("# note: {}\n", note);
  }
  return out;
}

}  // namespace opoloop::calibration
