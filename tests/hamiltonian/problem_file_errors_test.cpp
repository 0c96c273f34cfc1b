#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "core/error.h"
#include "hamiltonian/problem_file.h"
#include "tests/hamiltonian/problem_samples.h"

using namespace opoloop;
using namespace opoloop::testing;

namespace {

struct BadFile {
  const char* name;  // its extension takes part in the choice of format
  std::string content;
  const char* where;    // line, "" for none
  const char* message;  // a part of it
};

void check_refused(const BadFile& bad, const LoadOptions& options = {}) {
  INFO(bad.name << ": " << bad.content.substr(0, 200));
  try {
    load_problem_from_bytes(bad.content, bad.name, options);
    FAIL_CHECK("was accepted");
  } catch (const InputError& error) {
    const std::string text = error.what();
    INFO(text);
    const std::string start =
        bad.where[0] == '\0' ? std::string(bad.name) : fmt::format("{}:{}:", bad.name, bad.where);
    CHECK(text.rfind(start, 0) == 0);
    CHECK(text.find(bad.message) != std::string::npos);
    CHECK(text.find('\n') == std::string::npos);
    CHECK(text.size() < 300);
  }
}

std::string json(const std::string& body) {
  return R"({"type":"BinaryQuadraticModel","version":{"bqm_schema":"3.0.0"},)" + body + "}";
}

std::string qplib(const std::string& type, const std::string& body) {
  return "name\n" + type + "\nminimize\n" + body;
}

}  // namespace

TEST_CASE("rudy: bad files are refused in one line that says where") {
  const std::vector<BadFile> files = {
      {"g", "", "", "empty"},
      {"g", "\n \n# only this\n", "", "nothing but blank lines"},
      {"g", "3 2\n1 2 1\n", "2", "truncated: the file ends after 1 of 2 edges"},
      {"g", "3 2\n1 2 1\n2 3 1\n1 3 1\n", "4", "trailing garbage"},
      {"g", "3 1\n1 2 1 9\n", "2", "'9': trailing garbage"},
      {"g", "3 2\n1 2 1\n1 2 1\n", "3", "'1 2': duplicate: this pair was already given on line 2"},
      {"g", "3 2\n1 2 1\n2 1 1\n", "3", "'1 2': duplicate"},
      {"g", "3 3\n2 3 1\n1 2 1\n2 3 1\n", "4", "already given on line 2"},
      {"g", "3 1\n2 2 1\n", "2", "'2 2': self loop"},
      {"g", "3 1\n1 4 1\n", "2", "'4': a vertex must be between 1 and 3"},
      {"g", "3 1\n0 1 1\n", "2", "'0': a vertex must be between 1 and 3"},
      {"g", "3 1\n-1 2 1\n", "2", "'-1'"},
      {"g", "3 1\n1 2 nan\n", "2", "'nan': the weight must be finite (field 3)"},
      {"g", "3 1\n1 2 -inf\n", "2", "'-inf': the weight must be finite"},
      {"g", "3 1\n1 2 1e999\n", "2", "outside the range of a double"},
      {"g", "3 1\n1 2 x\n", "2", "'x': expected the weight, a number"},
      {"g", "3 1\n1 2.5 1\n", "2", "'2.5': expected a vertex, an integer (field 2)"},
      {"g", "3 1\n1\n", "2", "the line ends where a vertex was expected"},
      {"g", "0 0\n", "1", "'0': the number of spins must be at least 1"},
      {"g", "-3 0\n", "1", "'-3'"},
      {"g", "3 -1\n", "1", "'-1': 3 vertices have at most 3 edges"},
      {"g", "3 4\n", "1", "'4': 3 vertices have at most 3 edges"},
      {"g", "1000000000000 3\n1 2 1\n", "1", "a problem of 1000000000000 spins would need 43.66 TiB"},
      {"g", "99999999999999999999 3\n1 2 1\n", "1", "too large for the number of vertices n"},
      {"g", "3\n", "", "no problem format begins like this"},
  };
  for (const BadFile& bad : files) check_refused(bad);
}

TEST_CASE("BiqMac: bad files") {
  const std::vector<BadFile> files = {
      {"q.sparse", "2 2\n1 1 3\n", "2", "truncated: the file ends after 1 of 2 entries"},
      {"q.sparse", "2 2\n1 1 3\n1 1 4\n", "3",
       "'1': duplicate: the term of this index was already given on line 2"},
      {"q.sparse", "2 2\n1 2 3\n2 1 4\n", "3", "duplicate"},
      {"q.sparse", "2 1\n1 3 3\n", "2", "'3': a column must be between 1 and 2"},
      {"q.sparse", "2 1\n1 2\n", "2", "the line ends where the coefficient q was expected"},
      {"q.sparse", "2 1\n1 2 inf\n", "2", "must be finite"},
      {"q.sparse", "2 1\n1 2 1\nend\n", "3", "'end': trailing garbage"},
      {"q.sparse", "2 9\n", "1", "2 variables have at most 3 entries"},
      {"q.sparse", "# ObjectiveOffset nan\n2 1\n1 2 1\n", "1", "must be finite"},
      {"q", "# x\n# the ObjectiveOffset is 2.5\n2 1\n1 2 1\n", "2", "must read '# ObjectiveOffset c'"},
      {"q", "# ObjectiveOffset2.5\n2 1\n1 2 1\n", "1", "must read '# ObjectiveOffset c'"},
      {"q", "# ObjectiveOffset\n2 1\n1 2 1\n", "1", "the line ends where the objective offset"},
      {"q", "# ObjectiveOffset: 2.5 J\n2 1\n1 2 1\n", "1", "'J': trailing garbage"},
      {"q.sparse", "2 1\n# ObjectiveOffset 2,5\n1 2 1\n", "2", "'2,5': expected the objective offset"},
      {"q.sparse", "# ObjectiveOffset 1\n2 1\n1 2 1\n#ObjectiveOffset 1\n", "4",
       "ObjectiveOffset is given twice"},
      {"q.sparse", "500000000000 1\n1 2 1\n", "1", "would need 21.83 TiB"},
  };
  for (const BadFile& bad : files) check_refused(bad);
}

TEST_CASE("dimod COO: bad files") {
  const std::vector<BadFile> files = {
      {"a.coo", "0 1 1\n", "1", "no line '# vartype=SPIN'"},
      {"a.coo", "# vartype=TERNARY\n0 1 1\n", "1", "'TERNARY': vartype must be SPIN or BINARY"},
      {"a.coo", "# vartype=SPIN\n# vartype=BINARY\n0 1 1\n", "2", "contradicts"},
      {"a.coo", "# vartype=SPIN\n", "1", "names no variable"},
      {"a.coo", "# vartype=SPIN\n0 1 1\nhello\n", "3", "'hello'"},
      {"a.coo", "# vartype=SPIN\n0 1 1e-3\n", "2", "'1e-3': dimod would skip this line"},
      {"a.coo", "# vartype=SPIN\n0 1 1.\n", "2", "'1.': dimod would skip this line"},
      {"a.coo", "# vartype=SPIN\n0 1 nan\n", "2", "'nan'"},
      {"a.coo", "# vartype=SPIN\n0 1\n", "2", "the line ends where the bias was expected"},
      {"a.coo", "# vartype=SPIN\n0 1 1 1\n", "2", "trailing garbage"},
      {"a.coo", "# vartype=SPIN\n0 1 1\n1 0 1\n", "3", "'0 1': duplicate"},
      {"a.coo", "# vartype=SPIN\n3 3 1\n3 3 1\n", "3", "'3': duplicate"},
      {"a.coo", "# vartype=SPIN\n-1 3 1\n", "2", "'-1': a variable index cannot be negative"},
      {"a.coo", "# vartype=SPIN\n0 999999999999 1\n", "2", "would need 43.66 TiB"},
  };
  for (const BadFile& bad : files) check_refused(bad);
}

TEST_CASE("dimod JSON: bad files") {
  const std::string good =
      R"("variable_type":"SPIN","num_variables":2,"num_interactions":1,"offset":0,"linear_biases":[0,0],)"
      R"("quadratic_biases":[1],"quadratic_head":[0],"quadratic_tail":[1])";
  REQUIRE(load_problem_from_bytes(json(good), "m.json").ising.edge_count() == 1);
  const auto with = [&good](const std::string& from, const std::string& to) {
    std::string copy = good;
    return json(copy.replace(copy.find(from), from.size(), to));
  };
  const std::vector<BadFile> files = {
      {"m.json", "{", "1", "truncated"},
      {"m.json", json(good).substr(0, 150), "1", "truncated"},
      {"m.json", json(good) + "x", "1", "not valid JSON here"},
      {"m.json", "{\"type\": 3}", "", "'type': must be a string"},
      {"m.json", "{\n\"a\": NaN}", "2", "not valid JSON here"},
      {"m.json", "{\"type\":\"BinaryQuadraticModel\",\"version\":{\"bqm_schema\":\"2.0.0\"}}", "",
       "bqm_schema must be 3.x"},
      {"m.json", with("\"SPIN\"", "\"SPINS\""), "", "must be SPIN or BINARY"},
      {"m.json", with("\"offset\":0", "\"offset\":1e999"), "", "outside the range of a double"},
      {"m.json", with("\"offset\":0", "\"offset\":\"0\""), "", "must be a number"},
      {"m.json", with("\"offset\":0", "\"use_bytes\":true,\"offset\":0"), "", "use_bytes=False"},
      {"m.json", with("[0,0]", "[0]"), "", "'linear_biases': has 1 entries, num_variables says 2"},
      {"m.json", with("[1],\"quadratic_head\"", "[1,2],\"quadratic_head\""), "",
       "'quadratic_biases': has 2 entries"},
      {"m.json", with("[0],\"quadratic_tail\"", "[1],\"quadratic_tail\""), "", "self loop"},
      {"m.json", with("[0],\"quadratic_tail\"", "[7],\"quadratic_tail\""), "",
       "'quadratic_head[0]': must be a position"},
      {"m.json", with("[0,0]", "[0,null]"), "", "'linear_biases[1]': must be a number"},
      {"m.json", with("\"num_variables\":2", "\"num_variables\":2000000000000"), "", "would need 87.31 TiB"},
      {"m.json",
       json(
           R"("variable_type":"SPIN","num_variables":2,"num_interactions":2,"offset":0,"linear_biases":[0,0],)"
           R"("quadratic_biases":[1,1],"quadratic_head":[0,1],"quadratic_tail":[1,0])"),
       "", "'0 1': duplicate"},
  };
  for (const BadFile& bad : files) check_refused(bad);
}

TEST_CASE("MatrixMarket: bad files") {
  const std::string coordinate = "%%MatrixMarket matrix coordinate real symmetric\n";
  const std::string general = "%%MatrixMarket matrix coordinate real general\n";
  const std::string array = "%%MatrixMarket matrix array real general\n";
  const std::vector<BadFile> files = {
      {"m.mtx", "3 3 1\n1 2 1\n", "1", "expected the banner"},
      {"m.mtx", "%%MatrixMarket vector coordinate real general\n", "1", "'vector'"},
      {"m.mtx", "%%MatrixMarket matrix coordinate complex symmetric\n1 1 0\n", "1", "'complex'"},
      {"m.mtx", "%%MatrixMarket matrix coordinate real skew-symmetric\n1 1 0\n", "1", "'skew-symmetric'"},
      {"m.mtx", coordinate, "1", "truncated"},
      {"m.mtx", coordinate + "3 4 1\n1 2 1\n", "2", "'3 4': the matrix must be square"},
      {"m.mtx", coordinate + "3 3 2\n1 2 1\n", "3", "truncated: the file ends after 1 of 2 entries"},
      {"m.mtx", coordinate + "3 3 1\n2 1 1\n3 1 1\n", "4", "trailing garbage"},
      {"m.mtx", coordinate + "3 3 1\n4 1 1\n", "3", "'4': a row must be between 1 and 3"},
      {"m.mtx", coordinate + "3 3 1\n2 1 nan\n", "3", "must be finite"},
      {"m.mtx", coordinate + "3 3 2\n2 1 1\n2 1 1\n", "4",
       "'2 1': duplicate: this entry was already given on line 3"},
      {"m.mtx", coordinate + "3 3 2\n2 1 1\n1 2 1\n", "3", "duplicate"},
      {"m.mtx", general + "3 3 2\n2 1 1\n1 2 1.1\n", "4",
       "'1 2': the matrix is not symmetric: 1.1 here, 1 at (2, 1)"},
      {"m.mtx", general + "3 3 1\n2 1 1\n", "3", "not symmetric"},
      {"m.mtx", general + "3 3 3\n2 1 1\n1 2 1\n2 1 1\n", "5", "duplicate"},
      {"m.mtx", array + "2 2\n0\n1\n2\n0\n", "4", "'2 1': the matrix is not symmetric: 1 here, 2 at (1, 2)"},
      {"m.mtx", array + "2 2\n0\n1\n1\n", "5", "truncated"},
      {"m.mtx", array + "2 2\n0\n1\n1\n0\n0\n", "7", "trailing garbage"},
      {"m.mtx", array + "1000000 1000000\n0\n1\n", "2",
       "a dense 1000000 x 1000000 matrix would need 20.01 TiB"},
      {"m.mtx", coordinate + "3000000000000 3000000000000 1\n1 2 1\n", "2", "would need 131 TiB"},
  };
  for (const BadFile& bad : files) check_refused(bad);
}

TEST_CASE("QPLIB: bad files") {
  const std::string tail = "1e20\n0\n0\n0\n0\n0\n0\n";
  const std::string good = "2\n1\n2 1 3\n0\n0\n0\n";
  REQUIRE(load_problem_from_bytes(qplib("QBN", good + tail), "x.qplib").ising.size() == 2);
  const std::vector<BadFile> files = {
      {"x.qplib", qplib("QBL", good + tail), "2", "only problems without constraints"},
      {"x.qplib", qplib("QMN", good + tail), "2", "only problems with binary variables"},
      {"x.qplib", qplib("XYZ", good + tail), "2", "'XYZ': expected a QPLIB problem type"},
      {"x.qplib", qplib("QBN", "2\n1\n2 1 3\n"), "6", "truncated"},
      {"x.qplib", qplib("QBN", "2\n2\n2 1 3\n1 2 3\n0\n0\n0\n" + tail), "7", "duplicate"},
      {"x.qplib", qplib("QBN", "2\n2\n2 2 3\n2 2 3\n0\n0\n0\n" + tail), "7", "duplicate"},
      {"x.qplib", qplib("QBN", "2\n1\n3 1 3\n0\n0\n0\n" + tail), "6",
       "'3': a variable must be between 1 and 2"},
      {"x.qplib", qplib("QBN", "2\n1\n2 1 inf\n0\n0\n0\n" + tail), "6", "must be finite"},
      {"x.qplib", qplib("QBN", "2\n-1\n0\n0\n0\n" + tail), "5", "cannot be negative"},
      {"x.qplib", qplib("QBN", "2\n0\n0\n2\n1 4\n1 5\n0\n" + tail), "9", "duplicate"},
      {"x.qplib", qplib("QBN", good + tail + "more\n"), "17", "trailing garbage"},
      {"x.qplib", qplib("QBN", "1000000000000\n1\n"), "4", "would need 43.66 TiB"},
  };
  for (const BadFile& bad : files) check_refused(bad);
}

TEST_CASE("Kaiwu CSV: bad files") {
  std::string wide = "0";
  for (int k = 1; k < 100000; ++k) wide += ",0";
  const std::vector<BadFile> files = {
      {"k.csv", "0,1\n", "1", "truncated: 1 rows of a 2 x 2 matrix"},
      {"k.csv", "0,1\n1,0\n0,0\n", "3", "trailing garbage after the last of 2 rows"},
      {"k.csv", "0,1\n1\n", "2", "row 2 has 1 entries, the first row has 2"},
      {"k.csv", "0,1\n1,0,5\n", "2", "row 2 has more than the first row's 2 entries"},
      {"k.csv", "0,1\n1,x\n", "2", "'x': expected a matrix entry, a number (field 2)"},
      {"k.csv", "0,1\n1,nan\n", "2", "must be finite"},
      {"k.csv", "0,1\n,0\n", "2", "an empty field"},
      {"k.csv", "0,1\n1,\n", "2", "ends in a separator"},
      {"k.csv", "0,1\n2,0\n", "2", "'2 1': the matrix is not symmetric: 2 here, 1 at (1, 2)"},
      {"k.csv", wide + "\n", "1", "a dense 100000 x 100000 matrix would need 204.9 GiB"},
  };
  for (const BadFile& bad : files) {
    LoadOptions options;
    options.memory_limit_bytes = std::uint64_t{100} << 30;  // the same message on every machine
    check_refused(bad, options);
  }
}

TEST_CASE("NumPy files: bad files") {
  const std::string npy = problem_to_bytes(five_spins(false, 0), ProblemFormat::npy);
  const auto with = [](std::string bytes, const std::string& from, const std::string& to) {
    REQUIRE(bytes.find(from) != std::string::npos);
    return bytes.replace(bytes.find(from), from.size(), to);
  };
  std::string asymmetric = npy;
  asymmetric[npy.size() - 5 * 8 + 6] ^= 0x10;  // J_40
  std::string not_a_number = npy;
  for (std::size_t k = 1; k <= 8; ++k) not_a_number[npy.size() - k] = '\xff';
  const std::string npz = problem_to_bytes(five_spins(true, 1), ProblemFormat::npz);
  std::string flipped = npz;
  flipped[200] ^= 1;
  const std::vector<BadFile> files = {
      {"a.npy", npy.substr(0, 20), "", "truncated npy header"},
      {"a.npy", npy.substr(0, npy.size() - 1), "",
       "truncated: the header announces 200 B of data, 199 bytes follow"},
      {"a.npy", npy + "x", "", "trailing garbage: the header announces 200 B"},
      {"a.npy", with(npy, "(5, 5, )", "(25,   )"), "", "'25': J must be a square two-dimensional array"},
      {"a.npy", with(npy, "(5, 5, )", "(999999999, 999999999, )"), "", "announces 6.939 EiB"},
      {"a.npy", with(npy, "'<f8'", "'|O8'"), "", "object arrays"},
      {"a.npy", with(npy, "'<f8'", "[('a','<f8')]"), "", "structured arrays"},
      {"a.npy", with(npy, "False", "Maybe"), "", "fortran_order must be True or False"},
      {"a.npy", asymmetric, "", "'4 0': the matrix is not symmetric"},
      {"a.npy", not_a_number, "", "'item 24': must be finite"},
      {"a.npz", npz.substr(0, npz.size() - 30), "", "zip archive: truncated"},
      {"a.npz", npz + "x", "", "zip archive: trailing garbage"},
      {"a.npz", flipped, "", "damaged"},
      {"a.npz", with(npz, "ising", "spins"), "", "checksum differs"},
  };
  for (const BadFile& bad : files) check_refused(bad);
}

TEST_CASE("defects of DIMACS graphs") {
  const std::vector<BadFile> files = {
      {"a.gph", "c nothing\n", "", "expected a line 'p edge n m'"},
      {"a.gph", "p cnf 3 2\n", "", "'cnf': expected 'edge' or 'col'"},
      {"a.gph", "p edge 3 4\ne 1 2\n", "", "3 nodes have at most 3 edges"},
      {"a.gph", "p edge 3 2\ne 1 2\n", "", "after 1 of 2 edges"},
      {"a.gph", "p edge 3 1\ne 1 4\n", "", "'4': a node must be between 1 and 3"},
      {"a.gph", "p edge 3 1\ne 2 2\n", "", "an edge from a node to itself"},
      {"a.gph", "p edge 3 2\ne 1 2\ne 2 1\n", "", "line"},
      {"a.gph", "p edge 3 1\nn 1 2\n", "", "expected an edge 'e u v'"},
      {"a.gph", "p edge 3 1\ne 1 2 5\n", "", "'5'"},
      {"a.gph", "p edge 3 1\ne 1 2\ne 1 3\n", "", "announces"},
  };
  for (const BadFile& bad : files) check_refused(bad);
}

TEST_CASE("a list of entries beyond the memory limit is refused before it is read") {
  LoadOptions options;
  options.memory_limit_bytes = std::size_t{1} << 20;
  std::string coo = "# vartype=SPIN\n";
  for (int k = 0; k < 20000; ++k) coo += "0 1 1\n";
  const std::vector<BadFile> files = {
      {"g", "1000 400000\n1 2 1\n", "1",
       "'400000': 400000 entries would need 24.41 MiB, more than the 1 MiB"},
      {"q.sparse", "1000 400000\n1 2 1\n", "1", "would need 24.41 MiB"},
      {"a.gph", "p edge 1000 400000\ne 1 2\n", "1", "would need 24.41 MiB"},
      {"m.mtx", "%%MatrixMarket matrix coordinate real symmetric\n1000 1000 400000\n2 1 1\n", "2",
       "would need 24.41 MiB"},
      {"x.qplib", qplib("QBN", "1000\n400000\n2 1 3\n"), "5", "would need 24.41 MiB"},
      {"a.coo", coo, "", "20002 entries would need 1.221 MiB"},
  };
  for (const BadFile& bad : files) check_refused(bad, options);
}

TEST_CASE("dimod JSON: short texts that make large or deep trees") {
  LoadOptions options;
  options.memory_limit_bytes = std::size_t{1} << 20;
  std::string wide = "{\"info\": [[]";
  for (int k = 0; k < 10000; ++k) wide += ",[]";  // 30 KB of text
  check_refused({"m.json", wide + "]}", "", "this JSON text, parsed, would need"}, options);
  // The same characters in a string are text.
  check_refused({"m.json", "{\"type\": \"" + std::string(20000, '[') + "\\\",\"}", "",
                 "must be \"BinaryQuadraticModel\""},
                options);
  for (const char* open : {"[", "{\"a\":"}) {
    std::string deep = "{\"info\":\n";
    for (int k = 0; k < 64; ++k) deep += open;
    check_refused({"m.json", deep, "2", "nested more than 64 deep"});
  }
}

TEST_CASE("files of another kind are named") {
  const std::vector<BadFile> files = {
      {"x", std::string("\xFD") + "7zXZ" + std::string("\0\0", 2), "", "xz-compressed"},
      {"x", "BZh91AY", "", "bzip2-compressed"},
      {"x", "%PDF-1.4\n", "", "a PDF file"},
      {"x.txt", "<!DOCTYPE html>\n", "", "failed download"},
      {"x", std::string("\x7f") + "ELF\x02\x01\x01", "", "a program"},
      {"x", std::string("abc\0def", 7), "", "binary file"},
      {"x.txt", std::string("3 2\n1 2 1\n\0\0\0\0\0", 15), "", "binary file"},
      {"x", "Dear reader,\n", "", "'Dear reader,': no problem format begins like this"},
      {"x", "1 1 0.5\n1 2 1.5\n", "", "starts with three numbers"},
  };
  for (const BadFile& bad : files) check_refused(bad);
}

TEST_CASE("paths that are no files") {
  const ScratchDirectory scratch;
  CHECK_THROWS_WITH(load_problem(scratch.path().string()), Catch::Matchers::Contains("is a directory"));
  CHECK_THROWS_WITH(load_problem(scratch.file("none")), Catch::Matchers::Contains("No such file"));
  std::ofstream(scratch.file("empty.txt")).flush();
  CHECK_THROWS_WITH(load_problem(scratch.file("empty.txt")), Catch::Matchers::Contains("the file is empty"));
  std::ofstream(scratch.file("big.txt")) << std::string(5000, ' ');
  LoadOptions small;
  small.memory_limit_bytes = 16384;
  CHECK_THROWS_WITH(
      load_problem(scratch.file("big.txt"), small),
      Catch::Matchers::Contains("the file has 4.883 KiB, more than the 4 KiB that can be read"));
}
