#include "hamiltonian/formats/kaiwu_csv.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "hamiltonian/formats/symmetric_matrix.h"
#include "hamiltonian/formats/text_scanner.h"

namespace opoloop {

namespace {

// The last spin held at +1: its couplings are fields.
IsingModel without_ancilla(const IsingModel& wide) {
  const std::int32_t n = wide.size() - 1;
  std::vector<double> h(static_cast<std::size_t>(n), 0.0);
  std::vector<IsingEdge> edges;
  for (const IsingEdge& edge : wide.edges()) {
    if (edge.j == n) {
      h[static_cast<std::size_t>(edge.i)] = edge.J;
    } else {
      edges.push_back(edge);
    }
  }
  return {n, std::move(edges), std::move(h), wide.offset()};
}

}  // namespace

Problem read_kaiwu_csv(std::string_view text, const ReadContext& context) {
  TextScanner scan(text, context.file, ',');
  if (!scan.next_line()) scan.fail("the file is empty; expected rows of numbers");
  const std::string_view first = scan.line_text();
  const std::int32_t n =
      context.checked_dense_spins(1 + std::count(first.begin(), first.end(), ','), scan.line_number());
  const auto side = static_cast<std::size_t>(n);
  std::vector<double> matrix;
  // An entry and its comma take two bytes: a long first row alone reserves no more than the file could fill.
  matrix.reserve(std::min(side * side, text.size() / 2 + 1));
  std::vector<std::int64_t> row_line;
  while (true) {
    row_line.push_back(scan.line_number());
    for (std::size_t j = 0; j < side; ++j) {
      if (scan.at_line_end())
        scan.fail(fmt::format("row {} has {} entries, the first row has {}", row_line.size(), j, n));
      matrix.push_back(scan.number("a matrix entry"));
    }
    if (!scan.at_line_end()) {
      scan.fail(scan.field(),
                fmt::format("row {} has more than the first row's {} entries", row_line.size(), n));
    }
    if (!scan.next_line()) break;
    if (row_line.size() == side)
      scan.fail(scan.field(), fmt::format("trailing garbage after the last of {} rows", n));
  }
  if (row_line.size() < side) {
    scan.fail(fmt::format("truncated: {} rows of a {} x {} matrix", row_line.size(), n, n));
  }
  const auto line_of = [&row_line](std::int32_t i, std::int32_t) {
    return row_line[static_cast<std::size_t>(i)];
  };
  Problem problem = problem_from_dense(matrix, n, {2, false}, kAsymmetryTolerance, context, 1, line_of);
  if (context.options.kaiwu_last_is_ancilla) {
    if (n < 2)
      throw_file_error(context.file, 0, {}, "a matrix whose last row is an ancilla needs at least 2 rows");
    problem.ising = without_ancilla(problem.ising);
  }
  return problem;
}

std::string write_kaiwu_csv(const Problem& problem) {
  const IsingModel& ising = problem.ising;
  const auto side = static_cast<std::size_t>(ising.size());
  std::vector<double> matrix(side * side, 0.0);
  for (const IsingEdge& edge : ising.edges()) {
    const auto i = static_cast<std::size_t>(edge.i);
    const auto j = static_cast<std::size_t>(edge.j);
    matrix[i * side + j] = matrix[j * side + i] = edge.J / 2;
  }
  std::string out;
  for (std::size_t i = 0; i < side; ++i) {
    for (std::size_t j = 0; j < side; ++j) {
      if (j > 0) out += ',';
      append_number(out, matrix[i * side + j]);
    }
    out += '\n';
  }
  return out;
}

}  // namespace opoloop
