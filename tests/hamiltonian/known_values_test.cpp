#include "hamiltonian/known_values.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <sstream>

#include "core/error.h"
#include "hamiltonian/problem_file.h"
#include "tests/hamiltonian/problem_samples.h"
#include "tests/hamiltonian/public_data.h"

using namespace opoloop;
using namespace opoloop::testing;

namespace {

constexpr const char* kHeader = "file,n,m,sense,best,status,source,note\n";

Problem found(const ScratchDirectory& scratch, const std::string& name, const std::string& content,
              const std::string& row) {
  std::filesystem::create_directories(scratch.path() / "a" / "b");
  std::ofstream(scratch.file("known_values.csv")) << kHeader << row << "\n";
  std::ofstream(scratch.file("a/b/" + name)) << content;
  Problem problem = load_problem(scratch.file("a/b/" + name));
  find_known_value(problem, scratch.file("a/b/" + name));
  return problem;
}

}  // namespace

TEST_CASE("known values: each sense becomes the energy of the problem") {
  const ScratchDirectory scratch;
  const std::string triangle = "3 3\n1 2 1\n2 3 1\n1 3 5\n";
  SECTION("max-cut") {
    // Best cut 6 of total weight 7: E = 7 − 12.
    const Problem p = found(scratch, "t.txt", triangle, "a/b/t.txt,3,3,max-cut,6,optimal,by hand,");
    CHECK(p.best_known_energy == -5.0);
    CHECK(p.best_known_source == "known_values.csv: optimal");
  }
  SECTION("min sum w s s") {
    const Problem p =
        found(scratch, "t.txt", triangle, "a/b/t.txt,3,3,min sum w s s,-5,,,\"a, quoted \"\"note\"\"\"");
    CHECK(p.best_known_energy == -5.0);
  }
  SECTION("min x'Qx") {
    const Problem p = found(scratch, "q.sparse", "2 2\n1 1 -3\n1 2 5\n", "a/b/q.sparse,2,2,min x'Qx,-3,,,");
    CHECK(p.best_known_energy == -3.0);
    CHECK(p.ising.energy(spins_of(2, 0b01)) == -3);
  }
  SECTION("max independent set") {
    const Problem p = found(scratch, "g.gph", "p edge 3 2\ne 1 2\ne 2 3\n",
                            "a/b/g.gph,3,2,max independent set,2,optimal,,");
    CHECK(p.best_known_energy == -2.0);
  }
  SECTION("rows that do not fit are passed over") {
    CHECK_FALSE(found(scratch, "t.txt", triangle, "a/b/other.txt,3,3,max-cut,6,,,").best_known_energy);
    CHECK_FALSE(found(scratch, "t.txt", triangle, "a/b/t.txt,4,3,max-cut,6,,,").best_known_energy);
    CHECK_FALSE(
        found(scratch, "t.txt", triangle, "a/b/t.txt,3,3,max independent set,1,,,").best_known_energy);
    CHECK_FALSE(found(scratch, "t.txt", triangle, "a/b/t.txt,3,3,min x'Qx,1,,,").best_known_energy);
    CHECK_FALSE(found(scratch, "t.txt", triangle, "a/b/t.txt,3,3,max-cut,six,,,").best_known_energy);
    CHECK_FALSE(found(scratch, "t.txt", triangle, "a/b/t.txt").best_known_energy);
  }
}

TEST_CASE("public instances: sizes, and every value of the table finds its file") {
  const auto data = public_data();
  if (!data) return;
  struct Size {
    const char* file;
    std::int32_t n;
    std::int64_t edges;
  };
  for (const Size& size :
       {Size{"small/gset/G1.txt", 800, 19176}, Size{"small/gset/G22.txt", 2000, 19990},
        Size{"small/gset/G48.txt", 3000, 6000}, Size{"small/biqmac/rudy/g05_60.0", 60, 885},
        Size{"small/planted/x3r3_n8_1.txt", 17, 58}}) {
    INFO(size.file);
    Problem problem = load_problem((*data / size.file).string());
    CHECK(problem.ising.size() == size.n);
    CHECK(problem.ising.edge_count() == size.edges);
    CHECK(problem.kind == ProblemKind::max_cut);
    CHECK(find_known_value(problem, (*data / size.file).string()));
  }
  int rows = 0;
  for (const char* tier : {"small", "medium"}) {
    std::ifstream table(*data / tier / "known_values.csv");
    std::string line;
    std::getline(table, line);
    while (std::getline(table, line)) {
      const bool graph =
          line.find(",max-cut,") != std::string::npos || line.find(",min sum w s s,") != std::string::npos;
      const bool qubo = line.find(",min x'Qx,") != std::string::npos ||
                        line.find(",max independent set,") != std::string::npos;
      const std::string file = line.substr(0, line.find(','));
      std::istringstream fields(line);
      std::string best;
      for (int column = 0; column < 5; ++column) std::getline(fields, best, ',');
      if (best.empty()) continue;  // listed without a value
      // K2000 is packed bits; the largest files would only make the test slow.
      if ((!graph && !qubo) || file.find(".bits") != std::string::npos) continue;
      const auto path = *data / tier / file;
      if (!std::filesystem::exists(path) || std::filesystem::file_size(path) > 300000) continue;
      INFO(path);
      Problem problem = load_problem(path.string());
      CHECK(problem.kind == (qubo ? ProblemKind::qubo : ProblemKind::max_cut));
      CHECK(find_known_value(problem, path.string()));
      ++rows;
    }
  }
  CHECK(rows > 200);
}

TEST_CASE("public instances: planted solutions have exactly the energy of the table") {
  const auto data = public_data();
  if (!data) return;
  int checked = 0;
  for (const char* tier : {"small", "medium"}) {
    for (const auto& entry : std::filesystem::directory_iterator(*data / tier / "planted")) {
      if (entry.path().extension() != ".sol") continue;
      auto instance = entry.path();
      instance.replace_extension(std::string(tier) == "small" ? ".txt" : ".txt.gz");
      INFO(instance);
      Problem problem = load_problem(instance.string());
      REQUIRE(find_known_value(problem, instance.string()));
      std::ifstream file(entry.path());
      std::string text;
      file >> text;
      std::vector<std::int8_t> spins;
      for (const char c : text) spins.push_back(c == '+' ? 1 : -1);
      CHECK(problem.ising.energy(spins) == *problem.best_known_energy);
      ++checked;
    }
  }
  CHECK(checked > 20);
}
