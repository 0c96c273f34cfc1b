#include "hamiltonian/applications/constrained_qubo.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"

namespace opoloop {
namespace {

std::size_t at(std::int32_t i) {
  return static_cast<std::size_t>(i);
}

/// The quadratic coefficients as a full symmetric matrix.
std::vector<double> dense_terms(const QuboModel& qubo) {
  const std::size_t n = at(qubo.n);
  std::vector<double> q(n * n, 0.0);
  for (const QuboTerm& t : qubo.terms) q[at(t.i) * n + at(t.j)] = q[at(t.j) * n + at(t.i)] = t.q;
  return q;
}

/// Theorem 1: P > max over conflicts of min(G_i, G_j), G_i the most that taking i can lower F.
double conflict_bound(const ConstrainedQubo& problem) {
  const QuboModel& f = problem.objective;
  std::vector<double> gain(at(f.n));
  for (std::size_t i = 0; i < gain.size(); ++i) gain[i] = -f.linear[i];
  for (const QuboTerm& t : f.terms) {
    gain[at(t.i)] += std::max(0.0, -t.q);
    gain[at(t.j)] += std::max(0.0, -t.q);
  }
  double bound = 0;
  for (const Conflict& c : problem.conflicts) bound = std::max(bound, std::min(gain[at(c.i)], gain[at(c.j)]));
  return bound;
}

void require_grouped(const ConstrainedQubo& problem) {
  std::size_t grouped = 0;
  for (const auto& group : problem.groups) grouped += group.size();
  if (grouped != at(problem.objective.n)) throw Error("one-hot rule: every variable must be in one group");
}

/// Theorem 2: P > max over groups of what its cheapest member can cost at most.
double one_hot_bound(const ConstrainedQubo& problem) {
  require_grouped(problem);
  const QuboModel& f = problem.objective;
  const std::size_t n = at(f.n);
  const std::vector<double> q = dense_terms(f);
  if (*std::min_element(q.begin(), q.end()) < 0 || *std::min_element(f.linear.begin(), f.linear.end()) < 0) {
    throw Error("one-hot rule: a coefficient is negative; one_hot_gauge() first");
  }
  double bound = 0;
  for (const auto& group : problem.groups) {
    const double members = static_cast<double>(group.size());
    double cheapest = std::numeric_limits<double>::infinity();
    double mean = 0;
    for (const std::int32_t u : group) {
      double cost = f.linear[at(u)];
      mean += f.linear[at(u)] / members;
      for (const auto& other : problem.groups) {
        if (&other == &group) continue;
        double worst = 0;
        for (const std::int32_t v : other) worst = std::max(worst, q[at(u) * n + at(v)]);
        cost += worst;
      }
      cheapest = std::min(cheapest, cost);
    }
    for (const auto& other : problem.groups) {
      if (&other == &group) continue;
      double worst = 0;
      for (const std::int32_t v : other) {
        double sum = 0;
        for (const std::int32_t u : group) sum += q[at(u) * n + at(v)];
        worst = std::max(worst, sum / members);
      }
      mean += worst;
    }
    bound = std::max(bound, std::min(cheapest, mean));
  }
  return bound;
}

/// V as a QUBO.
QuboModel violation_qubo(const ConstrainedQubo& problem) {
  ConstrainedQubo nothing = problem;
  nothing.objective.terms.clear();
  nothing.objective.offset = 0;
  std::fill(nothing.objective.linear.begin(), nothing.objective.linear.end(), 0.0);
  return penalised(nothing, 1);
}

}  // namespace

BrokenConstraints broken_constraints(const ConstrainedQubo& problem, std::span<const std::int8_t> x) {
  if (x.size() != at(problem.objective.n)) {
    throw InputError(fmt::format("{} bits given to a problem of {}", x.size(), problem.objective.n));
  }
  BrokenConstraints broken;
  for (std::size_t k = 0; k < problem.conflicts.size(); ++k) {
    const Conflict& c = problem.conflicts[k];
    if (x[at(c.i)] != 0 && x[at(c.j)] != 0) broken.conflicts.push_back(k);
  }
  broken.violation = static_cast<double>(broken.conflicts.size());
  for (std::size_t g = 0; g < problem.groups.size(); ++g) {
    int taken = 0;
    for (const std::int32_t k : problem.groups[g]) taken += x[at(k)];
    if (taken != 1) broken.groups.push_back(g);
    broken.violation += static_cast<double>((1 - taken) * (1 - taken));
  }
  return broken;
}

double penalty_bound(const ConstrainedQubo& problem) {
  if (!problem.conflicts.empty() && !problem.groups.empty()) {
    throw Error("no penalty rule for conflicts and groups in one problem");
  }
  if (!problem.groups.empty()) return one_hot_bound(problem);
  return conflict_bound(problem);
}

ConstrainedQubo one_hot_gauge(ConstrainedQubo problem) {
  require_grouped(problem);
  QuboModel& f = problem.objective;
  const std::size_t n = at(f.n);
  std::vector<double> q = dense_terms(f);
  // Row minima of one side, then of the other: what leaves a row joins the linear term of its variable.
  const auto reduce = [&](const std::vector<std::int32_t>& rows, const std::vector<std::int32_t>& columns) {
    for (const std::int32_t u : rows) {
      double least = std::numeric_limits<double>::infinity();
      for (const std::int32_t v : columns) least = std::min(least, q[at(u) * n + at(v)]);
      f.linear[at(u)] += least;
      for (const std::int32_t v : columns) {
        q[at(u) * n + at(v)] -= least;
        q[at(v) * n + at(u)] = q[at(u) * n + at(v)];
      }
    }
  };
  for (std::size_t g = 0; g < problem.groups.size(); ++g) {
    for (std::size_t h = g + 1; h < problem.groups.size(); ++h) {
      reduce(problem.groups[g], problem.groups[h]);
      reduce(problem.groups[h], problem.groups[g]);
    }
  }
  f.terms.clear();
  for (std::size_t g = 0; g < problem.groups.size(); ++g) {
    double least = std::numeric_limits<double>::infinity();
    for (const std::int32_t u : problem.groups[g]) least = std::min(least, f.linear[at(u)]);
    for (const std::int32_t u : problem.groups[g]) f.linear[at(u)] -= least;
    f.offset += least;
    for (std::size_t h = g + 1; h < problem.groups.size(); ++h) {
      for (const std::int32_t u : problem.groups[g]) {
        for (const std::int32_t v : problem.groups[h]) {
          // Differences that rounding left below 0 are 0.
          const double value = std::max(0.0, q[at(u) * n + at(v)]);
          if (value > 0) f.terms.push_back({std::min(u, v), std::max(u, v), value});
        }
      }
    }
  }
  return problem;
}

QuboModel penalised(const ConstrainedQubo& problem, double penalty) {
  QuboModel out = problem.objective;
  std::map<std::pair<std::int32_t, std::int32_t>, double> added;
  for (const Conflict& c : problem.conflicts) added[std::minmax(c.i, c.j)] += penalty;
  for (const auto& group : problem.groups) {
    out.offset += penalty;
    for (std::size_t a = 0; a < group.size(); ++a) {
      out.linear[at(group[a])] -= penalty;
      for (std::size_t b = a + 1; b < group.size(); ++b) {
        added[std::minmax(group[a], group[b])] += 2 * penalty;
      }
    }
  }
  for (QuboTerm& t : out.terms) {
    const auto found = added.find(std::minmax(t.i, t.j));
    if (found == added.end()) continue;
    t.q += found->second;
    added.erase(found);
  }
  for (const auto& [pair, value] : added) out.terms.push_back({pair.first, pair.second, value});
  return out;
}

double smallest_penalty(const ConstrainedQubo& problem) {
  const std::int32_t variables = problem.objective.n;
  if (variables < 1 || variables > kSmallestPenaltyMaxVariables) {
    throw InputError(fmt::format("smallest penalty: {} variables: all states are looked at, so at most {}",
                                 variables, kSmallestPenaltyMaxVariables));
  }
  const std::size_t n = at(variables);
  const QuboModel violation = violation_qubo(problem);
  const std::vector<double> q = dense_terms(problem.objective), p = dense_terms(violation);
  const std::size_t states = std::size_t{1} << n;
  std::vector<std::int8_t> x(n, 0);
  // Gray code, F and V kept: a flip costs O(n). V consists of small integers, so it is exact.
  double f = problem.objective.offset, v = violation.offset;
  std::vector<double> objectives(states), violations(states);
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < states; ++k) {
    if (k > 0) {
      const auto flip = static_cast<std::size_t>(std::countr_zero(k));
      double df = problem.objective.linear[flip], dv = violation.linear[flip];
      for (std::size_t j = 0; j < n; ++j) {
        if (x[j] == 0 || j == flip) continue;
        df += q[flip * n + j];
        dv += p[flip * n + j];
      }
      const double sign = x[flip] == 0 ? 1 : -1;
      x[flip] = x[flip] == 0 ? 1 : 0;
      f += sign * df;
      v += sign * dv;
    }
    objectives[k] = f;
    violations[k] = v;
    if (v < 0.5) best = std::min(best, f);
  }
  if (!std::isfinite(best)) throw InputError("smallest penalty: no state keeps all constraints");
  double smallest = -std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < states; ++k) {
    if (violations[k] > 0.5) smallest = std::max(smallest, (best - objectives[k]) / violations[k]);
  }
  return smallest;
}

}  // namespace opoloop
