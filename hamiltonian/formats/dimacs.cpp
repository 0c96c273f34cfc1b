#include "hamiltonian/formats/dimacs.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "hamiltonian/formats/pair_list.h"
#include "hamiltonian/formats/text_scanner.h"
#include "hamiltonian/qubo_model.h"

namespace opoloop {

namespace {

constexpr const char* kComments = "c";
// "e 1 2\n": a header cannot make us reserve more than the file has room for.
constexpr std::size_t kShortestEdge = 6;
constexpr double kPenalty = 1.25;  // as IndependentSet chooses it

void expect(TextScanner& scan, std::string_view word, const char* what) {
  const std::string_view field = scan.field();
  if (field != word) scan.fail(field, what);
}

}  // namespace

Problem read_dimacs(std::string_view text, const ReadContext& context) {
  TextScanner scan(text, context.file);
  if (!scan.next_data_line(kComments)) scan.fail("the file is empty; expected a line 'p edge n m'");
  expect(scan, "p", "expected the line 'p edge n m'");
  const std::string_view kind = scan.field();
  if (kind != "edge" && kind != "col") scan.fail(kind, "expected 'edge' or 'col'");
  const std::int64_t nodes = scan.integer("the number of nodes n");
  const std::int64_t edges = scan.integer("the number of edges m");
  scan.end_of_line("'p edge n m'");
  const std::int32_t n = context.checked_spins(nodes, scan.line_number());
  if (edges < 0 || edges > nodes * (nodes - 1) / 2) {
    scan.fail(std::to_string(edges),
              fmt::format("{} nodes have at most {} edges", nodes, nodes * (nodes - 1) / 2));
  }
  context.require_entries(edges, scan.line_number());
  PairList pairs;
  pairs.reserve(std::min(static_cast<std::size_t>(edges), scan.bytes_left() / kShortestEdge + 1));
  for (std::int64_t k = 0; k < edges; ++k) {
    if (!scan.next_data_line(kComments)) {
      scan.fail(fmt::format("truncated: the file ends after {} of {} edges", k, edges));
    }
    expect(scan, "e", "expected an edge 'e u v'");
    const std::int64_t u = scan.integer("a node");
    if (u < 1 || u > n) scan.fail(std::to_string(u), fmt::format("a node must be between 1 and {}", n));
    const std::int64_t v = scan.integer("a node");
    if (v < 1 || v > n) scan.fail(std::to_string(v), fmt::format("a node must be between 1 and {}", n));
    if (u == v) scan.fail(fmt::format("{} {}", u, v), "an edge from a node to itself");
    scan.end_of_line("an edge 'e u v'");
    pairs.add(static_cast<std::int32_t>(u - 1), static_cast<std::int32_t>(v - 1), kPenalty,
              scan.line_number());
  }
  scan.end_of_text(kComments, "the last edge that the header announces");
  QuboModel qubo;
  qubo.n = n;
  qubo.linear.assign(static_cast<std::size_t>(n), -1.0);
  qubo.terms.reserve(pairs.size());
  for (const IsingEdge& e : pairs.take(context.file, 1)) qubo.terms.push_back({e.i, e.j, e.J});
  Problem problem;
  problem.ising = to_ising(qubo);
  problem.kind = ProblemKind::qubo;
  return problem;
}

}  // namespace opoloop
