#include "hamiltonian/spectra/single_flip_chain.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/threads.h"

namespace opoloop {
namespace {

constexpr std::int64_t kBlock = 2048;

/// y[k] −= w v[k ^ stride] within one block; pairs are numbered without the bit.
void subtract_near(const double* weight, const double* x, double* y, std::int64_t count,
                   std::int64_t stride) {
  if (stride == 1) {
    for (std::int64_t p = 0; 2 * p < count; ++p) {
      y[2 * p] -= weight[p] * x[2 * p + 1];
      y[2 * p + 1] -= weight[p] * x[2 * p];
    }
    return;
  }
  for (std::int64_t base = 0; base < count; base += 2 * stride) {
    const double* w = weight + base / 2;
    const double* low = x + base;
    const double* high = low + stride;
    double* to_low = y + base;
    double* to_high = to_low + stride;
    for (std::int64_t k = 0; k < stride; ++k) to_low[k] -= w[k] * high[k];
    for (std::int64_t k = 0; k < stride; ++k) to_high[k] -= w[k] * low[k];
  }
}

struct Weights {
  double ground = 0;        ///< π_G
  double log_smallest = 0;  ///< ln π_min
  std::int64_t states = 0;
};

/// Equilibrium weights over all states of the model; `energy` holds half of them where copies = 2.
Weights equilibrium(const std::vector<double>& energy, double copies, double beta, double tie) {
  const auto [low, high] = std::minmax_element(energy.begin(), energy.end());
  double sum = 0;
  double ground = 0;
  Weights weights;
  for (const double E : energy) {
    const double w = std::exp(-beta * (E - *low));
    sum += w;
    if (E <= *low + tie) {
      ground += w;
      ++weights.states;
    }
  }
  weights.states *= static_cast<std::int64_t>(copies);
  weights.ground = ground / sum;
  weights.log_smallest = -beta * (*high - *low) - std::log(copies * sum);
  return weights;
}

}  // namespace

std::string name_of(FlipRule rule) {
  return rule == FlipRule::metropolis ? "metropolis" : "glauber";
}

double flip_probability(FlipRule rule, double beta_delta) {
  if (rule == FlipRule::metropolis) return beta_delta <= 0 ? 1 : std::exp(-beta_delta);
  return 1 / (1 + std::exp(beta_delta));
}

ChainOperator::ChainOperator(const StateSpace& space, const std::vector<double>& energy, FlipRule rule,
                             double beta, int threads)
    : space_(space), energy_(energy), rule_(rule), beta_(beta), threads_(threads) {
  const std::int64_t size = space.size();
  const double n = space.spins;
  weights_.resize(static_cast<std::size_t>(n));
  rates_.assign(static_cast<std::size_t>(size), 0.0);
  for (int i = 0; i < space.spins; ++i) {
    auto& weight = weights_[static_cast<std::size_t>(i)];
    const bool mirror = space.half() && i == space.spins - 1;
    weight.resize(static_cast<std::size_t>(mirror ? size : size / 2));
    const std::int64_t bit = std::int64_t{1} << i;
    const std::int64_t block = std::min<std::int64_t>(size, kBlock);
    parallel_for(size / block, threads, [&](std::int64_t item) {
      for (std::int64_t x = item * block; x < (item + 1) * block; ++x) {
        const std::int64_t y = space.neighbour(x, i);
        const double delta =
            beta * (energy[static_cast<std::size_t>(y)] - energy[static_cast<std::size_t>(x)]);
        rates_[static_cast<std::size_t>(x)] += flip_probability(rule, delta) / n;
        // √(a(Δ) a(−Δ)): e^(−|Δ|/2), or 1/(2 cosh(Δ/2)).
        const double z = std::exp(-std::abs(delta) / 2);
        const double w = (rule == FlipRule::metropolis ? z : z / (1 + z * z)) / n;
        if (mirror) {
          weight[static_cast<std::size_t>(x)] = w;
        } else if (x < y) {
          weight[static_cast<std::size_t>(((x >> (i + 1)) << i) | (x & (bit - 1)))] = w;
        }
      }
    });
  }
  const double lowest = *std::min_element(energy.begin(), energy.end());
  root_weights_.resize(static_cast<std::size_t>(size));
  double sum = 0;
  for (std::size_t x = 0; x < root_weights_.size(); ++x) {
    root_weights_[x] = std::exp(-beta / 2 * (energy[x] - lowest));
    sum += root_weights_[x] * root_weights_[x];
  }
  for (double& root : root_weights_) root /= std::sqrt(sum);
}

void ChainOperator::apply(const double* x, double* y) const {
  const std::int64_t size = space_.size();
  const std::int64_t block = std::min(size, kBlock);
  parallel_for(size / block, threads_, [&](std::int64_t item) {
    const std::int64_t begin = item * block;
    const double* here = x + begin;
    double* to = y + begin;
    const double* rate = rates_.data() + begin;
    for (std::int64_t k = 0; k < block; ++k) to[k] = rate[k] * here[k];
    for (int bit = 0; bit < space_.bits(); ++bit) {
      const double* weight = weights_[static_cast<std::size_t>(bit)].data();
      const std::int64_t stride = std::int64_t{1} << bit;
      if (stride < block) {
        subtract_near(weight + begin / 2, here, to, block, stride);
      } else {
        const double* w = weight + (((begin >> (bit + 1)) << bit) | (begin & (stride - 1)));
        const double* there = x + (begin ^ stride);
        for (std::int64_t k = 0; k < block; ++k) to[k] -= w[k] * there[k];
      }
    }
    if (space_.half()) {
      const double sign = space_.mirror_sign();
      const double* w = weights_.back().data() + begin;
      const double* mirrored = x + (size - 1 - begin);
      for (std::int64_t k = 0; k < block; ++k) to[k] -= sign * w[k] * mirrored[-k];
    }
    if (reversed_) {
      for (std::int64_t k = 0; k < block; ++k) to[k] = here[k] - to[k];
    }
  });
}

double ChainOperator::dirichlet_form(const std::vector<double>& v) const {
  const double n = space_.spins;
  double form = 0;
  double norm = 0;
  for (std::int64_t x = 0; x < size(); ++x) {
    const auto at_x = static_cast<std::size_t>(x);
    norm += v[at_x] * v[at_x];
    for (int i = 0; i < space_.spins; ++i) {
      const auto at_y = static_cast<std::size_t>(space_.neighbour(x, i));
      const double delta = beta_ * (energy_[at_y] - energy_[at_x]);
      const bool mirror = space_.half() && i == space_.spins - 1;
      const double difference =
          std::sqrt(flip_probability(rule_, delta)) * v[at_x] -
          std::sqrt(flip_probability(rule_, -delta)) * (mirror ? space_.mirror_sign() : 1.0) * v[at_y];
      form += difference * difference / (2 * n);  // every pair is met twice
    }
  }
  return form / norm;
}

double tts_bound(double mixing_bound, double ground_weight, double success) {
  if (ground_weight >= 1) return mixing_bound;
  return mixing_bound * std::max(1.0, std::ceil(std::log1p(-success) / std::log1p(-ground_weight / 2)));
}

ChainGap chain_gap(const IsingModel& model, const ChainSettings& settings) {
  require_spectrum_size(model);
  if (!(settings.beta >= 0) || !std::isfinite(settings.beta)) {
    throw_parameter_error("beta", settings.beta, "a finite inverse temperature, at least 0 (1/energy)");
  }
  const bool halves = !model.has_field();
  const StateSpace space{model.size(), halves ? Parity::even : Parity::all};
  const std::vector<double> energy = state_energies(model, space);
  const Weights weights = equilibrium(energy, halves ? 2 : 1, settings.beta, energy_tie(model));

  ChainGap result;
  result.rule = settings.rule;
  result.beta = settings.beta;
  result.converged = true;
  result.ground_weight = weights.ground;
  result.log_smallest_weight = weights.log_smallest;
  result.ground_states = weights.states;

  // Slowest decay (level of G) and smallest eigenvalue in one space; √π itself left out where it is in it.
  struct Ends {
    double decay = std::numeric_limits<double>::infinity();
    double lambda_min = std::numeric_limits<double>::infinity();
  };
  const auto ends_of = [&](Parity parity) {
    const StateSpace sector{model.size(), parity};
    ChainOperator chain(sector, energy, settings.rule, settings.beta, settings.threads);
    std::vector<std::vector<double>> known;
    if (parity != Parity::odd) known.push_back(chain.root_weights());
    Ends ends;
    for (const bool reversed : {false, true}) {
      if (result.interrupted) break;
      chain.set_reversed(reversed);
      const Levels levels = lowest_levels(chain, 1, settings.levels, known);
      result.products += levels.products;
      result.converged = result.converged && levels.converged;
      result.interrupted = result.interrupted || levels.interrupted;
      if (levels.values.empty()) continue;  // nothing left in the space, or not converged
      chain.set_reversed(false);
      (reversed ? ends.lambda_min : ends.decay) =
          reversed ? levels.values[0] : chain.dirichlet_form(levels.vectors[0]);
    }
    return ends;
  };
  const auto spectrum_of = [&](const Ends& ends, double log_smallest) {
    ChainSpectrum spectrum;
    if (!result.converged) {
      const double unknown = std::numeric_limits<double>::quiet_NaN();
      return ChainSpectrum{unknown, unknown, unknown, unknown, unknown, unknown};
    }
    spectrum.lambda_2 = 1 - ends.decay;
    spectrum.lambda_min = ends.lambda_min;
    // 1 − λ* without the rounding of 1 − (1 − δ); λ_min = −1 (a periodic chain) leaves no gap.
    spectrum.gap = std::max(0.0, std::min({ends.decay, 2 - ends.decay, 1 - std::abs(ends.lambda_min)}));
    if (1 - std::abs(ends.lambda_min) < 1e-14) spectrum.gap = 0;
    spectrum.relaxation = 1 / spectrum.gap;
    spectrum.mixing_bound = spectrum.relaxation * -(std::log(weights.ground / 2) + log_smallest);
    spectrum.tts_bound = tts_bound(spectrum.mixing_bound, weights.ground, settings.success);
    return spectrum;
  };

  if (!halves) {
    result.all = spectrum_of(ends_of(Parity::all), weights.log_smallest);
    return result;
  }
  const Ends even = ends_of(Parity::even);
  const Ends odd = ends_of(Parity::odd);
  result.all = spectrum_of({std::min(even.decay, odd.decay), std::min(even.lambda_min, odd.lambda_min)},
                           weights.log_smallest);
  // A pair of mirror states is one state of the even chain, twice as likely.
  if (model.size() > 1) {
    result.even = spectrum_of(even, weights.log_smallest + std::log(2.0));
  }
  return result;
}

}  // namespace opoloop
