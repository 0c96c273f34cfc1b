#include "hamiltonian/known_values.h"

#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <vector>

namespace opoloop {

namespace {

namespace fs = std::filesystem;

constexpr const char* kTable = "known_values.csv";
constexpr int kParents = 3;

// RFC 4180: fields between commas, quoted where they hold one; a doubled quote is a quote.
std::vector<std::string> csv_fields(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t k = 0; k < line.size(); ++k) {
    const char c = line[k];
    if (quoted && c == '"' && k + 1 < line.size() && line[k + 1] == '"') {
      fields.back() += '"';
      ++k;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else if (c != '\r') {
      fields.back() += c;
    }
  }
  return fields;
}

std::optional<double> number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<double> energy_of(const Problem& problem, const std::string& sense, double best) {
  const bool graph = problem.kind == ProblemKind::max_cut;
  if (sense == "max-cut" && graph) return problem.energy_of_cut(best);
  if (sense == "min sum w s s" && graph) return best;
  // Only where the problem is that of a graph file: -1 a node (formats/dimacs.h).
  if (sense == "max independent set" && problem.kind == ProblemKind::qubo) return -best;
  if ((sense == "min x'Qx" || sense == "min x'Qx+offset") && problem.kind == ProblemKind::qubo) return best;
  return std::nullopt;
}

bool find_in_table(Problem& problem, const fs::path& directory, const fs::path& file) {
  std::ifstream table(directory / kTable);
  std::string line;
  if (!std::getline(table, line)) return false;
  std::map<std::string, std::size_t> column;
  const std::vector<std::string> header = csv_fields(line);
  for (std::size_t k = 0; k < header.size(); ++k) column[header[k]] = k;
  for (const char* name : {"file", "n", "sense", "best"}) {
    if (!column.contains(name)) return false;
  }
  const std::string wanted = file.lexically_relative(directory).generic_string();
  while (std::getline(table, line)) {
    std::vector<std::string> row = csv_fields(line);
    row.resize(header.size());
    if (row[column["file"]] != wanted || row[column["n"]] != std::to_string(problem.ising.size())) continue;
    const auto best = number(row[column["best"]]);
    const auto energy = best ? energy_of(problem, row[column["sense"]], *best) : std::nullopt;
    if (!energy) continue;
    problem.best_known_energy = energy;
    problem.best_known_source = kTable;
    if (column.contains("status") && !row[column["status"]].empty()) {
      problem.best_known_source += ": " + row[column["status"]];
    }
    return true;
  }
  return false;
}

}  // namespace

bool find_known_value(Problem& problem, const std::string& path) {
  if (problem.best_known_energy) return false;
  std::error_code error;
  const fs::path file = fs::weakly_canonical(path, error);
  if (error) return false;
  fs::path directory = file.parent_path();
  for (int level = 0; level <= kParents; ++level) {
    if (find_in_table(problem, directory, file)) return true;
    if (!directory.has_relative_path()) break;
    directory = directory.parent_path();
  }
  return false;
}

}  // namespace opoloop
