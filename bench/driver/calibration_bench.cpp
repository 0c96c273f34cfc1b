// Hides parameters in an emulator, calibrates it blind through the Device seam and counts how often each 95%
// interval held the truth; then sends the same unseen jobs to the hidden machine and to its twin.
//
//     bench_calibration [draws = 100] [first draw = 0] [unseen instances = 20; 0 = no twin]
//
// With CALIBRATION_BENCH_VERBOSE set, every statistic beside its prediction, the hidden file and the twin.
//
// Expected: every parameter inside its interval in at least 90 of 100 draws; success of twin and machine on
// 20 unseen SK instances apart by no more than their sampling error.

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "driver/calibration/acquisition.h"
#include "driver/calibration/calibration.h"
#include "driver/calibration/compare.h"
#include "driver/calibration/hidden_machine.h"
#include "driver/calibration/twin_file.h"
#include "driver/device.h"

using namespace opoloop;

namespace {

struct Tally {
  int draws = 0;
  int held = 0;
  double half_width = 0;  // relative to the truth
  double z = 0, z2 = 0;   // errors, in halves of the half-width
};

}  // namespace

int main(int argc, char** argv) {
  const int draws = argc > 1 ? std::atoi(argv[1]) : 100;
  const int first = argc > 2 ? std::atoi(argv[2]) : 0;
  const int instances = argc > 3 ? std::atoi(argv[3]) : 20;
  std::map<std::string, Tally> tallies;
  const auto problems = calibration::unseen_problems(instances, 20, 4242);
  int compared = 0, success_agrees = 0, energy_agrees = 0, bias_agrees = 0;
  double success_machine = 0, success_twin = 0, sum_z = 0, sum_z2 = 0;
  const std::string folder =
      std::filesystem::temp_directory_path() / fmt::format("opoloop-calibration-{}", getpid());
  std::filesystem::create_directory(folder);
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder + "/" + name) << text;
    return "emulator:" + folder + "/" + name;
  };
  double slowest = 0;
  for (int draw = first; draw < first + draws; ++draw) {
    const auto begin = Clock::now();
    const calibration::HiddenMachine hidden =
        calibration::hidden_machine(static_cast<std::uint64_t>(draw) + 1);
    const auto machine = make_device(write("hidden.toml", hidden.device_file));
    calibration::AcquisitionPlan plan;
    plan.seed = static_cast<std::uint64_t>(draw) * 7919 + 17;
    plan.largest_pump = 10;
    try {
      const calibration::RecordSet records = calibration::acquire(*machine, plan);
      const double measured = seconds_since(begin);
      const calibration::Calibration c = calibration::calibrate(records);
      const double seconds = seconds_since(begin);
      slowest = std::max(slowest, seconds);
      std::string missed;
      for (const auto& [name, truth] : hidden.truth) {
        const calibration::Estimate* e = c.find(name);
        Tally& t = tallies[name];
        ++t.draws;
        if (e == nullptr || e->only_lower_bound) {
          missed += fmt::format(" {}(none)", name);
          continue;
        }
        if (e->high > e->low) {
          const double z = 4 * (e->value - truth) / (e->high - e->low);
          t.z += z;
          t.z2 += z * z;
        }
        if (e->holds(truth))
          ++t.held;
        else
          missed += fmt::format(" {}: {:.6g} in {:.6g} ± {:.2g} ({:+.2f})", name, truth, e->value,
                                (e->high - e->low) / 2, (e->value - truth) / ((e->high - e->low) / 2));
        t.half_width += truth != 0 ? (e->high - e->low) / 2 / std::abs(truth) : (e->high - e->low) / 2;
      }
      for (std::size_t i = 0; i < c.gain_map.size(); ++i) {
        Tally& t = tallies[fmt::format("gain_map[{:02}]", i)];
        ++t.draws;
        if (c.gain_map[i].holds(hidden.gain_map[i])) ++t.held;
        t.half_width += (c.gain_map[i].high - c.gain_map[i].low) / 2;
      }
      fmt::print("draw {:3}  {:.2f} s ({:.2f} s of it measuring){}{}\n", draw, seconds, measured,
                 missed.empty() ? "" : "  outside:", missed);
      if (std::getenv("CALIBRATION_BENCH_VERBOSE") != nullptr) {
        for (const auto& b : c.blocks) {
          fmt::print("  {} chi2 {:.2f}\n", b.name, b.chi_squared());
          for (std::size_t i = 0; i < b.labels.size(); ++i)
            fmt::print("     {:>12} {:12.6g} ± {:9.3g}  fit {:12.6g}  z {:+.2f}\n", b.labels[i],
                       b.measured[i], b.error[i], b.predicted[i],
                       (b.measured[i] - b.predicted[i]) / b.error[i]);
        }
        fmt::print("{}\n{}\n", hidden.device_file, calibration::twin_file(c));
      }
      if (instances > 0) {
        const auto twin = make_device(write("twin.toml", calibration::twin_file(c)));
        const auto settings = calibration::unseen_settings(c, 200, 1);
        const calibration::DeviceComparison d =
            calibration::compare_devices(*machine, *twin, problems, settings, plan.seed + 5);
        ++compared;
        success_agrees += d.success_p >= 0.05 ? 1 : 0;
        energy_agrees += d.energy_p >= 0.05 ? 1 : 0;
        bias_agrees += d.bias_p >= 0.05 ? 1 : 0;
        success_machine += d.success_a;
        success_twin += d.success_b;
        for (const auto& job : d.jobs) {
          if (std::getenv("CALIBRATION_BENCH_VERBOSE") != nullptr)
            fmt::print("    {} success z {:+.2f} bias z {:+.2f} spin {} ks p {:.3f} {} {}\n", job.problem,
                       job.success_z, job.largest_bias_z, job.most_biased_spin, job.energy_p, job.successes_a,
                       job.successes_b);
          sum_z += job.success_z;
          sum_z2 += job.success_z * job.success_z;
        }
        fmt::print(
            "          success on {} unseen instances: machine {:.3f}, twin {:.3f}, p {:.2f}; energies p "
            "{:.2f}; bias p {:.2f}\n",
            instances, d.success_a, d.success_b, d.success_p, d.energy_p, d.bias_p);
      }
      std::fflush(stdout);
    } catch (const Error& error) {
      fmt::print("draw {:3}  failed: {}\n", draw, error.what());
      for (const auto& [name, truth] : hidden.truth) ++tallies[name].draws;
    }
  }
  std::filesystem::remove_all(folder);
  fmt::print("\n{:20} {:>12} {:>21} {:>10} {:>8}\n", "parameter", "inside", "mean half-width", "mean z",
             "SD of z");
  for (const auto& [name, t] : tallies) {
    const double n = t.draws;
    fmt::print("{:20} {:4} of {:4} {:20.3g}% {:+10.2f} {:8.2f}\n", name, t.held, t.draws,
               100 * t.half_width / n, t.z / n, std::sqrt(std::max(t.z2 / n - t.z * t.z / n / n, 0.0)));
  }
  if (compared > 0) {
    const double jobs = static_cast<double>(compared) * instances;
    fmt::print("twin and machine agree at 5%: success {} of {} draws, energies {}, bias {}\n", success_agrees,
               compared, energy_agrees, bias_agrees);
    fmt::print(
        "success of all runs: machine {:.4f}, twin {:.4f}; z of the instances: mean {:+.3f} ± {:.3f}, SD "
        "{:.3f}\n",
        success_machine / compared, success_twin / compared, sum_z / jobs, 1 / std::sqrt(jobs),
        std::sqrt(sum_z2 / jobs));
  }
  fmt::print("slowest draw {:.2f} s\n", slowest);
  return 0;
}
