#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "attention/qama_file.h"
#include "attention/qama_operator.h"
#include "hamiltonian/problem.h"
#include "hamiltonian/qama/qama_problem.h"

namespace opoloop {

/// What a device answered to a batch, and the operator's outputs. Problems that were not answered have x = 0
/// and NaN for energy and output: a device that fails half-way costs nothing that was done.
struct QamaSolution {
  std::vector<std::uint8_t> answered;  ///< [B], 1 or 0
  std::vector<std::int8_t> x;          ///< [B, H, N, q]
  std::vector<double> energy;          ///< [B], QUBO form, published coefficients, nothing dropped
  std::vector<float> output;           ///< [B, N, H·d]
  std::string failure;                 ///< why the rest is missing; empty where all were answered
  int runs = 0;
  std::int64_t steps = 0;
  std::map<std::string, ParameterValue> parameters;
  std::vector<std::string> adaptations;
  double solve_s = 0, read_out_s = 0;  ///< wall time by stage

  std::size_t done() const;
};

/// The problems of one QamaFile: its scores and one Hamiltonian a sample. The operator of the attention
/// module does the arithmetic; what is here looks at the problems one by one, and keeps what was done of a
/// batch that fails half-way, which a training loop has no use for.
class QamaBatch {
 public:
  /// options.device is not used until solve(). Throws InputError on a coefficient out of range.
  QamaBatch(QamaFile file, const QamaOptions& options);

  const QamaFile& file() const { return file_; }
  const QamaShape& shape() const { return file_.shape; }
  const QamaSpec& spec() const { return operator_.options().spec; }
  double scale() const { return operator_.options().scale; }  ///< s
  const std::vector<float>& J() const { return J_; }          ///< [B, H, N, N]
  const std::vector<float>& h() const { return h_; }          ///< [B, H, N]
  double scores_s() const { return scores_s_; }               ///< projections, scores and problems
  std::span<const QamaProblem> problems() const { return problems_; }

  /// Problem `index` as any problem: Ising form, named FILE[index]. Throws InputError where there is no such
  /// problem, or all its tokens are masked.
  Problem problem(int index) const;
  /// Throws InputError where there is no problem `index`.
  void require_index(int index) const;

  /// Solves every problem, or only one, on the device and reads the outputs out. Throws InputError where a
  /// problem does not fit the device, or there is no such problem.
  QamaSolution solve(Device& device, const JobSettings& settings, std::optional<int> only = {}) const;

 private:
  QamaFile file_;
  QamaOperator operator_;
  std::vector<float> Q_, K_, V_;  // [B, H, N, d]
  std::vector<float> J_, h_;
  std::vector<QamaProblem> problems_;
  double scores_s_ = 0;
};

/// The members of `qama solve --npz`: x, energy, output, J, h, answered.
std::string write_qama_solution(const QamaBatch& batch, const QamaSolution& solution);

}  // namespace opoloop
