#include "hamiltonian/generators.h"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>
#include <sstream>

#include "core/error.h"
#include "core/sha256.h"
#include "hamiltonian/brute_force.h"

using namespace opoloop;
using Catch::Matchers::Contains;

namespace {

std::vector<int> degrees(const IsingModel& model) {
  std::vector<int> degree(static_cast<std::size_t>(model.size()), 0);
  for (const IsingEdge& e : model.edges()) {
    ++degree[static_cast<std::size_t>(e.i)];
    ++degree[static_cast<std::size_t>(e.j)];
  }
  return degree;
}

std::string fingerprint(const Problem& problem) {
  std::string text = fmt::format("{}\n", problem.ising.size());
  for (const IsingEdge& e : problem.ising.edges()) text += fmt::format("{} {} {}\n", e.i, e.j, e.J);
  Sha256 sha;
  sha.update(text.data(), text.size());
  return sha.hex_digest().substr(0, 16);
}

}  // namespace

TEST_CASE("generators give the graphs they promise") {
  const Problem sk = sherrington_kirkpatrick(40, CouplingKind::plus_minus_one, false, 3);
  CHECK(sk.ising.edge_count() == 40 * 39 / 2);
  CHECK(sk.ising.sum_of_squares() == 40 * 39);
  CHECK(sk.kind == ProblemKind::ising);

  const Problem m = erdos_renyi_edges(50, 300, WeightKind::plus_minus_one, 3);
  CHECK(m.ising.edge_count() == 300);
  CHECK(m.kind == ProblemKind::max_cut);
  CHECK(m.ising.sum_of_squares() == 600);
  CHECK(erdos_renyi_edges(10, 45, WeightKind::one, 1).total_weight() == 45);
  CHECK(erdos_renyi_edges(10, 0, WeightKind::one, 1).ising.edge_count() == 0);

  for (const auto& [n, d] : std::vector<std::pair<int, int>>{
           {20, 3}, {9, 4}, {10, 8}, {10, 9}, {7, 6}, {200, 20}, {60, 55}, {3, 2}, {2, 1}}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      const Problem regular = random_regular(n, d, WeightKind::one, seed);  // a repeated edge would throw
      CHECK(degrees(regular.ising) == std::vector<int>(static_cast<std::size_t>(n), d));
    }
  }
  CHECK(degrees(torus(5, CouplingKind::gaussian, 1).ising) == std::vector<int>(25, 4));
  CHECK(degrees(moebius_ladder(16).ising) == std::vector<int>(16, 3));
  CHECK(complete_plus_minus_one(30, 1).ising.sum_of_squares() == 30 * 29);
}

TEST_CASE("random couplings have the moments they promise") {
  // All within 5 standard errors: of a mean σ/√M, of a variance √(2/M) σ² for normals, of a share √(pq/M).
  const int n = 300;
  const double pairs = n * (n - 1) / 2.0;
  const Problem gaussian = sherrington_kirkpatrick(n, CouplingKind::gaussian, true, 5);
  double sum = 0;
  for (const IsingEdge& e : gaussian.ising.edges()) sum += e.J;
  CHECK(std::abs(sum / pairs) < 5 / std::sqrt(n * pairs));
  const double variance = gaussian.ising.sum_of_squares() / 2 / pairs * n;
  CHECK(std::abs(variance - 1) < 5 * std::sqrt(2 / pairs));
  const double p = 0.3;
  const auto edges = static_cast<double>(erdos_renyi(n, p, WeightKind::one, 6).ising.edge_count());
  CHECK(std::abs(edges / pairs - p) < 5 * std::sqrt(p * (1 - p) / pairs));
  const double total = complete_plus_minus_one(n, 7).total_weight();
  CHECK(std::abs(total) < 5 * std::sqrt(pairs));
}

TEST_CASE("a seed promises its instance") {
  const auto text = [](std::uint64_t seed) {
    return fingerprint(sherrington_kirkpatrick(12, CouplingKind::plus_minus_one, false, seed));
  };
  CHECK(text(1) == text(1));
  CHECK(text(1) != text(2));
  // Golden: a change of any of these changes what published seeds mean.
  CHECK(text(1) == "1ffa555fec572aad");
  CHECK(fingerprint(erdos_renyi(16, 0.5, WeightKind::plus_minus_one, 1)) == "07f89b7dfe4aafde");
  CHECK(fingerprint(erdos_renyi_edges(16, 40, WeightKind::one, 1)) == "d8a11bbd41b5f4d1");
  CHECK(fingerprint(random_regular(16, 3, WeightKind::plus_minus_one, 1)) == "fb1c9e7c03ad39a6");
  CHECK(fingerprint(wishart_planted(16, 0.5, true, 1)) == "42f87b4f3ac05683");
  CHECK(fingerprint(tile_planted(4, 0.2, 0.3, 0.2, 1)) == "092f666e8e56feca");
  CHECK(fingerprint(torus(4, CouplingKind::plus_minus_one, 1)) == "5e17e428ffc4f0ef");
  CHECK(fingerprint(complete_plus_minus_one(12, 1)) == "b12c6ddb9157857e");
}

TEST_CASE("planted energies are ground energies") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    for (const bool integer : {true, false}) {
      for (const int n : {8, 16, 18}) {
        const Problem problem = wishart_planted(n, 0.6, integer, seed);
        INFO(problem.source);
        const BruteForceResult exact = brute_force(problem.ising);
        CHECK(exact.energy == Approx(*problem.best_known_energy).epsilon(1e-12));
        if (integer) CHECK(exact.energy == *problem.best_known_energy);
        CHECK(problem.best_known_source == "planted");
      }
    }
    for (const auto& p :
         std::vector<std::array<double, 3>>{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0, 0, 0}, {.2, .5, .1}}) {
      const Problem problem = tile_planted(4, p[0], p[1], p[2], seed);
      INFO(problem.source);
      CHECK(brute_force(problem.ising).energy == *problem.best_known_energy);
      CHECK(degrees(problem.ising) == std::vector<int>(16, 4));
    }
  }
  // Cells with one ground state each leave one state and its mirror.
  CHECK(brute_force(tile_planted(4, 1, 0, 0, 9).ising).degeneracy == 2);
  CHECK(brute_force(tile_planted(4, 0, 0, 0, 9).ising).degeneracy > 2);
}

TEST_CASE("the Moebius ladder has its known cut, optima and spectrum") {
  for (const int n : {4, 6, 8, 10, 12, 14, 16, 18, 20}) {
    const Problem problem = moebius_ladder(n);
    CHECK(brute_force(problem.ising).energy == *problem.best_known_energy);
  }
  const Problem problem = moebius_ladder(16);
  const BruteForceResult exact = brute_force(problem.ising);
  CHECK(problem.cut_of_energy(exact.energy) == 22);
  CHECK(exact.degeneracy == 16);
  Eigen::MatrixXd J = Eigen::MatrixXd::Zero(16, 16);  // = −A
  for (const IsingEdge& e : problem.ising.edges()) J(e.i, e.j) = J(e.j, e.i) = e.J;
  const Eigen::VectorXd values = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(J).eigenvalues();
  const double expected = 1 + 2 * std::cos(std::numbers::pi / 8);  // −(2 cos πm/8 + (−1)^m) at m = 7, 9
  CHECK(expected == Approx(2.848).margin(0.0005));
  CHECK(values[15] == Approx(expected));
  CHECK(values[14] == Approx(expected));
  CHECK(values[13] < expected - 0.1);
}

TEST_CASE("families are made from text, and their source makes them again") {
  for (const GeneratorFamily& family : generator_families()) {
    std::map<std::string, std::string> options;
    for (const GeneratorOption& option : family.options) {
      if (option.name == "n") options.emplace("n", "12");
      if (option.name == "l") options.emplace("l", "4");
      if (option.name == "m") options.emplace("m", "20");
      if (option.name == "seed") options.emplace("seed", "77");
    }
    const Problem problem = generate_problem(family.name, options);
    INFO(problem.source);
    CHECK_FALSE(problem.name.empty());
    // Read the command back: pairs of --name value after "opoloop generate FAMILY".
    std::map<std::string, std::string> again;
    std::string made;
    std::istringstream words(problem.source);
    std::string word;
    words >> word >> word >> made;
    while (words >> word) {
      std::string value;
      words >> value;
      REQUIRE(word.substr(0, 2) == "--");
      again[word.substr(2)] = value;
    }
    CHECK(made == family.name);
    const Problem twin = generate_problem(made, again);
    CHECK(fingerprint(twin) == fingerprint(problem));
    CHECK(twin.best_known_energy == problem.best_known_energy);
  }
}

TEST_CASE("every option of every family takes values of its kind, and no others") {
  for (const GeneratorFamily& family : generator_families()) {
    std::map<std::string, std::string> least;
    for (const GeneratorOption& option : family.options) {
      if (option.default_value.empty()) least.emplace(option.name, "8");
    }
    const auto is_refused = [&](const std::string& name, const std::string& value) {
      std::map<std::string, std::string> options = least;
      options[name] = value;
      try {
        generate_problem(family.name, options);
      } catch (const OptionValueError& error) {
        CHECK_THAT(error.what(),
                   Catch::StartsWith(fmt::format("{}: {} = '{}': expected ", family.name, name, value)));
        return true;
      } catch (const InputError&) {  // of the kind, and out of range
      }
      return false;
    };
    for (const GeneratorOption& option : family.options) {
      CAPTURE(family.name, option.name);
      CHECK(is_refused(option.name, "nonsense"));
      for (const std::string& word : option.words) CHECK_FALSE(is_refused(option.name, word));
      if (option.kind == OptionKind::real) CHECK_FALSE(is_refused(option.name, "0.25"));
      if (option.kind != OptionKind::real) CHECK(is_refused(option.name, "1.5"));
      if (option.kind != OptionKind::word) CHECK_FALSE(is_refused(option.name, "4"));
      if (option.kind == OptionKind::count || option.kind == OptionKind::seed)
        CHECK(is_refused(option.name, "-1"));
    }
  }
}

TEST_CASE("impossible options are refused by name") {
  CHECK_THROWS_WITH(generate_problem("potts", {}), Contains("unknown family") && Contains("tile2d"));
  CHECK_THROWS_WITH(generate_problem("sk", {}), Contains("'n' must be given"));
  CHECK_THROWS_WITH(generate_problem("sk", {{"n", "10"}, {"q", "3"}}),
                    Contains("no option 'q'") && Contains("variance"));
  CHECK_THROWS_WITH(generate_problem("sk", {{"n", "ten"}}), Contains("n = 'ten'"));
  CHECK_THROWS_AS(generate_problem("sk", {{"n", "1"}}), InputError);
  CHECK_THROWS_AS(generate_problem("sk", {{"n", "-5"}}), InputError);
  CHECK_THROWS_AS(generate_problem("sk", {{"n", "2000000000"}}), InputError);
  CHECK_THROWS_AS(generate_problem("sk", {{"n", "5"}, {"couplings", "cauchy"}}), InputError);
  CHECK_THROWS_AS(generate_problem("sk", {{"n", "5"}, {"seed", "-1"}}), InputError);
  CHECK_THROWS_AS(generate_problem("erdos-renyi", {{"n", "5"}, {"m", "-1"}}), InputError);
  CHECK_THROWS_AS(generate_problem("erdos-renyi", {{"n", "5"}, {"p", "0.5"}, {"m", "3"}}), InputError);
  CHECK_THROWS_AS(generate_problem("erdos-renyi", {{"n", "5"}, {"p", "nan"}}), InputError);
  CHECK_THROWS_AS(generate_problem("erdos-renyi", {{"n", "5"}, {"m", "11"}}), InputError);
  CHECK_THROWS_AS(generate_problem("regular", {{"n", "5"}, {"d", "3"}}), InputError);
  CHECK_THROWS_AS(generate_problem("regular", {{"n", "4"}, {"d", "4"}}), InputError);
  CHECK_THROWS_AS(generate_problem("moebius", {{"n", "7"}}), InputError);
  CHECK_THROWS_AS(generate_problem("wishart", {{"n", "7"}}), InputError);
  CHECK_THROWS_AS(generate_problem("wishart", {{"n", "8"}, {"alpha", "0"}}), InputError);
  CHECK_THROWS_AS(generate_problem("tile2d", {{"l", "5"}}), InputError);
  CHECK_THROWS_AS(generate_problem("tile2d", {{"l", "4"}, {"p1", "0.6"}, {"p2", "0.6"}}), InputError);
  CHECK_THROWS_AS(generate_problem("torus", {{"l", "2"}}), InputError);
}
