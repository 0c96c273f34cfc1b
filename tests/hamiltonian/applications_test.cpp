#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "hamiltonian/applications/clustering.h"
#include "hamiltonian/applications/factorisation_machine.h"
#include "hamiltonian/applications/independent_set.h"
#include "hamiltonian/applications/sparse_coding.h"
#include "hamiltonian/applications/super_resolution.h"
#include "hamiltonian/applications/surrogate_design.h"
#include "hamiltonian/applications/tracking.h"
#include "hamiltonian/brute_force.h"

namespace opoloop {
namespace {

using Catch::Matchers::Contains;

/// What must hold for every application: its QUBO's ground states, found by looking at all states, are
/// feasible and as good as the reference, which is feasible and proven.
void check_against_all_states(const Application& application) {
  const Problem problem = application.problem();
  const BruteForceResult ground = brute_force(problem.ising, 1, 200);
  const Reference reference = application.reference();
  CHECK(reference.proven);
  CHECK(application.violations(reference.x).empty());
  CHECK(reference.objective == Approx(application.objective(reference.x)));
  CHECK(ground.energy == Approx(reference.objective).margin(1e-9));
  for (const auto& spins : ground.ground_states) CHECK(application.violations(bits_of(spins)).empty());
  // F + P V for states drawn at random.
  RandomSequence random(1, Stream::generator, 9);
  for (int draw = 0; draw < 50; ++draw) {
    std::vector<std::int8_t> spins;
    for (std::int32_t i = 0; i < problem.ising.size(); ++i) spins.push_back(random.uniform() < 0.5 ? 1 : -1);
    const auto x = bits_of(spins);
    const BrokenConstraints broken = broken_constraints(application.qubo(), x);
    CHECK(problem.ising.energy(spins) ==
          Approx(application.objective(x) + application.penalty() * broken.violation).margin(1e-9));
    CHECK(application.violations(x).size() == broken.conflicts.size() + broken.groups.size());
  }
}

Graph cycle(std::int32_t n) {
  Graph graph;
  graph.nodes = n;
  for (std::int32_t i = 0; i < n; ++i)
    graph.edges.emplace_back(std::min(i, (i + 1) % n), std::max(i, (i + 1) % n));
  return graph;
}

TrackingSettings small_scene(std::uint64_t seed) {
  TrackingSettings settings;
  settings.objects = 2;
  settings.frames = 4;
  settings.clutter = 0.5;
  settings.miss = 0.2;
  settings.seed = seed;
  return settings;
}

}  // namespace

TEST_CASE("applications: independent set of a cycle, decoder and penalty below the bound") {
  const IndependentSet set(cycle(9));
  check_against_all_states(set);
  CHECK(set.reference().objective == -4);  // ⌊9/2⌋
  CHECK(set.penalty_bound() == 1);
  CHECK(smallest_penalty(set.qubo()) == Approx(1));
  CHECK_THAT(set.violations(std::vector<std::int8_t>{1, 1, 0, 0, 0, 0, 0, 0, 1}).at(0),
             Contains("edge 1-2: both nodes are taken"));
  CHECK_THAT(set.describe(std::vector<std::int8_t>{1, 0, 0, 1, 0, 0, 0, 0, 0}).at(0),
             Contains("2 of 9 nodes: 1 4"));
  const IndependentSet low(cycle(9), 0.9);
  const BruteForceResult ground = brute_force(low.problem().ising);
  CHECK_FALSE(low.violations(bits_of(ground.ground_states.front())).empty());
  CHECK_THROWS_AS(IndependentSet(cycle(9), -1.0), InputError);
  CHECK_THROWS_AS(IndependentSet(cycle(9), std::nan("")), InputError);
}

TEST_CASE("applications: the greedy independent set is independent") {
  RandomSequence random(2, Stream::generator);
  Graph graph;
  graph.nodes = 60;
  for (std::int32_t i = 0; i < 60; ++i) {
    for (std::int32_t j = i + 1; j < 60; ++j) {
      if (random.uniform() < 0.2) graph.edges.emplace_back(i, j);
    }
  }
  const IndependentSet set(graph);
  const Reference reference = set.reference();
  CHECK_FALSE(reference.proven);
  CHECK(set.violations(reference.x).empty());
  CHECK(reference.objective < -5);
  CHECK(coupling_graph(set.problem().ising).edges.size() == graph.edges.size());
}

TEST_CASE("applications: tracking, dynamic programming against all states") {
  int tried = 0;
  for (std::uint64_t seed = 1; seed <= 40 && tried < 4; ++seed) {
    const Tracking tracking(tracking_scene(small_scene(seed)));
    if (tracking.qubo().objective.n > 16) continue;
    ++tried;
    check_against_all_states(tracking);
    CHECK(tracking.penalty_bound() >= smallest_penalty(tracking.qubo()));
  }
  CHECK(tried == 4);
}

TEST_CASE("applications: tracking, violations by name and links") {
  TrackingScene scene;
  scene.settings = small_scene(1);
  for (int frame = 0; frame < 3; ++frame) {
    for (int object = 0; object < 2; ++object) {
      const double place = 0.2 + 0.6 * object;
      scene.detections.push_back({frame, {place, 0.1 * frame}, {place, place}, object});
    }
  }
  const Tracking tracking(scene);
  //                                  frame 1      frame 2      frame 3
  const std::vector<std::int8_t> x = {1, 1, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1};
  const auto violations = tracking.violations(x);
  REQUIRE(violations.size() == 2);
  CHECK(violations[0] == "detection 1: in track 1 and in track 2");
  CHECK(violations[1] == "track 1: detections 1 and 2 of frame 1");
  const std::vector<std::int8_t> right = {1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1};
  CHECK(tracking.violations(right).empty());
  CHECK(link_score(tracking.links_of(right), true_links(scene)) == 1);
  CHECK(tracking.objective(right) == Approx(tracking.reference().objective));
  // One object and two tracks: with a penalty below the bound it pays to be in both.
  TrackingScene alone = scene;
  std::erase_if(alone.detections, [](const Detection& d) { return d.object == 1; });
  const Tracking by_rule(alone), low(alone, 0.1);
  CHECK(by_rule.violations(bits_of(brute_force(by_rule.problem().ising).ground_states.front())).empty());
  CHECK_FALSE(low.violations(bits_of(brute_force(low.problem().ising).ground_states.front())).empty());
  const std::vector<std::int8_t> swapped = {1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1};
  CHECK(link_score(tracking.links_of(swapped), true_links(scene)) == 0);
  CHECK(tracking.describe(right).size() == 3);
}

TEST_CASE("applications: tracking bridges a missed detection, frame by frame does not") {
  TrackingScene scene;
  scene.settings = small_scene(1);
  scene.settings.objects = 1;
  for (const int frame : {0, 1, 3}) scene.detections.push_back({frame, {0.1 * frame, 0.5}, {0.5, 0.5}, 0});
  const Tracking tracking(scene);
  const Reference reference = tracking.reference();
  CHECK(link_score(tracking.links_of(reference.x), true_links(scene)) == 1);
  CHECK(frame_to_frame_links(scene).size() == 1);
}

TEST_CASE("applications: tracking over two frames is programmed only where its one table is small") {
  TrackingSettings settings;
  settings.frames = 2;
  settings.miss = 0;
  settings.clutter = 0;
  settings.objects = 3;
  CHECK(Tracking(tracking_scene(settings)).reference().proven);
  settings.objects = 6;  // 13327 spreads of either frame
  const Tracking large(tracking_scene(settings));
  const Reference reference = large.reference();
  CHECK_FALSE(reference.proven);
  CHECK_THAT(reference.method, Contains("Hungarian"));
  CHECK(large.violations(reference.x).empty());
}

TEST_CASE("applications: the assignment is the least over all permutations") {
  RandomSequence random(4, Stream::generator);
  for (int draw = 0; draw < 50; ++draw) {
    const std::size_t rows = 1 + random.below(4), columns = rows + random.below(3);
    std::vector<std::vector<double>> cost(rows, std::vector<double>(columns));
    for (auto& row : cost) {
      for (double& c : row) c = random.normal();
    }
    std::vector<std::size_t> order(columns);
    std::iota(order.begin(), order.end(), std::size_t{0});
    double least = std::numeric_limits<double>::infinity();
    do {
      double sum = 0;
      for (std::size_t i = 0; i < rows; ++i) sum += cost[i][order[i]];
      least = std::min(least, sum);
    } while (std::next_permutation(order.begin(), order.end()));
    double found = 0;
    const std::vector<int> assigned = assign_rows(cost);
    for (std::size_t i = 0; i < rows; ++i) found += cost[i][static_cast<std::size_t>(assigned[i])];
    CHECK(found == Approx(least));
  }
  CHECK_THROWS_AS(assign_rows({{1.0}, {2.0}}), Error);
}

TEST_CASE("applications: clustering, branch and bound against all states") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    check_against_all_states(Clustering(seeded_blobs(6, 3, 0.15, seed), 3, false));
    check_against_all_states(Clustering(seeded_blobs(12, 2, 0.2, seed), 2, true));
    const Clustering four(seeded_blobs(5, 3, 0.15, seed), 3, false);
    CHECK(four.penalty_bound() >= smallest_penalty(four.qubo()));
  }
}

TEST_CASE("applications: branch and bound improves on k-means where that is not the optimum") {
  int improved = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const Clustering mixed(seeded_blobs(10, 2, 0.8, seed), 2, true);
    const Reference reference = mixed.reference();
    CHECK(brute_force(mixed.problem().ising).energy == Approx(reference.objective));
    const auto start = mixed.bits_of_labels(k_means(mixed.points(), 2, 1));
    improved += mixed.objective(start) > reference.objective + 1e-9 ? 1 : 0;
  }
  CHECK(improved > 3);
}

TEST_CASE("applications: clusters that lie apart are found by all, violations have names") {
  const PointSet blobs = seeded_blobs(24, 3, 0.03, 1);
  const Clustering clustering(blobs, 3, false);
  const Reference reference = clustering.reference();
  CHECK(reference.proven);
  CHECK(adjusted_rand_index(clustering.labels_of(reference.x), blobs.labels) == 1);
  CHECK(adjusted_rand_index(k_means(blobs, 3, 1), blobs.labels) == 1);
  std::vector<std::int8_t> x = reference.x;
  std::fill(x.begin(), x.begin() + 3, 0);
  std::fill(x.begin() + 3, x.begin() + 6, 1);
  const auto violations = clustering.violations(x);
  REQUIRE(violations.size() == 2);
  CHECK(violations[0] == "point 1: in no cluster");
  CHECK(violations[1] == "point 2: in 3 clusters");
  CHECK(clustering.labels_of(x)[0] == -1);
  // One spin a point costs the same as two one-hot bits.
  const PointSet two = seeded_blobs(10, 2, 0.1, 3);
  const Clustering spins(two, 2, true), one_hot(two, 2, false);
  const std::vector<int> labels = k_means(two, 2, 1);
  CHECK(spins.objective(spins.bits_of_labels(labels)) ==
        Approx(one_hot.objective(one_hot.bits_of_labels(labels))));
  CHECK(spins.penalty_bound() == 0);
  CHECK(adjusted_rand_index({0, 0, 1, 1}, {1, 1, 0, 0}) == 1);
  CHECK(adjusted_rand_index({0, 0, 1, 1}, {0, 1, 0, 1}) == Approx(-0.5));
  CHECK_THROWS_AS(Clustering(two, 3, true), InputError);
  CHECK_THROWS_AS(seeded_blobs(2, 3, 0.1, 1), InputError);
}

TEST_CASE("applications: sparse coding, all sets against all states") {
  RandomSequence random(6, Stream::generator);
  for (int draw = 0; draw < 5; ++draw) {
    Atoms atoms;
    atoms.length = 3;
    for (int k = 0; k < 12; ++k) atoms.values.push_back(random.normal() / 2);
    const SparseCoding coding({random.normal(), random.normal(), random.normal()}, atoms, 0.05);
    check_against_all_states(coding);
    CHECK(coding.penalty_bound() >= smallest_penalty(coding.qubo()));
    CHECK(coding.violations(coding.greedy()).empty());
  }
}

TEST_CASE("applications: sparse coding, a planted code comes back; two copies of an atom have a name") {
  Atoms atoms;
  atoms.length = 4;
  atoms.values = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0.6, 0.8};
  const SparseCoding coding({1, 0, -0.3, -0.4}, atoms, 0.05);
  const Reference reference = coding.reference();
  CHECK(coding.coefficients(reference.x) == std::vector<double>{1, 0, -0.5});
  CHECK(reference.objective == Approx(2 * 0.05));
  std::vector<std::int8_t> x(12, 0);
  x[2] = x[3] = 1;
  CHECK(coding.violations(x) == std::vector<std::string>{"atom 1: taken with amplitudes +0.5 and +1"});
  // Amplitude 1.5 is not on offer: without a penalty it would be made of two copies.
  const SparseCoding loud({1.5, 0, 0, 0}, atoms, 0.01, 0.0);
  CHECK_FALSE(loud.violations(bits_of(brute_force(loud.problem().ising).ground_states.front())).empty());
  CHECK_THROWS_AS(SparseCoding({1.0}, atoms, 0.1), InputError);
  CHECK_THROWS_AS(SparseCoding({1, 0, 0, 0}, atoms, 0.0), InputError);
}

TEST_CASE("applications: halving and doubling images") {
  // Keys' cubic convolution reproduces straight lines, and halving means of two: inside, a ramp comes back.
  GreyImage ramp{16, 16, {}};
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 16; ++column) ramp.pixels.push_back(0.02 * row + 0.01 * column);
  }
  const GreyImage again = bicubic_doubled(halved(ramp));
  for (int row = 4; row < 12; ++row) {
    for (int column = 4; column < 12; ++column) {
      CHECK(again.at(row, column) == Approx(ramp.at(row, column)).margin(1e-12));
    }
  }
  GreyImage off = ramp;
  for (double& p : off.pixels) p += 0.1;
  CHECK(psnr_db(off, ramp) == Approx(20));
  CHECK_THROWS_AS(halved(GreyImage{3, 2, std::vector<double>(6, 0.0)}), InputError);
}

TEST_CASE("applications: a learnt dictionary improves on bicubic") {
  std::vector<GreyImage> learn;
  for (std::uint64_t k = 0; k < 6; ++k) learn.push_back(seeded_picture(32, 100 + k));
  const PatchDictionary dictionary = learn_dictionary(learn, 16, 1);
  CHECK(dictionary.low.count() == 16);
  const GreyImage truth = seeded_picture(24, 1);
  const GreyImage low = halved(truth);
  const std::vector<PatchPlace> patches = textured_patches(low);
  REQUIRE(patches.size() > 5);
  std::vector<std::vector<double>> codes, nothing;
  for (const PatchPlace& patch : patches) {
    const SparseCoding coding(patch.signal, dictionary.low, kSparsity);
    codes.push_back(coding.coefficients(coding.greedy()));
    nothing.emplace_back(16, 0.0);
  }
  const double bicubic = psnr_db(bicubic_doubled(low), truth);
  CHECK(psnr_db(assemble(low, patches, nothing, dictionary), truth) == Approx(bicubic));
  CHECK(psnr_db(assemble(low, patches, codes, dictionary), truth) > bicubic);
}

TEST_CASE("applications: reflectance of a coating") {
  const ThinFilm film{1, 8, 20};
  // No layer: Fresnel's formula.
  const double bare = std::pow((ThinFilm::kGlass - 1) / (ThinFilm::kGlass + 1), 2);
  CHECK(film.reflectance({0}) == Approx(bare));
  // Two layers, of which only the quarter wave of magnesium fluoride is there: R = ((n₀n_s − n²)/(n₀n_s +
  // n²))² at its wavelength, 4 · 1.38 · 100 nm = 552 nm, and close to it over a narrow band; here the mean
  // over 400 … 700 nm must lie between that and the bare glass.
  const double quarter = std::pow((ThinFilm::kGlass - 1.38 * 1.38) / (ThinFilm::kGlass + 1.38 * 1.38), 2);
  const ThinFilm two{2, 8, 20};
  CHECK(two.reflectance({0, 5}) > quarter);
  CHECK(two.reflectance({0, 5}) < 0.6 * bare);
  // A half wave is not seen at its wavelength; thickness 0 is no layer wherever it stands.
  const ThinFilm three{3, 8, 20};
  CHECK(three.reflectance({3, 0, 2}) == Approx(ThinFilm{1, 8, 20}.reflectance({5})));
  CHECK(three.designs() == 512);
  CHECK(three.number(three.design(137)) == 137);
  CHECK_THROWS_AS((ThinFilm{8, 8, 20}.designs()), InputError);
}

TEST_CASE("applications: the factorisation machine learns its own kind of function") {
  // y = 1 + 2 x₀ − x₃ + 3 x₀ x₃ over two one-hot groups of three: rank 1 holds it.
  std::vector<std::vector<std::int32_t>> ones;
  std::vector<double> y;
  for (std::int32_t a = 0; a < 3; ++a) {
    for (std::int32_t b = 3; b < 6; ++b) {
      ones.push_back({a, b});
      y.push_back(1.0 + (a == 0 ? 2 : 0) - (b == 3 ? 1 : 0) + (a == 0 && b == 3 ? 3 : 0));
    }
  }
  const FactorisationMachine machine(6, 2, ones, y, 1e-6, 400, 1);
  const QuboModel qubo = machine.qubo();
  for (std::size_t s = 0; s < y.size(); ++s) {
    CHECK(machine.predict(ones[s]) == Approx(y[s]).margin(0.01));
    std::vector<std::int8_t> x(6, 0);
    for (const std::int32_t i : ones[s]) x[static_cast<std::size_t>(i)] = 1;
    CHECK(qubo.energy(x) == Approx(machine.predict(ones[s])).margin(1e-12));
  }
}

TEST_CASE("applications: the surrogate of a small coating, and the search around it") {
  const ThinFilm film{4, 4, 30};
  const SurrogateDesign surrogate(film, random_designs(film, 25, 1), 1);
  check_against_all_states(surrogate);
  CHECK(surrogate.penalty_bound() >= smallest_penalty(surrogate.qubo()));
  CHECK(surrogate.design_of(surrogate.bits_of_design(57)) == 57);
  std::vector<std::int8_t> x = surrogate.bits_of_design(57);
  std::fill(x.begin(), x.begin() + 4, 0);
  std::fill(x.begin() + 4, x.begin() + 8, 1);
  const auto violations = surrogate.violations(x);
  REQUIRE(violations.size() == 2);
  CHECK(violations[0] == "layer 1: no thickness");
  CHECK(violations[1] == "layer 2: 4 thicknesses");
  CHECK_FALSE(surrogate.design_of(x));
  // Solved exactly each round, the search finds one of the best designs long before it has seen all 256; a
  // solver that offers nothing is a random search.
  const DesignSearch search = search_designs(film, 10, 40, 2, [](const SurrogateDesign& s, int) {
    return std::vector<std::vector<std::int8_t>>{s.reference().x};
  });
  std::vector<double> all = all_designs(film);
  std::sort(all.begin(), all.end());
  const auto& values = search.evaluations.values;
  REQUIRE(values.size() == 50);
  CHECK(*std::min_element(values.begin(), values.end()) <= all[2]);
  const DesignSearch idle = search_designs(
      film, 10, 5, 2, [](const SurrogateDesign&, int) { return std::vector<std::vector<std::int8_t>>{}; });
  CHECK(idle.random_rounds == 5);
}

TEST_CASE("applications: generators are functions of their seeds") {
  CHECK(seeded_picture(16, 5).pixels == seeded_picture(16, 5).pixels);
  CHECK(seeded_picture(16, 5).pixels != seeded_picture(16, 6).pixels);
  CHECK(seeded_blobs(9, 3, 0.1, 5).coordinates == seeded_blobs(9, 3, 0.1, 5).coordinates);
  CHECK(seeded_blobs(9, 3, 0.1, 5).coordinates != seeded_blobs(9, 3, 0.1, 6).coordinates);
  const ThinFilm film{4, 4, 30};
  CHECK(random_designs(film, 9, 5).designs == random_designs(film, 9, 5).designs);
  CHECK(random_designs(film, 9, 5).designs != random_designs(film, 9, 6).designs);
  const TrackingScene a = tracking_scene(small_scene(5)), b = tracking_scene(small_scene(5));
  REQUIRE(a.detections.size() == b.detections.size());
  for (std::size_t d = 0; d < a.detections.size(); ++d) {
    CHECK(a.detections[d].position == b.detections[d].position);
    CHECK(a.detections[d].features == b.detections[d].features);
  }
  CHECK(tracking_scene(small_scene(6)).detections.front().position != a.detections.front().position);
  TrackingSettings bad = small_scene(1);
  bad.miss = 1;
  CHECK_THROWS_WITH(tracking_scene(bad), Contains("tracking: miss"));
}

}  // namespace opoloop
