#include "hamiltonian/formats/dimod_coo.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "hamiltonian/formats/dimod_bias.h"
#include "hamiltonian/formats/pair_list.h"
#include "hamiltonian/formats/text_scanner.h"

namespace opoloop {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// dimod's own line expression for a bias: [+-]?\d*(\.\d+)?, here with at least one digit.
bool is_dimod_bias(std::string_view token) {
  if (!token.empty() && (token[0] == '+' || token[0] == '-')) token.remove_prefix(1);
  if (token.empty()) return false;
  const std::size_t whole = std::min(token.find('.'), token.size());
  if (!std::all_of(token.begin(), token.begin() + static_cast<std::ptrdiff_t>(whole), is_digit)) return false;
  if (whole == token.size()) return true;
  token.remove_prefix(whole + 1);
  return !token.empty() && std::all_of(token.begin(), token.end(), is_digit);
}

// The value after `key=` or `key:` in a comment line.
std::optional<std::string_view> comment_value(std::string_view comment, std::string_view key) {
  std::size_t at = comment.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  at += key.size();
  if (at >= comment.size() || (comment[at] != '=' && comment[at] != ':')) return std::nullopt;
  at = std::min(comment.find_first_not_of(" \t", at + 1), comment.size());
  return comment.substr(at, comment.find_first_of(" \t", at) - at);
}

struct Header {
  std::optional<bool> binary;
  std::optional<double> offset;
};

void read_comment(TextScanner& scan, const ReadContext& context, Header& header) {
  if (const auto vartype = comment_value(scan.line_text(), "vartype")) {
    if (*vartype != "SPIN" && *vartype != "BINARY") scan.fail(*vartype, "vartype must be SPIN or BINARY");
    const bool binary = *vartype == "BINARY";
    if (header.binary.value_or(binary) != binary) scan.fail(*vartype, "contradicts the vartype given above");
    header.binary = binary;
  }
  if (const auto offset = comment_value(scan.line_text(), "offset")) {
    if (header.offset) scan.fail(*offset, "the offset was already given");
    TextScanner value(*offset, context.file);
    if (!value.next_line() || !is_dimod_bias(*offset))
      scan.fail(*offset, "expected the offset, a number without exponent");
    header.offset = value.number("the offset");
  }
}

}  // namespace

Problem read_dimod_coo(std::string_view text, const ReadContext& context) {
  TextScanner scan(text, context.file);
  Header header;
  DimodModel model;
  LinearList linear(context.file, 0);
  std::int32_t n = 0;
  // No header says how many entries there are: at most one a line.
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
  context.require_entries(lines);
  PairList pairs;
  pairs.reserve(static_cast<std::size_t>(lines));
  const auto index = [&] {
    const std::int64_t i = scan.integer("a 0-based variable index");
    if (i < 0) scan.fail(std::to_string(i), "a variable index cannot be negative");
    if (i >= n) n = context.checked_spins(i + 1, scan.line_number());
    return static_cast<std::int32_t>(i);
  };
  while (scan.next_line()) {
    if (scan.line_text().front() == '#') {
      read_comment(scan, context, header);
      continue;
    }
    const std::int32_t u = index();
    const std::int32_t v = index();
    const std::string_view rest = scan.line_text().substr(scan.line_text().find_last_of(" \t") + 1);
    const double bias = scan.number("the bias");
    scan.end_of_line("a line 'u v bias'");
    if (!is_dimod_bias(rest)) {
      scan.fail(rest, "dimod would skip this line: a bias is digits with an optional fraction, no exponent");
    }
    if (u != v) {
      pairs.add(u, v, bias, scan.line_number());
      continue;
    }
    if (u >= linear.size()) linear.resize(u + 1);
    linear.set(u, bias, scan.line_number());
  }
  if (!header.binary) scan.fail("no line '# vartype=SPIN' or '# vartype=BINARY' says what the variables are");
  if (n == 0) scan.fail("the file names no variable");
  model.binary = *header.binary;
  model.offset = header.offset.value_or(0);
  linear.resize(n);
  model.linear = std::move(linear.values());
  model.quadratic = pairs.take(context.file, 0);
  return problem_from_dimod(std::move(model));
}

std::string write_dimod_coo(const Problem& problem) {
  const DimodModel model = dimod_from_problem(problem);
  std::string out = model.binary ? "# vartype=BINARY\n" : "# vartype=SPIN\n";
  if (model.offset != 0) {
    out += "# offset=";
    append_fixed_number(out, model.offset);
    out += '\n';
  }
  const auto line = [&out](std::size_t u, std::size_t v, double bias) {
    out += fmt::format("{} {} ", u, v);
    append_fixed_number(out, bias);
    out += '\n';
  };
  for (std::size_t i = 0; i < model.linear.size(); ++i) {
    // dimod knows only the variables it has seen, so the last index must appear even without a bias.
    if (model.linear[i] != 0 || i + 1 == model.linear.size()) line(i, i, model.linear[i]);
  }
  for (const IsingEdge& bias : model.quadratic) {
    line(static_cast<std::size_t>(bias.i), static_cast<std::size_t>(bias.j), bias.J);
  }
  return out;
}

}  // namespace opoloop
