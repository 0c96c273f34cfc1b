#include "driver/published_annealing.h"

#include <cmath>

#include "core/random.h"

namespace opoloop {
namespace {

/// Spins with their fields, kept up to date flip by flip, in double.
class FlipState {
 public:
  FlipState(const IsingModel& model, RandomSequence& random) : row_(static_cast<std::size_t>(model.size())) {
    for (const IsingEdge& e : model.edges()) {
      row_[static_cast<std::size_t>(e.i)].push_back({e.j, e.J});
      row_[static_cast<std::size_t>(e.j)].push_back({e.i, e.J});
    }
    for (std::int32_t i = 0; i < model.size(); ++i) {
      spins.push_back(random.below(2) == 0 ? std::int8_t{-1} : std::int8_t{1});
    }
    field_.assign(model.field().begin(), model.field().end());
    for (std::size_t i = 0; i < row_.size(); ++i) {
      for (const Entry& e : row_[i]) field_[i] += e.J * spins[static_cast<std::size_t>(e.j)];
    }
    energy = model.energy(spins);
  }

  double gain(std::size_t i) const { return 2 * spins[i] * field_[i]; }

  void flip(std::size_t i) {
    energy += gain(i);
    for (const Entry& e : row_[i]) field_[static_cast<std::size_t>(e.j)] -= 2 * e.J * spins[i];
    spins[i] = static_cast<std::int8_t>(-spins[i]);
  }

  std::vector<std::int8_t> spins;
  double energy = 0;

 private:
  struct Entry {
    std::int32_t j;
    double J;
  };
  std::vector<std::vector<Entry>> row_;
  std::vector<double> field_;
};

}  // namespace

std::int64_t PublishedSchedule::steps() const {
  return static_cast<std::int64_t>(std::ceil(std::log(cold / hot) / std::log(factor)));
}

AnnealingRead published_annealing(const IsingModel& model, const PublishedSchedule& schedule,
                                  std::uint64_t seed, std::uint32_t read) {
  RandomSequence random(seed, Stream::annealing, read);
  FlipState state(model, random);
  const auto n = static_cast<std::uint64_t>(model.size());
  AnnealingRead out;
  out.spins_best = state.spins;
  double best = state.energy;
  int idle = 0;
  double T = schedule.hot;
  for (std::int64_t step = 0; step < schedule.steps(); ++step, T *= schedule.factor) {
    for (int k = 0; k < schedule.flips; ++k) {
      const auto i = static_cast<std::size_t>(random.below(n));
      const double gain = state.gain(i);
      if (gain <= 0 || random.uniform() < std::exp(-gain / T)) state.flip(i);
    }
    ++out.rounds;
    ++idle;
    if (state.energy < best) {
      best = state.energy;
      out.spins_best = state.spins;
      out.round_best = out.rounds;
      idle = 0;
    }
    if (schedule.patience > 0 && idle >= schedule.patience) break;
  }
  // Steepest descent from the best state.
  for (std::size_t i = 0; i < state.spins.size(); ++i) {
    if (state.spins[i] != out.spins_best[i]) state.flip(i);
  }
  const double bar = -1e-12 * (1 + model.largest_term());
  for (;;) {
    std::size_t steepest = 0;
    for (std::size_t i = 1; i < state.spins.size(); ++i) {
      if (state.gain(i) < state.gain(steepest)) steepest = i;
    }
    if (state.gain(steepest) >= bar) break;
    state.flip(steepest);
  }
  out.spins_final = state.spins;
  out.energy_final = model.energy(out.spins_final);
  out.energy_best = model.energy(out.spins_best);
  if (out.energy_final < out.energy_best) {
    out.energy_best = out.energy_final;
    out.spins_best = out.spins_final;
    out.round_best = out.rounds;
  }
  return out;
}

}  // namespace opoloop
