#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hamiltonian/applications/clustering.h"
#include "hamiltonian/applications/independent_set.h"
#include "hamiltonian/applications/super_resolution.h"
#include "hamiltonian/applications/surrogate_design.h"
#include "hamiltonian/applications/tracking.h"

namespace opoloop {

// The instances of `experiment applications` by name and seed: measuring and drawing both start here.

struct IndependentSetInstance {
  std::unique_ptr<IndependentSet> set;
  std::optional<double> known_size;  ///< planted, or known_values.csv
  bool proven = false;               ///< known_size is the optimum
  std::string source;
};
/// "hard-N": `generate mis --n N`; otherwise a DIMACS file below `data`.
IndependentSetInstance independent_set_instance(const std::string& name, std::uint64_t seed,
                                                const std::filesystem::path& data);

/// "OxF": O objects over F frames.
std::unique_ptr<Tracking> tracking_instance(const std::string& name, std::uint64_t seed);

/// "blobs-NxK", "two-way-N" (one spin a point), "digits-NxK" (N images of the digits 0 … K−1).
std::unique_ptr<Clustering> clustering_instance(const std::string& name, std::uint64_t seed,
                                                const std::filesystem::path& data);

struct SuperResolutionInstance {
  GreyImage truth, low;
  PatchDictionary dictionary;
  std::vector<PatchPlace> patches;
};
/// "picture-S": a seeded picture of S × S pixels; "mnist": an image of $OPOLOOP_DATA. The dictionary is
/// learnt from others of the kind.
SuperResolutionInstance super_resolution_instance(const std::string& name, std::uint64_t seed,
                                                  const std::filesystem::path& data);

struct DesignInstance {
  ThinFilm film;
  int start = 20;   ///< random designs first
  int rounds = 60;  ///< then designs by surrogate
};
/// "film-LxQ": L layers of Q thicknesses each.
DesignInstance design_instance(const std::string& name);

}  // namespace opoloop
