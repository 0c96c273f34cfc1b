// linear_feedback.v as the controller of `opoloop hil plant`.
//
// controller.c keeps the conversation with the plant and hands each measurement to the three functions below
// (its OWN_LAW); they clock the module, which Verilator has made a C++ class of. README.md in the folder
// above says how to build it.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "Vlinear_feedback.h"
#include "verilated.h"

double sc_time_stamp() {
  return 0;
}  // Verilator asks for it; nothing here waits for a time

namespace {

constexpr std::uint32_t kPulses = 128;   // parameter N of the module
constexpr float kLargestCoupling = 127;  // J_BITS = 8
constexpr int kGainBits = 24;            // what a float's mantissa holds

struct Bench {
  Vlinear_feedback module;
  std::uint32_t pulses = 0;
  float strength = 0;       // ξ
  float coupling_unit = 1;  // J = code times this
  std::uint64_t clocks = 0, rounds = 0;

  void clock() {
    module.clock = 0;
    module.eval();
    module.clock = 1;
    module.eval();
    ++clocks;
  }

  /// Puts `value` as gain / 2^shift, exactly where it has 24 bits.
  bool set_gain(double value) {
    int exponent = 0;
    const double mantissa = std::frexp(std::abs(value), &exponent);  // in [1/2, 1)
    const int shift = kGainBits - exponent;
    if (shift < 1 || shift > 47) return value == 0;
    module.gain = static_cast<std::uint32_t>(std::lrint(std::ldexp(mantissa, kGainBits)));
    module.negative = value < 0;
    module.shift = static_cast<std::uint8_t>(shift);
    if (module.gain == 1u << kGainBits) {  // rounded up to the next power of two
      module.gain >>= 1;
      --module.shift;
    }
    return module.shift >= 1;
  }
};

std::unique_ptr<Bench> bench;  // NOLINT: the C interface has no place for it

float float_of(std::uint32_t word) {
  float value = 0;
  static_assert(sizeof value == sizeof word);
  __builtin_memcpy(&value, &word, sizeof value);
  return value;
}

void report() {
  if (bench == nullptr || bench->rounds == 0) return;
  std::printf("%llu rounds, %.0f clocks each: %.2f microseconds at 200 MHz\n",
              static_cast<unsigned long long>(bench->rounds),
              static_cast<double>(bench->clocks) / static_cast<double>(bench->rounds),
              static_cast<double>(bench->clocks) / static_cast<double>(bench->rounds) / 200);
  bench.reset();
}

}  // namespace

extern "C" {

/// Loads J and the gain. The configuration image is that of docs/hil.md; 0, or what does not fit this module.
const char* feedback_configure(const std::uint32_t* words, std::size_t count, std::uint32_t pulses) {
  if (count < 16 || words[2] != pulses) return "configuration too short";
  if (words[0] != 0 || words[1] != 0) return "this module computes the linear law without a field term only";
  if (pulses > kPulses) return "more pulses than the module has accumulators (parameter N)";
  if (count != 16 + std::size_t{pulses} * pulses) return "configuration of the wrong length";
  bench = std::make_unique<Bench>();
  bench->pulses = pulses;
  bench->strength = float_of(words[5]);
  bench->module.last = static_cast<std::uint8_t>(pulses - 1);
  const std::uint32_t* J = words + 16;

  // The unit is the smallest |J|, where all are multiples of it; else the largest |J| gets the largest code.
  float largest = 0, smallest = INFINITY;
  for (std::size_t m = 0; m < std::size_t{pulses} * pulses; ++m) {
    const float size = std::abs(float_of(J[m]));
    largest = std::fmax(largest, size);
    if (size > 0) smallest = std::fmin(smallest, size);
  }
  if (largest > 0) {
    bool multiples = largest <= kLargestCoupling * smallest;
    for (std::size_t m = 0; multiples && m < std::size_t{pulses} * pulses; ++m)
      multiples = std::fmod(float_of(J[m]), smallest) == 0;
    bench->coupling_unit = multiples ? smallest : largest / kLargestCoupling;
    if (!multiples)
      std::fprintf(stderr, "J is rounded to 8 bits: answers differ from the law in single precision\n");
  }
  bench->module.load = 1;
  for (std::uint32_t i = 0; i < pulses; ++i) {
    for (std::uint32_t j = 0; j < pulses; ++j) {
      const float code = float_of(J[std::size_t{i} * pulses + j]) / bench->coupling_unit;
      bench->module.load_row = static_cast<std::uint8_t>(i);
      bench->module.load_column = static_cast<std::uint8_t>(j);
      bench->module.load_value = static_cast<std::uint8_t>(std::lrint(code) & 0xff);
      bench->clock();
    }
  }
  bench->module.load = 0;
  bench->clocks = 0;
  std::atexit(report);
  return nullptr;
}

/// The linear law has nothing to set back at the first round of a run.
void feedback_start(void) {}

/// One round: measured x and injection, both as values; a sample is value / LSB.
const char* feedback_answer(std::uint64_t /*round*/, float x_lsb, const float* x, float y_lsb,
                            float* injection) {
  const double gain = double{bench->strength} * bench->coupling_unit * x_lsb / y_lsb;
  if (!bench->set_gain(gain)) return "gain out of the module's range: choose other full scales";
  Vlinear_feedback& module = bench->module;
  module.start = 1;
  bench->clock();
  module.start = 0;
  module.x_valid = 1;
  for (std::uint32_t j = 0; j < bench->pulses; ++j) {
    const float exact = x[j] / x_lsb;
    const long code = std::lrint(exact);
    if (code < -2048 || code > 2047 || std::abs(exact - static_cast<float>(code)) > 0.01F)
      return "a measurement that is no 12-bit code: start the plant with --samples i12";
    module.x = static_cast<std::uint16_t>(code & 0xfff);
    bench->clock();
  }
  module.x_valid = 0;
  for (std::uint32_t i = 0; i < bench->pulses;) {
    bench->clock();
    if (module.y_valid == 0) continue;
    int code = module.y >= 2048 ? module.y - 4096 : module.y;
    // One beyond the range: the conversation holds it again, and flags the frame.
    if (module.saturated != 0) code += code < 0 ? -1 : 1;
    injection[i++] = static_cast<float>(code) * y_lsb;
  }
  ++bench->rounds;
  return nullptr;
}

}  // extern "C"
