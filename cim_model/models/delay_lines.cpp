#include "cim_model/models/delay_lines.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <utility>

#include "core/error.h"

namespace opoloop {

std::vector<DelayLine> delay_lines_of(const IsingModel& problem, int limit, bool modulators) {
  const int n = problem.size();
  // J_{i,i−d} of every distance that has a coupling; absent ones are 0.
  std::map<int, std::vector<double>> rows;
  const auto put = [&](int to, int from, double J) {
    auto& row = rows.try_emplace((to - from + n) % n, static_cast<std::size_t>(n), 0.0).first->second;
    row[static_cast<std::size_t>(to)] = J;
  };
  for (int i = 0; i < n; ++i) {
    const auto columns = problem.columns(i);
    for (std::size_t k = 0; k < columns.size(); ++k) {
      put(i, columns[k], problem.couplings(i)[k]);
      put(columns[k], i, problem.couplings(i)[k]);
    }
  }
  if (limit > 0 && rows.size() > static_cast<std::size_t>(limit)) {
    throw InputError(fmt::format(
        "line_limit = {}: these couplings take {} delay lines, one for every distance around the ring", limit,
        rows.size()));
  }
  std::vector<DelayLine> lines;
  for (const auto& [delay, row] : rows) {
    DelayLine line{delay, 0, {}};
    bool uniform = true;
    for (const double J : row) {
      if (std::abs(J) > std::abs(line.amplitude)) line.amplitude = J;
      uniform = uniform && J == row.front();
    }
    if (!uniform) {
      if (!modulators) {
        throw InputError(fmt::format(
            "line_modulators = false: pulses at a distance of {} slots couple differently, which takes a "
            "modulator",
            delay));
      }
      for (const double J : row) line.modulator.push_back(J / line.amplitude);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

DelayLines::DelayLines(const LoopParameters& parameters, const IsingModel& problem)
    : pulses_(parameters, problem.size()),
      lines_(delay_lines_of(problem, parameters.line_limit, parameters.line_modulators)),
      strength_(coupling_strength(problem, parameters)),
      dt_(parameters.dt),
      line_delay_(parameters.line_delay),
      injection_point_(parameters.injection_point) {
  if (problem.has_field()) {
    throw InputError(fmt::format(
        "field_mode = {}: model delay-lines has no electronics to scale a linear term with, must be ancilla",
        name_of(parameters.field_mode)));
  }
}

void DelayLines::start(std::uint64_t seed, std::uint32_t trajectory) {
  pulses_.start(seed, trajectory);
  const std::vector<double> dark(static_cast<std::size_t>(size()), 0.0);
  in_the_lines_.assign(static_cast<std::size_t>(line_delay_), Light{dark, dark});
}

void DelayLines::advance(std::int64_t round, const Drive& drive) {
  const auto n = static_cast<std::size_t>(size());
  const auto s = pulses_.quadrature();
  Light light{{drive.injection.begin(), drive.injection.end()}, std::vector<double>(n, 0.0)};
  if (!drive.quadrature.empty()) light.quadrature.assign(drive.quadrature.begin(), drive.quadrature.end());
  for (const DelayLine& line : lines_) {
    for (std::size_t i = 0; i < n; ++i) {
      const double open = line.modulator.empty() ? 1 : line.modulator[i];
      const std::size_t from = (i + n - static_cast<std::size_t>(line.delay)) % n;
      light.quadrature[i] += strength_ * line.amplitude * open * s[from];
    }
  }
  in_the_lines_.push_back(std::move(light));
  const Light arriving = std::move(in_the_lines_.front());
  in_the_lines_.pop_front();

  if (injection_point_ == InjectionPoint::distributed) {
    pulses_.advance(round, {drive.pump, arriving.in_phase, arriving.quadrature});
    return;
  }
  const std::vector<double> nothing(n, 0.0);
  if (injection_point_ == InjectionPoint::before) pulses_.inject(arriving.in_phase, arriving.quadrature, dt_);
  pulses_.advance(round, {drive.pump, nothing, {}});
  if (injection_point_ == InjectionPoint::after) pulses_.inject(arriving.in_phase, arriving.quadrature, dt_);
}

}  // namespace opoloop
