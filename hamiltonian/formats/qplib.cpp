#include "hamiltonian/formats/qplib.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "hamiltonian/formats/pair_list.h"
#include "hamiltonian/formats/text_scanner.h"
#include "hamiltonian/qubo_model.h"

namespace opoloop {

namespace {

// Whole lines; behind a value # starts a description.
constexpr const char* kComments = "#!%";
// "1 2 3\n": a count cannot make us reserve more than the file has room for.
constexpr std::size_t kShortestTerm = 6;

class QplibReader {
 public:
  QplibReader(std::string_view text, const ReadContext& context)
      : scan_(text, context.file), context_(context) {}

  Problem read() {
    line("the problem name");
    read_type();
    const double sign = read_sense();
    QuboModel qubo;
    const std::int64_t variables = integer_line("the number of variables");
    qubo.n = context_.checked_spins(variables, scan_.line_number());
    qubo.linear.assign(static_cast<std::size_t>(qubo.n), 0.0);
    if (objective_ != 'L') read_quadratic(qubo, sign);
    read_linear(qubo, sign);
    qubo.offset = sign * number_line("the objective constant");
    read_rest();
    Problem problem;
    problem.ising = to_ising(qubo);
    problem.kind = ProblemKind::qubo;
    return problem;
  }

 private:
  void line(const char* what) {
    do {
      if (!scan_.next_data_line(kComments))
        scan_.fail(fmt::format("truncated: the file ends where {} was expected", what));
      scan_.strip_comment("#");
    } while (scan_.at_line_end());
  }
  std::int64_t integer_line(const char* what) {
    line(what);
    const std::int64_t value = scan_.integer(what);
    scan_.end_of_line(what);
    return value;
  }
  std::int64_t count_line(const char* what) {
    const std::int64_t count = integer_line(what);
    if (count < 0) scan_.fail(std::to_string(count), fmt::format("{} cannot be negative", what));
    return count;
  }
  double number_line(const char* what) {
    line(what);
    const double value = scan_.number(what);
    scan_.end_of_line(what);
    return value;
  }
  std::int32_t index(std::int32_t n) {
    const std::int64_t i = scan_.integer("a variable");
    if (i < 1 || i > n) scan_.fail(std::to_string(i), fmt::format("a variable must be between 1 and {}", n));
    return static_cast<std::int32_t>(i - 1);
  }

  void read_type() {
    line("the problem type");
    const std::string type(scan_.field());
    scan_.end_of_line("the problem type");
    if (type.size() != 3 || std::string("LDCQ").find(type[0]) == std::string::npos) {
      scan_.fail(type, "expected a QPLIB problem type such as QBN");
    }
    if (type[1] != 'B') scan_.fail(type, "only problems with binary variables alone (type ?B?) are read");
    if (type[2] != 'N' && type[2] != 'B')
      scan_.fail(type, "only problems without constraints (QBN, QBB) are read");
    objective_ = type[0];
  }
  double read_sense() {
    line("the objective sense");
    std::string sense(scan_.field());
    scan_.end_of_line("the objective sense");
    std::transform(sense.begin(), sense.end(), sense.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    if (sense != "minimize" && sense != "maximize") scan_.fail(sense, "expected minimize or maximize");
    return sense == "minimize" ? 1.0 : -1.0;
  }
  void read_quadratic(QuboModel& qubo, double sign) {
    const std::int64_t count = count_line("the number of quadratic terms");
    context_.require_entries(count, scan_.line_number());
    PairList pairs;
    pairs.reserve(std::min(static_cast<std::size_t>(count), scan_.bytes_left() / kShortestTerm + 1));
    LinearList squares(context_.file, 1);
    squares.resize(qubo.n);
    for (std::int64_t k = 0; k < count; ++k) {
      line("a quadratic term");
      const std::int32_t i = index(qubo.n);
      const std::int32_t j = index(qubo.n);
      // ½ x'Qx with Q holding the listed triangle alone: both a pair and a square keep half their entry.
      const double half = 0.5 * sign * scan_.number("the coefficient");
      scan_.end_of_line("a quadratic term");
      if (i != j) {
        pairs.add(i, j, half, scan_.line_number());
      } else {
        squares.set(i, half, scan_.line_number());
      }
    }
    qubo.linear = std::move(squares.values());  // x² = x
    qubo.terms.reserve(pairs.size());
    for (const IsingEdge& pair : pairs.take(context_.file, 1)) qubo.terms.push_back({pair.i, pair.j, pair.J});
  }
  void read_linear(QuboModel& qubo, double sign) {
    const double standard = number_line("the default linear coefficient");
    const std::int64_t count = count_line("the number of other linear coefficients");
    LinearList others(context_.file, 1);
    others.resize(qubo.n, standard);
    for (std::int64_t k = 0; k < count; ++k) {
      line("a linear coefficient");
      const std::int32_t i = index(qubo.n);
      const double value = scan_.number("the coefficient");
      scan_.end_of_line("a linear coefficient");
      others.set(i, value, scan_.line_number());
    }
    for (std::size_t i = 0; i < qubo.linear.size(); ++i) {
      qubo.linear[i] += sign * others.values()[i];
    }
  }
  // A default and a list of exceptions `index value`: starting points, which do not matter here.
  void skip_list(const char* what) {
    number_line(what);
    skip_entries(what);
  }
  void skip_entries(const char* what) {
    const std::int64_t count = count_line(what);
    for (std::int64_t k = 0; k < count; ++k) {
      line(what);
      scan_.integer("an index");
      if (scan_.field().empty()) scan_.fail(fmt::format("the line ends where {} was expected", what));
    }
  }
  void read_rest() {
    number_line("the value for infinity");
    skip_list("a primal starting value");
    skip_list("a dual starting value");
    skip_entries("a variable name");
    // Some writers leave out the constraint names of a problem without constraints.
    if (!scan_.next_data_line(kComments)) return;
    scan_.strip_comment("#");
    if (scan_.integer("the number of constraint names") != 0)
      scan_.fail("a problem without constraints names some");
    scan_.end_of_line("the number of constraint names");
    scan_.end_of_text(kComments, "the last section");
  }

  TextScanner scan_;
  const ReadContext& context_;
  char objective_ = 'Q';
};

}  // namespace

Problem read_qplib(std::string_view text, const ReadContext& context) {
  return QplibReader(text, context).read();
}

}  // namespace opoloop
