#include "experiments/tts/tts_answer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "experiments/tts/tts_words.h"

namespace opoloop {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::size_t place_in(std::vector<std::string>& names, const std::string& name) {
  const auto at = std::find(names.begin(), names.end(), name);
  if (at != names.end()) return static_cast<std::size_t>(at - names.begin());
  names.push_back(name);
  return names.size() - 1;
}

/// A row of the study with its energies read.
struct Runs {
  const TtsRow* row = nullptr;
  EnergyCounts energies;
};

/// What is known of an instance's energy.
struct Instance {
  double best = kInfinity;
  double known = TtsRow::kNone;
  double zero = 0, term = 1;
  bool enumerated = false;
  std::vector<double> references;  ///< least energy of each
};

/// The rows sorted into [class][device][instance][length].
class Sorted {
 public:
  explicit Sorted(const std::vector<TtsRow>& rows, TtsAnswer& answer) {
    for (const TtsRow& row : rows) {
      Runs runs{&row, parse_energies(row.energies)};
      Instance& instance = instances_[row.instance];
      instance.known = row.known_energy;
      instance.zero = row.zero_energy;
      instance.term = row.term;
      if (!std::isnan(row.known_energy)) instance.best = std::min(instance.best, row.known_energy);
      const double least = runs.energies.empty() ? kInfinity : runs.energies.front().first;
      instance.best = std::min(instance.best, least);
      if (row.role == kRoleReference) {
        instance.references.push_back(least);
        instance.enumerated = instance.enumerated || row.uri == "exact:";
        continue;
      }
      const std::size_t device = place_in(answer.devices, row.device);
      if (answer.uris.size() <= device) answer.uris.push_back(row.uri);
      TtsClass& group = class_of(answer, row);
      place_in(group.instances, row.instance);
      const auto length = std::lower_bound(group.lengths.begin(), group.lengths.end(), row.length);
      if (length == group.lengths.end() || *length != row.length) group.lengths.insert(length, row.length);
      runs_[{row.group, row.device, row.instance, row.length}] = std::move(runs);
    }
  }

  const std::map<std::string, Instance>& instances() const { return instances_; }

  /// Trials and successes of a share; no trials where the point is missing.
  RunCell cell(const TtsClass& group, const std::string& device, const std::string& instance, double length,
               double share, TtsUnit unit) const {
    const auto at = runs_.find({group.name, device, instance, length});
    if (at == runs_.end()) return {};
    const TtsRow& row = *at->second.row;
    const Instance& known = instances_.at(instance);
    const double target = target_energy(known.best, known.zero, share);
    RunCell cell{row.trials, 0, cost_of(row, unit)};
    for (const auto& [energy, runs] : at->second.energies) {
      if (reaches(energy, target, known.term)) cell.successes += runs;
    }
    return cell;
  }

 private:
  static double cost_of(const TtsRow& row, TtsUnit unit) {
    switch (unit) {
      case TtsUnit::seconds:
        return row.run_s;
      case TtsUnit::products:
        return row.products_per_step > 0 ? row.length * row.products_per_step : TtsRow::kNone;
      case TtsUnit::steps:
        return row.length;
      case TtsUnit::machine:
        return row.machine_s;
    }
    return TtsRow::kNone;
  }

  static TtsClass& class_of(TtsAnswer& answer, const TtsRow& row) {
    for (TtsClass& group : answer.classes) {
      if (group.name == row.group) return group;
    }
    answer.classes.push_back({row.group, row.family, row.spins, {}, {}});
    return answer.classes.back();
  }

  struct Key {
    std::string group, device, instance;
    double length;
    auto operator<=>(const Key&) const = default;
  };
  std::map<Key, Runs> runs_;
  std::map<std::string, Instance> instances_;
};

TtsCell measure_cell(const Sorted& sorted, const TtsAnswer& answer, std::size_t c, std::size_t d,
                     double share, TtsUnit unit, const TtsAnswerOptions& options) {
  const TtsClass& group = answer.classes[c];
  LengthTable table;
  table.lengths = group.lengths;
  for (const std::string& instance : group.instances) {
    table.cells.emplace_back();
    for (const double length : group.lengths)
      table.cells.back().push_back(sorted.cell(group, answer.devices[d], instance, length, share, unit));
  }
  TtsCell cell;
  const Resampling how{options.resamples, options.seed, static_cast<std::uint32_t>(c), options.threads};
  cell.time = class_time(table, how, static_cast<std::uint32_t>(d));
  if (cell.time.length) cell.length = table.lengths[*cell.time.length];
  for (const auto& row : table.cells)
    cell.instance_times.push_back(cell.time.length ? row[*cell.time.length].time() : kInfinity);
  return cell;
}

TtsLead lead_of(const std::vector<TtsCell>& cells) {
  TtsLead lead;
  for (std::size_t d = 0; d < cells.size(); ++d) {
    if (!cells[d].time.known()) continue;
    if (!lead.first || cells[d].time.value < cells[*lead.first].time.value) {
      lead.second = lead.first;
      lead.first = d;
    } else if (!lead.second || cells[d].time.value < cells[*lead.second].time.value) {
      lead.second = d;
    }
  }
  if (!lead.first || std::isinf(cells[*lead.first].time.value)) return {};
  if (!lead.second) return lead;
  const ClassTime &first = cells[*lead.first].time, &second = cells[*lead.second].time;
  lead.ratio = second.value / first.value;
  std::vector<double> ratios;
  for (std::size_t k = 0; k < first.draws.size(); ++k) {
    // A draw in which neither solved half says nothing for either.
    ratios.push_back(
        std::isinf(first.draws[k]) && std::isinf(second.draws[k]) ? 1 : second.draws[k] / first.draws[k]);
  }
  lead.low = percentile(std::move(ratios), 0.025, false);
  return lead;
}

/// Fits over the classes of each family that has each size once.
std::vector<TtsScaling> scaling_of(const TtsAnswer& answer, const TtsTable& table) {
  std::vector<std::string> families;
  for (const TtsClass& group : answer.classes) place_in(families, group.family);
  std::vector<TtsScaling> all;
  for (const std::string& family : families) {
    std::map<double, std::size_t> by_size;
    std::size_t members = 0;
    for (std::size_t c = 0; c < answer.classes.size(); ++c) {
      if (answer.classes[c].family != family) continue;
      by_size[answer.classes[c].spins] = c;
      ++members;
    }
    if (by_size.size() < 3 || members > by_size.size()) continue;
    for (std::size_t d = 0; d < answer.devices.size(); ++d) {
      TtsScaling scaling{family, d, {}, {}};
      std::vector<double> spins, times;
      std::vector<std::vector<double>> draws;
      for (const auto& [size, c] : by_size) {
        const ClassTime& time = table.cells[c][d].time;
        if (!time.known()) continue;
        if (std::isinf(time.value) || time.end != GridEnd::inside) {
          scaling.left_out.push_back(size);
          continue;
        }
        spins.push_back(size);
        times.push_back(time.value);
        draws.push_back(time.draws);
      }
      scaling.fit = fit_scaling(spins, times, draws);
      if (scaling.fit || !scaling.left_out.empty()) all.push_back(std::move(scaling));
    }
  }
  return all;
}

TtsTable measure_table(const Sorted& sorted, const TtsAnswer& answer, double share, TtsUnit unit,
                       const TtsAnswerOptions& options) {
  TtsTable table;
  table.share = share;
  table.unit = unit;
  std::vector<std::vector<double>> times(answer.devices.size());
  for (std::size_t c = 0; c < answer.classes.size(); ++c) {
    auto& cells = table.cells.emplace_back();
    for (std::size_t d = 0; d < answer.devices.size(); ++d) {
      cells.push_back(measure_cell(sorted, answer, c, d, share, unit, options));
      times[d].insert(times[d].end(), cells[d].instance_times.begin(), cells[d].instance_times.end());
    }
    if (unit != TtsUnit::steps) table.leads.push_back(lead_of(cells));
  }
  table.scaling = scaling_of(answer, table);
  if (unit != TtsUnit::steps) table.profiles = performance_profiles(times);
  return table;
}

bool anybody_has(const TtsTable& table) {
  return std::any_of(table.cells.begin(), table.cells.end(), [](const auto& cells) {
    return std::any_of(cells.begin(), cells.end(), [](const TtsCell& cell) { return cell.time.known(); });
  });
}

void add_curves(const Sorted& sorted, TtsAnswer& answer) {
  for (std::size_t c = 0; c < answer.classes.size(); ++c) {
    const TtsClass& group = answer.classes[c];
    for (std::size_t d = 0; d < answer.devices.size(); ++d) {
      SuccessCurve curve{c, d, {}, {}, {}};
      for (const double length : group.lengths) {
        double trials = 0, successes = 0;
        for (const std::string& instance : group.instances) {
          const RunCell cell = sorted.cell(group, answer.devices[d], instance, length, 1, TtsUnit::steps);
          trials += cell.trials;
          successes += cell.successes;
        }
        if (trials == 0) continue;
        curve.lengths.push_back(length);
        curve.p.push_back(successes / trials);
        curve.interval.push_back(wilson_interval(std::llround(successes), std::llround(trials)));
      }
      if (!curve.lengths.empty()) answer.curves.push_back(std::move(curve));
    }
  }
}

void describe_references(const Sorted& sorted, TtsAnswer& answer) {
  answer.instances = sorted.instances().size();
  for (const auto& [name, instance] : sorted.instances()) {
    if (instance.best < instance.known - energy_slack(instance.known, instance.term))
      answer.below_known.push_back(name);
    if (instance.enumerated) {
      ++answer.proven;
    } else if (!instance.references.empty()) {
      ++answer.looked;
      answer.agreed += std::all_of(instance.references.begin(), instance.references.end(), [&](double found) {
        return reaches(found, instance.best, instance.term);
      });
    }
  }
}

}  // namespace

double target_energy(double best, double zero, double share) {
  return best < zero ? zero + share * (best - zero) : best;
}

TtsAnswer tts_answer(const std::vector<TtsRow>& rows, const TtsAnswerOptions& options) {
  TtsAnswer answer;
  answer.share = options.share;
  answer.rows = rows.size();
  const Sorted sorted(rows, answer);
  std::vector<double> shares = {1};
  if (options.share < 1) shares.push_back(options.share);
  for (const double share : shares) {
    for (const TtsUnit unit : {TtsUnit::seconds, TtsUnit::products, TtsUnit::steps, TtsUnit::machine}) {
      TtsTable table = measure_table(sorted, answer, share, unit, options);
      if (anybody_has(table)) answer.tables.push_back(std::move(table));
    }
  }
  add_curves(sorted, answer);
  describe_references(sorted, answer);
  say_tts_answer(answer);
  return answer;
}

const TtsTable* table_of(const TtsAnswer& answer, double share, TtsUnit unit) {
  for (const TtsTable& table : answer.tables) {
    if (table.share == share && table.unit == unit) return &table;
  }
  return nullptr;
}

}  // namespace opoloop
