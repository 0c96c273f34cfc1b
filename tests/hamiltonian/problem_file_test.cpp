#include "hamiltonian/problem_file.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <limits>
#include <sstream>

#include "core/error.h"
#include "core/sha256.h"
#include "tests/hamiltonian/problem_samples.h"

using namespace opoloop;
using namespace opoloop::testing;
using Catch::Matchers::Contains;

namespace {

const std::vector<ProblemFormat> kWritable = {ProblemFormat::rudy,          ProblemFormat::biqmac,
                                              ProblemFormat::dimod_coo,     ProblemFormat::dimod_json,
                                              ProblemFormat::matrix_market, ProblemFormat::kaiwu_csv,
                                              ProblemFormat::npy,           ProblemFormat::npz};

// What each format can hold besides couplings.
bool holds_everything(ProblemFormat format) {
  return format == ProblemFormat::biqmac || format == ProblemFormat::dimod_coo ||
         format == ProblemFormat::dimod_json || format == ProblemFormat::npz;
}

Problem load_text(const std::string& text, const std::string& name, const LoadOptions& options = {}) {
  return load_problem_from_bytes(text, name, options);
}

void check_same_energies(const Problem& a, const Problem& b) {
  REQUIRE(a.ising.size() == b.ising.size());
  for (unsigned bits = 0; bits < 1U << a.ising.size(); ++bits) {
    const auto s = spins_of(a.ising.size(), bits);
    CHECK(a.ising.energy(s) == Approx(b.ising.energy(s)).epsilon(1e-13).margin(1e-13));
  }
}

double energy(const Problem& problem, const std::vector<std::int8_t>& spins) {
  return problem.ising.energy(spins);
}

}  // namespace

TEST_CASE("every writable format gives back the energies of all 32 states") {
  for (const ProblemFormat format : kWritable) {
    for (const ProblemKind kind : {ProblemKind::ising, ProblemKind::qubo}) {
      INFO(format_name(format) << (kind == ProblemKind::qubo ? " qubo" : " ising"));
      const bool all = holds_everything(format);
      Problem problem = five_spins(all, all ? 7.25 : 0);
      problem.kind = kind;
      LoadOptions options;
      options.format = format;
      const std::string bytes = problem_to_bytes(problem, format);
      const Problem back = load_problem_from_bytes(bytes, "five", options);
      check_same_energies(problem, back);
      // The content alone tells the format, but for BiqMac without a constant.
      if (format != ProblemFormat::biqmac)
        check_same_energies(problem, load_problem_from_bytes(bytes, "five"));
    }
  }
}

TEST_CASE("a format without fields refuses them, or takes an ancilla") {
  const Problem problem = five_spins(true, 0);
  for (const ProblemFormat format : {ProblemFormat::rudy, ProblemFormat::matrix_market, ProblemFormat::npy}) {
    INFO(format_name(format));
    CHECK_THROWS_WITH(problem_to_bytes(problem, format), Contains("no linear term"));
    SaveOptions ancilla;
    ancilla.add_ancilla = true;
    const Problem back = load_problem_from_bytes(problem_to_bytes(problem, format, ancilla), "five");
    REQUIRE(back.ising.size() == 6);
    for (unsigned bits = 0; bits < 64; ++bits) {
      const auto s = spins_of(6, bits);
      CHECK(back.ising.energy(s) == Approx(problem.ising.energy(drop_ancilla(s))));
    }
  }
  SECTION("Kaiwu's matrix takes the ancilla by itself, and gives the fields back when told so") {
    LoadOptions options;
    options.kaiwu_last_is_ancilla = true;
    const Problem back =
        load_problem_from_bytes(problem_to_bytes(problem, ProblemFormat::kaiwu_csv), "five.csv", options);
    check_same_energies(problem, back);
  }
}

TEST_CASE("a format without constant refuses one, or drops it when told so") {
  const Problem problem = five_spins(false, 7);
  for (const ProblemFormat format :
       {ProblemFormat::rudy, ProblemFormat::matrix_market, ProblemFormat::npy, ProblemFormat::kaiwu_csv}) {
    INFO(format_name(format));
    CHECK_THROWS_WITH(problem_to_bytes(problem, format), Contains("offset is 7"));
    SaveOptions drop;
    drop.drop_offset = true;
    check_same_energies(five_spins(false, 0),
                        load_problem_from_bytes(problem_to_bytes(problem, format, drop), "five"));
  }
}

TEST_CASE("rudy: the cut of a hand-counted graph") {
  // Square 1-2-3-4 with a diagonal 1-3; the last edge has no weight, so 1.
  const Problem p = load_text("# a comment\n4 5\n1 2 2\n2 3 -1\n3 4 0.5\n4 1 3\n1 3\n", "square.txt");
  CHECK(p.kind == ProblemKind::max_cut);
  CHECK(p.total_weight() == 5.5);
  CHECK(p.cut_of_energy(energy(p, {1, 1, 1, 1})) == 0);
  CHECK(p.cut_of_energy(energy(p, {1, -1, 1, 1})) == 2 - 1);        // edges 12, 23
  CHECK(p.cut_of_energy(energy(p, {1, -1, -1, -1})) == 2 + 3 + 1);  // edges 12, 14, 13
  // E = sum of w s s: all up is the total weight.
  CHECK(energy(p, {1, 1, 1, 1}) == 5.5);
  CHECK(p.name == "square.txt");
}

TEST_CASE("DIMACS: the independent sets of a path") {
  for (const char* name : {"path.gph", "path.txt", "path"}) {
    const Problem p = load_text("c a path of three\np edge 3 2\ne 2 1\nc between\ne 2 3\n", name);
    CHECK(p.kind == ProblemKind::qubo);
    CHECK(energy(p, {-1, -1, -1}) == 0);
    CHECK(energy(p, {1, -1, 1}) == -2);
    CHECK(energy(p, {1, 1, -1}) == -2 + 1.25);
    CHECK(energy(p, {1, 1, 1}) == -3 + 2.5);
  }
}

TEST_CASE("formats are known by their content behind any number of comments") {
  const std::string graph = "p edge 2 1\ne 1 2\n";
  for (const char* comments : {"c one\nc two\nc three\nc four\n", "c\nc two\nc\n"}) {
    CHECK(energy(load_text(comments + graph, "noname"), {1, 1}) == -2 + 1.25);
  }
  const std::string body = "QBN\nminimize\n2\n1\n2 1 3\n0\n0\n0\n1e20\n0\n0\n0\n0\n0\n";
  CHECK(energy(load_text("! one\n% two\n! three\nname\n" + body, "noname"), {1, 1}) == 1.5);
  CHECK(energy(load_text("c is a name here\n" + body, "noname"), {1, 1}) == 1.5);
}

TEST_CASE("BiqMac: x'Qx counts an off-diagonal entry twice") {
  for (const char* name : {"q.sparse", "q.bq", "q.qs", "q.sparse.gz"}) {
    const Problem p = load_text("3 4\n1 1 -5\n1 2 3\n2 3 -4\n3 3 7\n", name);
    CHECK(p.kind == ProblemKind::qubo);
    CHECK(energy(p, {-1, -1, -1}) == 0);            // x = 000
    CHECK(energy(p, {1, -1, -1}) == -5);            // x = 100
    CHECK(energy(p, {1, 1, -1}) == -5 + 2 * 3);     // x = 110
    CHECK(energy(p, {1, 1, 1}) == -5 + 6 - 8 + 7);  // x = 111
    CHECK(energy(p, {-1, 1, 1}) == -8 + 7);         // x = 011
  }
  // QOBLIB's constant; its comment also tells the format without an extension.
  const Problem shifted =
      load_text("# Generated\n# ObjectiveOffset 30\n# Vars Non-zeros\n2 1\n1 2 -4\n", "labs");
  CHECK(shifted.kind == ProblemKind::qubo);
  CHECK(energy(shifted, {-1, -1}) == 30);
  CHECK(energy(shifted, {1, 1}) == 22);
  for (const char* comment :
       {"#ObjectiveOffset 30", "# ObjectiveOffset: 30", "# ObjectiveOffset = 30", "#\tObjectiveOffset:30"}) {
    INFO(comment);
    const std::string line = std::string(comment) + "\n";
    CHECK(energy(load_text(line + "2 1\n1 2 -4\n", "labs"), {1, 1}) == 22);
    CHECK(energy(load_text("2 1\n" + line + "1 2 -4\n", "labs.qs"), {1, 1}) == 22);
    CHECK(energy(load_text("2 1\n1 2 -4\n" + line, "labs.qs"), {1, 1}) == 22);
  }
}

TEST_CASE("dimod COO: plus signs, 0-based, minimised") {
  const Problem spin = load_text("# vartype=SPIN\n0 0 0.5\n0 1 -1.000000\n2 1 +2.25\n", "a.coo");
  CHECK(spin.kind == ProblemKind::ising);
  CHECK(energy(spin, {1, 1, 1}) == 0.5 - 1 + 2.25);
  CHECK(energy(spin, {-1, 1, 1}) == -0.5 + 1 + 2.25);
  CHECK(energy(spin, {1, 1, -1}) == 0.5 - 1 - 2.25);
  const Problem binary = load_text("# vartype=BINARY\n0 0 -1\n0 1 1\n1 2 -4.5\n", "b");
  CHECK(binary.kind == ProblemKind::qubo);
  CHECK(energy(binary, {-1, -1, -1}) == 0);
  CHECK(energy(binary, {1, -1, -1}) == -1);
  CHECK(energy(binary, {1, 1, 1}) == -4.5);
  CHECK(energy(binary, {-1, 1, 1}) == -4.5);
}

TEST_CASE("dimod JSON: schema 3 as to_serializable() writes it") {
  const std::string text = R"({"type": "BinaryQuadraticModel", "version": {"bqm_schema": "3.0.0"},
    "use_bytes": false, "index_type": "int32", "bias_type": "float64", "num_variables": 3, "num_interactions": 2,
    "variable_labels": ["a", "b", ["c", 1]], "variable_type": "VARTYPE", "offset": 10.5, "info": {},
    "linear_biases": [0.5, 0, -2], "quadratic_biases": [-1.0, 4], "quadratic_head": [0, 2], "quadratic_tail": [1, 1]})";
  const auto with = [&text](const std::string& vartype) {
    std::string copy = text;
    return copy.replace(copy.find("VARTYPE"), 7, vartype);
  };
  const Problem spin = load_text(with("SPIN"), "m.json");
  CHECK(energy(spin, {1, 1, 1}) == 10.5 + 0.5 - 2 - 1 + 4);
  CHECK(energy(spin, {-1, 1, 1}) == 10.5 - 0.5 - 2 + 1 + 4);
  CHECK(energy(spin, {1, 1, -1}) == 10.5 + 0.5 + 2 - 1 - 4);
  const Problem binary = load_text(with("BINARY"), "m");
  CHECK(binary.kind == ProblemKind::qubo);
  CHECK(energy(binary, {-1, -1, -1}) == 10.5);
  CHECK(energy(binary, {1, -1, 1}) == 10.5 + 0.5 - 2);
  CHECK(energy(binary, {-1, 1, 1}) == 10.5 - 2 + 4);
}

TEST_CASE("MatrixMarket: J with every layout") {
  // J_12 = 2, J_13 = −1, J_33 = 4: E = −(2 s1 s2 − s1 s3) − ½·4.
  const std::vector<std::string> files = {
      "%%MatrixMarket matrix coordinate real symmetric\n% comment\n3 3 3\n2 1 2.0\n3 1 -1\n3 3 4\n",
      "%%MatrixMarket MATRIX Coordinate Integer General\n3 3 5\n2 1 2\n1 2 2\n3 1 -1\n3 3 4\n1 3 -1\n",
      "%%MatrixMarket matrix array real general\n3 3\n0\n2\n-1\n2\n0\n0\n-1\n0\n4\n",
      "%%MatrixMarket matrix array integer symmetric\n3 3\n0\n2\n-1\n0\n0\n4\n",
      "%%MatrixMarket matrix array real symmetric\n3 3\n0 2 -1 0 0\n4\n"};
  for (const std::string& text : files) {
    INFO(text);
    const Problem p = load_text(text, "m.mtx");
    CHECK(p.kind == ProblemKind::ising);
    CHECK(energy(p, {1, 1, 1}) == -2 + 1 - 2);
    CHECK(energy(p, {1, 1, -1}) == -2 - 1 - 2);
    CHECK(energy(p, {-1, 1, 1}) == 2 - 1 - 2);
  }
  SECTION("or weights, when asked") {
    LoadOptions options;
    options.matrix_is_weights = true;
    const Problem p =
        load_text("%%MatrixMarket matrix coordinate pattern symmetric\n3 3 2\n2 1\n3 2\n", "m.mtx", options);
    CHECK(p.kind == ProblemKind::max_cut);
    CHECK(p.total_weight() == 2);
    CHECK(p.cut_of_energy(energy(p, {1, -1, 1})) == 2);
    CHECK_THROWS_WITH(load_text(files[0], "m.mtx", options), Contains("self loop"));
  }
}

TEST_CASE("QPLIB: half the listed triangle, defaults, both senses") {
  const std::string rest =
      "1.0e+20 # value for infinity\n0.0 # default primal\n0 # count\n0.0 # default dual\n0 # count\n"
      "1 # names\n2 second\n0 # constraint names\n";
  const std::string body =
      "3 # number of variables\n2 # quadratic terms\n1 1 2\n2 1 3\n1.5 # default linear\n1 # others\n2 "
      "-2\n0.25 # constant\n";
  const Problem low =
      load_text("! comment\nQPLIB_X # name\nQBN # type\nminimize # sense\n" + body + rest, "x.qplib");
  CHECK(low.kind == ProblemKind::qubo);
  CHECK(energy(low, {-1, -1, -1}) == 0.25);
  CHECK(energy(low, {1, -1, -1}) == 0.25 + 1 + 1.5);
  CHECK(energy(low, {1, 1, -1}) == 0.25 + 1 + 1.5 + 1.5 - 2);
  CHECK(energy(low, {1, 1, 1}) == 0.25 + 1 + 1.5 + 1.5 - 2 + 1.5);
  const Problem high = load_text("QPLIB_X\nQBB\nmaximize\n" + body + rest, "noname");
  CHECK(energy(high, {1, 1, -1}) == -(0.25 + 1 + 1.5 + 1.5 - 2));
}

TEST_CASE("Kaiwu CSV: H = -s'Ms over the full double sum") {
  const std::string text = "1,2,-0.5\r\n2,0,3\r\n-0.5,3,0\r\n";
  const Problem p = load_text(text, "k.csv");
  // s'Ms = 1 + 2(2 s1 s2 − ½ s1 s3 + 3 s2 s3).
  CHECK(energy(p, {1, 1, 1}) == -(1 + 2 * 4.5));
  CHECK(energy(p, {1, -1, 1}) == -(1 + 2 * (-2 - 0.5 - 3)));
  LoadOptions options;
  options.kaiwu_last_is_ancilla = true;
  const Problem field = load_text("\xEF\xBB\xBF" + text, "k.csv", options);
  REQUIRE(field.ising.size() == 2);
  CHECK(energy(field, {1, 1}) == -(1 + 2 * 4.5));
  CHECK(energy(field, {1, -1}) == -(1 + 2 * (-2 - 0.5 - 3)));
}

TEST_CASE("NumPy arrays: types, byte order, Fortran order") {
  const auto npy = [](const std::string& descr, const std::string& fortran, const std::string& data) {
    std::string header = "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': (2, 2), }";
    header += std::string(64 - (10 + header.size() + 1) % 64, ' ') + "\n";
    return "\x93NUMPY" + std::string("\x01\x00", 2) + static_cast<char>(header.size()) + '\0' + header + data;
  };
  // J_01 = 3 and the diagonal 2, 0: E = −3 s0 s1 − 1.
  const auto check = [](const Problem& p) {
    CHECK(energy(p, {1, 1}) == -4);
    CHECK(energy(p, {1, -1}) == 2);
  };
  check(load_text(npy("|i1", "False", std::string("\x02\x03\x03\x00", 4)), "a.npy"));
  check(load_text(npy("<i2", "True", std::string("\x02\0\x03\0\x03\0\0\0", 8)), "a.npy"));
  check(load_text(npy(">i4", "False", std::string("\0\0\0\x02\0\0\0\x03\0\0\0\x03\0\0\0\0", 16)), "a.npy"));
  check(
      load_text(npy("<f4", "False", std::string("\0\0\0\x40\0\0\x40\x40\0\0\x40\x40\0\0\0\0", 16)), "a.npy"));
  check(load_text(npy(">f2", "False", std::string("\x40\x00\x42\x00\x42\x00\x00\x00", 8)), "a.npy"));
  CHECK_THROWS_WITH(load_text(npy("|O", "False", "xxxx"), "a.npy"), Contains("object arrays"));
  CHECK_THROWS_WITH(load_text(npy("<c8", "False", std::string(32, 'x')), "a.npy"), Contains("'<c8'"));
}

TEST_CASE("sparse problems survive as CSR in npz") {
  std::vector<IsingEdge> ring;
  for (std::int32_t i = 0; i < 200; ++i) ring.push_back({i, (i + 1) % 200, 1.0 + i});
  Problem problem;
  problem.ising = IsingModel(200, ring, std::vector<double>(200, -0.5), 3);
  problem.kind = ProblemKind::qubo;
  const std::string bytes = problem_to_bytes(problem, ProblemFormat::npz);
  CHECK(bytes.find("J_indptr.npy") != std::string::npos);
  const Problem back = load_problem_from_bytes(bytes, "ring.npz");
  CHECK(back.kind == ProblemKind::qubo);
  CHECK(back.ising.offset() == 3);
  const auto a = problem.ising.edges();
  const auto b = back.ising.edges();
  REQUIRE(a.size() == b.size());
  for (std::size_t k = 0; k < a.size(); ++k)
    CHECK((a[k].i == b[k].i && a[k].j == b[k].j && a[k].J == b[k].J));
}

TEST_CASE("gzip: text formats are read and written compressed, damage is noticed") {
  const ScratchDirectory scratch;
  const Problem problem = five_spins(false, 0);
  save_problem(problem, scratch.file("five.txt.gz"), ProblemFormat::rudy);
  std::ifstream file(scratch.file("five.txt.gz"), std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  const std::string bytes = content.str();
  REQUIRE(bytes.substr(0, 2) == "\x1f\x8b");
  const Problem back = load_problem(scratch.file("five.txt.gz"));
  check_same_energies(problem, back);
  CHECK(back.name == "five.txt");
  // The checksum is of the text, so that it does not depend on the compressor.
  const std::string text = problem_to_bytes(problem, ProblemFormat::rudy);
  Sha256 hash;
  hash.update(text.data(), text.size());
  CHECK(back.sha256 == hash.hex_digest());

  CHECK_THROWS_WITH(load_text(bytes.substr(0, bytes.size() - 9), "t.gz"), Contains("truncated gzip"));
  CHECK_THROWS_WITH(load_text(bytes + "xx", "t.gz"), Contains("gzip"));
  std::string flipped = bytes;
  flipped[bytes.size() - 12] ^= 0x20;
  CHECK_THROWS_AS(load_text(flipped, "t.gz"), InputError);
  // Two members are one file (RFC 1952).
  REQUIRE(std::system(
              fmt::format("(printf '2 1\\n' | gzip; printf '1 2 5\\n' | gzip) > '{}'", scratch.file("two.gz"))
                  .c_str()) == 0);
  CHECK(load_problem(scratch.file("two.gz")).total_weight() == 5);
  CHECK_THROWS_WITH(save_problem(problem, scratch.file("five.npy.gz"), ProblemFormat::npy),
                    Contains("drop the .gz"));
}

TEST_CASE("a small compressed file cannot fill the memory") {
  const ScratchDirectory scratch;
  // 64 MiB of blanks, under 300 KiB compressed.
  std::ofstream(scratch.file("blanks.txt")) << "1 0\n" << std::string(std::size_t{64} << 20, ' ');
  REQUIRE(std::system(fmt::format("gzip -1 '{}'", scratch.file("blanks.txt")).c_str()) == 0);
  CHECK(load_problem(scratch.file("blanks.txt.gz")).ising.size() == 1);
  LoadOptions small;
  small.memory_limit_bytes = std::size_t{32} << 20;
  CHECK_THROWS_WITH(load_problem(scratch.file("blanks.txt.gz"), small),
                    Contains("inflates to more than 8 MiB"));
}

TEST_CASE("saving is all or nothing") {
  const ScratchDirectory scratch;
  const Problem problem = five_spins(true, 0);
  CHECK_THROWS_AS(save_problem(problem, scratch.file("five.rud"), ProblemFormat::rudy), InputError);
  CHECK(std::filesystem::is_empty(scratch.path()));
  CHECK_THROWS_WITH(save_problem(problem, scratch.file("missing/five.coo"), ProblemFormat::dimod_coo),
                    Contains("No such file or directory"));
  CHECK_THROWS_WITH(save_problem(problem, scratch.path().string(), ProblemFormat::dimod_coo),
                    Contains("is a directory"));
  CHECK(std::filesystem::is_empty(scratch.path()));
  std::ofstream(scratch.file("five.coo")) << "an older file";
  save_problem(problem, scratch.file("five.coo"), ProblemFormat::dimod_coo);
  check_same_energies(problem, load_problem(scratch.file("five.coo")));
  CHECK(std::distance(std::filesystem::directory_iterator(scratch.path()), {}) == 1);
}

TEST_CASE("formats have names and extensions") {
  for (const ProblemFormat format : all_problem_formats())
    CHECK(parse_problem_format(format_name(format)) == format);
  CHECK_THROWS_WITH(parse_problem_format("xml"), Contains("rudy, biqmac"));
  CHECK(format_of_extension("a/b.sparse.gz") == ProblemFormat::biqmac);
  CHECK(format_of_extension("B.MTX") == ProblemFormat::matrix_market);
  CHECK(format_of_extension("brock200_2.clq") == ProblemFormat::dimacs);
  CHECK(format_of_extension("myciel3.col") == ProblemFormat::dimacs);
  CHECK_FALSE(format_of_extension("pm1s_100.0"));
  CHECK_FALSE(format_of_extension("G1.txt"));
}

TEST_CASE("an asymmetry within rounding is averaged, more is refused") {
  const auto csv = [](double other) { return fmt::format("0,1\n{:.17g},0\n", other); };
  const Problem p = load_text(csv(1 + 1e-10), "m.csv");
  CHECK(p.ising.couplings(0)[0] == Approx(2 + 1e-10).epsilon(1e-14));
  CHECK_THROWS_WITH(load_text(csv(1 + 1e-8), "m.csv"), Contains("not symmetric"));
}
