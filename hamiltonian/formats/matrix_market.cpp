#include "hamiltonian/formats/matrix_market.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "hamiltonian/formats/symmetric_matrix.h"
#include "hamiltonian/formats/text_scanner.h"

namespace opoloop {

namespace {

constexpr const char* kComments = "%";
constexpr std::size_t kShortestEntry = 4;  // "1 2\n"

struct Banner {
  bool array = false;
  bool pattern = false;
  bool integer = false;
  bool symmetric = false;
};

std::string lower_field(TextScanner& scan) {
  std::string word(scan.field());
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
  return word;
}

Banner read_banner(TextScanner& scan) {
  if (!scan.next_line()) scan.fail("the file is empty; expected '%%MatrixMarket matrix ...'");
  if (lower_field(scan) != "%%matrixmarket") scan.fail("expected the banner '%%MatrixMarket matrix ...'");
  const std::string object = lower_field(scan);
  if (object != "matrix") scan.fail(object, "only 'matrix' is read");
  Banner banner;
  const std::string format = lower_field(scan);
  if (format != "coordinate" && format != "array") scan.fail(format, "must be coordinate or array");
  banner.array = format == "array";
  const std::string field = lower_field(scan);
  if (field != "real" && field != "double" && field != "integer" && field != "pattern") {
    scan.fail(field, "must be real, integer or pattern");
  }
  banner.pattern = field == "pattern";
  banner.integer = field == "integer";
  if (banner.pattern && banner.array) scan.fail(field, "an array cannot be a pattern");
  const std::string symmetry = lower_field(scan);
  if (symmetry != "symmetric" && symmetry != "general") scan.fail(symmetry, "must be symmetric or general");
  banner.symmetric = symmetry == "symmetric";
  scan.end_of_line("the banner");
  return banner;
}

double read_value(TextScanner& scan, const Banner& banner) {
  if (banner.pattern) return 1.0;
  if (banner.integer) return static_cast<double>(scan.integer("the entry"));
  return scan.number("the entry");
}

Problem read_array(TextScanner& scan, const Banner& banner, std::int32_t n, const ReadContext& context) {
  const auto side = static_cast<std::size_t>(n);
  // Two bytes an entry at least, so that a header cannot make us allocate more than the file could fill.
  const std::size_t expected = banner.symmetric ? side * (side + 1) / 2 : side * side;
  if (expected > scan.bytes_left() / 2 + 1) {
    scan.fail(fmt::format("truncated: {} entries announced, {} bytes follow", expected, scan.bytes_left()));
  }
  std::vector<double> matrix(side * side);
  std::vector<std::int64_t> line(side);  // of the first entry of each column
  std::size_t read = 0;
  for (std::size_t j = 0; j < side; ++j) {
    for (std::size_t i = banner.symmetric ? j : 0; i < side; ++i, ++read) {
      while (scan.at_line_end()) {
        if (!scan.next_data_line(kComments)) {
          scan.fail(fmt::format("truncated: the file ends after {} of {} entries", read, expected));
        }
      }
      const double value = read_value(scan, banner);
      matrix[i * side + j] = value;
      if (banner.symmetric) matrix[j * side + i] = value;
      if (i == (banner.symmetric ? j : 0)) line[j] = scan.line_number();
    }
  }
  scan.end_of_line("the last entry");
  scan.end_of_text(kComments, "the last entry");
  // Usually one entry a line: then entry (i, j) is i lines below the head of its column.
  const auto line_of = [&](std::int32_t i, std::int32_t j) {
    const std::size_t skipped = banner.symmetric ? static_cast<std::size_t>(j) : 0;
    return line[static_cast<std::size_t>(j)] + i - static_cast<std::int64_t>(skipped);
  };
  return problem_from_dense(matrix, n, meaning_of_options(context.options), kAsymmetryTolerance, context, 1,
                            line_of);
}

Problem read_coordinate(TextScanner& scan, const Banner& banner, std::int32_t n, std::int64_t count,
                        const ReadContext& context) {
  std::vector<MatrixEntry> entries;
  entries.reserve(std::min(static_cast<std::size_t>(count), scan.bytes_left() / kShortestEntry + 1));
  for (std::int64_t k = 0; k < count; ++k) {
    if (!scan.next_data_line(kComments)) {
      scan.fail(fmt::format("truncated: the file ends after {} of {} entries", k, count));
    }
    const std::int64_t i = scan.integer("a row");
    if (i < 1 || i > n) scan.fail(std::to_string(i), fmt::format("a row must be between 1 and {}", n));
    const std::int64_t j = scan.integer("a column");
    if (j < 1 || j > n) scan.fail(std::to_string(j), fmt::format("a column must be between 1 and {}", n));
    const double value = read_value(scan, banner);
    scan.end_of_line("an entry");
    entries.push_back(
        {static_cast<std::int32_t>(i - 1), static_cast<std::int32_t>(j - 1), value, scan.line_number()});
  }
  scan.end_of_text(kComments, "the last entry that the header announces");
  return problem_from_entries(std::move(entries), n, !banner.symmetric, meaning_of_options(context.options),
                              kAsymmetryTolerance, context, 1, true);
}

}  // namespace

Problem read_matrix_market(std::string_view text, const ReadContext& context) {
  TextScanner scan(text, context.file);
  const Banner banner = read_banner(scan);
  if (!scan.next_data_line(kComments)) scan.fail("truncated: the file ends before its size line");
  const std::int64_t rows = scan.integer("the number of rows");
  const std::int64_t columns = scan.integer("the number of columns");
  if (rows != columns) {
    scan.fail(fmt::format("{} {}", rows, columns), "the matrix must be square");
  }
  if (banner.array) {
    scan.end_of_line("the size 'rows columns'");
    return read_array(scan, banner, context.checked_dense_spins(rows, scan.line_number()), context);
  }
  const std::int64_t count = scan.integer("the number of entries");
  scan.end_of_line("the size 'rows columns entries'");
  const std::int32_t n = context.checked_spins(rows, scan.line_number());
  if (count < 0 || count / rows > rows) {
    scan.fail(std::to_string(count),
              fmt::format("a {} x {} matrix cannot have so many entries", rows, columns));
  }
  context.require_entries(count, scan.line_number());
  return read_coordinate(scan, banner, n, count, context);
}

std::string write_matrix_market(const Problem& problem) {
  const IsingModel& ising = problem.ising;
  std::string out = "%%MatrixMarket matrix coordinate real symmetric\n";
  out += "% J of E = -1/2 sum_ij J_ij s_i s_j (both triangles), minimised; J > 0 is ferromagnetic\n";
  out += fmt::format("{0} {0} {1}\n", ising.size(), ising.edge_count());
  for (const IsingEdge& edge : ising.edges()) {
    out += std::to_string(edge.j + 1);
    out += ' ';
    out += std::to_string(edge.i + 1);
    out += ' ';
    append_number(out, edge.J);
    out += '\n';
  }
  return out;
}

}  // namespace opoloop
