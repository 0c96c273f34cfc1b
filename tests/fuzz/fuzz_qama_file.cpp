// libFuzzer target for archives of attention inputs: what is none must come out as an InputError of one line
// that names the file, within the memory the options allow; what is accepted has the shapes it says.

#include <cstdint>
#include <string_view>

#include "attention/qama_file.h"
#include "core/error.h"
#include "tests/fuzz/must.h"

namespace {

constexpr std::uint64_t kMemoryLimit = std::uint64_t{32} << 20;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace opoloop;
  if (size == 0) return 0;
  QamaFileOptions options;
  options.memory_limit_bytes = kMemoryLimit;
  // The first byte may say how many heads there are.
  if (data[0] > 0 && data[0] < 9) options.heads = data[0];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  is_qama_file(bytes);
  try {
    const QamaFile file = parse_qama_file(bytes, "f.npz", options);
    const QamaShape& s = file.shape;
    s.validate();
    must(file.u.size() == static_cast<std::size_t>(s.width), "u");
    must(file.masked.empty() || file.masked.size() == s.samples() * static_cast<std::size_t>(s.tokens),
         "mask");
    if (file.layer) {
      must(file.X.rows() == static_cast<Eigen::Index>(s.batch) * s.tokens, "X");
      must(file.X.cols() == file.weights.model_width, "d_model");
      for (const auto& W : file.weights.projection) {
        must(W.rows() == static_cast<Eigen::Index>(s.heads) * s.width, "W");
      }
    } else {
      must(file.Q.size() == s.values() && file.K.size() == s.values() && file.V.size() == s.values(), "Q");
    }
  } catch (const InputError& error) {
    const std::string_view message = error.what();
    must(message.find('\n') == std::string_view::npos, "a message of several lines");
    must(message.substr(0, 5) == "f.npz", "a message without its file");
  }
  return 0;
}
