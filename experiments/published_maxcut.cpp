#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>

#include <fmt/format.h>

#include "cim_model/presets.h"
#include "core/error.h"
#include "experiments/published_measure.h"
#include "hamiltonian/generators.h"
#include "hamiltonian/problem_file.h"

// Sections moebius, gset and k2000: max-cut problems with a best known cut.

namespace opoloop {

namespace {

PublishedPoint not_found(const char* part, const std::string& instance, const std::string& series,
                         const std::filesystem::path& path) {
  PublishedPoint point;
  point.part = part;
  point.instance = instance;
  point.series = series;
  point.problem =
      fmt::format("instance {} not found, set OPOLOOP_DATA (looked for {})", instance, path.string());
  return point;
}

/// One setting of one law on one graph of the G-set.
struct GsetSetting {
  const char* graph;
  const char* file;
  double best_cut;  ///< best known; known_values.csv of the public data
  const char* series;
  std::map<std::string, std::string> parameters;
  std::int64_t rounds;
};

/// [R21] prints the products to solution, not, for most graphs, the settings; the run lengths of G22 follow
/// from its printed P: 20,000 products for CAC, 10,000 for CFC. "preset" is gset-cac as it stands; "tuned"
/// was chosen here by coarse scans of dt, β, α and the pump on these very graphs (docs/experiments.md).
const std::vector<GsetSetting>& gset_settings() {
  static const std::vector<GsetSetting> settings = {
      {"G22", "small/gset/G22.txt", 13359, "CAC, preset", {{"preset", "gset-cac"}}, 20000},
      {"G22",
       "small/gset/G22.txt",
       13359,
       "CAC, tuned",
       {{"preset", "gset-cac"}, {"alpha", "1:2@0.95"}},
       20000},
      {"G22",
       "small/gset/G22.txt",
       13359,
       "CFC, tuned",
       {{"preset", "sk-cfc"}, {"dt", "0.25"}, {"beta", "0.2"}, {"pump", "-0.5:1@0.9"}},
       10000},
      {"G39", "medium/gset/G39.txt.gz", 2408, "CAC, preset", {{"preset", "gset-cac"}}, 20000},
      {"G39",
       "medium/gset/G39.txt.gz",
       2408,
       "CAC, tuned",
       {{"preset", "gset-cac"}, {"alpha", "1:1.5@0.95"}, {"beta", "0.2"}},
       20000},
      {"G39",
       "medium/gset/G39.txt.gz",
       2408,
       "CFC, tuned",
       {{"preset", "sk-cfc"}, {"dt", "0.2"}, {"beta", "0.05"}},
       10000},
      {"G1", "small/gset/G1.txt", 11624, "CAC, preset", {{"preset", "gset-cac"}}, 20000},
      {"G1", "small/gset/G1.txt", 11624, "CAC, tuned", {{"preset", "gset-cac"}, {"dt", "0.04"}}, 8000},
      {"G1",
       "small/gset/G1.txt",
       11624,
       "CFC, tuned",
       {{"preset", "sk-cfc"}, {"dt", "0.2"}, {"beta", "0.2"}},
       1000},
  };
  return settings;
}

/// The 2000-spin complete graph of [I16]: upper triangle i < j, row by row, most significant bit first, 1 is
/// weight +1 and 0 is −1. Σ w = −1040 tells a damaged file.
Problem read_k2000(const std::filesystem::path& path) {
  constexpr std::int32_t kSpins = 2000;
  constexpr double kTotalWeight = -1040;
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const std::size_t pairs = std::size_t{kSpins} * (kSpins - 1) / 2;
  if (bytes.size() != (pairs + 7) / 8) {
    throw InputError(
        fmt::format("{}: {} bytes, not the {} of K2000", path.string(), bytes.size(), (pairs + 7) / 8));
  }
  std::vector<IsingEdge> edges;
  edges.reserve(pairs);
  std::size_t bit = 0;
  for (std::int32_t i = 0; i < kSpins; ++i) {
    for (std::int32_t j = i + 1; j < kSpins; ++j, ++bit) {
      const bool plus = (static_cast<unsigned char>(bytes[bit / 8]) >> (7 - bit % 8) & 1) != 0;
      edges.push_back({i, j, plus ? -1.0 : 1.0});  // J = −w
    }
  }
  Problem problem;
  problem.ising = IsingModel(kSpins, std::move(edges));
  problem.kind = ProblemKind::max_cut;
  problem.name = "K2000";
  problem.source = path.string();
  if (problem.total_weight() != kTotalWeight) {
    throw InputError(fmt::format("{}: weights add up to {}, those of K2000 to {}", path.string(),
                                 problem.total_weight(), kTotalWeight));
  }
  return problem;
}

struct K2000Setting {
  const char* series;
  LoopParameters parameters;
};

std::vector<K2000Setting> k2000_settings(std::int64_t rounds) {
  // The machine without error correction: linear law, truncated Wigner, the pump switched on at once. The
  // data sheet has no loss, so dt, the loss of amplitude in a round trip, is varied: 0.1, 0.2, 0.4 are
  // 0.9, 1.7 and 3.5 dB. g² is that of 10⁷ photons a pulse, p = 0 is above the threshold 1 − ξ λ_max ≈ −1.8.
  LoopParameters physical;
  physical.model = ModelKind::truncated_wigner;
  physical.law = LawKind::linear;
  physical.rounds = rounds;
  physical.substeps = 8;  // the injection is held over a round trip, the pulses are not
  physical.g2 = 1e-7;
  physical.pump = Schedule(0.0);
  LoopParameters slow = physical, middle = physical, fast = physical;
  slow.dt = 0.1;
  middle.dt = 0.2;
  fast.dt = 0.4;
  LoopParameters ramped = middle;
  ramped.pump = Schedule::ramp(-2, 0.5, 1.0);
  LoopParameters cfc;
  for (const LoopPreset& preset : loop_presets()) {
    if (preset.name == "sk-cfc") cfc = preset.parameters;
  }
  cfc.rounds = rounds;
  return {{"linear, dt 0.1", slow},
          {"linear, dt 0.2", middle},
          {"linear, dt 0.4", fast},
          {"linear, dt 0.2, slow pump", ramped},
          {"CFC, dt 0.4", cfc}};
}

}  // namespace

std::vector<PublishedTask> moebius_tasks() {
  struct Setting {
    const char* series;
    std::map<std::string, std::string> parameters;
    std::optional<std::int64_t> rounds;
  };
  // The gradual pump crosses the threshold 1 − ξ λ_max slowly; 1.5 at once is far above it.
  const std::map<std::string, std::string> wigner = {
      {"model", "truncated-wigner"}, {"law", "linear"}, {"dt", "0.05"}, {"g2", "1e-4"}};
  auto gradual = wigner, abrupt = wigner;
  gradual["pump"] = "-1:1";
  abrupt["pump"] = "1.5";
  const std::vector<Setting> settings = {{"default setting", {}, std::nullopt},
                                         {"CAC", {{"preset", "sk-cac"}}, std::nullopt},
                                         {"linear law, gradual pump", gradual, 2000},
                                         {"linear law, abrupt pump", abrupt, 2000}};
  std::vector<PublishedTask> tasks;
  for (const Setting& setting : settings) {
    tasks.push_back(
        {fmt::format("moebius/{}", setting.series),
         [setting](const PublishedOptions& o,
                   const std::vector<PublishedPoint>&) -> std::optional<std::vector<PublishedPoint>> {
           auto problem = std::make_shared<Problem>(moebius_ladder(16));
           problem->name = "Möbius N=16";
           const DeviceRuns runs{"emulator:", setting.parameters, o.sizes.moebius_runs, setting.rounds};
           auto point = measure_runs(o, problem, runs, problem->energy_of_cut(22));
           if (!point) return std::nullopt;
           point->part = kMoebius;
           point->series = setting.series;
           point->target_source = "max-cut 22 (closed form; tests enumerate)";
           return std::vector{*point};
         }});
  }
  return tasks;
}

std::vector<PublishedTask> gset_tasks() {
  std::vector<PublishedTask> tasks;
  for (const GsetSetting& setting : gset_settings()) {
    tasks.push_back(
        {fmt::format("gset/{}/{}", setting.graph, setting.series),
         [&setting](const PublishedOptions& o,
                    const std::vector<PublishedPoint>&) -> std::optional<std::vector<PublishedPoint>> {
           const std::filesystem::path path = o.data / setting.file;
           if (!std::filesystem::exists(path)) {
             return std::vector{not_found(kGset, setting.graph, setting.series, path)};
           }
           auto problem = std::make_shared<Problem>(load_problem(path.string()));
           problem->name = setting.graph;
           const DeviceRuns runs{"emulator:", setting.parameters, o.sizes.gset_runs, setting.rounds};
           auto point = measure_runs(o, problem, runs, problem->energy_of_cut(setting.best_cut));
           if (!point) return std::nullopt;
           point->part = kGset;
           point->series = setting.series;
           point->target_source = fmt::format("best known cut {}", setting.best_cut);
           return std::vector{*point};
         }});
  }
  return tasks;
}

std::vector<PublishedTask> k2000_tasks(const PublishedOptions& options) {
  std::vector<PublishedTask> tasks;
  for (const K2000Setting& setting : k2000_settings(options.sizes.k2000_rounds)) {
    tasks.push_back(
        {fmt::format("k2000/{}", setting.series),
         [setting](const PublishedOptions& o,
                   const std::vector<PublishedPoint>&) -> std::optional<std::vector<PublishedPoint>> {
           const std::filesystem::path path = o.data / "small/k2000/WK2000_1.triu.bits";
           if (!std::filesystem::exists(path)) {
             return std::vector{not_found(kK2000, "K2000", setting.series, path)};
           }
           const Problem problem = read_k2000(path);
           const double sdp = -60278;
           const double cut = problem.energy_of_cut(33004);
           auto points =
               measure_first_passage(o, problem, setting.parameters, o.sizes.k2000_runs, {sdp, cut});
           if (!points) return std::nullopt;
           for (PublishedPoint& point : *points) {
             point.part = kK2000;
             point.series = setting.series;
             point.device = "emulator:ntt-2016";
             point.round_trip_time_s = machine_preset("ntt-2016").round_trip_time_s->value;
             point.target_source = point.target_energy == sdp ? "Goemans-Williamson energy of [I16], -60278"
                                                              : "cut 33004, 99% of the best known 33337";
           }
           return points;
         }});
  }
  return tasks;
}

}  // namespace opoloop
