#include "tests/driver/toy_run.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/random.h"
#include "hamiltonian/coupling.h"

namespace opoloop::test {

Problem toy_problem(const ToyRun& toy) {
  Problem problem;
  RandomSequence random(toy.seed, Stream::generator);
  std::vector<IsingEdge> edges;
  for (int i = 0; i < toy.n; ++i) {
    for (int j = i + 1; j < toy.n; ++j) {
      if (toy.max_cut && random.uniform() > 0.3) continue;
      edges.push_back({i, j, toy.max_cut ? -1.0 : (random.below(2) == 0 ? 1.0 : -1.0)});
    }
  }
  problem.ising = IsingModel(toy.n, std::move(edges));
  problem.kind = toy.max_cut ? ProblemKind::max_cut : ProblemKind::ising;
  problem.name = toy.max_cut ? "toy graph" : "toy ±1";
  problem.source = "tests/driver/toy_run.cpp";
  return problem;
}

Result play(const ToyRun& toy, const Problem& problem, RunRecorder* recorder) {
  const IsingModel& model = problem.ising;
  const auto n = static_cast<std::size_t>(toy.n);
  const double dt = 0.05;
  const double xi = std::sqrt(2.0 * toy.n / model.sum_of_squares());
  if (recorder != nullptr) {
    recorder->begin(toy.logged, toy.n, toy.rounds, toy.every, dt, toy.has_error, toy.has_measured);
  }
  Result result;
  result.device_uri = "toy:";
  result.steps = toy.rounds;
  result.runs = toy.trajectories;
  result.products_per_step = 1;
  result.stored_couplings = 2 * model.edge_count();
  result.coupling_storage = "edges";
  result.parameters = {{"law", {"linear", ""}},
                       {"dt", {"0.05", "signal amplitude lifetimes"}},
                       {"pump", {"0:1.5", "threshold"}}};
  result.timing.wall_s = 1e-6 * static_cast<double>(toy.rounds) * toy.trajectories;

  for (int tile = 0; tile * kTileLanes < toy.trajectories; ++tile) {
    const int lanes = std::min(kTileLanes, toy.trajectories - tile * kTileLanes);
    const std::int64_t end = toy.stop ? toy.stop(tile) : toy.rounds;
    std::vector<float> x(n * kTileLanes, 0), e(n * kTileLanes, 1), m(n * kTileLanes, 0),
        field(n * kTileLanes);
    std::vector<double> energy(kTileLanes);
    std::vector<Sample> samples(static_cast<std::size_t>(lanes));
    for (int l = 0; l < lanes; ++l) {
      RandomSequence random(toy.seed, Stream::start_amplitude,
                            static_cast<std::uint32_t>(tile * kTileLanes + l));
      for (std::size_t i = 0; i < n; ++i)
        x[i * kTileLanes + static_cast<std::size_t>(l)] = static_cast<float>(0.02 * random.normal());
    }
    for (std::int64_t k = 0;; ++k) {
      const double pump = 1.5 * static_cast<double>(k) / static_cast<double>(toy.rounds);
      for (int l = 0; l < lanes; ++l) {
        const auto lane = static_cast<std::size_t>(l);
        std::vector<std::int8_t> spins(n);
        for (std::size_t i = 0; i < n; ++i) spins[i] = std::signbit(x[i * kTileLanes + lane]) ? -1 : 1;
        Sample& s = samples[lane];
        energy[lane] = model.energy(spins);
        s.trajectory = static_cast<std::uint32_t>(tile * kTileLanes + l);
        s.energy_final = energy[lane];
        s.spins_final = spins;
        s.rounds = k;
        if (k == 0 || energy[lane] < s.energy_best) {
          s.energy_best = energy[lane];
          s.round_best = k;
          s.spins_best = spins;
        }
      }
      for (std::size_t q = 0; q < x.size(); ++q) {
        e[q] = 1 + 0.5F * x[q];
        m[q] = x[q] + 0.01F;
      }
      if (recorder != nullptr && (k % toy.every == 0 || k == end) && tile * kTileLanes < toy.logged) {
        recorder->record({k, static_cast<std::uint32_t>(tile * kTileLanes), lanes,
                          static_cast<double>(k) * dt, pump, toy.n, x.data(),
                          toy.has_error ? e.data() : nullptr, toy.has_measured ? m.data() : nullptr,
                          energy.data()});
      }
      if (k >= end) break;
      std::fill(field.begin(), field.end(), 0.0F);
      for (int i = 0; i < toy.n; ++i) {
        const auto columns = model.columns(i);
        const auto values = model.couplings(i);
        for (std::size_t q = 0; q < columns.size(); ++q) {
          const auto a = static_cast<std::size_t>(i) * kTileLanes;
          const auto b = static_cast<std::size_t>(columns[q]) * kTileLanes;
          for (std::size_t l = 0; l < kTileLanes; ++l) {
            field[a + l] += static_cast<float>(values[q]) * x[b + l];
            field[b + l] += static_cast<float>(values[q]) * x[a + l];
          }
        }
      }
      for (std::size_t q = 0; q < x.size(); ++q) {
        const double v = x[q];
        x[q] = static_cast<float>(v + dt * ((pump - 1) * v - v * v * v + xi * field[q]));
      }
    }
    result.samples.insert(result.samples.end(), samples.begin(), samples.end());
  }
  return result;
}

}  // namespace opoloop::test
