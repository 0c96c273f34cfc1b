// libFuzzer target for every parser of problem files. The first byte chooses the parser and the options, the
// rest is the file. Only InputError may come out, within the memory the options allow; what is accepted must
// survive being written and read again.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "hamiltonian/problem_file.h"
#include "tests/fuzz/must.h"

namespace {

using namespace opoloop;

constexpr ProblemFormat kParsers[] = {
    ProblemFormat::rudy,          ProblemFormat::biqmac, ProblemFormat::dimod_coo, ProblemFormat::dimod_json,
    ProblemFormat::matrix_market, ProblemFormat::qplib,  ProblemFormat::kaiwu_csv, ProblemFormat::npy,
    ProblemFormat::npz,           ProblemFormat::dimacs};
constexpr unsigned kParserCount = sizeof kParsers / sizeof kParsers[0];
// Further values leave the choice to the content and one of these names.
constexpr const char* kNames[] = {"f", "f.sparse", "f.csv", "f.json", "f.mtx", "f.coo", "f.qplib", "f.gph"};
constexpr unsigned kChoiceMask = 31;
constexpr unsigned kAncillaBit = 32;
constexpr unsigned kWeightsBit = 64;
constexpr std::uint64_t kMemoryLimit = std::uint64_t{32} << 20;
constexpr std::int32_t kRoundTripSpins = 256;

void check_round_trip(const Problem& problem) {
  LoadOptions options;
  options.format = ProblemFormat::npz;
  const Problem back =
      load_problem_from_bytes(problem_to_bytes(problem, ProblemFormat::npz), "back", options);
  must(back.kind == problem.kind, "kind");
  must(back.ising.size() == problem.ising.size(), "size");
  must(back.ising.offset() == problem.ising.offset(), "offset");
  const auto a = problem.ising.edges();
  const auto b = back.ising.edges();
  must(a.size() == b.size(), "couplings");
  for (std::size_t k = 0; k < a.size(); ++k) {
    must(a[k].i == b[k].i && a[k].j == b[k].j && a[k].J == b[k].J, "a coupling");
  }
  for (std::size_t i = 0; i < problem.ising.field().size(); ++i) {
    must(back.ising.field()[i] == problem.ising.field()[i], "a field");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned choice = data[0] & kChoiceMask;
  LoadOptions options;
  options.memory_limit_bytes = kMemoryLimit;
  options.kaiwu_last_is_ancilla = (data[0] & kAncillaBit) != 0;
  options.matrix_is_weights = (data[0] & kWeightsBit) != 0;
  std::string name = "f";
  if (choice < kParserCount) {
    options.format = kParsers[choice];
  } else {
    name = kNames[(choice - kParserCount) % (sizeof kNames / sizeof kNames[0])];
  }
  try {
    const Problem problem =
        load_problem_from_bytes({reinterpret_cast<const char*>(data) + 1, size - 1}, name, options);
    if (problem.ising.size() <= kRoundTripSpins) check_round_trip(problem);
  } catch (const InputError& error) {
    const std::string_view message = error.what();
    must(message.find('\n') == std::string_view::npos, "a message of several lines");
    must(message.substr(0, name.size()) == name || message.substr(0, 4) == "back",
         "a message without its file");
  }
  return 0;
}
