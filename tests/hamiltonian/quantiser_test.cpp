#include "hamiltonian/quantiser.h"

#include <catch2/catch.hpp>
#include <vector>

#include "core/error.h"
#include "hamiltonian/brute_force.h"

using namespace opoloop;

TEST_CASE("Quantiser counts what became zero among couplings and fields") {
  // A field 100 times the couplings, as the published 8-bit matrices have: 127/100 units, so 0.3 rounds to 0.
  const IsingModel model(4, {{0, 1, 0.3}, {1, 2, -0.3}, {2, 3, 1.0}}, {100, 0, -50, 0.2});
  const Quantisation q = measure_quantisation(model, 8);
  CHECK_FALSE(q.exact);
  CHECK(q.scale == Approx(1.27));
  CHECK(q.couplings == 3);
  CHECK(q.vanished_couplings == 2);
  CHECK(q.vanished == 3);  // and the field 0.2
  CHECK(q.surviving_share() == Approx(1.0 / 3));
  CHECK(q.largest_error <= 0.5 / 1.27 + 1e-12);
  CHECK(q.relative_error == Approx(q.largest_error / 100));
}

TEST_CASE("Quantiser tells whether the ground state moved") {
  // σ0 follows its field; σ1 follows σ0 through a coupling that 3 bits lose, so its rounded state is free.
  const IsingModel lost(2, {{0, 1, 0.1}}, {3, 0.05});
  const Quantisation q = measure_quantisation(lost, 3);
  const auto shift = ground_state_shift(lost, q);
  REQUIRE(shift);
  CHECK_FALSE(shift->moved);  // one of the rounded ground states is still right
  CHECK(shift->worst_loss == Approx(0.3));

  // 1.4 and −1.6 become 1 and −2 of 3: with the field of spin 1 at 0.9 → 1 the balance tips.
  const IsingModel tipped(2, {{0, 1, 1.4}}, {3, -1.45});
  const Quantisation tip = measure_quantisation(tipped, 3);
  const auto moved = ground_state_shift(tipped, tip);
  REQUIRE(moved);
  const IsingModel rounded = quantised(tipped, tip.scale);
  const BruteForceResult after = brute_force(rounded);
  const BruteForceResult before = brute_force(tipped);
  bool kept = false;
  for (const auto& state : after.ground_states) kept = kept || state == before.ground_states[0];
  CHECK(moved->moved == !kept);

  CHECK_FALSE(ground_state_shift(IsingModel(21, {{0, 1, 1.0}}), q));
}

TEST_CASE("Quantiser looks at every rounded ground state, however many") {
  // Twelve small fields vanish beside a large one: 4096 rounded ground states. The problem's own and the
  // worst are all up and all down, the first and the last that an enumeration meets.
  for (const double small : {-0.2, 0.2}) {
    std::vector<double> h(13, small);
    h[0] = 100;
    const IsingModel model(13, {}, h);
    const Quantisation q = measure_quantisation(model, 8);
    REQUIRE(q.vanished == 12);
    const auto shift = ground_state_shift(model, q);
    REQUIRE(shift);
    CHECK_FALSE(shift->moved);
    CHECK(shift->worst_loss == Approx(2 * 12 * 0.2));
  }
}

TEST_CASE("Quantiser reports a ground state that is lost") {
  // 2.6 + 0.49·2 against 3.5: fields in units of 1 keep 3 ≥ 3.5 → 4, so spin 1 flips.
  const IsingModel model(3, {{0, 1, 2.4}, {1, 2, 1.4}}, {7, -3.5, 7});
  const Quantisation q = measure_quantisation(model, 4);
  REQUIRE(q.scale == Approx(1.0));
  const auto shift = ground_state_shift(model, q);
  REQUIRE(shift);
  CHECK(shift->moved);
  CHECK(shift->worst_loss == Approx(2 * (2.4 + 1.4 - 3.5)));
}
