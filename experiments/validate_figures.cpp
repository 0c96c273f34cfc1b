#include "experiments/validate_figures.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "cim_model/ensemble.h"
#include "core/error.h"
#include "driver/emulator_parameters.h"
#include "driver/statistics.h"
#include "experiments/closed_forms/groups.h"
#include "experiments/closed_forms/replicas.h"
#include "experiments/closed_forms/spectra.h"
#include "experiments/plot.h"
#include "hamiltonian/coupling.h"
#include "hamiltonian/extreme_eigenvalues.h"
#include "hamiltonian/generators.h"

namespace opoloop {
namespace {

std::string points(const std::string& data, const char* colour, const std::string& title) {
  return fmt::format("{} using 1:2:3 with yerrorbars linecolor rgb '{}' pointtype 7 pointsize 0.6 title '{}'",
                     data, colour, title);
}

std::string curve(const std::string& data, const std::string& columns, const std::string& title) {
  return fmt::format("{} using {} with lines linecolor rgb '{}' linewidth 1.4 dashtype 2 title '{}'", data,
                     columns, kInk, title);
}

/// The rate at which the first mode grows, subtracted from the pump that makes it grow.
Figure threshold_figure(const ValidationSettings& settings) {
  struct Net {
    const char* name;
    IsingModel model;
  };
  const std::vector<Net> nets = {
      {"pair", pulse_pairs(2, 1)},
      {"ring of 8", pulse_ring(8, 1)},
      {"cubic graph, antiferromagnet", random_regular(16, 3, WeightKind::one, 1).ising},
      {"SK, N = 16", sherrington_kirkpatrick(16, CouplingKind::plus_minus_one, true, 1).ising},
      {"Möbius ladder, N = 16", moebius_ladder(16).ising},
  };
  const double dt = 0.05;
  std::string script = "$measured << EOD\n";
  for (const Net& net : nets) {
    const double lambda = extreme_eigenvalues(net.model).largest;
    for (const double gain : {0.1, 0.2, 0.3}) {
      // Vacuum fluctuations of g = 10⁻¹² grow for 40 lifetimes at a rate of ½: the top mode rules at the end,
      // and nothing has saturated.
      const double pump = 1 - gain * lambda + 0.5;
      LoopParameters parameters = linear_loop(ModelKind::truncated_wigner, pump, dt, 800);
      parameters.g2 = 1e-24;
      parameters.xi = gain;
      const Replicas replicas =
          run_replicas(net.model, parameters, settings, 2, [](std::span<double> sums) -> LoopObserver {
            return [sums, last = std::vector<double>()](const LoopObservation& seen) mutable {
              const auto x = seen.model.amplitude();
              if (seen.round >= 790) {
                double dot = 0;
                double norm = 0;
                for (std::size_t i = 0; i < last.size(); ++i) {
                  dot += last[i] * x[i];
                  norm += last[i] * last[i];
                }
                if (norm > 0) {
                  sums[0] += dot / norm;
                  sums[1] += 1;
                }
              }
              last.assign(x.begin(), x.end());
            };
          });
      const Estimate threshold =
          replicas.estimate([&](std::span<const double> s) { return pump - (s[0] / s[1] - 1) / dt; });
      script += fmt::format("{} {} {}\n", gain * lambda, threshold.value, threshold.error);
    }
  }
  script += "EOD\n$line << EOD\n0 1\n1.2 -0.2\nEOD\n" + axis_labels("ξ λ_max", "threshold p_th") +
            "set key top right\nset yrange [-0.2:1]\nset xrange [0:1.2]\nplot " +
            curve("$line", "1:2", "1 − ξ λ_max") + ", " + points("$measured", kFirst, "measured") + "\n";
  return draw_figure(
      script, "threshold", "Threshold against coupling strength",
      "Pump at which the first mode of the network starts to grow, for five small networks at three coupling "
      "strengths each (truncated Wigner), against the largest eigenvalue of ξJ.");
}

Figure squeezing_figure(const ValidationSettings& settings) {
  std::string in_phase;
  std::string quadrature;
  const double dt = 0.02;
  for (const double p : {0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.15, 1.25, 1.4, 1.6, 1.8, 2.0}) {
    // Above threshold vacuum takes ln(1/g)/(p−1) to grow, and as long again to settle.
    const auto begin = static_cast<std::int64_t>(p > 1 ? 25 / ((p - 1) * dt) : 700);
    LoopParameters parameters = linear_loop(ModelKind::truncated_wigner, p, dt, begin + 800);
    parameters.g2 = 1e-4;
    const Replicas replicas = run_replicas(uncoupled_pulses(60), parameters, settings, 4,
                                           [begin](std::span<double> sums) -> LoopObserver {
                                             return [sums, begin](const LoopObservation& seen) {
                                               if (seen.round < begin || seen.round % 10 != 0) return;
                                               const auto variables = seen.model.variables();
                                               for (const double c : variables[0].values) {
                                                 sums[0] += std::abs(c);
                                                 sums[1] += c * c;
                                               }
                                               for (const double s : variables[1].values) sums[2] += s * s;
                                               sums[3] += static_cast<double>(variables[0].values.size());
                                             };
                                           });
    const auto db = [&](auto&& variance) {
      return replicas.estimate([&](std::span<const double> s) { return 10 * std::log10(4e4 * variance(s)); });
    };
    const Estimate c =
        db([&](std::span<const double> s) { return s[1] / s[3] - (p > 1 ? std::pow(s[0] / s[3], 2) : 0); });
    const Estimate s = db([](std::span<const double> sums) { return sums[2] / sums[3]; });
    in_phase += fmt::format("{} {} {}\n", p, c.value, c.error);
    quadrature += fmt::format("{} {} {}\n", p, s.value, s.error);
  }
  std::string below;
  std::string above;
  for (int k = 0; k <= 95; ++k) {
    const double p = 0.01 * k;
    below += fmt::format("{} {} {}\n", p, -10 * std::log10(1 - p), -10 * std::log10(1 + p));
  }
  for (int k = 106; k <= 200; ++k) {
    const double p = 0.01 * k;
    above += fmt::format("{} {} {}\n", p, 10 * std::log10((p - 0.5) / (p - 1)), 10 * std::log10(1 - 0.5 / p));
  }
  std::string script = "$c << EOD\n" + in_phase + "EOD\n$s << EOD\n" + quadrature + "EOD\n$below << EOD\n" +
                       below + "EOD\n$above << EOD\n" + above + "EOD\n" +
                       axis_labels("pump p", "variance against vacuum (dB)") +
                       "set key top right\nset yrange [-4:15]\nset xzeroaxis\nplot " +
                       curve("$below", "1:2", "linearised theory") + ", " + curve("$below", "1:3", "") +
                       ", " + curve("$above", "1:2", "") + ", " + curve("$above", "1:3", "") + ", " +
                       points("$c", kSecond, "in-phase (antisqueezed)") + ", " +
                       points("$s", kFirst, "quadrature (squeezed)") + "\n";
  return draw_figure(
      script, "squeezing", "Squeezing and antisqueezing against pump",
      "Variances inside the cavity of a solitary pulse (truncated Wigner, g² = 10⁻⁴). Below threshold "
      "1/(1 ∓ p); the squeezed quadrature never falls by more than 3 dB, at threshold. Above it the "
      "amplitude fluctuates around ±√(p−1).");
}

Figure spectrum_figure(const ValidationSettings& settings) {
  const double dt = 0.05;
  const int length = 2048;
  const Periodogram periodogram(length, dt);
  std::string script;
  std::string plots;
  int index = 0;
  for (const double p : {0.3, 0.7}) {
    LoopParameters parameters = linear_loop(ModelKind::truncated_wigner, p, dt, 400 + length);
    const Replicas replicas = run_replicas(
        uncoupled_pulses(20), parameters, settings, static_cast<std::size_t>(periodogram.bins()) + 1,
        [&](std::span<double> sums) -> LoopObserver {
          return [sums, &periodogram,
                  records = std::vector<std::vector<double>>(20)](const LoopObservation& seen) mutable {
            if (seen.round < 400 || seen.round == 400 + length) return;
            for (std::size_t i = 0; i < records.size(); ++i) records[i].push_back(seen.model.amplitude()[i]);
            if (seen.round != 400 + length - 1) return;
            for (const auto& record : records) periodogram.add(record, sums);
            sums.back() += static_cast<double>(records.size());
          };
        });
    std::string measured;
    std::string line;
    for (int bin = 2; bin < 160; bin += bin < 20 ? 1 : 4) {
      const Estimate power = replicas.estimate(
          [&](std::span<const double> s) { return s[static_cast<std::size_t>(bin)] / s.back() / kSmallG2; });
      measured += fmt::format("{} {} {}\n", periodogram.omega(bin), power.value, power.error);
    }
    for (int k = 0; k <= 120; ++k) {
      const double omega = 0.05 * std::pow(100.0, k / 120.0);
      line += fmt::format("{} {}\n", omega, 0.5 / ((1 - p) * (1 - p) + omega * omega));
    }
    script += fmt::format("$m{0} << EOD\n{1}EOD\n$l{0} << EOD\n{2}EOD\n", index, measured, line);
    plots += (index > 0 ? ", " : "") +
             points(fmt::format("$m{}", index), index == 0 ? kFirst : kSecond, fmt::format("p = {}", p)) +
             ", " + curve(fmt::format("$l{}", index), "1:2", index == 0 ? "½/((1−p)² + ω²)" : "");
    ++index;
  }
  script += axis_labels("angular frequency ω (1/signal lifetime)", "S_c(ω)/g²") +
            "set logscale xy\nset key top right\nset xrange [0.05:5]\nplot " + plots + "\n";
  return draw_figure(
      script, "spectrum", "Amplitude spectrum below threshold",
      "Periodograms of the in-phase amplitude of a solitary pulse below threshold (FFTW) on the Lorentzian "
      "that the linearised equation predicts; the line narrows as threshold comes near.");
}

Figure bifurcation_figure(const ValidationSettings& settings) {
  const IsingModel problem = moebius_ladder(16).ising;
  LoopParameters parameters = linear_loop(ModelKind::truncated_wigner, 1, 0.05, 2000);
  parameters.g2 = 1e-4;
  parameters.xi = 0.2;
  parameters.pump = Schedule::parse("0:2", "pump");
  std::vector<std::string> lines(16);
  double last_sign[16] = {};
  LoopOptions options;
  options.seed = settings.seed;
  options.observer = [&](const LoopObservation& seen) {
    const auto x = seen.model.amplitude();
    for (std::size_t i = 0; i < 16; ++i) {
      if (seen.round % 10 == 0) lines[i] += fmt::format("{} {}\n", seen.pump, x[i]);
      last_sign[i] = x[i];
    }
  };
  run_loop(problem, parameters, options);
  std::string script;
  for (const bool positive : {true, false}) {
    script += positive ? "$plus << EOD\n" : "$minus << EOD\n";
    for (std::size_t i = 0; i < 16; ++i) {
      if ((last_sign[i] >= 0) == positive) script += lines[i] + "\n";
    }
    script += "NaN NaN\nEOD\n";
  }
  const double threshold = 1 - 0.2 * extreme_eigenvalues(problem).largest;
  script +=
      axis_labels("pump p", "amplitude x_i") +
      fmt::format(
          "set xrange [0:2]\nset xzeroaxis\nset key top left\n"
          "set arrow from {0},graph 0 to {0},graph 1 nohead linecolor rgb '{1}' dashtype 2\n"
          "set label 'p = 1 − ξ λ_max' at {0},graph 0.06 offset 0.6,0 textcolor rgb '{1}'\n",
          threshold, kInk) +
      fmt::format(
          "plot $plus using 1:2 with lines linecolor rgb '{}' title 'ends at +1', $minus using 1:2 with "
          "lines linecolor rgb '{}' title 'ends at −1'\n",
          kFirst, kSecond);
  return draw_figure(
      script, "bifurcation", "Bifurcation of sixteen pulses",
      "Amplitudes of the Möbius ladder of 16 pulses (truncated Wigner, linear feedback, ξ = 0.2) while the "
      "pump is raised slowly through threshold. Pulses split into the two phases where the collective "
      "threshold 1 − ξ λ_max says, long before a solitary pulse would at p = 1.");
}

Figure ring_figure(const ValidationSettings& settings) {
  std::string measured;
  double anchor = 0;
  std::vector<Estimate> logs;
  const std::vector<double> ramps = {10, 20, 40, 80, 160, 320};
  for (const double ramp : ramps) {
    const double dt = 0.05;
    LoopParameters parameters =
        linear_loop(ModelKind::truncated_wigner, 1, dt, static_cast<std::int64_t>(std::lround(ramp / dt)));
    parameters.g2 = 1e-5;
    parameters.xi = 0.25;
    // Threshold is at 1 − 2ξ = 0.5: through it at a steady rate, ending where every pulse oscillates.
    parameters.pump = Schedule::parse("0:1.5", "pump");
    const Replicas replicas =
        run_replicas(pulse_ring(256, 1), parameters, settings, 2, [](std::span<double> sums) -> LoopObserver {
          return [sums](const LoopObservation& seen) {
            if (!seen.injection.empty()) return;
            const auto x = seen.model.amplitude();
            for (std::size_t i = 0; i < x.size(); ++i) sums[0] += x[i] * x[(i + 1) % x.size()] < 0 ? 1 : 0;
            sums[1] += static_cast<double>(x.size());
          };
        });
    const Estimate density = replicas.estimate([](std::span<const double> s) { return s[0] / s[1]; });
    measured += fmt::format("{} {} {}\n", ramp, density.value, density.error);
    logs.push_back({std::log2(density.value), density.error / density.value / std::log(2)});
    if (ramp == ramps.back()) anchor = density.value * std::pow(ramp, 0.25);
  }
  // Slope over the slower half, where every point is one octave from the next: (3(y₃ − y₀) + y₂ − y₁)/10.
  const std::span<const Estimate> y(logs.data() + logs.size() - 4, 4);
  const double slope = (3 * (y[3].value - y[0].value) + y[2].value - y[1].value) / 10;
  const double error = std::sqrt(9 * (y[3].error * y[3].error + y[0].error * y[0].error) +
                                 y[2].error * y[2].error + y[1].error * y[1].error) /
                       10;
  std::string line;
  for (const double ramp : ramps) line += fmt::format("{} {}\n", ramp, anchor * std::pow(ramp, -0.25));
  const std::string script = "$m << EOD\n" + measured + "EOD\n$l << EOD\n" + line + "EOD\n" +
                             axis_labels("ramp time (signal lifetimes)", "defects per pulse") +
                             "set logscale xy\nset key top right\nset xrange [8:400]\nplot " +
                             curve("$l", "1:2", "slope −1/4, through the slowest ramp") + ", " +
                             points("$m", kFirst, "measured") + "\n";
  return draw_figure(
      script, "defects", "Defects of a ring against ramp time",
      fmt::format(
          "Kibble–Zurek: a ferromagnetic ring of 256 pulses is taken through its threshold by a linear pump "
          "ramp; domains that choose their phase independently leave defects. The slower the ramp, the "
          "fewer. Slope over the four slowest ramps: {:.3f} ± {:.3f} (standard error); the scaling argument "
          "for an overdamped mean-field transition (ν = ½, z = 2) says −ν/(1+νz) = −1/4 for slow ramps, up "
          "to a logarithm of g².",
          slope, error));
}

Figure success_figure(const ValidationSettings& settings) {
  // Success: the lowest energy that any run of any g² found for this instance.
  const int instances = settings.replicas >= kFullReplicas ? 20 : 4;
  const int runs = 64;
  const std::vector<double> values = {1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1};
  std::vector<std::int64_t> successes(values.size(), 0);
  for (int instance = 0; instance < instances; ++instance) {
    const IsingModel problem =
        sherrington_kirkpatrick(100, CouplingKind::plus_minus_one, false,
                                settings.seed * 1000 + static_cast<std::uint64_t>(instance))
            .ising;
    const auto coupling = make_coupling(problem, CouplingStorage::automatic);
    std::vector<std::vector<double>> found;
    double lowest = std::numeric_limits<double>::infinity();
    for (const double g2 : values) {
      const LoopParameters parameters =
          emulator_parameters({{"model", "gaussian"}, {"g2", fmt::format("{}", g2)}}, problem);
      EngineOptions options;
      options.seed = settings.seed;
      options.trajectories = runs;
      options.threads = settings.threads;
      found.emplace_back();
      for (const TrajectoryResult& result : run_ensemble(problem, *coupling, parameters, options)) {
        found.back().push_back(result.energy_best);
        lowest = std::min(lowest, result.energy_best);
      }
    }
    for (std::size_t v = 0; v < values.size(); ++v) {
      successes[v] += std::count_if(found[v].begin(), found[v].end(), [&](double energy) {
        return energy <= lowest + energy_slack(lowest, 1);
      });
    }
  }
  std::string script = "$m << EOD\n";
  const auto trials = static_cast<std::int64_t>(instances) * runs;
  std::string half = "does not fall to half of its plateau in this range";
  for (std::size_t v = 0; v < values.size(); ++v) {
    const Interval interval = wilson_interval(successes[v], trials);
    script += fmt::format("{} {} {} {}\n", values[v],
                          static_cast<double>(successes[v]) / static_cast<double>(trials), interval.low,
                          interval.high);
    if (2 * successes[v] < successes[0] && half.starts_with("does")) {
      half = fmt::format("falls to half of its plateau between g² = {} and {}", values[v - 1], values[v]);
    }
  }
  script += "EOD\n" + axis_labels("saturation parameter g²", "success probability") +
            fmt::format(
                "set logscale x\nset format x '1e%T'\nset xrange [5e-7:2]\nset yrange [0:*]\nset key off\n"
                "plot $m using 1:2:3:4 with yerrorlines linecolor rgb '{}' pointtype 7 pointsize 0.6\n",
                kFirst);
  return draw_figure(
      script, "success", "Success probability against g²",
      fmt::format("{} SK instances of 100 spins (J = ±1), {} runs each of the default law on the "
                  "measurement-feedback model (d), with 95% intervals of the pooled runs. Success is the "
                  "lowest energy any of these runs found, at any round trip. Success {}. How much noise "
                  "a law bears depends on dt, the bandwidth of its detector: see docs/physics.md.",
                  instances, runs, half));
}

}  // namespace

std::vector<ValidationFigure> validation_figures(const ValidationSettings& settings) {
  struct Entry {
    const char* title;
    Figure (*draw)(const ValidationSettings&);
  };
  constexpr Entry entries[] = {
      {"Threshold", threshold_figure}, {"Squeezing", squeezing_figure},
      {"Spectrum", spectrum_figure},   {"Bifurcation", bifurcation_figure},
      {"Kibble–Zurek", ring_figure},   {"Success and quantum noise", success_figure},
  };
  std::vector<ValidationFigure> figures;
  for (const Entry& entry : entries) {
    if (settings.stop && settings.stop()) break;
    if (settings.progress) settings.progress(std::string("picture: ") + entry.title);
    figures.push_back({entry.title, entry.draw(settings)});
  }
  return figures;
}

}  // namespace opoloop
