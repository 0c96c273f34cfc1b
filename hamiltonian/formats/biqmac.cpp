#include "hamiltonian/formats/biqmac.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "hamiltonian/formats/pair_list.h"
#include "hamiltonian/formats/text_scanner.h"
#include "hamiltonian/qubo_model.h"

namespace opoloop {

namespace {

constexpr std::string_view kOffsetKey = "ObjectiveOffset";
constexpr std::size_t kShortestEntry = 6;  // "1 2 3\n"

// `# ObjectiveOffset c`, where writers leave out the blank or put a colon or an equals sign behind the name.
// A constant that was passed over would show in every energy, so a comment that has the name has to be one.
void read_comment(TextScanner& scan, std::optional<double>& offset) {
  const std::string_view text = scan.line_text();
  const std::size_t key = text.find(kOffsetKey);
  if (key == std::string_view::npos) return;
  if (offset) scan.fail(fmt::format("{} is given twice", kOffsetKey));
  const std::size_t end = key + kOffsetKey.size();
  const std::size_t next = text.find_first_not_of(" \t", end);
  const bool sign = next != std::string_view::npos && (text[next] == ':' || text[next] == '=');
  if (text.find_first_not_of("# \t") != key || (next == end && !sign)) {
    scan.fail(fmt::format("a comment that names {0} must read '# {0} c'", kOffsetKey));
  }
  scan.skip(sign ? next + 1 : end);
  offset = scan.number("the objective offset");
  scan.end_of_line("the objective offset");
}

// To the next line that is no comment, reading the offset from those that are; false at the end of the text.
bool next_data_line(TextScanner& scan, std::optional<double>& offset) {
  while (scan.next_line()) {
    if (scan.line_text().front() != '#') return true;
    read_comment(scan, offset);
  }
  return false;
}

}  // namespace

Problem read_biqmac(std::string_view text, const ReadContext& context) {
  TextScanner scan(text, context.file);
  QuboModel qubo;
  std::optional<double> offset;
  if (!next_data_line(scan, offset)) scan.fail("the file is empty; expected a line 'n m'");
  const std::int64_t variables = scan.integer("the number of variables n");
  const std::int64_t entries = scan.integer("the number of entries m");
  scan.end_of_line("'n m'");
  qubo.n = context.checked_spins(variables, scan.line_number());
  if (entries < 0 || entries > variables * (variables + 1) / 2) {
    scan.fail(std::to_string(entries), fmt::format("{} variables have at most {} entries", variables,
                                                   variables * (variables + 1) / 2));
  }
  context.require_entries(entries, scan.line_number());
  LinearList linear(context.file, 1);
  linear.resize(qubo.n);
  PairList pairs;
  pairs.reserve(std::min(static_cast<std::size_t>(entries), scan.bytes_left() / kShortestEntry + 1));
  for (std::int64_t k = 0; k < entries; ++k) {
    if (!next_data_line(scan, offset)) {
      scan.fail(fmt::format("truncated: the file ends after {} of {} entries", k, entries));
    }
    const std::int64_t i = scan.integer("a row");
    if (i < 1 || i > qubo.n)
      scan.fail(std::to_string(i), fmt::format("a row must be between 1 and {}", qubo.n));
    const std::int64_t j = scan.integer("a column");
    if (j < 1 || j > qubo.n) {
      scan.fail(std::to_string(j), fmt::format("a column must be between 1 and {}", qubo.n));
    }
    const double q = scan.number("the coefficient q");
    scan.end_of_line("an entry 'i j q'");
    if (i == j) {
      linear.set(static_cast<std::int32_t>(i - 1), q, scan.line_number());
    } else {
      pairs.add(static_cast<std::int32_t>(i - 1), static_cast<std::int32_t>(j - 1), 2 * q,
                scan.line_number());
    }
  }
  if (next_data_line(scan, offset)) {
    scan.fail(scan.field(), "trailing garbage: nothing may follow the last entry that the header announces");
  }
  qubo.offset = offset.value_or(0);
  qubo.linear = std::move(linear.values());
  qubo.terms.reserve(pairs.size());
  for (const IsingEdge& pair : pairs.take(context.file, 1)) qubo.terms.push_back({pair.i, pair.j, pair.J});
  Problem problem;
  problem.ising = to_ising(qubo);
  problem.kind = ProblemKind::qubo;
  return problem;
}

std::string write_biqmac(const Problem& problem) {
  const QuboModel qubo = to_qubo(problem.ising);
  const auto linear = std::count_if(qubo.linear.begin(), qubo.linear.end(), [](double q) { return q != 0; });
  std::string out;
  if (qubo.offset != 0) {
    out += fmt::format("# {} ", kOffsetKey);
    append_number(out, qubo.offset);
    out += '\n';
  }
  out += fmt::format("{} {}\n", qubo.n, static_cast<std::int64_t>(qubo.terms.size()) + linear);
  const auto entry = [&out](std::size_t i, std::size_t j, double q) {
    out += fmt::format("{} {} ", i + 1, j + 1);
    append_number(out, q);
    out += '\n';
  };
  for (std::size_t i = 0; i < qubo.linear.size(); ++i) {
    if (qubo.linear[i] != 0) entry(i, i, qubo.linear[i]);
  }
  for (const QuboTerm& t : qubo.terms)
    entry(static_cast<std::size_t>(t.i), static_cast<std::size_t>(t.j), t.q / 2);
  return out;
}

}  // namespace opoloop
