#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace opoloop {

/// Solutions as a machine gave them, each of as many spins as were sent, −1 or +1.
using SpinSets = std::vector<std::vector<std::int8_t>>;

// Answers of machines that are not ours: bytes from outside. All readers throw InputError of one line that
// begins with `where` (a file, an address) and says what was expected; the solutions of one answer are all of
// 0 and 1 (a variable x, spin 2x − 1) or all of −1 and +1.

/// What the platform of an offline machine gives: a JSON list of objects; `solutionVector` of the first, and
/// of each other that has one, is a solution of `spins` numbers.
SpinSets parse_solution_json(std::string_view text, std::size_t spins, const std::string& where);

/// One solution a line, `spins` numbers separated by commas.
SpinSets parse_solution_csv(std::string_view text, std::size_t spins, const std::string& where);

/// One solution of a machine behind the Quanfluence interface.
struct QuanfluenceSolution {
  std::vector<std::int8_t> spins;
  std::optional<double> energy;  ///< of the QUBO that was sent, as the machine says
};

/// {"result": {"0": -1.0, "1": 1.0, …}, "energy": E, …}, the spin of every variable.
QuanfluenceSolution parse_quanfluence_solution(std::string_view text, std::size_t spins,
                                               const std::string& where);

/// What the bridge to the Kaiwu SDK wrote (driver/kaiwu_bridge.py): solutions, or why there are none.
struct KaiwuAnswer {
  SpinSets solutions;
  std::string sdk_version;
  std::vector<std::string> ignored;  ///< settings that this SDK does not know
  std::string error_kind;            ///< empty: solved; "licence", "quota", "precision", "task-name", …
  std::string error;
};
KaiwuAnswer parse_kaiwu_answer(std::string_view line, std::size_t spins, const std::string& where);

}  // namespace opoloop
