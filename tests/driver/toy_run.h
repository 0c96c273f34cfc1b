#pragma once

#include <cstdint>
#include <functional>

#include "driver/run_file.h"

namespace opoloop::test {

/// A small real problem and a toy of a bifurcation, written through the public interface of the run file:
/// x ← x + dt ((p−1) x − x³ + ξ J x). Only for tests of files and reports; the loop itself is cim_model's.
struct ToyRun {
  int n = 20;
  int trajectories = 20;
  std::int64_t rounds = 200;
  std::int64_t every = 1;
  bool has_error = true;
  bool has_measured = true;
  std::uint64_t seed = 7;
  bool max_cut = false;
  int logged = 20;
  /// Trajectories of tile k stop after this many rounds (all: `rounds`).
  std::function<std::int64_t(int tile)> stop = {};
};

Problem toy_problem(const ToyRun& toy);
/// Runs the toy, recording into `recorder` where it is not null.
Result play(const ToyRun& toy, const Problem& problem, RunRecorder* recorder);

}  // namespace opoloop::test
