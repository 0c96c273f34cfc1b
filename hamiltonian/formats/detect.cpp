#include "hamiltonian/formats/detect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <vector>

#include "core/error.h"
#include "hamiltonian/formats/text_scanner.h"

namespace opoloop {

namespace {

struct Magic {
  std::string_view bytes;
  const char* what;
};

// Kinds of file people hand over by mistake.
constexpr Magic kForeign[] = {
    {{"\xFD"
      "7zXZ",
      5},
     "an xz-compressed file: unpack it first (gzip is read directly)"},
    {"BZh", "a bzip2-compressed file: unpack it first (gzip is read directly)"},
    {{"\x28\xB5\x2F\xFD", 4}, "a zstd-compressed file: unpack it first (gzip is read directly)"},
    {"%PDF", "a PDF file"},
    {{"\x7F"
      "ELF",
      4},
     "a program"},
    {"<", "an HTML or XML page, perhaps a failed download"},
};

// The first three lines that are no comments: lines that begin with #, ! or %, but for a banner.
struct Opening {
  std::string_view first, second, third;
  std::int64_t first_line = 0;  ///< its number, from 1
  std::string_view graph;       ///< the first that is no comment of DIMACS either, `c …`
  bool vartype = false;
  bool objective_offset = false;
};

bool is_banner(std::string_view line) {
  return line.starts_with("%%MatrixMarket") || line.starts_with("%%matrixmarket");
}

Opening opening_of(std::string_view text, const std::string& name) {
  Opening opening;
  TextScanner scan(text, name);
  while (scan.next_line()) {
    const std::string_view line = scan.line_text();
    if (line.front() == '#') {
      opening.vartype = opening.vartype || line.find("vartype") != std::string_view::npos;
      opening.objective_offset =
          opening.objective_offset || line.find("ObjectiveOffset") != std::string_view::npos;
      continue;
    }
    if (line.front() == '!' || (line.front() == '%' && !is_banner(line) && !line.starts_with("%PDF")))
      continue;
    if (opening.graph.empty() && line.front() != 'c') opening.graph = line;
    if (opening.first.empty()) {
      opening.first = line;
      opening.first_line = scan.line_number();
    } else if (opening.second.empty()) {
      opening.second = line;
    } else if (opening.third.empty()) {
      opening.third = line;
    }
    if (!opening.third.empty() && !opening.graph.empty()) break;
  }
  return opening;
}

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return out;
    const std::size_t end = std::min(line.find_first_of(" \t\r", begin), line.size());
    out.push_back(line.substr(begin, end - begin));
    line.remove_prefix(end);
  }
}

bool is_number(std::string_view word) {
  if (!word.empty() && word[0] == '+') word.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return end == word.data() + word.size() && error != std::errc::invalid_argument;
}

bool is_qplib(const Opening& opening) {
  const auto type = words(opening.second);
  const auto sense = words(opening.third);
  if (type.empty() || sense.empty() || type[0].size() != 3) return false;
  std::string word(sense[0]);
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
  return word == "minimize" || word == "maximize";
}

}  // namespace

std::optional<ProblemFormat> format_of_extension(const std::string& path) {
  std::filesystem::path file(path);
  std::string extension = file.extension().string();
  if (extension == ".gz") extension = file.stem().extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  static const std::vector<std::pair<const char*, ProblemFormat>> table = {
      {".rud", ProblemFormat::rudy},          {".rudy", ProblemFormat::rudy},
      {".mc", ProblemFormat::rudy},           {".gset", ProblemFormat::rudy},
      {".sparse", ProblemFormat::biqmac},     {".bq", ProblemFormat::biqmac},
      {".qs", ProblemFormat::biqmac},         {".gph", ProblemFormat::dimacs},
      {".clq", ProblemFormat::dimacs},        {".col", ProblemFormat::dimacs},
      {".coo", ProblemFormat::dimod_coo},     {".json", ProblemFormat::dimod_json},
      {".mtx", ProblemFormat::matrix_market}, {".mm", ProblemFormat::matrix_market},
      {".qplib", ProblemFormat::qplib},       {".csv", ProblemFormat::kaiwu_csv},
      {".npy", ProblemFormat::npy},           {".npz", ProblemFormat::npz},
      {".h5", ProblemFormat::hdf5},           {".hdf5", ProblemFormat::hdf5},
  };
  for (const auto& [known, format] : table) {
    if (extension == known) return format;
  }
  return std::nullopt;
}

bool begins_like_hdf5(std::string_view bytes) {
  return bytes.starts_with("\x89HDF\r\n\x1a\n");
}

ProblemFormat detect_format(std::string_view bytes, const std::string& name) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\x93NUMPY"sv)) return ProblemFormat::npy;
  if (bytes.starts_with("PK\x03\x04"sv) || bytes.starts_with("PK\x05\x06"sv)) return ProblemFormat::npz;
  if (begins_like_hdf5(bytes)) return ProblemFormat::hdf5;
  for (const Magic& magic : kForeign) {
    if (bytes.starts_with(magic.bytes)) throw_file_error(name, 0, {}, fmt::format("this is {}", magic.what));
  }
  require_text(bytes, name);
  const Opening opening = opening_of(bytes, name);
  const auto extension = format_of_extension(name);
  if (opening.vartype) return ProblemFormat::dimod_coo;
  if (opening.objective_offset) return ProblemFormat::biqmac;
  if (opening.first.empty())
    throw_file_error(name, 0, {}, "the file holds nothing but blank lines and comments");
  if (is_banner(opening.first)) return ProblemFormat::matrix_market;
  if (opening.first.front() == '{') return ProblemFormat::dimod_json;
  if (is_qplib(opening)) return ProblemFormat::qplib;
  if (opening.graph.starts_with("p edge") || opening.graph.starts_with("p col")) return ProblemFormat::dimacs;
  for (const std::string_view line : {opening.first, opening.second}) {
    for (const Magic& magic : kForeign) {
      if (line.starts_with(magic.bytes)) throw_file_error(name, 0, {}, fmt::format("this is {}", magic.what));
    }
  }
  const auto comma = opening.first.find(',');
  if (comma != std::string_view::npos && is_number(words(opening.first.substr(0, comma)).empty()
                                                       ? std::string_view()
                                                       : words(opening.first.substr(0, comma)).front())) {
    return ProblemFormat::kaiwu_csv;
  }
  const auto fields = words(opening.first);
  const bool numbers = std::all_of(fields.begin(), fields.end(), is_number);
  if (numbers && fields.size() == 2 &&
      (extension == ProblemFormat::biqmac || extension == ProblemFormat::rudy || !extension)) {
    return extension.value_or(ProblemFormat::rudy);
  }
  // The content is no format's for certain: let the reader the extension names say what it misses.
  if (extension && *extension != ProblemFormat::npy && *extension != ProblemFormat::npz &&
      *extension != ProblemFormat::hdf5) {
    return *extension;
  }
  if (numbers && fields.size() == 3) {
    throw_file_error(
        name, opening.first_line, {},
        "starts with three numbers: a rudy or BiqMac file needs the line 'n m' first, a dimod COO file "
        "the line '# vartype=SPIN' or '# vartype=BINARY'");
  }
  throw_file_error(name, opening.first_line, std::string(opening.first),
                   "no problem format begins like this: rudy and BiqMac begin with 'n m', DIMACS with 'c' or "
                   "'p', Matrix Market with '%%MatrixMarket', dimod COO with '# vartype=', JSON with '{'");
}

void require_text(std::string_view bytes, const std::string& name) {
  const auto control = [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return (u < 0x20 && u != '\n' && u != '\r' && u != '\t' && u != '\f') || u == 0x7F;
  };
  // A zero byte anywhere, other control characters where a text would begin.
  if (bytes.find('\0') != std::string_view::npos ||
      std::any_of(bytes.begin(),
                  bytes.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(bytes.size(), 512)),
                  control)) {
    throw_file_error(name, 0, {}, "is a binary file of an unknown kind");
  }
}

}  // namespace opoloop
