#include "experiments/sweep/sweep_config.h"

#include <glob.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/public_data.h"
#include "driver/uri.h"
#include "experiments/points/point_shard.h"
#include "experiments/sweep/sweep_plan.h"
#include "hamiltonian/brute_force.h"
#include "hamiltonian/generators.h"
#include "hamiltonian/generators/options.h"

namespace opoloop {
namespace {

using Grid = std::vector<std::pair<std::string, std::vector<std::string>>>;

/// More devices × settings than this are a mistake.
constexpr std::uint64_t kMostSettings = 10000;

std::uint64_t product(std::uint64_t a, std::uint64_t b) {
  if (b != 0 && a > std::numeric_limits<std::uint64_t>::max() / b)
    return std::numeric_limits<std::uint64_t>::max();
  return a * b;
}

std::uint64_t combinations(const Grid& grid) {
  std::uint64_t count = 1;
  for (const auto& [name, values] : grid) count = product(count, values.size());
  return count;
}

/// The combination of that number, the last name fastest.
std::map<std::string, std::string> combination(const Grid& grid, std::uint64_t number) {
  std::map<std::string, std::string> chosen;
  for (auto axis = grid.rbegin(); axis != grid.rend(); ++axis) {
    chosen[axis->first] = axis->second[number % axis->second.size()];
    number /= axis->second.size();
  }
  return chosen;
}

class Parser {
 public:
  Parser(std::string file, std::uint64_t first_seed) : file_(std::move(file)), first_seed_(first_seed) {}

  SweepConfig parse(const toml::table& table) {
    SweepConfig config;
    config.file = file_;
    take(table,
         {{"instances",
           [&](const toml::node& n) {
             each(n, "instances", [&](const toml::table& t) { instances(t, config); });
           }},
          {"settings",
           [&](const toml::node& n) {
             common_table_ = &as_table(n, "settings");
             common_ = grid_of(*common_table_, {});
           }},
          {"devices", [](const toml::node&) {}},  // below: they need the common settings
          {"seeds", [&](const toml::node& n) { config.seeds = seeds(n); }},
          {"metrics", [&](const toml::node& n) { config.metrics = metrics(n); }},
          {"target_gap", [&](const toml::node& n) { config.target_gap = number(n, "target_gap", 0, 1e6); }},
          {"brute_force_spins", [&](const toml::node& n) {
             config.brute_force_spins =
                 static_cast<int>(whole(n, "brute_force_spins", 0, kBruteForceMaxSpins));
           }}});
    if (const toml::node* n = table.get("devices")) {
      each(*n, "devices", [&](const toml::table& t) { device(t, config); });
    }
    if (config.instances.empty()) throw_file_error(file_, 0, "", "no [[instances]]: nothing to solve");
    if (config.settings.empty()) throw_file_error(file_, 0, "", "no [[devices]]: nothing to solve with");
    if (config.seeds.empty()) config.seeds = {first_seed_};
    if (config.metrics.empty()) config.metrics = {"p_success", "tts_steps", "gap_best"};
    config.points();  // throws where there are too many
    return config;
  }

 private:
  using Take = std::function<void(const toml::node&)>;

  [[noreturn]] void refuse(const toml::node& node, const std::string& key, const std::string& why) const {
    throw_file_error(file_, static_cast<std::int64_t>(node.source().begin.line), key, why);
  }

  /// Every key of a table goes to its taker; `other` takes the rest, or they are unknown.
  void take(const toml::table& table, const std::map<std::string, Take>& takers,
            const std::function<void(const std::string&, const toml::node&)>& other = {}) const {
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      const auto found = takers.find(name);
      if (found != takers.end()) {
        found->second(node);
      } else if (other) {
        other(name, node);
      } else {
        std::vector<std::string> names;
        for (const auto& [known, taker] : takers) names.push_back(known);
        refuse(node, name, fmt::format("unknown key; known here are {}", fmt::join(names, ", ")));
      }
    }
  }

  const toml::table& as_table(const toml::node& node, const std::string& key) const {
    const toml::table* table = node.as_table();
    if (table == nullptr) refuse(node, key, "expected a table");
    return *table;
  }
  void each(const toml::node& node, const std::string& key,
            const std::function<void(const toml::table&)>& use) const {
    const toml::array* array = node.as_array();
    if (array == nullptr || array->empty()) refuse(node, key, fmt::format("expected [[{}]]", key));
    for (const toml::node& element : *array) use(as_table(element, key));
  }
  std::string text(const toml::node& node, const std::string& key) const {
    const auto value = node.value_exact<std::string>();
    if (!value || value->empty()) refuse(node, key, "expected a string");
    return *value;
  }
  double number(const toml::node& node, const std::string& key, double low, double high) const {
    const auto value = node.is_number() ? node.value<double>() : std::nullopt;
    if (!value || !(*value >= low && *value <= high)) {
      refuse(node, key,
             std::isfinite(low) ? fmt::format("expected a number from {} to {}", low, high)
                                : "expected a finite number");
    }
    return *value;
  }
  std::uint64_t whole(const toml::node& node, const std::string& key, std::int64_t low,
                      std::int64_t high) const {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < low || *value > high) {
      refuse(node, key, fmt::format("expected a whole number from {} to {}", low, high));
    }
    return static_cast<std::uint64_t>(*value);
  }
  /// One value of a grid, as a device or a generator reads it.
  std::string value_text(const toml::node& node, const std::string& key) const {
    if (const auto words = node.value_exact<std::string>()) return *words;
    if (const auto flag = node.value_exact<bool>()) return *flag ? "true" : "false";
    if (const auto integer = node.value_exact<std::int64_t>()) return fmt::format("{}", *integer);
    if (const auto real = node.value_exact<double>(); real && std::isfinite(*real))
      return fmt::format("{}", *real);
    refuse(node, key, "expected a string, a finite number, true or false, or a list of them");
  }
  std::vector<std::string> values(const toml::node& node, const std::string& key) const {
    std::vector<std::string> found;
    if (const toml::array* array = node.as_array()) {
      for (const toml::node& element : *array) found.push_back(value_text(element, key));
      if (found.empty()) refuse(node, key, "expected a list of at least one value");
    } else {
      found.push_back(value_text(node, key));
    }
    const std::set<std::string> different(found.begin(), found.end());
    if (different.size() != found.size()) refuse(node, key, "a value is given twice");
    return found;
  }

  std::vector<std::uint64_t> seeds(const toml::node& node) const {
    std::vector<std::uint64_t> found;
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
    if (const toml::array* array = node.as_array()) {
      values(node, "seeds");  // none, or one twice
      for (const toml::node& element : *array) found.push_back(whole(element, "seeds", 0, kMost));
    } else {
      const std::uint64_t count = whole(node, "seeds", 1, 100000);
      for (std::uint64_t i = 0; i < count; ++i) found.push_back(first_seed_ + i);
    }
    return found;
  }

  std::vector<std::string> metrics(const toml::node& node) const {
    std::vector<std::string> found = values(node, "metrics");
    for (const std::string& name : found) {
      std::vector<std::string> known;
      for (const PointColumn& column : SweepPlan::metric_columns()) known.push_back(column.name);
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        refuse(node, name, fmt::format("no such metric; known are {}", fmt::join(known, ", ")));
      }
    }
    return found;
  }

  // --- instances

  void instances(const toml::table& table, SweepConfig& config) {
    SweepInstances group;
    const toml::node* files = table.get("files");
    const toml::node* generate = table.get("generate");
    if ((files == nullptr) == (generate == nullptr)) {
      refuse(table, "instances", "expected either files or generate");
    }
    if (generate != nullptr) {
      group.family = text(*generate, "generate");
      generated(table, *generate, group);
    } else {
      take(table, {{"files", [&](const toml::node& n) { this->files(n, group); }},
                   {"name", [&](const toml::node& n) { group.name = text(n, "name"); }},
                   {"best_known", [&](const toml::node& n) { group.best_known = energy(n); }}});
      if (group.name.empty()) group.name = "files";
    }
    config.instances.push_back(std::move(group));
  }

  double energy(const toml::node& node) const {
    constexpr double kInfinite = std::numeric_limits<double>::infinity();
    const double value = number(node, "best_known", -kInfinite, kInfinite);
    if (!std::isfinite(value)) refuse(node, "best_known", "expected a finite energy");
    return value;
  }

  void generated(const toml::table& table, const toml::node& generate, SweepInstances& group) const {
    const std::vector<GeneratorFamily>& families = generator_families();
    const auto family = std::find_if(families.begin(), families.end(),
                                     [&](const GeneratorFamily& f) { return f.name == group.family; });
    if (family == families.end()) {
      std::vector<std::string> names;
      for (const GeneratorFamily& f : families) names.push_back(f.name);
      refuse(generate, group.family, fmt::format("no such generator; known are {}", fmt::join(names, ", ")));
    }
    std::vector<std::string> known;
    for (const GeneratorOption& option : family->options) known.push_back(option.name);
    group.seeded = std::find(known.begin(), known.end(), "seed") != known.end();
    group.name = group.family;
    take(table,
         {{"generate", [](const toml::node&) {}},
          {"name", [&](const toml::node& n) { group.name = text(n, "name"); }},
          {"best_known", [&](const toml::node& n) { group.best_known = energy(n); }},
          {"count", [&](const toml::node& n) { group.count = whole(n, "count", 1, std::int64_t{1} << 32); }},
          {"seed",
           [&](const toml::node& n) { group.first_seed = whole(n, "seed", 0, std::int64_t{1} << 62); }}},
         [&](const std::string& key, const toml::node& n) {
           if (std::find(known.begin(), known.end(), key) == known.end()) {
             refuse(n, key,
                    fmt::format("{} takes {}; beside them name, count and best_known are known", group.family,
                                fmt::join(known, ", ")));
           }
           group.grid.emplace_back(key, values(n, key));
         });
    if (!group.seeded && table.get("count") != nullptr) {
      refuse(*table.get("count"), "count", group.family + " has no seed: it is one instance");
    }
    for (const GeneratorOption& option : family->options) {
      // A generator says itself what it lacks; one look at the smallest instance's options spares a run.
      if (!option.default_value.empty() || option.name == "seed" || option.name == "p" || option.name == "m")
        continue;
      if (table.get(option.name) == nullptr) {
        refuse(generate, group.family, fmt::format("needs {} ({})", option.name, option.help));
      }
    }
    check_values(table, *family, group);
  }

  /// A value of another kind is refused here, not as hours of failed points. A combination that cannot be is
  /// a failed point, and the others go on.
  void check_values(const toml::table& table, const GeneratorFamily& family,
                    const SweepInstances& group) const {
    for (const auto& [key, values] : group.grid) {
      for (const std::string& value : values) {
        const std::map<std::string, std::string> one = {{key, value}};
        try {
          const GeneratorOptions checked(family, one);
        } catch (const OptionValueError& error) {
          refuse(*table.get(key), key, error.what());
        }
      }
    }
  }

  void files(const toml::node& node, SweepInstances& group) const {
    for (const std::string& shown : values(node, "files")) {
      constexpr std::string_view kData = "$OPOLOOP_DATA/";
      const std::filesystem::path path =
          shown.starts_with(kData)
              ? public_data_folder() / shown.substr(kData.size())
              : std::filesystem::path(file_).parent_path() / shown;  // an absolute path stays what it is
      if (shown.find_first_of("*?[") == std::string::npos) {
        group.files.push_back(path);
        group.shown.push_back(shown);
        continue;
      }
      glob_t matches{};
      const int failed = ::glob(path.c_str(), GLOB_NOSORT, nullptr, &matches);
      std::vector<std::string> found;
      for (std::size_t i = 0; failed == 0 && i < matches.gl_pathc; ++i)
        found.emplace_back(matches.gl_pathv[i]);
      ::globfree(&matches);
      if (found.empty()) refuse(node, shown, "no file matches");
      std::sort(found.begin(), found.end());  // not as the locale says
      for (const std::string& match : found) {
        group.files.push_back(match);
        group.shown.push_back(std::filesystem::path(shown).parent_path() /
                              std::filesystem::path(match).filename());
      }
    }
  }

  // --- devices and settings

  /// Names and values of a table of settings, but for the keys in `apart`.
  Grid grid_of(const toml::table& table, const std::set<std::string>& apart) const {
    Grid grid;
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      if (apart.contains(name)) continue;
      if (node.is_table()) refuse(node, name, "expected a value or a list of values");
      grid.emplace_back(name, values(node, name));
      if (name == "steps" || name == "runs") check_counts(node, name);
    }
    return grid;
  }
  void check_counts(const toml::node& node, const std::string& key) const {
    const std::int64_t most = key == "runs" ? std::numeric_limits<int>::max() : std::int64_t{1} << 50;
    if (const toml::array* array = node.as_array()) {
      for (const toml::node& element : *array) whole(element, key, 1, most);
    } else {
      whole(node, key, 1, most);
    }
  }

  /// `inner` goes before `outer` where both name a key.
  static Grid joined(const Grid& outer, const Grid& inner) {
    std::map<std::string, std::vector<std::string>> all(outer.begin(), outer.end());
    for (const auto& [name, values] : inner) all[name] = values;
    return {all.begin(), all.end()};
  }

  void device(const toml::table& table, SweepConfig& config) const {
    const toml::node* uri = table.get("uri");
    if (uri == nullptr) refuse(table, "devices", "expected uri = \"…\"");
    const std::string address = text(*uri, "uri");
    std::string name = address;
    if (const toml::node* n = table.get("name")) name = text(*n, "name");
    const Grid own = joined(common_, grid_of(table, {"uri", "name", "settings"}));
    struct Variant {
      std::string name;
      Grid grid;
      const toml::node* node;
    };
    std::vector<Variant> variants;
    if (const toml::node* list = table.get("settings")) {
      each(*list, "devices.settings", [&](const toml::table& t) {
        Variant variant{"", joined(own, grid_of(t, {"name"})), &t};
        if (const toml::node* n = t.get("name")) variant.name = text(*n, "name");
        variants.push_back(std::move(variant));
      });
    } else {
      variants.push_back({"", own, uri});
    }
    // What varies within the device is named; what is the same everywhere is not worth a word.
    std::map<std::string, std::set<std::string>> all;
    for (const Variant& variant : variants) {
      for (const auto& [key, values] : variant.grid) all[key].insert(values.begin(), values.end());
    }
    for (auto& [key, values] : all) {
      for (const Variant& variant : variants) {
        const bool here =
            std::any_of(variant.grid.begin(), variant.grid.end(),
                        [name = std::cref(key)](const auto& axis) { return axis.first == name.get(); });
        if (!here) values.insert("");  // the device's own choice is a value of its own
      }
    }
    for (const Variant& variant : variants) {
      const std::uint64_t count = combinations(variant.grid);
      if (count > kMostSettings || config.settings.size() + count > kMostSettings) {
        refuse(*variant.node, name, fmt::format("more than {} settings", kMostSettings));
      }
      for (std::uint64_t i = 0; i < count; ++i) {
        config.settings.push_back(setting(address, name, variant.name, combination(variant.grid, i),
                                          worth_saying(variant.name, variant.grid, all)));
        check(*variant.node, config.settings.back(), {variant.node->as_table(), &table, common_table_});
      }
    }
  }

  /// Keys that tell a setting from the others: what varies within a named one, else within the device.
  static std::set<std::string> worth_saying(const std::string& variant, const Grid& grid,
                                            const std::map<std::string, std::set<std::string>>& all) {
    std::set<std::string> keys;
    for (const auto& [key, values] : grid) {
      if ((variant.empty() ? all.at(key).size() : values.size()) > 1) keys.insert(key);
    }
    return keys;
  }

  static SweepSetting setting(const std::string& uri, const std::string& device, const std::string& variant,
                              std::map<std::string, std::string> parameters,
                              const std::set<std::string>& said) {
    SweepSetting found;
    found.uri = uri;
    found.device = device;
    found.label = variant;
    for (const auto& [key, value] : parameters) {
      if (!said.contains(key)) continue;
      found.label += fmt::format("{}{}={}", found.label.empty() ? "" : " ", key, value);
    }
    if (const auto steps = parameters.find("steps"); steps != parameters.end()) {
      found.steps = std::stoll(steps->second);
      parameters.erase(steps);
    }
    if (const auto runs = parameters.find("runs"); runs != parameters.end()) {
      found.runs = std::stoi(runs->second);
      parameters.erase(runs);
    }
    found.parameters = std::move(parameters);
    return found;
  }

  /// A device that does not know a parameter says so before hours of failed points. `tables` may have it.
  void check(const toml::node& uri, const SweepSetting& setting,
             const std::vector<const toml::table*>& tables) const {
    const std::string refused = refusal(setting);
    if (refused.empty()) return;
    for (const auto& [key, value] : setting.parameters) {
      SweepSetting without = setting;
      without.parameters.erase(key);
      if (!refusal(without).empty()) continue;
      for (const toml::table* table : tables) {
        if (table != nullptr && table->contains(key)) refuse(*table->get(key), key, refused);
      }
    }
    refuse(uri, setting.uri, refused);
  }

  /// Why a device does not take a setting; empty where it does.
  static std::string refusal(const SweepSetting& setting) {
    try {
      check_sweep_setting(setting);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  }

  std::string file_;
  std::uint64_t first_seed_;
  Grid common_;
  const toml::table* common_table_ = nullptr;
};

}  // namespace

std::uint64_t SweepInstances::size() const {
  return family.empty() ? files.size() : product(combinations(grid), count);
}

std::map<std::string, std::string> SweepInstances::options(std::uint64_t index) const {
  std::map<std::string, std::string> chosen = combination(grid, index / count);
  if (seeded) chosen["seed"] = fmt::format("{}", first_seed + index % count);
  return chosen;
}

std::string SweepInstances::label(std::uint64_t index) const {
  if (family.empty()) return std::filesystem::path(shown[index]).filename();
  std::string text = family;
  for (const auto& [option, value] : options(index)) text += fmt::format(" {}={}", option, value);
  return text;
}

std::uint64_t SweepConfig::instance_count() const {
  std::uint64_t count = 0;
  for (const SweepInstances& group : instances) {
    const std::uint64_t size = group.size();
    count = size > std::numeric_limits<std::uint64_t>::max() - count
                ? std::numeric_limits<std::uint64_t>::max()
                : count + size;
  }
  return count;
}

std::uint64_t SweepConfig::points() const {
  const std::uint64_t count = product(product(instance_count(), settings.size()), seeds.size());
  if (count > kMostPoints) {
    throw_file_error(file, 0, "",
                     fmt::format("{} instances × {} settings × {} seeds: more than {} points",
                                 instance_count(), settings.size(), seeds.size(), kMostPoints));
  }
  return count;
}

SweepConfig parse_sweep_config(const std::string& text, const std::string& file, std::uint64_t first_seed) {
  try {
    return Parser(file, first_seed).parse(toml::parse(text, file));
  } catch (const toml::parse_error& error) {
    throw_file_error(file, static_cast<std::int64_t>(error.source().begin.line), "",
                     std::string(error.description()));
  }
}

SweepConfig read_sweep_config(const std::string& file, std::uint64_t first_seed) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream || !std::filesystem::is_regular_file(file))
    throw_file_error(file, 0, "", "is not a readable file");
  std::ostringstream text;
  text << stream.rdbuf();
  return parse_sweep_config(text.str(), file, first_seed);
}

std::string describe(const SweepConfig& config) {
  std::string text;
  for (const SweepInstances& group : config.instances) {
    text += fmt::format("instances {}", group.name);
    if (group.family.empty()) {
      text += fmt::format(" {}", fmt::join(group.shown, " "));
    } else {
      text += " generate " + group.family;
      for (const auto& [name, values] : group.grid)
        text += fmt::format(" {}={}", name, fmt::join(values, ","));
      if (group.seeded) text += fmt::format(" seeds {}+{}", group.first_seed, group.count);
    }
    if (group.best_known) text += fmt::format(" best_known {}", *group.best_known);
    text += '\n';
  }
  for (const SweepSetting& setting : config.settings) {
    text += fmt::format("device {} {}", setting.uri, setting.device);
    if (!setting.label.empty()) text += fmt::format(" [{}]", setting.label);
    if (setting.steps) text += fmt::format(" steps={}", *setting.steps);
    if (setting.runs) text += fmt::format(" runs={}", *setting.runs);
    for (const auto& [name, value] : setting.parameters) text += fmt::format(" {}={}", name, value);
    text += '\n';
  }
  text += fmt::format("seeds {}\ntarget_gap {}, brute force up to {} spins", fmt::join(config.seeds, " "),
                      config.target_gap, config.brute_force_spins);
  return text;
}

}  // namespace opoloop
