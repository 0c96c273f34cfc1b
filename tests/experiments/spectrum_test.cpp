// All parts of `opoloop spectrum` together: the machine's modes along a run, default temperatures, output.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>
#include <sstream>

#include <nlohmann/json.hpp>

#include "cim_model/parameters.h"
#include "core/error.h"
#include "experiments/problem_spectrum.h"
#include "experiments/spectrum_report.h"
#include "hamiltonian/generators.h"

using namespace opoloop;

namespace {

Problem pair_problem() {
  Problem problem;
  problem.name = "<pair>";
  problem.ising = IsingModel(2, {{0, 1, 2.0}});
  return problem;
}

}  // namespace

TEST_CASE("the Jacobian along a run crosses zero at threshold and settles below it") {
  // Two pulses: M = p − 1 ± ξJ with ξJ = √2 before, and −2(p − 1 + √2) once x² = p − 1 + √2.
  SpectrumSettings settings;
  settings.classical = settings.quantum = false;
  const ProblemSpectrum spectrum = problem_spectrum(pair_problem().ising, settings);
  REQUIRE(spectrum.machine);
  const MachineSpectrum& machine = *spectrum.machine;
  const double strength = std::numbers::sqrt2;
  CHECK(machine.xi * 2 == Approx(strength));
  CHECK(machine.threshold == Approx(1 - strength));
  REQUIRE(machine.competition);
  CHECK(*machine.competition == Approx(2 * strength));
  REQUIRE(machine.run.size() == 25);
  CHECK(machine.run.front().pump == Approx(machine.threshold - 0.5));
  CHECK(machine.run.back().pump == Approx(machine.threshold + 1));
  for (const JacobianPoint& point : machine.run) {
    REQUIRE(point.converged);
    REQUIRE(point.values.size() == 2);
    const double above = point.pump - machine.threshold;
    CAPTURE(above);
    // Amplitudes are at most 0.01 · a few where they still decay: 3x² < 0.01.
    if (above < -0.05) CHECK(point.values[0] == Approx(above).epsilon(0).margin(0.01));
    // The ramp lags behind its fixed point by (dx²/dp)(dp/dt)/(2·rate) ≈ 0.004 at the end.
    if (above > 0.9) CHECK(point.values[0] == Approx(-2 * above).epsilon(0).margin(0.05));
  }
}

TEST_CASE("a field is one more pulse of the machine, and a state's field of the chain") {
  SpectrumSettings settings;
  settings.points = 3;
  settings.betas = {1, 0.5};
  const IsingModel model(2, {{0, 1, 1.0}}, {0.3, 0});
  const ProblemSpectrum spectrum = problem_spectrum(model, settings);
  REQUIRE(spectrum.machine);
  CHECK(spectrum.machine->xi == Approx(coupling_normalisation(model)));
  CHECK(spectrum.machine->couplings.size() == 3);
  CHECK(spectrum.machine->couplings[0] == Approx(std::hypot(1.0, 0.3)));
  REQUIRE(spectrum.chains.size() == 4);
  CHECK(spectrum.chains[0].gap.beta == 0.5);
  CHECK_FALSE(spectrum.chains[0].gap.even);
  CHECK(spectrum.chains[0].hitting);
  REQUIRE(spectrum.quantum);
  CHECK_FALSE(spectrum.quantum->even_sector);
}

TEST_CASE("default temperatures follow the scale of the problem") {
  const auto betas = default_betas(IsingModel(3, {{0, 1, 1.0}, {1, 2, 1.0}, {0, 2, 1.0}}));
  REQUIRE(betas.size() == 8);
  CHECK(betas.front() == Approx(0.1 / std::numbers::sqrt2));
  CHECK(betas.back() == Approx(4 / std::numbers::sqrt2));
  const auto small = default_betas(IsingModel(3, {{0, 1, 1e-20}, {1, 2, 1e-20}, {0, 2, 1e-20}}));
  CHECK(small[3] * 1e-20 == Approx(betas[3]));
  CHECK(default_betas(IsingModel(2, {})) == std::vector<double>{1});
}

TEST_CASE("more than 20 spins: only the machine's modes") {
  const IsingModel model = sherrington_kirkpatrick(60, CouplingKind::gaussian, true, 1).ising;
  SpectrumSettings settings;
  CHECK_THROWS_WITH(problem_spectrum(model, settings), Catch::Contains("60") && Catch::Contains("machine"));
  settings.classical = settings.quantum = false;
  const ProblemSpectrum spectrum = problem_spectrum(model, settings);
  CHECK(spectrum.machine->converged);
  CHECK(spectrum.machine->threshold < 1);
  CHECK(spectrum.machine->run.size() == 25);
}

TEST_CASE("results of a spectrum do not depend on threads") {
  const IsingModel model = sherrington_kirkpatrick(8, CouplingKind::gaussian, true, 4).ising;
  SpectrumSettings settings;
  settings.points = 5;
  settings.betas = {0.3, 2};
  const auto text = [&](int threads) {
    settings.threads = threads;
    ProblemSpectrum spectrum = problem_spectrum(model, settings);
    spectrum.classical_s = spectrum.quantum_s = spectrum.machine_s = 0;
    std::ostringstream out;
    Problem problem;
    problem.ising = model;
    print_spectrum_json(problem, spectrum, out);
    return out.str();
  };
  CHECK(text(1) == text(3));
}

TEST_CASE("table, JSON and page say the same, also of what did not work out") {
  const Problem problem = pair_problem();
  SpectrumSettings settings;
  settings.points = 5;
  settings.betas = {0.5};
  ProblemSpectrum spectrum = problem_spectrum(problem.ising, settings);
  std::ostringstream json_text;
  print_spectrum_json(problem, spectrum, json_text);
  const auto json = nlohmann::json::parse(json_text.str());
  CHECK(json["classical"].size() == 2);
  CHECK(json["classical"][0]["even"]["gap"] == Approx(1 - std::exp(-2.0)));
  CHECK(json["quantum"]["gap_min"] == Approx(2 * std::numbers::sqrt2));
  CHECK(json["quantum"]["s_min"] == Approx(0.5).epsilon(1e-3));
  CHECK(json["quantum"]["curve"].size() == 5);
  CHECK(json["machine"]["threshold"] == Approx(1 - std::numbers::sqrt2));
  std::ostringstream table;
  print_spectrum(problem, spectrum, table);
  CHECK(table.str().find("2.8284271") != std::string::npos);
  const std::string page = spectrum_html(problem, spectrum);
  CHECK(page.find("2.8284271") != std::string::npos);
  CHECK(page.find("&lt;pair&gt;") != std::string::npos);
  CHECK(page.find("<pair>") == std::string::npos);
  const auto figures = spectrum_figures(spectrum);
  REQUIRE(figures.size() == 3);
  for (const Figure& figure : figures) {
    INFO(figure.missing);
    CHECK((figure.svg.find("<svg") != std::string::npos ||
           figure.missing.find("gnuplot") != std::string::npos));
  }

  spectrum.chains[0].gap.converged = false;
  spectrum.quantum->curve[2] = {0.5, false, {}, std::nan(""), std::nan(""), 0, 0};
  spectrum.quantum->status = GapStatus::not_converged;
  std::ostringstream partial;
  print_spectrum(problem, spectrum, partial);
  CHECK(partial.str().find("not converged") != std::string::npos);
  CHECK(partial.str().find("1 of 5 values of s are missing") != std::string::npos);
  CHECK(spectrum_html(problem, spectrum).find("not converged") != std::string::npos);
}

TEST_CASE("an interrupted spectrum keeps the parts that were done") {
  SpectrumSettings settings;
  settings.points = 5;
  const IsingModel model = sherrington_kirkpatrick(9, CouplingKind::gaussian, true, 4).ising;
  bool classical_begun = false;
  settings.progress = [&](const std::string& what) {
    classical_begun = classical_begun || what.find("chain") != std::string::npos;
  };
  settings.stop = [&] { return classical_begun; };
  const ProblemSpectrum spectrum = problem_spectrum(model, settings);
  CHECK(spectrum.interrupted);
  CHECK(spectrum.machine);
  CHECK(spectrum.chains.empty());
  CHECK_FALSE(spectrum.quantum);
}
