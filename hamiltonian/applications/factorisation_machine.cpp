#include "hamiltonian/applications/factorisation_machine.h"

#include "core/error.h"
#include "core/random.h"

namespace opoloop {
namespace {

std::size_t at(std::int32_t i) {
  return static_cast<std::size_t>(i);
}

}  // namespace

FactorisationMachine::FactorisationMachine(std::int32_t n, int rank,
                                           const std::vector<std::vector<std::int32_t>>& ones,
                                           const std::vector<double>& y, double ridge, int sweeps,
                                           std::uint64_t seed)
    : n_(n), rank_(static_cast<std::size_t>(rank)), linear_(at(n), 0.0), factors_(at(n) * rank_) {
  if (ones.empty() || ones.size() != y.size()) throw Error("factorisation machine: samples without values");
  constexpr double kStart = 0.1;
  RandomSequence random(seed, Stream::generator, 2);
  for (double& f : factors_) f = kStart * random.normal();
  std::vector<std::vector<std::size_t>> samples_of(at(n));
  for (std::size_t s = 0; s < ones.size(); ++s) {
    for (const std::int32_t i : ones[s]) samples_of[at(i)].push_back(s);
  }
  const auto samples = static_cast<double>(ones.size());
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    // Errors anew each sweep: what rounding added is gone.
    std::vector<double> error(y.size());
    for (std::size_t s = 0; s < y.size(); ++s) error[s] = y[s] - predict(ones[s]);
    double mean = 0;
    for (const double e : error) mean += e / samples;
    constant_ += mean;
    for (double& e : error) e -= mean;
    for (std::int32_t i = 0; i < n; ++i) {
      const std::vector<std::size_t>& mine = samples_of[at(i)];
      double sum = 0;
      for (const std::size_t s : mine) sum += error[s] + linear_[at(i)];
      const double value = sum / (static_cast<double>(mine.size()) + ridge);
      for (const std::size_t s : mine) error[s] += linear_[at(i)] - value;
      linear_[at(i)] = value;
    }
    std::vector<double> totals(ones.size());
    for (std::size_t f = 0; f < rank_; ++f) {
      for (std::size_t s = 0; s < ones.size(); ++s) {
        totals[s] = 0;
        for (const std::int32_t j : ones[s]) totals[s] += factors_[at(j) * rank_ + f];
      }
      for (std::int32_t i = 0; i < n; ++i) {
        double& own = factors_[at(i) * rank_ + f];
        double above = 0, below = ridge;
        for (const std::size_t s : samples_of[at(i)]) {
          const double others = totals[s] - own;  // dŷ/dv of this sample
          above += others * (error[s] + others * own);
          below += others * others;
        }
        const double value = above / below;
        for (const std::size_t s : samples_of[at(i)]) {
          error[s] += (totals[s] - own) * (own - value);
          totals[s] += value - own;
        }
        own = value;
      }
    }
  }
}

double FactorisationMachine::product(std::int32_t i, std::int32_t j) const {
  double sum = 0;
  for (std::size_t f = 0; f < rank_; ++f) sum += factors_[at(i) * rank_ + f] * factors_[at(j) * rank_ + f];
  return sum;
}

double FactorisationMachine::predict(const std::vector<std::int32_t>& ones) const {
  double value = constant_;
  for (std::size_t a = 0; a < ones.size(); ++a) {
    value += linear_[at(ones[a])];
    for (std::size_t b = a + 1; b < ones.size(); ++b) value += product(ones[a], ones[b]);
  }
  return value;
}

QuboModel FactorisationMachine::qubo() const {
  QuboModel out;
  out.n = n_;
  out.linear = linear_;
  out.offset = constant_;
  for (std::int32_t i = 0; i < n_; ++i) {
    for (std::int32_t j = i + 1; j < n_; ++j) out.terms.push_back({i, j, product(i, j)});
  }
  return out;
}

}  // namespace opoloop
