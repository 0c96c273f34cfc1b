// libFuzzer target for the answers of machines that are not ours (driver/spin_answers.h). The first byte
// picks the reader, the second the number of spins that were sent. Only InputError of one line may come out,
// and whatever is accepted has that many spins, each -1 or +1.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "driver/spin_answers.h"
#include "tests/fuzz/must.h"

namespace {

using namespace opoloop;

void check(const std::vector<std::int8_t>& solution, std::size_t spins) {
  must(solution.size() == spins, "a solution of another length");
  for (const std::int8_t spin : solution) must(spin == 1 || spin == -1, "a spin that is none");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t spins = data[1] % 32;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  try {
    SpinSets solutions;
    switch (data[0] % 4) {
      case 0:
        solutions = parse_solution_json(text, spins, "answer");
        must(!solutions.empty(), "an answer without a solution");
        break;
      case 1:
        solutions = parse_solution_csv(text, spins, "answer");
        must(!solutions.empty(), "an answer without a solution");
        break;
      case 2:
        solutions = {parse_quanfluence_solution(text, spins, "answer").spins};
        break;
      default: {
        const KaiwuAnswer answer = parse_kaiwu_answer(text, spins, "answer");
        must(answer.error.find('\n') == std::string::npos, "a message of several lines");
        must(answer.error_kind.empty() || answer.solutions.empty(), "an error and a solution");
        solutions = answer.solutions;
      }
    }
    for (const auto& solution : solutions) check(solution, spins);
  } catch (const InputError& error) {
    must(std::string_view(error.what()).find('\n') == std::string_view::npos, "a message of several lines");
  }
  return 0;
}
