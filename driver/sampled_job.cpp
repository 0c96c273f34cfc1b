#include "driver/sampled_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/sha256.h"
#include "hamiltonian/problem_file.h"

namespace opoloop {

std::string IntegerMatrix::csv() const {
  std::string out;
  for (std::size_t k = 0; k < values.size(); ++k) {
    out += std::to_string(values[k]);
    out += (k + 1) % static_cast<std::size_t>(n) == 0 ? '\n' : ',';
  }
  return out;
}

IntegerMatrix integer_matrix(const IsingModel& integers) {
  IntegerMatrix matrix;
  matrix.n = integers.size();
  const auto side = static_cast<std::size_t>(matrix.n);
  matrix.values.assign(side * side, 0);
  const auto integer = [](double value) { return static_cast<std::int32_t>(std::lround(value)); };
  for (const IsingEdge& edge : integers.edges()) {
    const auto i = static_cast<std::size_t>(edge.i);
    const auto j = static_cast<std::size_t>(edge.j);
    matrix.values[i * side + j] = matrix.values[j * side + i] = integer(edge.J);
  }
  for (std::size_t i = 0; i < side && integers.has_field(); ++i) {
    matrix.values[i * side + i] = integer(integers.field()[i]);
  }
  return matrix;
}

void note_dense(AdaptedProblem& adapted, const IsingModel& sent) {
  if (sent.density() >= 1) return;
  adapted.adaptations.push_back(fmt::format("{} couplings written as a dense matrix, {} × {}",
                                            sent.edge_count(), sent.size(), sent.size()));
}

bool is_job_id(const std::string& text) {
  return text.size() == 32 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string sampled_job_fingerprint(const Problem& problem, std::string_view how) {
  Sha256 hash;
  const std::string bytes = problem_to_bytes(problem, ProblemFormat::npz);
  hash.update(bytes.data(), bytes.size());
  hash.update(how.data(), how.size());
  return hash.hex_digest();
}

Result result_of_solutions(const AdaptedProblem& adapted, const SpinSets& solutions,
                           const JobSettings& settings) {
  Result result;
  result.steps = 1;
  const auto came = static_cast<int>(solutions.size());
  result.runs = std::max(settings.runs.value_or(came), came);
  for (const auto& spins : solutions) {
    Sample sample;
    sample.trajectory = static_cast<std::uint32_t>(result.samples.size());
    sample.spins_best = sample.spins_final = spins;
    sample.energy_best = sample.energy_final = adapted.problem->ising.energy(spins);
    sample.round_best = sample.rounds = 1;
    result.samples.push_back(std::move(sample));
  }
  if (came > 0 && came < result.runs) {
    result.warnings.push_back(
        fmt::format("the machine gave {} solutions, {} were asked for", came, result.runs));
  }
  if (settings.steps && *settings.steps != 1) {
    result.warnings.push_back("the machine takes no number of steps; the one given was not used");
  }
  return adapted.restore(std::move(result));
}

}  // namespace opoloop
