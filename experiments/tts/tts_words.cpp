#include "experiments/tts/tts_words.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "experiments/page.h"

namespace opoloop {
namespace {

/// Columns are counted in characters, not bytes: µ and √ are two or three.
std::string padded(const std::string& text, std::size_t width) {
  std::size_t shown = 0;
  for (const char c : text) shown += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return text + std::string(shown < width ? width - shown : 1, ' ');
}

/// "dsb on SK N=20, SK N=40; cfc on …": leaders in the order in which they first lead.
std::string leaders(const TtsAnswer& answer, const TtsTable& table) {
  std::vector<std::pair<std::size_t, std::vector<std::string>>> by_leader;
  std::vector<std::string> nobody;
  for (std::size_t c = 0; c < answer.classes.size(); ++c) {
    const TtsLead& lead = table.leads[c];
    if (!lead.first) {
      nobody.push_back(answer.classes[c].name);
      continue;
    }
    auto at = std::find_if(by_leader.begin(), by_leader.end(),
                           [&](const auto& entry) { return entry.first == *lead.first; });
    if (at == by_leader.end()) {
      by_leader.emplace_back(*lead.first, std::vector<std::string>());
      at = std::prev(by_leader.end());
    }
    at->second.push_back(lead.told_apart()
                             ? answer.classes[c].name
                             : fmt::format("{} (not told apart from {})", answer.classes[c].name,
                                           answer.devices[*lead.second]));
  }
  std::vector<std::string> parts;
  for (const auto& [device, classes] : by_leader)
    parts.push_back(fmt::format("{} on {}", answer.devices[device], fmt::join(classes, ", ")));
  if (!nobody.empty()) parts.push_back(fmt::format("nobody solves half of {}", fmt::join(nobody, ", ")));
  return fmt::format("{}", fmt::join(parts, "; "));
}

/// A unit that one device alone has compares nothing.
bool compares(const TtsAnswer& answer, const TtsTable& table) {
  std::size_t devices = 0;
  for (std::size_t d = 0; d < answer.devices.size(); ++d) {
    devices += std::any_of(table.cells.begin(), table.cells.end(),
                           [d](const auto& cells) { return cells[d].time.known(); });
  }
  return devices > 1;
}

/// "cfc γ = 0.36 [0.30, 0.45]; …" of exp(γ√N), ascending, per family.
void say_scaling(TtsAnswer& answer, const TtsTable& table) {
  std::vector<std::string> families;
  for (const TtsScaling& scaling : table.scaling) {
    if (scaling.fit && std::find(families.begin(), families.end(), scaling.family) == families.end())
      families.push_back(scaling.family);
  }
  for (const std::string& family : families) {
    std::vector<std::pair<double, std::string>> fits;
    std::vector<std::string> laws;
    std::size_t open = 0;
    for (const TtsScaling& scaling : table.scaling) {
      if (scaling.family != family || !scaling.fit) continue;
      const LawFit& fit = scaling.fit->laws[0];
      fits.emplace_back(fit.exponent,
                        fmt::format("{} {}", answer.devices[scaling.device], exponent_text(fit)));
      if (scaling.fit->told_apart) {
        laws.push_back(fmt::format("{}: {}", answer.devices[scaling.device],
                                   law_text(scaling.fit->laws[scaling.fit->best].law)));
      } else {
        ++open;
      }
    }
    std::sort(fits.begin(), fits.end());
    std::vector<std::string> words;
    for (const auto& [exponent, text] : fits) words.push_back(text);
    answer.sentences.push_back(fmt::format(
        "Scaling on {} ({}, exp(γ√N), flattest first): {}. {}{}", family, unit_text(table.unit),
        fmt::join(words, "; "),
        laws.empty() ? "" : fmt::format("Told apart from the other laws: {}. ", fmt::join(laws, ", ")),
        open == 0
            ? ""
            : fmt::format("Of {} of the {} devices the sizes do not tell exp(γ√N), exp(γN) and N^γ apart.",
                          open, fits.size())));
  }
}

void say_warnings(TtsAnswer& answer) {
  const TtsTable* table = table_of(answer, 1, TtsUnit::steps);
  if (table == nullptr) return;
  for (const GridEnd end : {GridEnd::shortest, GridEnd::longest}) {
    std::vector<std::string> places;
    for (std::size_t c = 0; c < answer.classes.size(); ++c) {
      std::vector<std::string> devices;
      for (std::size_t d = 0; d < answer.devices.size(); ++d) {
        if (table->cells[c][d].time.known() && table->cells[c][d].time.end == end)
          devices.push_back(answer.devices[d]);
      }
      if (!devices.empty())
        places.push_back(fmt::format("{}: {}", answer.classes[c].name, fmt::join(devices, ", ")));
    }
    if (places.empty()) continue;
    answer.warnings.push_back(
        fmt::format("The best length, counted in steps, is the {} of the grid, so the true optimum may lie "
                    "beyond it and the time "
                    "be shorter ({}); such times are in no fit. {}.",
                    end == GridEnd::shortest ? "shortest" : "longest", end == GridEnd::shortest ? "*" : "**",
                    fmt::join(places, "; ")));
  }
  if (!answer.below_known.empty()) {
    answer.warnings.push_back(
        fmt::format("A run found less than the best known energy of {}: success is counted against what was "
                    "found.",
                    fmt::join(answer.below_known, ", ")));
  }
}

void print_table(const TtsAnswer& answer, const TtsTable& table, std::ostream& out) {
  out << fmt::format("\nTime {}, 99%, median over instances, {} [95%], T the best run length\n",
                     goal_text(table.share), unit_text(table.unit));
  for (std::size_t c = 0; c < answer.classes.size(); ++c) {
    const TtsClass& group = answer.classes[c];
    out << fmt::format("  {} ({} instances)\n", group.name, group.instances.size());
    for (std::size_t d = 0; d < answer.devices.size(); ++d) {
      const TtsCell& cell = table.cells[c][d];
      if (!cell.time.known()) continue;
      const bool leads = !table.leads.empty() && table.leads[c].first == d;
      out << "    " << padded(answer.devices[d], 14)
          << padded(time_text(cell.time, table.unit) + edge_mark(cell.time.end), 40)
          << (cell.length > 0 ? fmt::format("T={:.0f}", cell.length) : std::string("no T"))
          << (cell.time.unsolved > 0 ? fmt::format(", {} unsolved", cell.time.unsolved) : "")
          << (leads ? table.leads[c].told_apart() ? "  fastest" : "  fastest, within chance" : "") << '\n';
    }
  }
}

}  // namespace

std::string unit_text(TtsUnit unit) {
  switch (unit) {
    case TtsUnit::seconds:
      return "seconds of one thread";
    case TtsUnit::products:
      return "products J x";
    case TtsUnit::steps:
      return "steps";
    case TtsUnit::machine:
      return "seconds of the machine";
  }
  return "";
}

std::string amount_text(double value, TtsUnit unit) {
  return short_quantity(value, unit == TtsUnit::seconds || unit == TtsUnit::machine ? "s" : "");
}

std::string time_text(const ClassTime& time, TtsUnit unit) {
  if (!time.known()) return "-";
  if (std::isinf(time.value)) return "> " + amount_text(time.bound, unit);
  return fmt::format("{} [{}, {}]", amount_text(time.value, unit), amount_text(time.low, unit),
                     amount_text(time.high, unit));
}

std::string edge_mark(GridEnd end) {
  return end == GridEnd::shortest ? " *" : end == GridEnd::longest ? " **" : "";
}

std::string goal_text(double share) {
  return share == 1 ? "to the best energy" : fmt::format("to {:g}% of the best energy", 100 * share);
}

std::string exponent_text(const LawFit& fit) {
  return fmt::format("γ = {:.3g} [{:.3g}, {:.3g}]", fit.exponent, fit.low, fit.high);
}

void say_tts_answer(TtsAnswer& answer) {
  for (const double share : {1.0, answer.share}) {
    for (const TtsUnit unit : {TtsUnit::seconds, TtsUnit::products}) {
      const TtsTable* table = table_of(answer, share, unit);
      if (table == nullptr) continue;
      if (compares(answer, *table))
        answer.sentences.push_back(
            fmt::format("Fastest {} in {}: {}.", goal_text(share), unit_text(unit), leaders(answer, *table)));
      if (share == 1) say_scaling(answer, *table);
    }
    if (answer.share == 1) break;
  }
  if (answer.proven + answer.looked > 0) {
    answer.sentences.push_back(fmt::format(
        "Ground energies: {} of {} instances came with one, {} were enumerated, {} are the least that three "
        "methods and every run of the study found, not proven; all three methods found it for {} of those.",
        answer.instances - answer.proven - answer.looked, answer.instances, answer.proven, answer.looked,
        answer.agreed));
  }
  say_warnings(answer);
}

void print_tts(const TtsAnswer& answer, std::ostream& out) {
  for (const std::string& sentence : answer.sentences) out << sentence << '\n';
  for (const std::string& warning : answer.warnings) out << warning << '\n';
  for (const TtsTable& table : answer.tables) {
    if (table.unit == TtsUnit::steps && table_of(answer, table.share, TtsUnit::products) != nullptr &&
        table_of(answer, table.share, TtsUnit::seconds) != nullptr)
      continue;  // in the page and in the CSV
    print_table(answer, table, out);
  }
}

}  // namespace opoloop
