#include "hamiltonian/applications/sparse_coding.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"

namespace opoloop {
namespace {

std::size_t at(int i) {
  return static_cast<std::size_t>(i);
}

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

int copies() {
  return static_cast<int>(SparseCoding::amplitudes().size());
}

ConstrainedQubo coding_qubo(const std::vector<double>& y, const Atoms& atoms, double lambda) {
  if (!(lambda > 0 && std::isfinite(lambda)))
    throw_parameter_error("sparse coding: lambda", lambda, "above 0");
  if (atoms.count() < 1 || y.size() != at(atoms.length)) {
    throw InputError(fmt::format("sparse coding: a signal of {} values for {} atoms of {}", y.size(),
                                 atoms.count(), atoms.length));
  }
  const std::vector<double>& c = SparseCoding::amplitudes();
  ConstrainedQubo problem;
  problem.objective.n = atoms.count() * copies();
  problem.objective.offset = dot(y, y);
  for (int a = 0; a < atoms.count(); ++a) {
    const double square = dot(atoms.atom(a), atoms.atom(a)), along = dot(atoms.atom(a), y);
    for (const double amplitude : c) {
      problem.objective.linear.push_back(amplitude * amplitude * square - 2 * amplitude * along + lambda);
    }
    for (int b = a; b < atoms.count(); ++b) {
      const double product = dot(atoms.atom(a), atoms.atom(b));
      for (std::size_t l = 0; l < c.size(); ++l) {
        for (std::size_t m = a == b ? l + 1 : 0; m < c.size(); ++m) {
          const std::int32_t i = a * copies() + static_cast<int>(l), j = b * copies() + static_cast<int>(m);
          problem.objective.terms.push_back({i, j, 2 * c[l] * c[m] * product});
          if (a == b) problem.conflicts.push_back({i, j});
        }
      }
    }
  }
  return problem;
}

/// Greedy pursuit on F itself.
std::vector<std::int8_t> pursue(const std::vector<double>& y, const Atoms& atoms, double lambda) {
  const std::vector<double>& c = SparseCoding::amplitudes();
  std::vector<std::int8_t> x(at(atoms.count()) * c.size(), 0);
  std::vector<char> used(at(atoms.count()), 0);
  std::vector<double> rest = y;
  while (true) {
    double best = 0;
    int best_atom = -1;
    std::size_t best_copy = 0;
    for (int a = 0; a < atoms.count(); ++a) {
      if (used[at(a)] != 0) continue;
      const double square = dot(atoms.atom(a), atoms.atom(a)), along = dot(atoms.atom(a), rest);
      for (std::size_t l = 0; l < c.size(); ++l) {
        const double change = c[l] * c[l] * square - 2 * c[l] * along + lambda;
        if (change < best) {
          best = change;
          best_atom = a;
          best_copy = l;
        }
      }
    }
    if (best_atom < 0) return x;
    used[at(best_atom)] = 1;
    x[at(best_atom) * c.size() + best_copy] = 1;
    for (std::size_t i = 0; i < rest.size(); ++i) rest[i] -= c[best_copy] * atoms.atom(best_atom)[i];
  }
}

double greedy_bound(const std::vector<double>& y, const Atoms& atoms, double lambda) {
  const QuboModel f = coding_qubo(y, atoms, lambda).objective;
  return std::max(0.0, f.energy(pursue(y, atoms, lambda)) - 2 * lambda);
}

/// Sets of atoms in the order of their indices, each with an amplitude |c| ≤ 1.
class SetSearch {
 public:
  SetSearch(const Atoms& atoms, double lambda) : atoms_(atoms), lambda_(lambda) {}

  /// Improves `best`, of value `least`. True where the search was completed.
  bool improve(const std::vector<double>& rest, std::vector<std::int8_t>& best, double least,
               std::int64_t most_nodes) {
    best_ = &best;
    least_ = least;
    nodes_left_ = most_nodes;
    x_.assign(best.size(), 0);
    for (int a = 0; a < atoms_.count(); ++a) squares_.push_back(dot(atoms_.atom(a), atoms_.atom(a)));
    descend(rest, 0, 0);
    return nodes_left_ >= 0;
  }

 private:
  void descend(const std::vector<double>& rest, int first, int taken) {
    if (--nodes_left_ < 0) return;
    const double square = dot(rest, rest);
    const double value = square + lambda_ * taken;
    if (value < least_ - 1e-12) {
      least_ = value;
      *best_ = x_;
    }
    std::vector<double> along;
    for (int a = first; a < atoms_.count(); ++a) along.push_back(dot(atoms_.atom(a), rest));
    // The least that t = 1, 2, … more atoms can come to; `last`: no more than one can pay.
    std::vector<double> largest;
    for (const double product : along) largest.push_back(2 * std::abs(product));
    std::sort(largest.begin(), largest.end(), std::greater<>());
    double least_square = square;
    bool one = false, more = false;
    for (std::size_t t = 1;
         t <= largest.size() && lambda_ * static_cast<double>(t) + lambda_ * taken < least_; ++t) {
      least_square = std::max(0.0, least_square - largest[t - 1]);
      const bool pays = least_square + lambda_ * (static_cast<double>(t) + taken) < least_;
      (t == 1 ? one : more) |= pays;
    }
    if (!one && !more) return;
    const bool last = !more;
    const std::vector<double>& c = SparseCoding::amplitudes();
    std::vector<double> next(rest.size());
    for (int a = first; a < atoms_.count(); ++a) {
      for (std::size_t l = 0; l < c.size(); ++l) {
        const double after =
            square + c[l] * (c[l] * squares_[at(a)] - 2 * along[at(a - first)]) + lambda_ * (taken + 1);
        if (last && after >= least_ - 1e-12) continue;
        for (std::size_t i = 0; i < rest.size(); ++i) next[i] = rest[i] - c[l] * atoms_.atom(a)[i];
        x_[at(a) * c.size() + l] = 1;
        descend(next, a + 1, taken + 1);
        x_[at(a) * c.size() + l] = 0;
        if (nodes_left_ < 0) return;
      }
    }
  }

  const Atoms& atoms_;
  double lambda_;
  std::vector<double> squares_;
  std::vector<std::int8_t> x_;
  std::vector<std::int8_t>* best_ = nullptr;
  double least_ = 0;
  std::int64_t nodes_left_ = 0;
};

}  // namespace

const std::vector<double>& SparseCoding::amplitudes() {
  static const std::vector<double> all = {-1, -0.5, 0.5, 1};
  return all;
}

SparseCoding::SparseCoding(std::vector<double> y, Atoms atoms, double lambda, std::optional<double> penalty)
    : Application(coding_qubo(y, atoms, lambda), greedy_bound(y, atoms, lambda), penalty),
      y_(std::move(y)),
      atoms_(std::move(atoms)),
      lambda_(lambda) {}

std::vector<double> SparseCoding::coefficients(std::span<const std::int8_t> x) const {
  const std::vector<double>& c = amplitudes();
  std::vector<double> sums(at(atoms_.count()), 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) sums[i / c.size()] += x[i] * c[i % c.size()];
  return sums;
}

std::vector<std::int8_t> SparseCoding::greedy() const {
  return pursue(y_, atoms_, lambda_);
}

std::vector<std::string> SparseCoding::describe(std::span<const std::int8_t> x) const {
  std::vector<std::string> lines;
  const std::vector<double> sums = coefficients(x);
  std::vector<double> rest = y_;
  for (int a = 0; a < atoms_.count(); ++a) {
    if (sums[at(a)] == 0) continue;
    lines.push_back(fmt::format("atom {}: {:+}", a + 1, sums[at(a)]));
    for (std::size_t i = 0; i < rest.size(); ++i) rest[i] -= sums[at(a)] * atoms_.atom(a)[i];
  }
  lines.push_back(fmt::format("rest |y - Dx|^2 = {:.4g} of |y|^2 = {:.4g}", dot(rest, rest), dot(y_, y_)));
  return lines;
}

Reference SparseCoding::reference() const {
  Reference reference;
  reference.x = greedy();
  SetSearch search(atoms_, lambda_);
  reference.proven = search.improve(y_, reference.x, objective(reference.x), kMostNodes);
  reference.method = reference.proven ? "branch and bound" : "branch and bound, cut off";
  reference.objective = objective(reference.x);
  return reference;
}

std::string SparseCoding::conflict_text(const Conflict& conflict) const {
  const std::vector<double>& c = amplitudes();
  return fmt::format("atom {}: taken with amplitudes {:+} and {:+}", conflict.i / copies() + 1,
                     c[at(conflict.i % copies())], c[at(conflict.j % copies())]);
}

}  // namespace opoloop
