#include "experiments/applications/applications_plan.h"

#include <algorithm>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "driver/device.h"
#include "experiments/image_tokens.h"
#include "experiments/sweep_rows.h"

namespace opoloop {
namespace {

using Row = ApplicationRow;

const TextField<Row> kTexts[] = {
    {"application", &Row::application, "which of the applications"},
    {"instance", &Row::instance, "its instance"},
    {"seed", &Row::seed, "seed of instance and runs"},
    {"device", &Row::device, "URI of the device"},
    {"reference", &Row::reference, "classical method that the reference value comes from"},
    {"answer", &Row::answer, "best feasible answer: bits, coefficients of patches, or designs in order"},
};
const NumberField<Row> kNumbers[] = {
    {"spins", "1", &Row::spins, "spins of one QUBO"},
    {"couplings", "1", &Row::couplings, "couplings of one QUBO"},
    {"qubos", "1", &Row::qubos, "QUBOs solved: patches, rounds of a search, else 1"},
    {"penalty", "1", &Row::penalty, "penalty in force; the largest where there are several QUBOs"},
    {"penalty_bound", "1", &Row::penalty_bound, "above it every ground state is feasible"},
    {"proven", "1", &Row::proven, "QUBOs whose reference is a proven optimum"},
    {"runs", "1", &Row::runs, "runs of the device on all QUBOs"},
    {"feasible", "1", &Row::feasible, "runs whose best state keeps every constraint"},
    {"successes", "1", &Row::successes, "runs that reached the reference"},
    {"solved", "1", &Row::solved, "QUBOs that some run solved"},
    {"reference_value", "1", &Row::reference_value, "objective of the reference, summed over QUBOs"},
    {"best_value", "1", &Row::best_value, "objective of the best feasible states, summed over QUBOs"},
    {"merit", "1", &Row::merit, "figure of merit by the device"},
    {"merit_reference", "1", &Row::merit_reference, "figure of merit by the reference"},
    {"merit_baseline", "1", &Row::merit_baseline, "figure of merit by a simple method"},
    {"wall_s", "s", &Row::wall_s, "wall time of the point, references included"},
};

struct PlannedInstance {
  const char* application;
  const char* instance;
  int seeds;         ///< 0: one instance, whatever the seed
  int quick_seeds;   ///< 0: left out of --quick
  const char* data;  ///< what must be there below the data folder; nullptr: nothing
};

constexpr const char* kDigits = "small/attention/digits.csv.gz";
constexpr const char* kMnist = "small/attention/mnist1k-images-idx3-ubyte.gz";

// Files are their own instance: the instance's name is what must be there.
constexpr PlannedInstance kPlan[] = {
    {kIndependentSet, "hard-31", 4, 1, nullptr},
    {kIndependentSet, "hard-61", 4, 0, nullptr},
    {kIndependentSet, "small/mis/karate.gph", 0, 1, "small/mis/karate.gph"},
    {kIndependentSet, "small/mis/chesapeake.gph", 0, 1, "small/mis/chesapeake.gph"},
    {kIndependentSet, "small/mis/sloane_1dc_64.gph", 0, 1, "small/mis/sloane_1dc_64.gph"},
    {kIndependentSet, "small/mis/es60fst01.gph", 0, 0, "small/mis/es60fst01.gph"},
    {kIndependentSet, "small/mis/C125-9.gph", 0, 0, "small/mis/C125-9.gph"},
    {kIndependentSet, "medium/mis/sloane_1zc_128.gph.gz", 0, 0, "medium/mis/sloane_1zc_128.gph.gz"},
    {kIndependentSet, "medium/mis/brock200-4.gph.gz", 0, 0, "medium/mis/brock200-4.gph.gz"},
    {kIndependentSet, "medium/mis/C500-9.gph.gz", 0, 0, "medium/mis/C500-9.gph.gz"},
    {kTracking, "3x5", 8, 2, nullptr},
    {kTracking, "4x8", 4, 0, nullptr},
    {kSuperResolution, "picture-24", 4, 1, nullptr},
    {kSuperResolution, "mnist", 4, 1, kMnist},
    {kDesign, "film-4x6", 4, 1, nullptr},
    {kDesign, "film-5x8", 4, 0, nullptr},
    {kClustering, "blobs-24x3", 4, 2, nullptr},
    {kClustering, "two-way-40", 4, 1, nullptr},
    {kClustering, "digits-24x3", 4, 1, kDigits},
};

}  // namespace

const std::vector<std::string>& application_names() {
  static const std::vector<std::string> all = {kIndependentSet, kTracking, kSuperResolution, kDesign,
                                               kClustering};
  return all;
}

MeritNames merit_names(const std::string& application) {
  if (application == kIndependentSet) return {"nodes in the set", "best known set", "greedy", true};
  if (application == kTracking) {
    return {"links right, F1", "dynamic programming", "Hungarian, frame by frame", true};
  }
  if (application == kSuperResolution) return {"PSNR, dB", "exact codes", "bicubic", true};
  if (application == kDesign) {
    return {"mean reflectance, %", "best of all designs", "as many random designs", false};
  }
  return {"adjusted Rand index", "branch and bound", "k-means", true};
}

ApplicationsPlan::ApplicationsPlan(ApplicationsOptions options) : options_(std::move(options)) {
  for (const std::string& name : options_.only) {
    if (std::find(application_names().begin(), application_names().end(), name) ==
        application_names().end()) {
      throw InputError(
          fmt::format("--only {}: must be one of {}", name, fmt::join(application_names(), ", ")));
    }
  }
  if (options_.instances && *options_.instances < 1) {
    throw_parameter_error("--instances", *options_.instances, "at least 1");
  }
  if (options_.devices.empty()) options_.devices = {kApplicationsDevice};
  for (const std::string& device : options_.devices) make_device(device);  // throws where it is unknown
  std::vector<std::string> absent;
  for (const PlannedInstance& planned : kPlan) {
    if (!options_.only.empty() &&
        std::find(options_.only.begin(), options_.only.end(), planned.application) == options_.only.end()) {
      continue;
    }
    if (options_.quick && planned.quick_seeds == 0) continue;
    if (planned.data != nullptr && !std::filesystem::exists(options_.data / planned.data)) {
      absent.emplace_back(planned.instance);
      continue;
    }
    int seeds = options_.quick ? planned.quick_seeds : planned.seeds;
    if (planned.seeds == 0) {
      seeds = 1;
    } else if (options_.instances) {
      seeds = *options_.instances;
    }
    for (int k = 0; k < seeds; ++k) {
      for (const std::string& device : options_.devices) {
        points_.push_back(
            {planned.application, planned.instance, options_.seed + static_cast<std::uint64_t>(k), device});
      }
    }
  }
  if (!absent.empty()) {
    missing_ = fmt::format("left out, not below {} (set OPOLOOP_DATA): {}", options_.data.string(),
                           fmt::join(absent, ", "));
  }
}

std::string ApplicationsPlan::description() const {
  std::string instances;
  for (const ApplicationPoint& p : points_) {
    instances += fmt::format(" {}:{}:{}", p.application, p.instance, p.seed);
  }
  return fmt::format("devices {}; points{}", fmt::join(options_.devices, " "), instances);
}

const std::vector<PointColumn>& ApplicationsPlan::columns() const {
  static const std::vector<PointColumn> all = [] {
    std::vector<PointColumn> columns;
    for (const auto& field : kTexts) columns.push_back({field.name, "1", field.description, true});
    for (const auto& field : kNumbers) columns.push_back({field.name, field.units, field.description, false});
    return columns;
  }();
  return all;
}

std::string ApplicationsPlan::name(std::uint64_t index) const {
  const ApplicationPoint& p = points_.at(index);
  return fmt::format("{} {} seed {} on {}", p.application, p.instance, p.seed, p.device);
}

std::optional<PointValues> ApplicationsPlan::measure(std::uint64_t index, const PointContext& context) const {
  const auto row = measure_application(points_.at(index), options_.data, context);
  if (!row) return std::nullopt;
  return values_of(*row);
}

PointValues values_of(const ApplicationRow& row) {
  PointValues values;
  for (const auto& field : kTexts) values.emplace_back(row.*field.member);
  for (const auto& field : kNumbers) values.emplace_back(row.*field.member);
  return values;
}

std::vector<ApplicationRow> application_rows(const Sweep& sweep) {
  return rows_of<Row>(sweep, kTexts, kNumbers);
}

}  // namespace opoloop
