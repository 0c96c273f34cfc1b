#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hamiltonian/problem.h"

namespace opoloop {

// The instances of a study of times to solution: named, opened when they are needed, grouped in classes.

/// Families that are there by name; what --only takes.
inline constexpr const char* kFamilyTtsSk = "sk";            ///< generated, J = ±1
inline constexpr const char* kFamilyTtsSk1 = "sk1";          ///< J = ±1, of cim-optimizer, energies proven
inline constexpr const char* kFamilyGsetSmall = "gset-800";  ///< 800 nodes
inline constexpr const char* kFamilyGsetMedium = "gset-2000";

struct TtsInstance {
  std::string family;
  std::string group;  ///< its class: one run length is chosen for all of it
  std::string name;   ///< unique
  int spins = 0;
  std::string file;   ///< read from there; or, where empty, generated:
  std::string array;  ///< of an npz collection of weight matrices
  std::string generator;
  std::map<std::string, std::string> options;
  std::optional<double> known_energy;  ///< where the file has none
  std::string known_source;
};

/// Reads or generates it; name and best known energy are set. Throws InputError.
std::shared_ptr<const Problem> open_instance(const TtsInstance& instance);

struct TtsEnsemble {
  std::vector<std::string> families;    ///< --only; empty: sk, gset-800, gset-2000 unless files or generators
                                        ///< are given
  std::vector<int> spins;               ///< of family sk; empty: 20, 40, 60, 80, 100, 125, 150
  int instances = 16;                   ///< of each size of sk and of each generator
  int graphs = 2;                       ///< of each kind of the G-set, as far as there are
  std::vector<std::string> files;       ///< problem files: those of a folder with the same size are a class
  std::vector<std::string> generators;  ///< FAMILY:option=value,…; seeds are set here
  std::uint64_t seed = 1;
  std::filesystem::path data;  ///< public_data_folder()
};

/// The instances in order, classes together. What is not there of the public data is left out and named in
/// `missing`. Throws InputError where a family, a size, a file or a generator is wrong.
std::vector<TtsInstance> tts_instances(const TtsEnsemble& ensemble, std::string* missing = nullptr);

/// "FAMILY:option=value,…" taken apart; throws InputError that quotes the part that is wrong.
struct GeneratorText {
  std::string family;
  std::map<std::string, std::string> options;
};
GeneratorText parse_generator(const std::string& text);

/// Devices whose lowest energy stands for an unknown ground energy: `exact:` where it can enumerate, else
/// three methods that have little in common.
std::vector<std::string> reference_devices(int spins);

/// Where the energies of a problem are counted from when a share of the best is asked for: the empty cut of a
/// max-cut, the value 0 of a QUBO, else the mean energy over all states. A share f of the best energy E₀ is
/// zero + f (E₀ − zero).
double energy_zero(const Problem& problem);

}  // namespace opoloop
