#pragma once

#include <optional>
#include <string>

#include "hamiltonian/ising_model.h"

namespace opoloop {

/// What the user's file meant; decides how results are shown, never how they are computed.
enum class ProblemKind {
  ising,    ///< energies only
  qubo,     ///< solutions also as 0/1
  max_cut,  ///< a weighted graph: J = −w, cut(σ) = (Σ_{i<j} w_ij − E)/2
};

/// "ising", "qubo" or "max_cut": in files and JSON.
std::string kind_name(ProblemKind kind);

/// A problem with its provenance.
struct Problem {
  IsingModel ising;
  ProblemKind kind = ProblemKind::ising;
  std::string name;    ///< short, for tables: the file name or the generator's parameters
  std::string source;  ///< path or generator command
  std::string sha256;  ///< of the bytes that were read (after decompression); empty if generated
  std::optional<double> best_known_energy;  ///< in the Ising energy of `ising`, offset included
  std::string best_known_source;            ///< where that value comes from: "planted", "known_values.csv", …

  /// Σ_{i<j} w_ij of the graph; only for max_cut.
  double total_weight() const;
  /// Cut value of an energy; only for max_cut (cut = (total weight − E)/2).
  double cut_of_energy(double energy) const { return (total_weight() - energy) / 2; }
  double energy_of_cut(double cut) const { return total_weight() - 2 * cut; }
};

}  // namespace opoloop
