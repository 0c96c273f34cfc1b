// libFuzzer target for device files (TOML): what is not a machine must come out as an InputError of one line
// that names the file.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "driver/device_file.h"
#include "tests/fuzz/must.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const opoloop::DeviceFile file = opoloop::parse_device_file(text, "f.toml");
    must(file.lines.size() == file.parameters.size(), "a parameter without its line");
  } catch (const opoloop::InputError& error) {
    const std::string_view message = error.what();
    must(message.find('\n') == std::string_view::npos, "a message of several lines");
    must(message.substr(0, 6) == "f.toml", "a message without its file");
  }
  return 0;
}
