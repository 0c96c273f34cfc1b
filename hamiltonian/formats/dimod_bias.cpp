#include "hamiltonian/formats/dimod_bias.h"

#include <utility>

#include "hamiltonian/qubo_model.h"

namespace opoloop {

Problem problem_from_dimod(DimodModel model) {
  Problem problem;
  const auto n = static_cast<std::int32_t>(model.linear.size());
  if (model.binary) {
    QuboModel qubo;
    qubo.n = n;
    qubo.linear = std::move(model.linear);
    qubo.offset = model.offset;
    qubo.terms.reserve(model.quadratic.size());
    for (const IsingEdge& bias : model.quadratic) qubo.terms.push_back({bias.i, bias.j, bias.J});
    problem.ising = to_ising(qubo);
    problem.kind = ProblemKind::qubo;
    return problem;
  }
  // dimod minimises +Σ J s s + Σ h s; our energy has minus signs on both.
  for (double& h : model.linear) h = -h;
  for (IsingEdge& bias : model.quadratic) bias.J = -bias.J;
  problem.ising = IsingModel(n, std::move(model.quadratic), std::move(model.linear), model.offset);
  return problem;
}

DimodModel dimod_from_problem(const Problem& problem) {
  DimodModel model;
  model.binary = problem.kind == ProblemKind::qubo;
  if (model.binary) {
    QuboModel qubo = to_qubo(problem.ising);
    model.linear = std::move(qubo.linear);
    model.offset = qubo.offset;
    for (const QuboTerm& t : qubo.terms) model.quadratic.push_back({t.i, t.j, t.q});
    return model;
  }
  model.linear.assign(problem.ising.field().begin(), problem.ising.field().end());
  for (double& h : model.linear) h = -h;
  model.quadratic = problem.ising.edges();
  for (IsingEdge& bias : model.quadratic) bias.J = -bias.J;
  model.offset = problem.ising.offset();
  return model;
}

}  // namespace opoloop
