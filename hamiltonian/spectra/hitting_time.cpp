#include "hamiltonian/spectra/hitting_time.h"

#include <Eigen/Dense>
#include <Eigen/IterativeLinearSolvers>
#include <Eigen/Sparse>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "hamiltonian/spectra/state_space.h"

namespace opoloop {
namespace {

constexpr double kResidual = 1e-8;
constexpr int kRounds = 200;
constexpr int kSweepsARound = 20;

using Eigen::VectorXd;
using SparseRows = Eigen::SparseMatrix<double, Eigen::RowMajor>;

}  // namespace

HittingTime hitting_time(const IsingModel& model, FlipRule rule, double beta,
                         const std::function<bool()>& stop) {
  if (model.size() > kHittingTimeMaxSpins) {
    throw_parameter_error("spins", model.size(), "at most 16 for exact hitting times");
  }
  if (!(beta >= 0) || !std::isfinite(beta)) {
    throw_parameter_error("beta", beta, "a finite inverse temperature, at least 0 (1/energy)");
  }
  const StateSpace space{model.size(), model.has_field() ? Parity::all : Parity::even};
  const std::vector<double> energy = state_energies(model, space);
  const double n = space.spins;
  const double lowest = *std::min_element(energy.begin(), energy.end());
  const double tie = energy_tie(model);

  // Numbers of the states that are no ground states.
  std::vector<int> unknown(energy.size(), -1);
  std::vector<std::int64_t> state_of;
  for (std::size_t x = 0; x < energy.size(); ++x) {
    if (energy[x] <= lowest + tie) continue;
    unknown[x] = static_cast<int>(state_of.size());
    state_of.push_back(static_cast<std::int64_t>(x));
  }
  HittingTime result;
  if (state_of.empty()) {
    result.converged = true;
    return result;
  }

  // (I − P) t = 1 as rows of `chain`; `symmetric` has √(P(x,y) P(y,x)) off the diagonal instead.
  const auto count = static_cast<Eigen::Index>(state_of.size());
  std::vector<Eigen::Triplet<double>> chain_entries, symmetric_entries;
  VectorXd root(count);
  for (int u = 0; u < count; ++u) {
    const std::int64_t x = state_of[static_cast<std::size_t>(u)];
    const double at_x = energy[static_cast<std::size_t>(x)];
    root[u] = std::exp(-beta / 2 * (at_x - lowest));
    double leave = 0;
    for (int i = 0; i < space.spins; ++i) {
      const auto y = static_cast<std::size_t>(space.neighbour(x, i));
      if (static_cast<std::int64_t>(y) == x) continue;  // its own mirror image: the flip changes nothing
      const double delta = beta * (energy[y] - at_x);
      const double rate = flip_probability(rule, delta) / n;
      leave += rate;
      if (unknown[y] < 0) continue;
      chain_entries.emplace_back(u, unknown[y], -rate);
      symmetric_entries.emplace_back(u, unknown[y], -std::sqrt(rate * flip_probability(rule, -delta) / n));
    }
    chain_entries.emplace_back(u, u, leave);
    symmetric_entries.emplace_back(u, u, leave);
  }
  SparseRows chain(count, count), symmetric(count, count);
  chain.setFromTriplets(chain_entries.begin(), chain_entries.end());
  symmetric.setFromTriplets(symmetric_entries.begin(), symmetric_entries.end());

  Eigen::ConjugateGradient<SparseRows, Eigen::Lower | Eigen::Upper> gradients(symmetric);
  gradients.setTolerance(1e-13);
  gradients.setMaxIterations(200);
  VectorXd scaled = VectorXd::Zero(count);
  VectorXd time(count);
  const VectorXd diagonal = chain.diagonal();
  // Highest states last: each sweep then passes the settled times of the low ones upwards.
  std::vector<int> order(state_of.size());
  for (int u = 0; u < count; ++u) order[static_cast<std::size_t>(u)] = u;
  std::sort(order.begin(), order.end(),
            [&](int a, int b) { return root[a] != root[b] ? root[a] > root[b] : a < b; });
  for (int round = 0; round < kRounds && !result.converged; ++round) {
    if (stop && stop()) {
      result.interrupted = true;
      break;
    }
    scaled = gradients.solveWithGuess(root, scaled);
    result.iterations += gradients.iterations();
    time = scaled.cwiseQuotient(root.cwiseMax(1e-300));
    for (int sweep = 0; sweep < kSweepsARound; ++sweep) {
      for (const int u : order) {
        double sum = 1;
        for (SparseRows::InnerIterator entry(chain, u); entry; ++entry) {
          if (entry.col() != u) sum -= entry.value() * time[entry.col()];
        }
        time[u] = sum / diagonal[u];
      }
    }
    const VectorXd error = (chain * time - VectorXd::Ones(count)).cwiseQuotient(diagonal.cwiseProduct(time));
    result.residual = error.cwiseAbs().maxCoeff();
    result.converged = result.residual < kResidual && gradients.info() == Eigen::Success;
    scaled = time.cwiseProduct(root);
  }
  double weight = 0;
  for (const double E : energy) weight += std::exp(-beta * (E - lowest));
  result.from_uniform = time.sum() / static_cast<double>(energy.size());
  result.from_stationary = time.dot(root.cwiseProduct(root)) / weight;
  result.from_worst = time.maxCoeff();
  return result;
}

}  // namespace opoloop
