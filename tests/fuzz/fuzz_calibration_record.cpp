// libFuzzer target for the samples of bench records: the first byte picks the reader (CSV or an npz archive).
// What is no record must come out as an InputError of one line that names the file; what is read must fit its
// own numbers. The description (TOML) is left out: toml++ 3 asserts on a header such as `[!x]`.

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "driver/calibration/record_file.h"
#include "tests/fuzz/must.h"

namespace {

void check(const opoloop::calibration::SampleArray& samples) {
  must(samples.runs >= 1 && samples.rows >= 2 && samples.pulses >= 1, "an empty array");
  must(static_cast<std::int64_t>(samples.values.size()) == samples.runs * samples.rows * samples.pulses,
       "an array of another size than it says");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace opoloop::calibration;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0]) {
      case 'c': {
        const SampleArray samples = parse_samples_csv(text, "f.csv");
        check(samples);
        for (const float value : samples.values) must(std::isfinite(value), "a sample that is no number");
        break;
      }
      case 'n':
        check(parse_samples_npz(text, "y", "f.npz"));
        break;
      default:
        break;
    }
  } catch (const opoloop::InputError& error) {
    const std::string_view message = error.what();
    must(message.find('\n') == std::string_view::npos, "a message of several lines");
    must(message.starts_with("f."), "a message without its file");
  }
  return 0;
}
