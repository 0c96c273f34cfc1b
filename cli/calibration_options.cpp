#include "cli/calibration_options.h"

#include <fmt/format.h>

#include <ostream>

#include "core/error.h"

namespace opoloop {

std::map<std::string, std::string> parse_settings(const std::vector<std::string>& items) {
  std::map<std::string, std::string> settings;
  for (const std::string& item : items) {
    const auto equals = item.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw InputError("--set " + item + ": expected name=value");
    if (!settings.emplace(item.substr(0, equals), item.substr(equals + 1)).second)
      throw InputError("--set " + item + ": is set twice");
  }
  return settings;
}

void print_comparison(const calibration::DeviceComparison& c, std::ostream& out) {
  out << fmt::format("A  {}\nB  {}\n", c.a, c.b);
  out << fmt::format("{:28} {:>9} {:>9} {:>7} {:>12} {:>12} {:>8}\n", "problem", "success A", "success B",
                     "z", "energy A", "energy B", "KS p");
  for (const calibration::JobComparison& job : c.jobs) {
    out << fmt::format("{:28} {:>9.3f} {:>9.3f} {:>+7.2f} {:>12.5g} {:>12.5g} {:>8.2g}\n", job.problem,
                       static_cast<double>(job.successes_a) / static_cast<double>(job.runs_a),
                       static_cast<double>(job.successes_b) / static_cast<double>(job.runs_b), job.success_z,
                       job.mean_energy_a, job.mean_energy_b, job.energy_p);
  }
  out << fmt::format("success   A {:.4f} ({:.4f} to {:.4f}), B {:.4f} ({:.4f} to {:.4f}), p = {:.3g}\n",
                     c.success_a, c.success_a_interval.low, c.success_a_interval.high, c.success_b,
                     c.success_b_interval.low, c.success_b_interval.high, c.success_p);
  out << fmt::format("energies  p = {:.3g}\nbias      p = {:.3g}\n", c.energy_p, c.bias_p);
  out << (c.agree() ? "no difference beyond sampling error\n"
                    : "the two devices differ beyond sampling error\n");
}

}  // namespace opoloop
