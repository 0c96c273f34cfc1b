#include "driver/adapt.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/error.h"
#include "core/random.h"
#include "hamiltonian/brute_force.h"

using namespace opoloop;
using Catch::Matchers::Contains;

namespace {

std::shared_ptr<const Problem> problem_of(IsingModel model) {
  auto problem = std::make_shared<Problem>();
  problem->ising = std::move(model);
  problem->best_known_energy = -1.0;
  return problem;
}

IsingModel random_model(int n, bool field, double scale) {
  RandomSequence random(11, Stream::generator);
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) edges.push_back({i, j, scale * random.normal()});
  }
  std::vector<double> h;
  for (int i = 0; field && i < n; ++i) h.push_back(scale * random.normal());
  return {n, edges, h, 2.5};
}

Capabilities machine(std::int64_t max_spins, std::optional<int> bits, bool linear_term) {
  Capabilities can;
  can.max_spins = max_spins;
  can.coupling_bits = bits;
  can.linear_term = linear_term;
  return can;
}

}  // namespace

TEST_CASE("a problem that fits is left alone") {
  const auto integers = problem_of({3, {{0, 1, 3.0}, {1, 2, -127.0}}, {0, 5, 0}, 0.5});
  const AdaptedProblem same = adapt(integers, machine(3, 8, true));
  CHECK(same.problem == integers);
  CHECK(same.adaptations.empty());
  REQUIRE(same.quantisation);
  CHECK(same.quantisation->exact);
  CHECK(same.quantisation->largest_error == 0);
  CHECK(same.device_energy(7) == 7);

  const auto real = problem_of(random_model(5, true, 1));
  CHECK(adapt(real, machine(0, std::nullopt, true)).problem == real);
}

TEST_CASE("couplings that are multiples of the smallest become integers exactly") {
  const double unit = 1 / std::sqrt(7.0);
  const auto problem =
      problem_of({4, {{0, 1, unit}, {1, 2, -3 * unit}, {0, 3, 2 * unit}}, {0, -unit, 0, 0}, 1});
  const AdaptedProblem adapted = adapt(problem, machine(0, 3, true));
  REQUIRE(adapted.quantisation);
  CHECK(adapted.quantisation->exact);
  CHECK(adapted.quantisation->largest_error == 0);
  CHECK(adapted.problem->ising.integer_couplings(3));
  CHECK(adapted.problem->ising.field()[1] == -1);
  REQUIRE(adapted.adaptations.size() == 1);
  CHECK_THAT(adapted.adaptations[0], Contains("exactly"));
  // Energies in the machine's units are those of the problem, scaled.
  const std::vector<std::int8_t> spins = {1, -1, 1, -1};
  CHECK(adapted.device_energy(problem->ising.energy(spins)) == Approx(adapted.problem->ising.energy(spins)));
  CHECK(adapted.problem_energy(adapted.problem->ising.energy(spins)) == Approx(problem->ising.energy(spins)));
}

TEST_CASE("rounding fills the range and its errors are reported") {
  for (const int bits : {4, 8, 12}) {
    const auto problem = problem_of(random_model(9, true, 1e-3));
    const AdaptedProblem adapted = adapt(problem, machine(0, bits, true));
    const Quantisation& q = *adapted.quantisation;
    const double range = std::ldexp(1.0, bits - 1) - 1;
    double largest = adapted.problem->ising.largest_coupling();
    for (const double h : adapted.problem->ising.field()) largest = std::max(largest, std::abs(h));
    CHECK(largest == range);
    CHECK(adapted.problem->ising.integer_couplings(range));
    CHECK_FALSE(q.exact);
    CHECK(q.largest_error <= 0.5 / q.scale * (1 + 1e-12));
    CHECK(q.largest_error > 0.1 / q.scale);  // of 45 values one is not near an integer
    CHECK(q.relative_error == Approx(q.largest_error * q.scale / range));
    const std::int64_t before = problem->ising.edge_count() + 9;
    std::int64_t after = adapted.problem->ising.edge_count();
    for (const double h : adapted.problem->ising.field()) after += h != 0 ? 1 : 0;
    CHECK(q.vanished == before - after);
    CHECK_FALSE(adapted.problem->best_known_energy);
  }
  // Halves go away from zero, with either sign.
  const auto halves = problem_of({3, {{0, 1, 2.5}, {0, 2, -2.5}, {1, 2, 7.0}}});
  const AdaptedProblem adapted = adapt(halves, machine(0, 4, true));
  CHECK(adapted.problem->ising.couplings(0)[0] == 3);
  CHECK(adapted.problem->ising.couplings(0)[1] == -3);
}

TEST_CASE("samples come back as answers to the problem that was asked") {
  const auto problem = problem_of(random_model(8, true, 1));
  const AdaptedProblem adapted = adapt(problem, machine(9, 8, false));
  CHECK(adapted.ancilla);
  CHECK(adapted.adaptations.size() == 2);
  CHECK(adapted.problem->ising.size() == 9);
  CHECK_FALSE(adapted.problem->ising.has_field());

  const BruteForceResult machine_answer = brute_force(adapted.problem->ising, 1, 2);
  REQUIRE(machine_answer.ground_states.size() == 2);  // a state and its mirror image
  Result result;
  result.adaptations = {"the device's own"};
  for (const auto& spins : machine_answer.ground_states) {
    Sample sample;
    sample.spins_best = sample.spins_final = spins;
    sample.energy_best = sample.energy_final = machine_answer.energy;
    result.samples.push_back(sample);
  }
  const Result back = adapted.restore(result);
  CHECK(back.adaptations.size() == 3);
  CHECK(back.adaptations.back() == "the device's own");
  CHECK(back.samples[0].spins_best == back.samples[1].spins_best);
  for (const Sample& sample : back.samples) {
    REQUIRE(sample.spins_best.size() == 8);
    CHECK(sample.energy_best == problem->ising.energy(sample.spins_best));
  }
  // 8 bits of coupling move the ground energy by no more than twice the sum of all rounding errors.
  const double bound = 2 * 36 * adapted.quantisation->largest_error;
  CHECK(back.samples[0].energy_best <= brute_force(problem->ising).energy + bound);

  result.samples[0].spins_best.pop_back();
  CHECK_THROWS_AS(adapted.restore(result), Error);
}

TEST_CASE("a final state that is better once energies are exact becomes the best") {
  // 2-bit couplings cannot tell 1.0 from 0.9.
  const auto problem = problem_of({3, {{0, 1, 1.0}, {0, 2, 0.9}, {1, 2, -1.0}}});
  const AdaptedProblem adapted = adapt(problem, machine(0, 2, true));
  Sample sample;
  sample.spins_best = {1, -1, 1};   // breaks the bond of 1.0
  sample.spins_final = {1, 1, -1};  // breaks the bond of 0.9
  sample.rounds = 10;
  sample.round_best = 2;
  Result result;
  result.samples = {sample};
  const Result back = adapted.restore(result);
  CHECK(back.samples[0].energy_best == Approx(-1.1));
  CHECK(back.samples[0].spins_best == std::vector<std::int8_t>{1, 1, -1});
  CHECK(back.samples[0].round_best == 10);
}

TEST_CASE("too many spins are refused with what is needed and what there is") {
  const auto problem = problem_of(random_model(10, true, 1));
  CHECK_THROWS_WITH(adapt(problem, machine(9, std::nullopt, true)),
                    Contains("needs 10 spins") && Contains("has 9"));
  CHECK_THROWS_WITH(adapt(problem, machine(10, std::nullopt, false)),
                    Contains("needs 11 spins") && Contains("ancilla") && Contains("has 10"));
  CHECK_THROWS_AS(adapt(problem, machine(0, 1, true)), InputError);
}
