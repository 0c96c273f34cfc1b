#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace opoloop {

/// Which points of a plan a process measures: those of share `rank` of `size`. The shares of any size cover
/// every point once, and which share a point is in depends on (index, size) alone: processes need not talk.
struct PointShare {
  std::uint64_t rank = 0;  ///< from 0
  std::uint64_t size = 1;
  int on_this_computer = 1;  ///< processes of the job here, which share its cores
  int cores = 0;             ///< cores a process was promised (SLURM_CPUS_PER_TASK); 0: not said
  std::string source;        ///< "Open MPI", "Slurm", "--array 3/10"; empty: nobody started more than one
  std::string note;          ///< one line the user should know; mostly empty

  /// Of each run of `size` consecutive points a share has one, which one changes from run to run: points
  /// that are dear because of where they stand in the plan spread over all, also those left over by a run of
  /// another size.
  bool holds(std::uint64_t index) const;
  /// Threads where the user said nothing: what was promised, else an equal part of this computer's.
  int default_threads(int available) const;
};

/// A variable of the environment, or null. Tests bring their own.
using Environment = std::function<const char*(const char* name)>;

/// The share of this process.
///
/// `array` (the option --array) "I/N", I from 1 to N: share I of N, whatever the environment says.
/// "slurm": the position of this task in its Slurm job array, times the ranks of its step where it has some.
/// Empty: the rank that a launcher gave, in this order:
///   Open MPI   OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE
///   PMI        PMI_RANK, PMI_SIZE (MPICH, Intel MPI, srun --mpi=pmi2)
///   Slurm      SLURM_PROCID, SLURM_STEP_NUM_TASKS, set by srun for its tasks. SLURM_NTASKS is not looked at:
///              a batch script and every process in an allocation have it, and are alone.
/// and else everything. Nothing of MPI is linked: points are independent, and a rank and a size are all that
/// is needed of it.
///
/// Throws InputError where a variable is no number or a rank is not below its size, where a launcher gives a
/// rank but no size (PMIX_RANK alone), where --array does not fit.
PointShare point_share(const std::string& array, const Environment& environment);
PointShare point_share(const std::string& array);

}  // namespace opoloop
