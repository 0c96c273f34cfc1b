#include "driver/server/quanfluence_text.h"

#include <zlib.h>

#include <catch2/catch.hpp>
#include <string>

#include "core/error.h"
#include "hamiltonian/formats/zip_archive.h"
#include "hamiltonian/qubo_model.h"

using namespace opoloop;
using Catch::Matchers::Contains;

namespace {

QuboModel read(const std::string& text) {
  const Problem problem = parse_quanfluence(text, "data.txt", {});
  CHECK(problem.kind == ProblemKind::qubo);
  return to_qubo(problem.ising);
}

/// F of every state, counted in binary with x_0 the lowest digit.
std::vector<double> table(const std::string& text) {
  const QuboModel qubo = read(text);
  std::vector<double> energies;
  for (unsigned state = 0; state < 1U << static_cast<unsigned>(qubo.n); ++state) {
    std::vector<std::int8_t> x;
    for (int i = 0; i < qubo.n; ++i)
      x.push_back(static_cast<std::int8_t>(state >> static_cast<unsigned>(i) & 1));
    energies.push_back(qubo.energy(x));
  }
  return energies;
}

std::string refusal(const std::string& text, const QuanfluenceLimits& limits = {}) {
  try {
    parse_quanfluence(text, "data.txt", limits);
  } catch (const InputError& error) {
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    return error.what();
  }
  return "taken";
}

}  // namespace

TEST_CASE("a QUBO as Python prints it has the energies of its entries") {
  // x0 - 3 x0 x1 + 2 x1
  const std::vector<double> energies = {0, 1, 2, 0};
  CHECK(table("{(0, 0): 1, (0, 1): -3, (1, 1): 2}") == energies);
  CHECK(table("[[0, 0, 1], [0, 1, -3], [1, 1, 2]]") == energies);
  CHECK(table("[(0, 0, 1), (0, 1, -3.0), (1, 1, 2),]") == energies);
  CHECK(table("{(1, 0): -2, (0, 1): -1, (1,1):+2.0, (0, 0): 1e0}\n") == energies);
  CHECK(table("{(0, 0): np.float32(1.0), (np.int64(0), np.int64(1)): np.float64(-3.0), (1, 1): "
              "numpy.float64(2e+00)}") == energies);
  CHECK(table("defaultdict(<class 'float'>, {(0, 0): 1.0, (0, 1): -3, (1, 1): 2})") == energies);
  CHECK(table("defaultdict(None, {(0, 0): 1.0, (0, 1): -3, (1, 1): 2})") == energies);
  CHECK(table("0 0 1\n0 1 -3\n1 1 2\n") == energies);
  CHECK(table("p qubo 2 3\n0 0 1\n0 1 -3\n1 1 2") == energies);
  CHECK(table("c the older head\np qubo 0 2 2 1\n0 0 1\n1 1 2\n0 1 -3\n") == energies);
  CHECK(table("0.5   # constant\r\n0 0 1 # first\r\n0 1 -3\r\n1 1 2\r\n") ==
        std::vector<double>{0.5, 1.5, 2.5, 0.5});
  CHECK(read("{(0, 3): 1}").n == 4);
  CHECK(read("p qubo 5 1\n0 0 1\n").n == 5);
}

TEST_CASE("the archive that the client sends is unpacked, within a limit") {
  const std::string text = "{(0, 0): 1, (0, 1): -3, (1, 1): 2}";
  CHECK(table(zip_of({{"data.txt", text}})) == std::vector<double>{0, 1, 2, 0});
  CHECK(table(zip_of({{"other", text}})) == std::vector<double>{0, 1, 2, 0});
  CHECK_THAT(refusal(zip_of({{"a", text}, {"b", text}})), Contains("no data.txt"));
  CHECK_THAT(refusal(zip_of({{"data.txt", text}}).substr(0, 60)), Contains("zip archive"));
  QuanfluenceLimits limits;
  limits.inflated_bytes = 1000;
  CHECK_THAT(refusal(zip_of({{"data.txt", text + std::string(2000, ' ')}}), limits), Contains("inflates"));
}

TEST_CASE("what is no QUBO is refused with what and where") {
  CHECK_THAT(refusal("{(0, 0): nan}"), Contains("data.txt:1: 'nan}': expected a finite number"));
  CHECK_THAT(refusal("{(0, 0): 1,\n (0, 1): inf}"), Contains("data.txt:2:"));
  CHECK_THAT(refusal("{(0, 0): np.float64(nan)}"), Contains("finite"));
  CHECK_THAT(refusal("{(0, 0): 1e999}"), Contains("finite"));
  CHECK_THAT(refusal("{(0, 0): __import__('os').system('true')}"), Contains("expected a number"));
  CHECK_THAT(refusal("{(0, 0): exit(1)}"), Contains("expected a finite number"));
  CHECK_THAT(refusal("{(0.5, 0): 1}"), Contains("whole number"));
  CHECK_THAT(refusal("{(-1, 0): 1}"), Contains("whole number"));
  CHECK_THAT(refusal("{(0, 0): 1, (0, 0): 2}"), Contains("twice"));
  CHECK_THAT(refusal("{(0, 0): 1"), Contains("end of the text"));
  CHECK_THAT(refusal("{(0, 0): 1} x"), Contains("nothing may follow"));
  CHECK_THAT(refusal(std::string("{(0, 0): 1}\0", 12)), Contains("nothing may follow"));
  CHECK_THAT(refusal("[[0, 0, 1, 2]]"), Contains("']'"));
  CHECK_THAT(refusal("{}"), Contains("no entry"));
  CHECK_THAT(refusal(""), Contains("no entry"));
  CHECK_THAT(refusal("0 0 1\n0 1\n"), Contains("data.txt:2"));
  CHECK_THAT(refusal("0 0 1 1\n"), Contains("trailing garbage"));
  CHECK_THAT(refusal("1.0\n2.0\n"), Contains("an index"));
  CHECK_THAT(refusal("0 0 nan\n"), Contains("finite"));
  CHECK_THAT(refusal("p qubo\n"), Contains("p qubo"));
  QuanfluenceLimits limits;
  limits.max_spins = 10;
  CHECK_THAT(refusal("{(0, 10): 1}", limits), Contains("below 10"));
  CHECK_THAT(refusal("0 10 1\n", limits), Contains("from 0 to 9"));
  CHECK_THAT(refusal("p qubo 11 1\n0 1 1\n", limits), Contains("at most 10"));
  limits.memory_bytes = 1000;
  CHECK_THAT(refusal("{" + std::string(1000, ':'), limits), Contains("would need"));
}
