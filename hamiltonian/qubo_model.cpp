#include "hamiltonian/qubo_model.h"

#include <fmt/format.h>

#include "core/error.h"

namespace opoloop {

double QuboModel::energy(std::span<const std::int8_t> x) const {
  if (x.size() != static_cast<std::size_t>(n)) {
    throw InputError(fmt::format("{} bits given to a QUBO of {}", x.size(), n));
  }
  double sum = offset;
  for (std::size_t i = 0; i < linear.size(); ++i) sum += linear[i] * x[i];
  for (const QuboTerm& t : terms) {
    sum += t.q * x[static_cast<std::size_t>(t.i)] * x[static_cast<std::size_t>(t.j)];
  }
  return sum;
}

IsingModel to_ising(const QuboModel& qubo) {
  if (qubo.linear.size() != static_cast<std::size_t>(qubo.n)) {
    throw InputError(fmt::format("QUBO has {} linear entries for {} variables", qubo.linear.size(), qubo.n));
  }
  std::vector<double> h(qubo.linear.size());
  double offset = qubo.offset;
  for (std::size_t i = 0; i < h.size(); ++i) {
    h[i] = -qubo.linear[i] / 2;
    offset += qubo.linear[i] / 2;
  }
  std::vector<IsingEdge> edges;
  edges.reserve(qubo.terms.size());
  for (const QuboTerm& t : qubo.terms) {
    if (t.i < 0 || t.j < 0 || t.i >= qubo.n || t.j >= qubo.n || t.i == t.j) {
      throw InputError(fmt::format("QUBO term ({}, {}) is out of range for {} variables", t.i, t.j, qubo.n));
    }
    edges.push_back({t.i, t.j, -t.q / 4});
    h[static_cast<std::size_t>(t.i)] -= t.q / 4;
    h[static_cast<std::size_t>(t.j)] -= t.q / 4;
    offset += t.q / 4;
  }
  return {qubo.n, std::move(edges), std::move(h), offset};
}

QuboModel to_qubo(const IsingModel& ising) {
  QuboModel qubo;
  qubo.n = ising.size();
  qubo.offset = ising.offset();
  qubo.linear.reserve(static_cast<std::size_t>(qubo.n));
  for (const double h : ising.field()) {
    qubo.linear.push_back(-2 * h);
    qubo.offset += h;
  }
  for (const IsingEdge& e : ising.edges()) {
    qubo.terms.push_back({e.i, e.j, -4 * e.J});
    qubo.linear[static_cast<std::size_t>(e.i)] += 2 * e.J;
    qubo.linear[static_cast<std::size_t>(e.j)] += 2 * e.J;
    qubo.offset -= e.J;
  }
  return qubo;
}

}  // namespace opoloop
