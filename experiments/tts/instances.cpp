#include "experiments/tts/instances.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "driver/problem_io.h"
#include "hamiltonian/generators.h"

namespace opoloop {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 4> kFamilies = {kFamilyTtsSk, kFamilyTtsSk1, kFamilyGsetSmall,
                                                  kFamilyGsetMedium};
constexpr int kLeastSpins = 4;
constexpr int kMostSpins = 2000;
/// `exact:` takes a fraction of a second up to here.
constexpr int kEnumerated = 20;

/// Graphs of the G-set that were made in the same way.
struct GsetKind {
  const char* family;
  const char* name;
  int nodes;
  std::array<const char*, 4> graphs;
};
constexpr std::array<GsetKind, 8> kGset = {{
    {kFamilyGsetSmall, "G-set 800 random", 800, {"G1", "G2", "G3", "G4"}},
    {kFamilyGsetSmall, "G-set 800 random ±1", 800, {"G6", "G7", "G8", "G9"}},
    {kFamilyGsetSmall, "G-set 800 torus ±1", 800, {"G11", "G12"}},
    {kFamilyGsetSmall, "G-set 800 planar", 800, {"G14", "G15", "G16"}},
    {kFamilyGsetMedium, "G-set 2000 random", 2000, {"G22", "G24", "G25"}},
    {kFamilyGsetMedium, "G-set 2000 random ±1", 2000, {"G27", "G28", "G29", "G30"}},
    {kFamilyGsetMedium, "G-set 2000 torus ±1", 2000, {"G32", "G33"}},
    {kFamilyGsetMedium, "G-set 2000 planar", 2000, {"G35", "G36", "G37"}},
}};

std::optional<fs::path> gset_file(const fs::path& data, const std::string& graph) {
  for (const char* folder : {"small", "medium"}) {
    for (const char* ending : {".txt", ".txt.gz"}) {
      fs::path path = data / folder / "gset" / (graph + ending);
      if (fs::exists(path)) return path;
    }
  }
  return std::nullopt;
}

void add_gset(std::vector<TtsInstance>& all, const TtsEnsemble& ensemble, const std::string& family,
              std::string& missing) {
  std::vector<std::string> absent;
  for (const GsetKind& kind : kGset) {
    if (kind.family != family) continue;
    int taken = 0;
    for (const char* graph : kind.graphs) {
      if (graph == nullptr || taken == ensemble.graphs) break;
      const auto path = gset_file(ensemble.data, graph);
      if (!path) {
        absent.emplace_back(graph);
        continue;
      }
      all.push_back({family, kind.name, graph, kind.nodes, path->string(), {}, {}, {}, {}, {}});
      ++taken;
    }
  }
  if (!absent.empty())
    missing += fmt::format("not found in {} (set OPOLOOP_DATA): {}. ", ensemble.data.string(),
                           fmt::join(absent, ", "));
}

void add_generated(std::vector<TtsInstance>& all, const TtsEnsemble& ensemble, const std::string& family,
                   const std::string& group, const std::string& generator,
                   std::map<std::string, std::string> options) {
  for (int index = 0; index < ensemble.instances; ++index) {
    // A seed of the experiment is a set of instances: those of `experiment published`.
    options["seed"] = fmt::format("{}", ensemble.seed * 1000 + static_cast<std::uint64_t>(index));
    TtsInstance instance{family, group, fmt::format("{} #{}", group, index), 0, {}, {}, generator, options,
                         {},     {}};
    instance.spins = index == 0 ? open_instance(instance)->ising.size() : all.back().spins;
    all.push_back(std::move(instance));
  }
}

void add_sk(std::vector<TtsInstance>& all, const TtsEnsemble& ensemble) {
  const std::vector<int> usual = {20, 40, 60, 80, 100, 125, 150};
  for (const int spins : ensemble.spins.empty() ? usual : ensemble.spins) {
    if (spins < kLeastSpins || spins > kMostSpins)
      throw InputError(fmt::format("--spins {}: must lie in {} … {}", spins, kLeastSpins, kMostSpins));
    add_generated(all, ensemble, kFamilyTtsSk, fmt::format("SK N={}", spins), "sk",
                  {{"n", fmt::format("{}", spins)}, {"couplings", "pm1"}});
  }
}

void add_sk1(std::vector<TtsInstance>& all, const TtsEnsemble& ensemble, std::string& missing) {
  const fs::path folder = ensemble.data / "medium" / "cim_optimizer";
  std::ifstream table(folder / "SK1_energies.csv");
  if (!table) {
    missing += fmt::format("{} not found (set OPOLOOP_DATA). ", (folder / "SK1_energies.csv").string());
    return;
  }
  std::string line;
  std::getline(table, line);
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    std::string key, spins, energy, status;
    std::getline(fields, key, ',');
    std::getline(fields, spins, ',');
    std::getline(fields, energy, ',');
    std::getline(fields, status, ',');
    int n = 0;
    double value = 0;
    const auto spins_end = std::from_chars(spins.data(), spins.data() + spins.size(), n);
    const auto energy_end = std::from_chars(energy.data(), energy.data() + energy.size(), value);
    // Three of 500 spins have no energy.
    if (spins_end.ec != std::errc() || energy_end.ec != std::errc()) continue;
    if (!ensemble.spins.empty() &&
        std::find(ensemble.spins.begin(), ensemble.spins.end(), n) == ensemble.spins.end())
      continue;
    all.push_back({kFamilyTtsSk1,
                   fmt::format("SK1 N={}", n),
                   "SK1 " + key,
                   n,
                   (folder / "SK1.npz").string(),
                   key,
                   {},
                   {},
                   value,
                   "SK1_energies.csv: " + status});
  }
}

void add_files(std::vector<TtsInstance>& all, const TtsEnsemble& ensemble) {
  std::vector<TtsInstance> found;
  for (const std::string& file : ensemble.files) {
    TtsInstance instance{"files", {}, fs::path(file).filename().string(), 0, file, {}, {}, {}, {}, {}};
    instance.spins = open_instance(instance)->ising.size();
    const std::string folder = fs::absolute(file).parent_path().filename().string();
    instance.group = fmt::format("{} N={}", folder, instance.spins);
    for (const TtsInstance& other : found) {
      if (other.file == file) throw InputError(fmt::format("{}: is given twice", file));
      if (other.name == instance.name) instance.name = file;
    }
    found.push_back(std::move(instance));
  }
  // Classes together, each in the order of its files.
  while (!found.empty()) {
    const std::string group = found.front().group;
    for (const TtsInstance& instance : found) {
      if (instance.group == group) all.push_back(instance);
    }
    std::erase_if(found, [&](const TtsInstance& instance) { return instance.group == group; });
  }
}

}  // namespace

std::shared_ptr<const Problem> open_instance(const TtsInstance& instance) {
  Problem problem;
  if (instance.file.empty()) {
    problem = generate_problem(instance.generator, instance.options);
  } else {
    LoadOptions options;
    options.array = instance.array;
    options.matrix_is_weights = !instance.array.empty();  // the energies of SK1 are those of +½ sᵀJs
    problem = open_problem(instance.file, options);
  }
  if (!problem.best_known_energy && instance.known_energy) {
    problem.best_known_energy = instance.known_energy;
    problem.best_known_source = instance.known_source;
  }
  problem.name = instance.name;
  return std::make_shared<const Problem>(std::move(problem));
}

std::vector<TtsInstance> tts_instances(const TtsEnsemble& ensemble, std::string* missing) {
  if (ensemble.instances < 1) throw_parameter_error("instances", ensemble.instances, "at least 1");
  std::vector<std::string> families = ensemble.families;
  for (const std::string& family : families) {
    if (std::find(kFamilies.begin(), kFamilies.end(), family) == kFamilies.end())
      throw InputError(fmt::format("--only {}: must be one of {}", family, fmt::join(kFamilies, ", ")));
  }
  if (families.empty() && ensemble.files.empty() && ensemble.generators.empty())
    families = {kFamilyTtsSk, kFamilyGsetSmall, kFamilyGsetMedium};
  std::vector<TtsInstance> all;
  std::string absent;
  for (const std::string family : kFamilies) {
    if (std::find(families.begin(), families.end(), family) == families.end()) continue;
    if (family == kFamilyTtsSk) add_sk(all, ensemble);
    if (family == kFamilyTtsSk1) add_sk1(all, ensemble, absent);
    if (family == kFamilyGsetSmall || family == kFamilyGsetMedium) add_gset(all, ensemble, family, absent);
  }
  add_files(all, ensemble);
  for (const std::string& text : ensemble.generators) {
    const GeneratorText generator = parse_generator(text);
    add_generated(all, ensemble, generator.family, text, generator.family, generator.options);
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (all[k].name == all[i].name) throw InputError(fmt::format("{}: is given twice", all[i].name));
    }
  }
  if (missing != nullptr) *missing = absent;
  return all;
}

GeneratorText parse_generator(const std::string& text) {
  GeneratorText generator;
  const std::size_t colon = text.find(':');
  generator.family = text.substr(0, colon);
  if (colon == std::string::npos || generator.family.empty())
    throw InputError(fmt::format("--generate '{}': expected FAMILY:option=value,option=value", text));
  std::istringstream items(text.substr(colon + 1));
  for (std::string item; std::getline(items, item, ',');) {
    const std::size_t equals = item.find('=');
    if (equals == std::string::npos || equals == 0)
      throw InputError(fmt::format("--generate '{}': '{}': expected option=value", text, item));
    const std::string name = item.substr(0, equals);
    if (name == "seed")
      throw InputError(fmt::format("--generate '{}': seeds are set by --seed and --instances", text));
    if (!generator.options.emplace(name, item.substr(equals + 1)).second)
      throw InputError(fmt::format("--generate '{}': '{}' is given twice", text, name));
  }
  return generator;
}

std::vector<std::string> reference_devices(int spins) {
  if (spins <= kEnumerated) return {"exact:"};
  return {"emulator:", "annealing:", "dsb:"};
}

double energy_zero(const Problem& problem) {
  switch (problem.kind) {
    case ProblemKind::max_cut:
      return problem.total_weight();
    case ProblemKind::qubo:
      return 0;
    case ProblemKind::ising:
      return problem.ising.offset();
  }
  return 0;
}

}  // namespace opoloop
