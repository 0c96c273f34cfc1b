// The instances in data/ are what their generator commands give, and their optima are what the table says.

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "hamiltonian/brute_force.h"
#include "hamiltonian/generators.h"
#include "hamiltonian/known_values.h"
#include "hamiltonian/problem_file.h"

using namespace opoloop;

namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// "opoloop generate FAMILY --name value …" → the problem.
Problem run_generator(const std::string& command) {
  std::istringstream words(command);
  std::string program, verb, family, name, value;
  words >> program >> verb >> family;
  std::map<std::string, std::string> options;
  while (words >> name >> value) options[name.substr(2)] = value;
  return generate_problem(family, options);
}

}  // namespace

TEST_CASE("shipped instances are what their commands generate, with the optima the table claims") {
  std::ifstream table("data/known_values.csv");
  std::string line;
  REQUIRE(std::getline(table, line));
  CHECK(line == "file,n,m,sense,best,status,source,note");
  const std::string readme = bytes_of("data/README.md");
  int rows = 0;
  while (std::getline(table, line)) {
    INFO(line);
    std::vector<std::string> field;
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) field.push_back(cell);
    REQUIRE(field.size() == 8);
    const std::string path = "data/" + field[0];
    Problem problem = load_problem(path);
    const Problem made = run_generator(field[6]);
    CHECK(problem_to_bytes(made, ProblemFormat::rudy) == bytes_of(path));
    CHECK(std::to_string(problem.ising.size()) == field[1]);
    CHECK(std::to_string(problem.ising.edge_count()) == field[2]);
    REQUIRE(find_known_value(problem, path));
    if (made.best_known_energy) CHECK(*made.best_known_energy == *problem.best_known_energy);
    if (problem.ising.size() <= kBruteForceMaxSpins) {
      CHECK(brute_force(problem.ising).energy == *problem.best_known_energy);
    } else {
      CHECK(made.best_known_source == "planted");
    }
    CHECK(std::filesystem::file_size(path) < 100'000);
    CHECK(readme.find(problem.sha256) != std::string::npos);
    ++rows;
  }
  CHECK(rows == 8);
}
