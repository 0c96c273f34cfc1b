#include "driver/annealing.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <limits>

#include "core/public_data.h"
#include "core/random.h"
#include "driver/device.h"
#include "driver/kernels/annealing_kernels.h"
#include "driver/statistics.h"
#include "hamiltonian/kernels/matrix_kernels.h"

using namespace opoloop;
using kernels::AlignedArray;

namespace {

IsingModel random_model(int n, double density, bool integers, bool field, double unit = 1) {
  RandomSequence random(17, Stream::generator);
  const auto value = [&] {
    return unit * (integers ? static_cast<double>(random.below(7)) - 3 : random.normal());
  };
  std::vector<IsingEdge> edges;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) {
      if (random.uniform() < density) edges.push_back({i, j, value()});
    }
  }
  std::vector<double> h;
  for (int i = 0; field && i < n; ++i) h.push_back(value());
  return {n, edges, h};
}

/// Mean of the final energies of many reads at one temperature, in standard errors from `mean`.
double deviation(const IsingModel& model, double T, double mean, double variance) {
  const auto annealer = make_annealer(model);
  AnnealingSchedule schedule;
  schedule.hot = schedule.cold = T;
  schedule.sweeps = 400;  // from a random start: many times the slowest relaxation at these temperatures
  schedule.descend = false;
  constexpr int kReads = 20000;
  double sum = 0;
  for (int read = 0; read < kReads; ++read) {
    AnnealingOptions options;
    options.seed = 3;
    options.read = static_cast<std::uint32_t>(read);
    sum += annealer->run(schedule, options).energy_final;
  }
  return (sum / kReads - mean) / std::sqrt(variance / kReads);
}

}  // namespace

TEST_CASE("at a fixed temperature annealing samples the Boltzmann distribution") {
  // Reads are independent, so the standard error of their mean follows from the exact variance.
  SECTION("six spins, dense, integers and reals, with a field") {
    for (const bool integers : {true, false}) {
      const IsingModel model = random_model(6, 1.0, integers, true, integers ? 1.0 : 1.3);
      CHECK(make_annealer(model)->storage() == (integers ? "dense-i8" : "dense-f32"));
      for (const double T : {3.0, 6.0}) {
        INFO(integers << " T " << T);
        double Z = 0, first = 0, second = 0;
        for (unsigned word = 0; word < 64; ++word) {
          std::vector<std::int8_t> spins(6);
          for (unsigned i = 0; i < 6; ++i) spins[i] = (word >> i & 1U) != 0 ? 1 : -1;
          const double E = model.energy(spins);
          const double weight = std::exp(-E / T);
          Z += weight;
          first += weight * E;
          second += weight * E * E;
        }
        const double mean = first / Z;
        CHECK(std::abs(deviation(model, T, mean, second / Z - mean * mean)) < 5);
      }
    }
  }
  SECTION("a long open chain, sparse: ⟨E⟩ = −Σ J tanh(J/T), Var E = Σ (J / cosh(J/T))²") {
    for (const bool integers : {true, false}) {
      RandomSequence random(4, Stream::generator);
      std::vector<IsingEdge> edges;
      double mean = 0, variance = 0;
      const double T = 1.2;
      for (int i = 0; i + 1 < 70; ++i) {
        const double J = integers ? (i % 3 == 0 ? -1.0 : 1.0) : random.normal();
        edges.push_back({i, i + 1, J});
        mean -= J * std::tanh(J / T);
        variance += J * J / std::cosh(J / T) / std::cosh(J / T);
      }
      const IsingModel chain(70, edges);
      CHECK(make_annealer(chain)->storage() == (integers ? "sparse-i16" : "sparse-f32"));
      INFO(integers);
      CHECK(std::abs(deviation(chain, T, mean, variance)) < 5);
    }
  }
}

TEST_CASE("thresholds are T/2 times an exponential variate, the same in both precisions") {
  constexpr int kCount = 1 << 16;
  kernels::AnnealingRandom random{};
  for (std::uint32_t lane = 0; lane < 16; ++lane) {
    const PhiloxWords words = philox_words(1, Stream::annealing, 0, 0, lane);
    for (std::size_t w = 0; w < 4; ++w) random.state[w][lane] = words[w];
  }
  kernels::AnnealingRandom same = random;
  AlignedArray<float> values(kCount);
  AlignedArray<std::int16_t> values16(kCount);
  kernels::draw_thresholds(50.0F, kCount, random, values.data());
  kernels::draw_thresholds(50.0F, kCount, same, values16.data());
  double sum = 0, squares = 0;
  int above_three = 0, below_tenth = 0, idle = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    if (values[i] < 0) {  // idle: below anything a spin can offer
      CHECK(values16[i] == -32768);
      CHECK(values[i] == -std::numeric_limits<float>::max());
      ++idle;
      continue;
    }
    CHECK(values16[i] == static_cast<std::int16_t>(values[i]));
    const double e = static_cast<double>(values[i]) / 50;
    sum += e;
    squares += e * e;
    above_three += e > 3 ? 1 : 0;
    below_tenth += e < 0.1 ? 1 : 0;
  }
  CHECK(std::abs(idle / static_cast<double>(kCount) - 1 / 16.0) <
        5 * std::sqrt(1 / 16.0 * 15 / 16.0 / kCount));
  // Exponential: mean 1 (σ 1), mean square 2 (σ √20), P(e > 3) = e⁻³, P(e < 0.1) = 1 − e^−0.1.
  const double drawn = kCount - idle;
  CHECK(std::abs(sum / drawn - 1) < 5 / std::sqrt(drawn));
  CHECK(std::abs(squares / drawn - 2) < 5 * std::sqrt(20.0 / drawn));
  for (const auto& [seen, p] :
       {std::pair{above_three, std::exp(-3.0)}, std::pair{below_tenth, 1 - std::exp(-0.1)}}) {
    CHECK(std::abs(seen / drawn - p) < 5 * std::sqrt(p * (1 - p) / drawn));
  }
}

TEST_CASE("a vector sweep flips what proposing the spins one by one flips") {
  for (const double density : {1.0, 0.3}) {
    const int n = 77;
    const int stride = 96;
    const IsingModel model = random_model(n, density, true, true);
    alignas(64) std::int16_t spins[96], fields[96], thresholds[96];
    alignas(64) float spins_f[96], fields_f[96], thresholds_f[96];
    std::vector<std::int64_t> start(n + 1, 0);
    std::vector<std::int32_t> column;
    std::vector<std::int16_t> value;
    std::vector<std::vector<double>> J(n, std::vector<double>(n, 0.0));
    for (const IsingEdge& e : model.edges()) {
      J[static_cast<std::size_t>(e.i)][static_cast<std::size_t>(e.j)] = e.J;
      J[static_cast<std::size_t>(e.j)][static_cast<std::size_t>(e.i)] = e.J;
    }
    AlignedArray<std::int8_t> dense(static_cast<std::size_t>(n * stride));
    AlignedArray<float> dense_f(static_cast<std::size_t>(n * stride));
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < stride; ++j) {
        const double v = j < n ? J[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] : 0.0;
        dense[static_cast<std::size_t>(i * stride + j)] = static_cast<std::int8_t>(v);
        dense_f[static_cast<std::size_t>(i * stride + j)] = static_cast<float>(v);
        if (v == 0) continue;
        column.push_back(j);
        value.push_back(static_cast<std::int16_t>(v));
      }
      start[static_cast<std::size_t>(i) + 1] = static_cast<std::int64_t>(column.size());
    }
    RandomSequence random(9, Stream::annealing);
    std::vector<std::int8_t> plain(n);
    for (int i = 0; i < stride; ++i) {
      spins[i] = static_cast<std::int16_t>(i < n && random.below(2) == 0 ? -1 : 1);
      thresholds[i] = static_cast<std::int16_t>(random.below(20));
      fields[i] = 32767;
      if (i < n) plain[static_cast<std::size_t>(i)] = static_cast<std::int8_t>(spins[i]);
    }
    const auto field_of = [&](int i) {
      double f = model.field()[static_cast<std::size_t>(i)];
      for (int j = 0; j < n; ++j)
        f += J[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] * plain[static_cast<std::size_t>(j)];
      return f;
    };
    for (int i = 0; i < n; ++i) fields[i] = static_cast<std::int16_t>(field_of(i));
    alignas(64) std::int16_t spins_s[96], fields_s[96];
    for (int i = 0; i < stride; ++i) {
      spins_f[i] = spins[i];
      fields_f[i] = fields[i];
      thresholds_f[i] = thresholds[i];
      spins_s[i] = spins[i];
      fields_s[i] = fields[i];
    }
    const double before = model.energy(plain);
    int expected_flips = 0;
    for (int i = 0; i < n; ++i) {
      if (plain[static_cast<std::size_t>(i)] * field_of(i) > thresholds[i]) continue;
      plain[static_cast<std::size_t>(i)] = static_cast<std::int8_t>(-plain[static_cast<std::size_t>(i)]);
      ++expected_flips;
    }
    REQUIRE(expected_flips > 10);
    const double change = model.energy(plain) - before;
    double dense_change = 0, sparse_change = 0, float_change = 0;
    CHECK(kernels::sweep({n, stride, dense.data(), nullptr, nullptr, nullptr}, thresholds, spins, fields,
                         dense_change) == expected_flips);
    CHECK(kernels::sweep({n, stride, nullptr, start.data(), column.data(), value.data()}, thresholds, spins_s,
                         fields_s, sparse_change) == expected_flips);
    CHECK(kernels::sweep(kernels::AnnealingView<float>{n, stride, dense_f.data(), nullptr, nullptr, nullptr},
                         thresholds_f, spins_f, fields_f, float_change) == expected_flips);
    CHECK(dense_change == change);
    CHECK(sparse_change == change);
    CHECK(float_change == change);
    for (int i = 0; i < n; ++i) {
      CHECK(spins[i] == plain[static_cast<std::size_t>(i)]);
      CHECK(spins_s[i] == plain[static_cast<std::size_t>(i)]);
      CHECK(static_cast<int>(spins_f[i]) == plain[static_cast<std::size_t>(i)]);
      CHECK(fields[i] == field_of(i));
      CHECK(fields_s[i] == field_of(i));
    }
    for (int i = n; i < stride; ++i) CHECK(spins[i] == 1);
  }
}

TEST_CASE("temperatures follow the scale of the problem, and so do the samples") {
  for (const bool integers : {true, false}) {
    const auto one = random_model(40, 1.0, integers, true);
    const auto small = random_model(40, 1.0, integers, true, 1.0 / 1024);
    const auto a = make_annealer(one);
    const auto b = make_annealer(small);
    AnnealingSchedule s = a->choose_temperatures();
    AnnealingSchedule t = b->choose_temperatures();
    CHECK(t.hot * 1024 == Approx(s.hot));
    CHECK(t.cold * 1024 == Approx(s.cold));
    CHECK(s.cold < s.hot);
    s.sweeps = t.sweeps = 50;
    CHECK(a->run(s, {}).spins_best == b->run(t, {}).spins_best);
  }
}

TEST_CASE("annealing solves the public SK instance of 100 spins") {
  std::ifstream file(public_data_folder() / "small/cim_optimizer/SK1_N100_0.txt");
  if (!file) {
    WARN("skipped: no public instances (set OPOLOOP_DATA)");
    return;
  }
  int n = 0, m = 0;
  file >> n >> m;
  std::vector<IsingEdge> edges;
  for (int k = 0; k < m; ++k) {
    int i = 0, j = 0;
    double w = 0;
    file >> i >> j >> w;
    edges.push_back({i - 1, j - 1, -w});
  }
  const IsingModel model(n, edges);
  const auto annealer = make_annealer(model);
  AnnealingSchedule schedule = annealer->choose_temperatures();
  schedule.sweeps = 200;
  constexpr int kReads = 400;
  int successes = 0;
  for (int read = 0; read < kReads; ++read) {
    AnnealingOptions options;
    options.read = static_cast<std::uint32_t>(read);
    const double energy = annealer->run(schedule, options).energy_best;
    CHECK(energy >= -734);  // known_values.csv: exact
    successes += reaches(energy, -734) ? 1 : 0;
  }
  // Measured once with 20,000 other reads: P = 0.473. Five standard errors below that still is a good
  // annealer.
  const double p = 0.473;
  CHECK(successes > kReads * p - 5 * std::sqrt(kReads * p * (1 - p)));
}

TEST_CASE("annealing at temperatures beyond float32 flips nothing but spins") {
  RandomSequence random(5, Stream::generator);
  std::vector<IsingEdge> edges;
  for (int i = 0; i < 100; ++i) {
    for (int j = i + 1; j < 100; j += 3) edges.push_back({i, j, random.normal()});
  }
  auto problem = std::make_shared<Problem>();
  problem->ising = IsingModel(100, std::move(edges));
  Job job;
  job.problem = problem;
  job.settings.runs = 2;
  job.settings.steps = 30;
  const Result result = make_device("annealing:?t_hot=1e40&t_cold=1e39&descend=false")->run(job);
  REQUIRE(result.samples.size() == 2);
  for (const Sample& s : result.samples) {
    CHECK(s.spins_final.size() == 100);
    CHECK(problem->ising.energy(s.spins_final) == Approx(s.energy_final).epsilon(1e-5));
  }
}

TEST_CASE("a run with the published schedule says what it ran with") {
  auto problem = std::make_shared<Problem>();
  problem->ising = IsingModel(4, {{0, 1, 1.0}, {1, 2, -1.0}, {2, 3, 0.5}});
  Job job;
  job.problem = problem;
  job.settings.runs = 1;
  const Result plain = make_device("annealing:?schedule=published")->run(job);
  CHECK(plain.parameters.at("t_hot").value == "1000");
  CHECK(plain.parameters.at("t_cold").value == "0.001");
  CHECK(plain.parameters.at("descend").value == "true");
  CHECK(plain.warnings.empty());
  job.settings.steps = 10;
  const Result asked = make_device("annealing:?schedule=published&descend=false")->run(job);
  CHECK(asked.steps == 1375);
  CHECK(asked.parameters.at("descend").value == "true");
  CHECK(asked.warnings.size() == 1);
}
