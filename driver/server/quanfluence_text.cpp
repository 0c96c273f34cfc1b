#include "driver/server/quanfluence_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tuple>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/sha256.h"
#include "hamiltonian/formats/read_context.h"
#include "hamiltonian/formats/text_scanner.h"
#include "hamiltonian/formats/zip_archive.h"
#include "hamiltonian/qubo_model.h"

namespace opoloop {
namespace {

/// One entry of Q as it was written, i and j in any order.
struct Entry {
  std::int32_t i, j;
  double q;
};

// Entry and QuboTerm, the Ising edge made of it and what the model keeps; vectors grow by doubling.
constexpr double kBytesPerEntry = 100;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_number(char c) {
  return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E';
}

/// Walks the text of a Python literal: as much of the language as str() of such a dict or list needs.
class Literal {
 public:
  Literal(std::string_view text, const std::string& file, std::int32_t max_spins)
      : text_(text), file_(file), max_spins_(max_spins) {}

  std::vector<Entry> entries() {
    const bool wrapped = word_follows("defaultdict");
    if (wrapped) default_factory();
    std::vector<Entry> entries;
    const bool dict = wrapped || peek() == '{';
    const char end = dict ? '}' : ']';
    expect(dict ? "{" : "[");
    while (peek() != end) {
      entries.push_back(dict ? item() : triple());
      if (peek() != end) expect(",");
    }
    ++at_;
    if (wrapped) expect(")");
    if (peek() != '\0' || at_ < text_.size()) fail("nothing may follow");
    return entries;
  }

 private:
  /// "defaultdict(<class 'float'>, " up to the dict itself.
  void default_factory() {
    expect("(");
    const std::size_t comma = text_.find(',', at_);
    if (comma == std::string_view::npos || comma - at_ > 100) fail("the dict of a defaultdict");
    at_ = comma + 1;
  }

  /// (i, j): q
  Entry item() {
    expect("(");
    const std::int32_t i = index();
    expect(",");
    const std::int32_t j = index();
    if (peek() == ',') ++at_;
    expect(")");
    expect(":");
    return {i, j, number()};
  }

  /// [i, j, q] or (i, j, q)
  Entry triple() {
    const char close = peek() == '(' ? ')' : ']';
    expect(close == ')' ? "(" : "[");
    const std::int32_t i = index();
    expect(",");
    const std::int32_t j = index();
    expect(",");
    const double q = number();
    if (peek() == ',') ++at_;
    expect(std::string_view(&close, 1));
    return {i, j, q};
  }

  std::int32_t index() {
    const std::size_t start = at_;
    const double value = number();
    if (value != std::floor(value) || value < 0) {
      at_ = start;
      fail("an index, a whole number from 0");
    }
    if (value >= max_spins_) {
      at_ = start;
      fail(fmt::format("an index below {}, the most variables that this server takes", max_spins_));
    }
    return static_cast<std::int32_t>(value);
  }

  /// -1.5, 1e-05, np.float64(-1.5); finite.
  double number() {
    peek();
    const std::size_t name_at = at_;
    while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '.')) ++at_;
    // A name begins with a letter; what begins otherwise is the number itself.
    const std::string_view name = text_.substr(name_at, at_ - name_at);
    const bool named = !name.empty() && !is_number(name.front()) && at_ < text_.size() && text_[at_] == '(';
    if (!named) {
      at_ = name_at;
      return plain_number();
    }
    if (!name.starts_with("np.") && !name.starts_with("numpy.") && name != "float" && name != "int") {
      at_ = name_at;
      fail("a number");
    }
    expect("(");
    const double value = plain_number();
    expect(")");
    return value;
  }

  double plain_number() {
    peek();
    const std::size_t start = at_;
    while (at_ < text_.size() && is_number(text_[at_])) ++at_;
    const char* from = text_.data() + start;
    const char* const to = text_.data() + at_;
    if (from != to && *from == '+') ++from;  // which from_chars does not take
    double value = 0;
    const auto [end, error] = std::from_chars(from, to, value);
    if (error != std::errc() || end != to || !std::isfinite(value)) {
      at_ = start;
      fail("a finite number");
    }
    return value;
  }

  /// The next byte that is not blank; 0 at the end.
  char peek() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool word_follows(std::string_view word) {
    peek();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  void expect(std::string_view character) {
    if (peek() != character.front() || at_ >= text_.size()) fail(fmt::format("'{}'", character));
    ++at_;
  }

  [[noreturn]] void fail(const std::string& expected) {
    peek();
    std::string token(text_.substr(std::min(at_, text_.size()), 20));
    for (char& c : token) {
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
    }
    const std::int64_t line =
        1 + std::count(text_.begin(),
                       text_.begin() + static_cast<std::ptrdiff_t>(std::min(at_, text_.size())), '\n');
    throw_file_error(file_, line, token.empty() ? "end of the text" : token, "expected " + expected);
  }

  std::string_view text_;
  const std::string& file_;
  std::int32_t max_spins_;
  std::size_t at_ = 0;
};

struct Table {
  std::vector<Entry> entries;
  double constant = 0;
  std::int32_t variables = 0;  ///< at least so many
};

std::int32_t index_of(TextScanner& scanner, std::int32_t max_spins) {
  const std::int64_t value = scanner.integer("an index");
  if (value < 0 || value >= max_spins) {
    scanner.fail(std::to_string(value), fmt::format("an index from 0 to {}", max_spins - 1));
  }
  return static_cast<std::int32_t>(value);
}

/// `p qubo VARIABLES ENTRIES`, or with a topology and a largest index first: the older convention.
std::int32_t header_variables(TextScanner& scanner, std::int32_t max_spins) {
  scanner.field();
  if (scanner.field() != "qubo") scanner.fail("expected 'p qubo' and the number of variables");
  std::vector<std::int64_t> numbers;
  while (!scanner.at_line_end() && numbers.size() < 5) numbers.push_back(scanner.integer("a number"));
  if (numbers.size() != 2 && numbers.size() != 4) scanner.fail("expected 'p qubo VARIABLES ENTRIES'");
  const std::int64_t variables = numbers.size() == 2 ? numbers[0] : numbers[1];
  if (variables < 0 || variables > max_spins) {
    scanner.fail(std::to_string(variables), fmt::format("at most {} variables", max_spins));
  }
  return static_cast<std::int32_t>(variables);
}

Table table_of_lines(std::string_view text, const std::string& file, std::int32_t max_spins) {
  Table table;
  TextScanner scanner(text, file);
  bool first = true;
  while (scanner.next_data_line("#c")) {
    scanner.strip_comment("#");
    const bool head = std::exchange(first, false);
    if (head && scanner.line_text().starts_with("p ")) {
      table.variables = header_variables(scanner, max_spins);
      continue;
    }
    // A line of one number is the constant; that of an entry has three.
    if (head) {
      TextScanner look(scanner.line_text(), file);
      look.next_line();
      look.field();
      look.strip_comment("#");
      if (look.at_line_end()) {
        table.constant = scanner.number("a constant or an entry i j q");
        continue;
      }
    }
    const std::int32_t i = index_of(scanner, max_spins);
    const std::int32_t j = index_of(scanner, max_spins);
    table.entries.push_back({i, j, scanner.number("a coefficient")});
    scanner.strip_comment("#");
    scanner.end_of_line("an entry is i j q");
  }
  return table;
}

QuboModel qubo_of(Table table, const std::string& file) {
  std::vector<Entry>& entries = table.entries;
  if (entries.empty() && table.variables == 0) throw InputError(file + ": holds no entry of a QUBO");
  QuboModel qubo;
  qubo.n = table.variables;
  qubo.offset = table.constant;
  for (const Entry& e : entries) qubo.n = std::max({qubo.n, e.i + 1, e.j + 1});
  qubo.linear.assign(static_cast<std::size_t>(qubo.n), 0.0);
  // (i, j) and (j, i) come together.
  const auto key = [](const Entry& e) { return std::tuple(std::min(e.i, e.j), std::max(e.i, e.j), e.i); };
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) { return key(a) < key(b); });
  for (std::size_t k = 0; k < entries.size(); ++k) {
    const Entry& e = entries[k];
    if (k > 0 && key(entries[k - 1]) == key(e)) {
      throw InputError(fmt::format("{}: the entry ({}, {}) is given twice", file, e.i, e.j));
    }
    const std::int32_t low = std::min(e.i, e.j);
    const std::int32_t high = std::max(e.i, e.j);
    if (low == high) {
      qubo.linear[static_cast<std::size_t>(low)] = e.q;
    } else if (!qubo.terms.empty() && qubo.terms.back().i == low && qubo.terms.back().j == high) {
      qubo.terms.back().q += e.q;
    } else {
      qubo.terms.push_back({low, high, e.q});
    }
  }
  return qubo;
}

/// The archive's data.txt, or its only member.
std::string unpacked(std::string_view bytes, const std::string& file, std::uint64_t limit) {
  ZipArchive archive(bytes, file, limit);
  const std::vector<std::string> names = archive.names();
  if (archive.contains("data.txt")) return archive.read("data.txt");
  if (names.size() != 1) throw InputError(file + ": the archive holds no data.txt");
  return archive.read(names.front());
}

}  // namespace

Problem parse_quanfluence(std::string_view bytes, const std::string& name, const QuanfluenceLimits& limits) {
  std::string inflated;
  if (bytes.starts_with("PK")) {
    inflated = unpacked(bytes, name, limits.inflated_bytes);
    bytes = inflated;
  }
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  const std::size_t start = std::min(bytes.find_first_not_of(" \t\r\n"), bytes.size());
  const std::string_view text = bytes.substr(start);
  // An entry of each form has so many of these.
  const auto count = [&](char c) { return static_cast<double>(std::count(text.begin(), text.end(), c)); };
  const double entries = 1 + std::max({count(':'), count(',') / 3, count('\n')});
  const ReadContext context{name, {}, limits.memory_bytes};
  context.require_memory(entries * kBytesPerEntry, fmt::format("a QUBO of up to {} entries", entries));
  Table table;
  if (text.starts_with('{') || text.starts_with('[') || text.starts_with("defaultdict")) {
    table.entries = Literal(text, name, limits.max_spins).entries();
  } else {
    table = table_of_lines(bytes, name, limits.max_spins);
  }
  Problem problem;
  problem.ising = to_ising(qubo_of(std::move(table), name));
  problem.kind = ProblemKind::qubo;
  problem.name = name;
  problem.source = "request";
  Sha256 hash;
  hash.update(bytes.data(), bytes.size());
  problem.sha256 = hash.hex_digest();
  return problem;
}

}  // namespace opoloop
