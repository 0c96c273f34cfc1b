#include "hamiltonian/formats/rudy.h"

#include <fmt/format.h>

#include <algorithm>

#include "hamiltonian/formats/pair_list.h"
#include "hamiltonian/formats/text_scanner.h"

namespace opoloop {

namespace {

constexpr const char* kComments = "#";
// The shortest edge, "1 2\n": a header cannot make us reserve more than the file has room for.
constexpr std::size_t kShortestEdge = 4;

}  // namespace

Problem read_rudy(std::string_view text, const ReadContext& context) {
  TextScanner scan(text, context.file);
  if (!scan.next_data_line(kComments)) scan.fail("the file is empty; expected a line 'n m'");
  const std::int64_t vertices = scan.integer("the number of vertices n");
  const std::int64_t edges = scan.integer("the number of edges m");
  scan.end_of_line("'n m'");
  const std::int32_t n = context.checked_spins(vertices, scan.line_number());
  if (edges < 0 || edges > vertices * (vertices - 1) / 2) {
    scan.fail(std::to_string(edges),
              fmt::format("{} vertices have at most {} edges", vertices, vertices * (vertices - 1) / 2));
  }
  context.require_entries(edges, scan.line_number());
  PairList pairs;
  pairs.reserve(std::min(static_cast<std::size_t>(edges), scan.bytes_left() / kShortestEdge + 1));
  for (std::int64_t k = 0; k < edges; ++k) {
    if (!scan.next_data_line(kComments)) {
      scan.fail(fmt::format("truncated: the file ends after {} of {} edges", k, edges));
    }
    const std::int64_t u = scan.integer("a vertex");
    if (u < 1 || u > n) scan.fail(std::to_string(u), fmt::format("a vertex must be between 1 and {}", n));
    const std::int64_t v = scan.integer("a vertex");
    if (v < 1 || v > n) scan.fail(std::to_string(v), fmt::format("a vertex must be between 1 and {}", n));
    if (u == v) {
      scan.fail(fmt::format("{} {}", u, v),
                "self loop (a BiqMac QUBO has diagonal entries: name it .sparse "
                "or say so with the format option)");
    }
    const double weight = scan.at_line_end() ? 1.0 : scan.number("the weight");
    scan.end_of_line("an edge 'u v w'");
    pairs.add(static_cast<std::int32_t>(u - 1), static_cast<std::int32_t>(v - 1), -weight,
              scan.line_number());
  }
  scan.end_of_text(kComments, "the last edge that the header announces");
  Problem problem;
  problem.ising = IsingModel(n, pairs.take(context.file, 1));
  problem.kind = ProblemKind::max_cut;
  return problem;
}

std::string write_rudy(const Problem& problem) {
  const IsingModel& ising = problem.ising;
  std::string out = fmt::format("{} {}\n", ising.size(), ising.edge_count());
  for (const IsingEdge& edge : ising.edges()) {
    out += std::to_string(edge.i + 1);
    out += ' ';
    out += std::to_string(edge.j + 1);
    out += ' ';
    append_number(out, -edge.J);
    out += '\n';
  }
  return out;
}

}  // namespace opoloop
