#include "driver/hil/reference_law.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "core/error.h"

// No product and sum of this file may be fused: the build sets -ffp-contract=off everywhere, and for this
// file once more (driver/CMakeLists.txt).

namespace opoloop::hil {
namespace {

constexpr std::size_t kHeadWords = 16;
constexpr std::uint32_t kLargestN = 1u << 20;
constexpr std::uint32_t kMostRounds = 1u << 28;

constexpr LawKind kLaws[] = {LawKind::linear, LawKind::cac, LawKind::cfc};

std::uint32_t code_of(LawKind law) {
  return static_cast<std::uint32_t>(std::find(std::begin(kLaws), std::end(kLaws), law) - std::begin(kLaws));
}

float single(const char* name, double value) {
  const auto rounded = static_cast<float>(value);
  if (!std::isfinite(rounded)) throw_parameter_error(name, value, "within the range of single precision");
  return rounded;
}

void append(std::vector<std::uint32_t>& words, std::span<const float> values) {
  for (const float v : values) words.push_back(std::bit_cast<std::uint32_t>(v));
}

std::vector<float> table(const char* name, const Schedule& schedule, std::int64_t rounds) {
  std::vector<float> values(static_cast<std::size_t>(rounds));
  for (std::int64_t k = 0; k < rounds; ++k)
    values[static_cast<std::size_t>(k)] = single(name, schedule.at(k, rounds));
  return values;
}

/// field_i = Σ_j J_ij x_j, j from the left. J is symmetric, so column j of it is row j, read from end to end;
/// eight of them go into all sums before the sums go back to memory. The loop over i runs in vector
/// registers, each sum in its own lane: the order within a sum stays.
inline __attribute__((always_inline)) void multiply_rows_body(const float* __restrict J,
                                                              const float* __restrict x,
                                                              float* __restrict field, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) field[i] = 0;
  std::size_t j = 0;
  for (; j + 8 <= n; j += 8) {
    const float* a = J + j * n;
    for (std::size_t i = 0; i < n; ++i) {
      float sum = field[i];
      sum += a[i] * x[j];
      sum += a[i + n] * x[j + 1];
      sum += a[i + 2 * n] * x[j + 2];
      sum += a[i + 3 * n] * x[j + 3];
      sum += a[i + 4 * n] * x[j + 4];
      sum += a[i + 5 * n] * x[j + 5];
      sum += a[i + 6 * n] * x[j + 6];
      sum += a[i + 7 * n] * x[j + 7];
      field[i] = sum;
    }
  }
  for (; j < n; ++j) {
    for (std::size_t i = 0; i < n; ++i) field[i] += J[j * n + i] * x[j];
  }
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2"))) void multiply_rows_wide(const float* J, const float* x, float* field,
                                                        std::size_t n) {
  multiply_rows_body(J, x, field, n);
}
#endif

/// Wider registers take more sums at a time and give the same bits.
void multiply_rows(const float* J, const float* x, float* field, std::size_t n) {
#if defined(__x86_64__) && defined(__GNUC__)
  static const bool wide = __builtin_cpu_supports("avx2") != 0;
  if (wide) return multiply_rows_wide(J, x, field, n);
#endif
  multiply_rows_body(J, x, field, n);
}

/// Reads numbers off the image and refuses what is none.
class WordReader {
 public:
  explicit WordReader(std::span<const std::uint32_t> words) : words_(words) {}
  std::uint32_t word() { return words_[at_++]; }
  float number() {
    const auto value = std::bit_cast<float>(word());
    if (!std::isfinite(value)) throw Error(fmt::format("configuration: word {} is not finite", at_ - 1));
    return value;
  }
  std::vector<float> numbers(std::size_t count) {
    std::vector<float> values(count);
    for (float& v : values) v = number();
    return values;
  }

 private:
  std::span<const std::uint32_t> words_;
  std::size_t at_ = 0;
};

}  // namespace

LawConfiguration LawConfiguration::of(const IsingModel& problem, const LoopParameters& parameters) {
  LawConfiguration c;
  c.law = parameters.law;
  if (code_of(c.law) == std::size(kLaws)) {
    throw InputError(
        fmt::format("law = {}: a controller computes linear, cac or cfc", name_of(parameters.law)));
  }
  if (parameters.error_uses_new_amplitude && c.law == LawKind::cac) {
    throw InputError(
        "law = cac with this preset: its error waits for the next amplitude, which no "
        "controller sees; choose another preset");
  }
  if (parameters.rounds > kMostRounds) {
    throw_parameter_error("steps", static_cast<double>(parameters.rounds),
                          fmt::format("at most {}", kMostRounds));
  }
  c.n = static_cast<std::uint32_t>(problem.size());
  c.rounds = static_cast<std::uint32_t>(parameters.rounds);
  c.strength = single("gain", coupling_strength(problem, parameters));
  c.error_substeps = static_cast<std::uint32_t>(parameters.error_substeps);
  c.error_dt = single("error_dt", parameters.error_step());
  c.error_start = single("error_start", parameters.error_start);
  c.error_min = single("error_min", parameters.error_min);
  c.error_max = single("error_max", parameters.error_max);
  if (c.law != LawKind::linear) {
    c.alpha = table("alpha", parameters.alpha, parameters.rounds);
    c.beta = table("beta", parameters.beta, parameters.rounds);
  }
  if (problem.has_field()) {
    c.field_term = FieldTerm::mean_amplitude;
    if (parameters.field_mode == FieldMode::sqrt_alpha) {
      c.field_term = FieldTerm::table;
      for (std::int64_t k = 0; k < parameters.rounds; ++k)
        c.scale.push_back(single("alpha", std::sqrt(parameters.alpha.at(k, parameters.rounds))));
    }
    for (const double h : problem.field()) c.h.push_back(single("h", h));
  }
  const std::size_t n = c.n;
  c.J.assign(n * n, 0.0f);
  for (std::int32_t i = 0; i < problem.size(); ++i) {
    const auto columns = problem.columns(i);
    const auto couplings = problem.couplings(i);
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const auto row = static_cast<std::size_t>(i);
      const auto column = static_cast<std::size_t>(columns[k]);
      c.J[row * n + column] = c.J[column * n + row] = single("J", couplings[k]);
    }
  }
  return c;
}

std::vector<std::uint32_t> LawConfiguration::words() const {
  const auto bits = [](float v) { return std::bit_cast<std::uint32_t>(v); };
  std::vector<std::uint32_t> words = {code_of(law),
                                      static_cast<std::uint32_t>(field_term),
                                      n,
                                      rounds,
                                      error_substeps,
                                      bits(strength),
                                      bits(error_dt),
                                      bits(error_start),
                                      bits(error_min),
                                      bits(error_max)};
  words.resize(kHeadWords, 0);
  for (const auto* part : {&alpha, &beta, &scale, &h, &J}) append(words, *part);
  return words;
}

LawConfiguration LawConfiguration::parse(std::span<const std::uint32_t> words, std::uint32_t n) {
  if (words.size() < kHeadWords) throw Error("configuration: too short");
  WordReader reader(words);
  LawConfiguration c;
  const std::uint32_t law = reader.word();
  const std::uint32_t term = reader.word();
  c.n = reader.word();
  c.rounds = reader.word();
  c.error_substeps = reader.word();
  if (law >= std::size(kLaws)) throw Error(fmt::format("configuration: unknown law {}", law));
  if (term > 2) throw Error(fmt::format("configuration: unknown field term {}", term));
  if (c.n != n || n == 0 || n > kLargestN) throw Error(fmt::format("configuration: {} pulses", c.n));
  if (c.rounds == 0 || c.rounds > kMostRounds)
    throw Error(fmt::format("configuration: {} round trips", c.rounds));
  if (c.error_substeps == 0 || c.error_substeps > 1000000)
    throw Error(fmt::format("configuration: {} steps of e", c.error_substeps));
  c.law = kLaws[law];
  c.field_term = static_cast<FieldTerm>(term);
  c.strength = reader.number();
  c.error_dt = reader.number();
  c.error_start = reader.number();
  c.error_min = reader.number();
  c.error_max = reader.number();
  const std::size_t tables = (c.law == LawKind::linear ? 0 : 2) + (c.field_term == FieldTerm::table ? 1 : 0);
  const std::uint64_t expected = kHeadWords + tables * std::uint64_t{c.rounds} +
                                 (c.field_term == FieldTerm::none ? 0 : n) + std::uint64_t{n} * n;
  if (words.size() != expected)
    throw Error(fmt::format("configuration: {} words, expected {}", words.size(), expected));
  for (std::size_t skip = 10; skip < kHeadWords; ++skip) reader.word();
  if (c.law != LawKind::linear) {
    c.alpha = reader.numbers(c.rounds);
    c.beta = reader.numbers(c.rounds);
  }
  if (c.field_term == FieldTerm::table) c.scale = reader.numbers(c.rounds);
  if (c.field_term != FieldTerm::none) c.h = reader.numbers(n);
  c.J = reader.numbers(std::size_t{n} * n);
  return c;
}

ReferenceLaw::ReferenceLaw(LawConfiguration configuration) : configuration_(std::move(configuration)) {
  start();
}

void ReferenceLaw::start() {
  e_.assign(configuration_.n, configuration_.error_start);
}

void ReferenceLaw::multiply(std::span<const float> x, std::span<float> field) const {
  multiply_rows(configuration_.J.data(), x.data(), field.data(), x.size());
}

void ReferenceLaw::step(float& e, float square, float alpha, float beta) const {
  const LawConfiguration& c = configuration_;
  for (std::uint32_t s = 0; s < c.error_substeps; ++s) {
    e += -beta * e * (square - alpha) * c.error_dt;
    if (c.error_min > 0 && e < c.error_min) e = c.error_min;
    if (c.error_max > 0 && e > c.error_max) e = c.error_max;
  }
}

void ReferenceLaw::feed_back(std::uint64_t round, std::span<const float> x, std::span<float> injection) {
  const LawConfiguration& c = configuration_;
  const std::size_t k = std::min<std::size_t>(round, c.rounds - 1);
  multiply(x, injection);
  if (c.field_term != FieldTerm::none) {
    float scale = 0;
    if (c.field_term == FieldTerm::table) {
      scale = c.scale[k];
    } else {
      for (const float v : x) scale += std::abs(v);
      scale /= static_cast<float>(c.n);
    }
    for (std::size_t i = 0; i < injection.size(); ++i) injection[i] += c.h[i] * scale;
  }
  switch (c.law) {
    case LawKind::cac:
      for (std::size_t i = 0; i < injection.size(); ++i) {
        injection[i] = e_[i] * c.strength * injection[i];
        step(e_[i], x[i] * x[i], c.alpha[k], c.beta[k]);
      }
      break;
    case LawKind::cfc:
      for (std::size_t i = 0; i < injection.size(); ++i) {
        const float z = e_[i] * c.strength * injection[i];
        injection[i] = z;
        step(e_[i], z * z, c.alpha[k], c.beta[k]);
      }
      break;
    default:
      for (float& v : injection) v = c.strength * v;
  }
}

InProcessLaw::InProcessLaw(LawConfiguration configuration, const WireFormats& wire)
    : law_(std::move(configuration)),
      wire_(wire),
      x_(law_.configuration().n),
      injection_(law_.configuration().n) {}

void InProcessLaw::start(int /*n*/) {
  law_.start();
}

void InProcessLaw::inject(const Feedback& feedback, std::span<double> injection) {
  for (std::size_t i = 0; i < x_.size(); ++i) x_[i] = static_cast<float>(feedback.measured[i]);
  saturations_.measurement += encode_samples(wire_.measurement, x_, payload_);
  decode_samples(wire_.measurement, payload_, x_);
  law_.feed_back(static_cast<std::uint64_t>(feedback.round), x_, injection_);
  saturations_.feedback += encode_samples(wire_.feedback, injection_, payload_);
  if (!decode_samples(wire_.feedback, payload_, injection_))
    throw Error(fmt::format("round {}: the injection is not finite", feedback.round));
  std::copy(injection_.begin(), injection_.end(), injection.begin());
}

}  // namespace opoloop::hil
