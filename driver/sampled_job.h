#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "driver/adapt.h"
#include "driver/spin_answers.h"

namespace opoloop {

// What the devices share that send a problem to a machine elsewhere and get spins back, nothing else:
// spool:, kaiwu:, quanfluence://.

/// A dense symmetric matrix of integers.
struct IntegerMatrix {
  std::int32_t n = 0;
  std::vector<std::int32_t> values;  ///< n × n, row by row

  /// One row a line, separated by commas.
  std::string csv() const;
};

/// J off the diagonal and h on it, which are integers already.
IntegerMatrix integer_matrix(const IsingModel& integers);

/// Says that sparse couplings go over as a dense matrix, where they do.
void note_dense(AdaptedProblem& adapted, const IsingModel& sent);

/// Whether a text has the form of random_id(): what may become part of a file's name.
bool is_job_id(const std::string& text);

/// Which problem, and sent how: a job is resumed only by the same one. Every bit of J, h and offset counts.
std::string sampled_job_fingerprint(const Problem& problem, std::string_view how);

/// The answer of a machine that gives solutions and nothing about how it came to them: one run a solution,
/// one step a run, best and final state the same; energies are those of the user's problem. Says in a warning
/// where settings meant nothing to the machine (steps, until_target) or fewer solutions came than `runs`.
Result result_of_solutions(const AdaptedProblem& adapted, const SpinSets& solutions,
                           const JobSettings& settings);

}  // namespace opoloop
