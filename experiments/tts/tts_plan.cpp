#include "experiments/tts/tts_plan.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/sha256.h"
#include "driver/uri.h"

namespace opoloop {
namespace {

constexpr std::int64_t kLongestRun = 100'000'000;
/// From here on runs are fewer and longer.
constexpr int kManySpins = 400;
constexpr int kVeryManySpins = 1500;

/// So many runs, or the part of them that is affordable at a size.
int fewer(int runs, int spins) {
  return std::max(1, runs / (spins < kManySpins ? 1 : spins < kVeryManySpins ? 2 : 4));
}

/// The seed of a point's runs.
std::uint64_t seed_of(std::uint64_t seed, const std::string& what) {
  return std::stoull(sha256_of(fmt::format("{} {}", seed, what)).substr(0, 15), nullptr, 16);
}

std::int64_t parse_length(const std::string& token, const std::string& text) {
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (code != std::errc() || end != token.data() + token.size() || value < 1 || value > kLongestRun)
    throw InputError(fmt::format("--lengths '{}': '{}': expected a number of steps from 1 to {}", text, token,
                                 kLongestRun));
  return value;
}

double parse_factor(const std::string& token, const std::string& text) {
  double factor = 0;
  const auto [end, code] = std::from_chars(token.data(), token.data() + token.size(), factor);
  if (code != std::errc() || end != token.data() + token.size() || !(factor >= 1.05 && factor <= 1000))
    throw InputError(fmt::format("--lengths '{}': '{}': expected a factor from 1.05 to 1000", text, token));
  return factor;
}

std::vector<std::string> split(const std::string& text, char mark) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == mark) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::vector<std::int64_t> geometric(std::int64_t low, std::int64_t high, double factor) {
  std::vector<std::int64_t> lengths;
  for (double at = static_cast<double>(low); at < static_cast<double>(high) * (1 + 1e-9); at *= factor) {
    const std::int64_t length = std::llround(at);
    if (lengths.empty() || length > lengths.back()) lengths.push_back(length);
  }
  return lengths;
}

}  // namespace

std::vector<TtsDevice> default_tts_devices() {
  return {{"linear", "emulator:?law=linear"},
          {"cac", "emulator:?law=cac"},
          {"cfc", "emulator:?preset=sk-cfc"},
          {"sfc", "emulator:?preset=sk-sfc"},
          {"default", "emulator:"},
          {"annealing", "annealing:"},
          {"dsb", "dsb:"},
          {"bsb", "bsb:"}};
}

TtsDevice parse_tts_device(const std::string& text) {
  const NamedUri named = split_named_uri(text);
  TtsDevice device{named.name, named.uri};
  if (device.name.empty()) throw InputError(fmt::format("--device '{}': expected NAME=URI or URI", text));
  make_device(device.uri);
  return device;
}

std::vector<std::int64_t> parse_lengths(const std::string& text) {
  if (text.find(':') == std::string::npos) {
    std::vector<std::int64_t> lengths;
    for (const std::string& token : split(text, ',')) lengths.push_back(parse_length(token, text));
    std::sort(lengths.begin(), lengths.end());
    lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
    return lengths;
  }
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() > 3) throw InputError(fmt::format("--lengths '{}': expected LOW:HIGH:FACTOR", text));
  const std::int64_t low = parse_length(parts[0], text), high = parse_length(parts[1], text);
  if (low > high) throw InputError(fmt::format("--lengths '{}': {} is above {}", text, low, high));
  return geometric(low, high, parts.size() > 2 ? parse_factor(parts[2], text) : 2);
}

std::vector<std::int64_t> lengths_of(const TtsStudy& study, int spins) {
  if (!study.lengths.empty()) return study.lengths;
  return spins < kManySpins ? geometric(2, std::min<std::int64_t>(study.longest, 4096), 2)
                            : geometric(64, study.longest, 2);
}

int runs_of(const TtsStudy& study, int spins) {
  return fewer(study.runs, spins);
}

TtsPlan::TtsPlan(TtsStudy study) : study_(std::move(study)) {
  if (study_.runs < 1) throw_parameter_error("runs", study_.runs, "at least 1");
  if (study_.devices.empty()) throw InputError("experiment tts: no device");
  for (std::size_t d = 0; d < study_.devices.size(); ++d) {
    for (std::size_t other = 0; other < d; ++other) {
      if (study_.devices[d].name == study_.devices[other].name)
        throw InputError(fmt::format("--device {}: is given twice", study_.devices[d].name));
    }
  }
  first_.push_back(0);
  for (const TtsInstance& instance : study_.instances) {
    const bool known = instance.known_energy || open_instance(instance)->best_known_energy;
    reference_points_.push_back(known ? 0 : reference_devices(instance.spins).size());
    first_.push_back(first_.back() + reference_points_.back() +
                     study_.devices.size() * lengths_of(study_, instance.spins).size());
  }
}

std::string TtsPlan::description() const {
  std::string text = fmt::format("seed={} reference_runs={}\n", study_.seed, study_.reference_runs);
  for (const TtsDevice& device : study_.devices)
    text += fmt::format("device {} {}\n", device.name, device.uri);
  std::string instances;
  for (const TtsInstance& instance : study_.instances) {
    std::string options;
    for (const auto& [name, value] : instance.options) options += fmt::format(" {}={}", name, value);
    // A file by its name: a copy of the data elsewhere is the same study.
    const std::string where =
        instance.file.empty()
            ? instance.generator + options
            : std::filesystem::path(instance.file).filename().string() + " " + instance.array;
    instances +=
        fmt::format("instance {} | {} | {} | runs={} lengths={}\n", instance.group, instance.name, where,
                    runs_of(study_, instance.spins), fmt::join(lengths_of(study_, instance.spins), ","));
  }
  // By their digest: the text is an attribute of the experiment file, and those hold 64 KiB.
  return text + fmt::format("{} instances with their runs and lengths, sha256 {}", study_.instances.size(),
                            sha256_of(instances));
}

TtsPlan::Place TtsPlan::place_of(std::uint64_t index) const {
  const auto next = std::upper_bound(first_.begin(), first_.end(), index);
  if (next == first_.end()) throw Error(fmt::format("experiment tts: no point {}", index));
  const auto i = static_cast<std::size_t>(next - first_.begin()) - 1;
  const TtsInstance& instance = study_.instances[i];
  const std::uint64_t at = index - first_[i];
  if (at < reference_points_[i]) {
    const std::string uri = reference_devices(instance.spins)[at];
    return {&instance, kRoleReference, uri, uri, std::nullopt, fewer(study_.reference_runs, instance.spins)};
  }
  const std::vector<std::int64_t> lengths = lengths_of(study_, instance.spins);
  const std::uint64_t point = at - reference_points_[i];
  const TtsDevice& device = study_.devices[point / lengths.size()];
  return {&instance,
          kRoleStudy,
          device.name,
          device.uri,
          lengths[point % lengths.size()],
          runs_of(study_, instance.spins)};
}

std::string TtsPlan::name(std::uint64_t index) const {
  const Place place = place_of(index);
  return fmt::format("{}, {}, {}", place.instance->name, place.device,
                     place.length ? fmt::format("T={}", *place.length) : std::string(kRoleReference));
}

std::optional<PointValues> TtsPlan::measure(std::uint64_t index, const PointContext& context) const {
  const Place place = place_of(index);
  const auto problem = open_instance(*place.instance);
  Job job;
  job.problem = problem;
  job.settings.runs = place.uri == "exact:" ? 1 : place.runs;
  job.settings.steps = place.length;
  job.settings.seed = seed_of(study_.seed, fmt::format("{} | {} | {} | {}", place.role, place.instance->name,
                                                       place.uri, place.length.value_or(0)));
  job.settings.threads = 1;  // whatever the context allows: seconds are those of one thread
  const auto device = make_device(place.uri);
  const std::optional<Result> result = run_unless_stopped(*device, job, context.stop);
  if (!result) return std::nullopt;

  TtsRow row;
  row.family = place.instance->family;
  row.group = place.instance->group;
  row.instance = place.instance->name;
  row.source = problem->source;
  row.device = place.device;
  row.uri = result->device_uri;
  row.role = place.role;
  row.energies = energies_text(result->samples);
  row.known_source = problem->best_known_source;
  row.spins = problem->ising.size();
  if (place.length) row.length = static_cast<double>(*place.length);
  row.trials = static_cast<double>(result->samples.size());
  row.diverged = static_cast<double>(std::count_if(result->samples.begin(), result->samples.end(),
                                                   [](const Sample& sample) { return sample.diverged; }));
  row.products_per_step = result->products_per_step;
  row.run_s = result->timing.wall_s / std::max(row.trials, 1.0);
  row.machine_s = result->machine_time_s.value_or(TtsRow::kNone);
  row.known_energy = problem->best_known_energy.value_or(TtsRow::kNone);
  row.zero_energy = energy_zero(*problem);
  row.term = problem->ising.largest_term();
  return tts_values(row);
}

std::optional<Result> run_unless_stopped(Device& device, const Job& job, const std::function<bool()>& stop) {
  constexpr double kAskEvery_s = 0.2;
  const auto stopped = [&] { return interrupted() || (stop && stop()); };
  if (stopped()) return std::nullopt;
  const std::string id = device.submit(job);
  bool cancelled = false;
  for (;;) {
    const JobStatus status = device.wait(id, kAskEvery_s);
    if (status != JobStatus::queued && status != JobStatus::running) break;
    if (!cancelled && stopped()) {
      device.cancel(id);
      cancelled = true;
    }
  }
  Result result = device.result(id);
  if (cancelled || result.interrupted) return std::nullopt;
  return result;
}

}  // namespace opoloop
