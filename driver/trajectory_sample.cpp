#include "driver/trajectory_sample.h"

#include "hamiltonian/ising_model.h"

namespace opoloop {

Sample sample_of(const TrajectoryResult& t, bool ancilla) {
  Sample sample;
  sample.trajectory = t.trajectory;
  sample.energy_final = t.energy_final;
  sample.energy_best = t.energy_best;
  sample.round_best = t.round_best;
  sample.rounds = t.rounds;
  sample.diverged = t.diverged;
  sample.clipping = t.clipping;
  sample.spins_best = ancilla ? drop_ancilla(t.spins_best) : t.spins_best;
  sample.spins_final = ancilla ? drop_ancilla(t.spins_final) : t.spins_final;
  return sample;
}

}  // namespace opoloop
