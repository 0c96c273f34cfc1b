#include "experiments/csv.h"

#include <cmath>

#include <fmt/format.h>

#include "driver/sweep_file.h"
#include "experiments/page.h"

namespace opoloop {
namespace {

std::string cell_of(const SweepColumn& column, std::size_t row) {
  if (const auto* words = std::get_if<std::vector<std::string>>(&column.values)) return (*words)[row];
  const double value = std::get<std::vector<double>>(column.values)[row];
  return std::isnan(value) ? "" : fmt::format("{}", value);
}

}  // namespace

std::string csv_field(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string text = "\"";
  for (const char c : cell) text.append(c == '"' ? 2 : 1, c);
  return text + '"';
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += ',';
    line += csv_field(cells[i]);
  }
  return line + '\n';
}

std::string sweep_csv(const Sweep& sweep) {
  std::vector<std::string> cells;
  for (const SweepColumn& column : sweep.columns)
    cells.push_back(column.units == "1" ? column.name : column.name + " [" + column.units + "]");
  std::string csv = csv_line(cells);
  for (std::size_t row = 0; row < sweep.rows(); ++row) {
    cells.clear();
    for (const SweepColumn& column : sweep.columns) cells.push_back(cell_of(column, row));
    csv += csv_line(cells);
  }
  return csv;
}

void write_csv(const std::string& csv, const std::string& path) {
  write_page(csv, path);
}

}  // namespace opoloop
