#include "experiments/qama_inspect.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <sstream>

#include "core/error.h"
#include "experiments/qama_inspect_report.h"
#include "hamiltonian/brute_force.h"
#include "tests/attention/qama_samples.h"

using namespace opoloop;
using namespace opoloop::testing;
using Catch::Matchers::Contains;

namespace {

QamaBatch batch_of(const QamaCase& c) {
  return {parse_qama_file(archive_of(members_of(c)), "in.npz"), {}};
}

const QamaCandidate& named(const QamaInspection& p, const std::string& name) {
  for (const QamaCandidate& c : p.candidates) {
    if (c.name == name) return c;
  }
  throw Error("no candidate " + name);
}

/// n spins of normal couplings and fields so many times larger.
IsingModel with_strong_fields(std::int32_t n, double fields, std::uint64_t seed) {
  RandomSequence random(seed, Stream::generator);
  std::vector<IsingEdge> edges;
  std::vector<double> h;
  for (std::int32_t i = 0; i < n; ++i) {
    for (std::int32_t j = i + 1; j < n; ++j) edges.push_back({i, j, random.normal()});
    h.push_back(fields * random.normal());
  }
  return {n, edges, h};
}

QamaInspectSettings exact_settings() {
  QamaInspectSettings settings;
  settings.device = "exact:";
  return settings;
}

}  // namespace

TEST_CASE("a linear term split over ancillas keeps the ground state of the rounded problem") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const IsingModel model = with_strong_fields(7, 4, seed);
    const int bits = 8;
    const auto split = split_linear_term(model, bits);
    REQUIRE(split);
    CAPTURE(seed, split->ancillas, split->tie);
    REQUIRE(split->ancillas > 1);
    REQUIRE(split->model.size() <= 20);
    CHECK_FALSE(split->model.has_field());
    CHECK(split->model.integer_couplings(127));
    // Full scale at the largest coupling, fields as large as they come.
    const IsingModel rounded = quantised(model, 127 / model.largest_coupling());
    CHECK(rounded.largest_term() > 127);
    const double ground = brute_force(rounded).energy;
    const BruteForceResult wide = brute_force(split->model);
    bool aligned = false;
    for (const auto& state : wide.ground_states) {
      CHECK(rounded.energy(join_split_spins(*split, state)) == Approx(ground));
      const int sum = std::accumulate(state.begin() + 7, state.end(), 0);
      aligned = aligned || std::abs(sum) == split->ancillas;
    }
    CHECK(aligned);
  }
  CHECK_FALSE(split_linear_term(IsingModel(3, {{0, 1, 1.0}}), 8));
  CHECK_FALSE(split_linear_term(IsingModel(3, {}, {1, 2, 3}), 8));
}

TEST_CASE("simple solutions are what they say") {
  const IsingModel model = with_strong_fields(10, 0.5, 5);
  const auto sign = sign_of_field(model);
  for (std::size_t i = 0; i < 10; ++i) CHECK(sign[i] == (model.field()[i] > 0 ? 1 : -1));
  const auto state = steepest_descent(model, std::vector<std::int8_t>(10, -1));
  const double energy = model.energy(state);
  CHECK(energy <= model.energy(std::vector<std::int8_t>(10, -1)));
  for (std::size_t i = 0; i < 10; ++i) {
    auto flipped = state;
    flipped[i] = static_cast<std::int8_t>(-flipped[i]);
    CHECK(model.energy(flipped) >= energy - 1e-9);
  }
  const IsingModel cut = rounded_with_cut_fields(with_strong_fields(6, 9, 6), 6);
  CHECK(cut.largest_term() == 31);
  CHECK(cut.largest_coupling() == 31);
}

TEST_CASE("an inspection agrees with brute force") {
  const QamaCase c = random_case(2, 2, 4, 4, false, 31);
  const QamaBatch batch = batch_of(c);
  QamaInspectSettings settings = exact_settings();
  const auto problems = inspect_qama(batch, -1, settings);
  REQUIRE(problems.size() == 2);
  for (const QamaInspection& p : problems) {
    const Problem problem = batch.problem(p.index);
    const double ground = brute_force(problem.ising).energy;
    CHECK(p.best == Approx(ground));
    CHECK(named(p, "device").energy == Approx(ground));
    CHECK(named(p, "device").gap == Approx(0).margin(1e-12));
    CHECK(named(p, "sign-of-field").energy ==
          Approx(problem.ising.energy(sign_of_field(problem.ising))).margin(1e-9));
    CHECK(named(p, "nothing").energy == Approx(0).margin(1e-6));
    CHECK(named(p, "nothing").selected == 0);
    CHECK(p.spins == 8);
    CHECK(p.couplings == 2 * 6 + 4);
    CHECK(p.inner_couplings == 2 * 6);
    CHECK(std::accumulate(p.histogram.begin(), p.histogram.end(), std::int64_t{0}) == p.couplings);
    CHECK(p.head_penalty / 2 <= p.coupling_max * (1 + 1e-12));
    CHECK(p.selection.size() == 8);
    // The rounded problem's own ground state, looked up on the true problem.
    const Quantisation q = measure_quantisation(problem.ising, 8);
    const auto rounded = brute_force(quantised(problem.ising, q.scale));
    double worst = ground;
    for (const auto& state : rounded.ground_states) worst = std::max(worst, problem.ising.energy(state));
    CHECK(named(p, "rounded-8").energy <= worst + 1e-9);
    CHECK(named(p, "rounded-8-descent").energy <= named(p, "rounded-8").energy + 1e-9);
    REQUIRE(p.curve.size() == 13);
    for (const QuantisationPoint& point : p.curve) {
      REQUIRE(point.shift);
      CHECK(point.shift->energy == Approx(ground));
    }
    CHECK(p.at_bits(16)->rounding.surviving_share() >= p.at_bits(4)->rounding.surviving_share());
    CHECK(p.at_bits(3) == nullptr);
  }
}

TEST_CASE("rounding that destroys every coupling is said first") {
  // Queries a thousand times smaller than usual: the linear term sets the scale.
  QamaCase c = random_case(1, 1, 12, 4, false, 32);
  for (float& value : c.Q) value *= 1e-3F;
  const QamaBatch batch = batch_of(c);
  QamaInspectSettings settings = exact_settings();
  const auto problems = inspect_qama(batch, 0, settings);
  CHECK(problems[0].inner_surviving == 0);
  CHECK_THAT(qama_headline(problems[0], settings),
             Contains("0 of 66 couplings survive 8 bits: the signs of the linear terms alone decide"));
  std::ostringstream text;
  print_qama_inspection(batch, problems, settings, text);
  CHECK_THAT(text.str(), Contains("0 of 66 couplings survive 8 bits"));
  // Then the machine's answer is what the linear terms alone say.
  CHECK(named(problems[0], "rounded-8").energy == Approx(named(problems[0], "sign-of-field").energy));
  const std::string html = qama_inspection_html(batch, problems, settings);
  CHECK_THAT(html, Contains("0 of 66 couplings survive 8 bits") && Contains("Selected tokens"));
}

TEST_CASE("degenerate problems are inspected too") {
  QamaInspectSettings settings = exact_settings();
  // One token: no couplings. All tokens equal: couplings alike.
  const auto one = inspect_qama(batch_of(random_case(1, 1, 1, 4, false, 33)), 0, settings);
  CHECK(one[0].couplings == 0);
  std::ostringstream text;
  const QamaBatch single = batch_of(random_case(1, 1, 1, 4, false, 33));
  print_qama_inspection(single, one, settings, text);
  print_qama_inspection_json(single, one, settings, text);
  CHECK_FALSE(qama_inspection_html(single, one, settings).empty());
  QamaCase masked = random_case(2, 1, 3, 4, true, 34);
  masked.removed = {1, 1, 1, 0, 0, 0};
  const QamaBatch batch = batch_of(masked);
  CHECK(inspect_qama(batch, -1, settings).size() == 1);
  CHECK_THROWS_WITH(inspect_qama(batch, 0, settings), Contains("no spins"));
  settings.machine_bits = {1};
  CHECK_THROWS_AS(inspect_qama(batch, 1, settings), InputError);
}
