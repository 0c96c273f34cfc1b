#include "experiments/tts/scaling_fit.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "experiments/tts/class_time.h"

namespace opoloop {
namespace {

constexpr std::size_t kLeastSizes = 3;
/// Relative spread of times below which they are one line within rounding.
constexpr double kRounding = 1e-12;

std::array<Line, 3> lines_of(std::span<const double> spins, std::span<const double> times) {
  std::vector<double> y;
  for (const double t : times) y.push_back(std::log(t));
  std::array<Line, 3> lines;
  for (std::size_t l = 0; l < lines.size(); ++l) {
    std::vector<double> x;
    for (const double n : spins) x.push_back(law_abscissa(kScalingLaws[l], n));
    lines[l] = least_squares(x, y);
    lines[l].residual_squares = std::max(lines[l].residual_squares, kRounding * kRounding);
  }
  return lines;
}

std::size_t least(const std::array<Line, 3>& lines) {
  const auto at = std::min_element(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return a.residual_squares < b.residual_squares;
  });
  return static_cast<std::size_t>(at - lines.begin());
}

}  // namespace

std::string law_text(ScalingLaw law) {
  switch (law) {
    case ScalingLaw::root_exponential:
      return "exp(γ√N)";
    case ScalingLaw::exponential:
      return "exp(γN)";
    case ScalingLaw::power:
      return "N^γ";
  }
  return "";
}

double law_abscissa(ScalingLaw law, double spins) {
  switch (law) {
    case ScalingLaw::root_exponential:
      return std::sqrt(spins);
    case ScalingLaw::exponential:
      return spins;
    case ScalingLaw::power:
      return std::log(spins);
  }
  return 0;
}

Line least_squares(std::span<const double> x, std::span<const double> y) {
  const auto n = static_cast<double>(x.size());
  double mean_x = 0, mean_y = 0, xx = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean_x += x[i] / n;
    mean_y += y[i] / n;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  if (!(xx > 0)) throw Error("least_squares: needs two different abscissas");
  Line line{mean_y - xy / xx * mean_x, xy / xx, 0};
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double off = y[i] - line.intercept - line.slope * x[i];
    line.residual_squares += off * off;
  }
  return line;
}

std::optional<ScalingFit> fit_scaling(std::span<const double> spins, std::span<const double> times,
                                      const std::vector<std::vector<double>>& draws) {
  if (spins.size() < kLeastSizes) return std::nullopt;
  const auto n = static_cast<double>(spins.size());
  const std::array<Line, 3> lines = lines_of(spins, times);
  ScalingFit fit;
  fit.spins.assign(spins.begin(), spins.end());
  fit.best = least(lines);
  double sum = 0;
  for (std::size_t l = 0; l < lines.size(); ++l) {
    LawFit& law = fit.laws[l];
    law.law = kScalingLaws[l];
    law.intercept = lines[l].intercept;
    law.exponent = lines[l].slope;
    law.residual = std::sqrt(lines[l].residual_squares / n);
    law.weight = std::pow(lines[l].residual_squares / lines[fit.best].residual_squares, -n / 2);
    sum += law.weight;
  }
  for (LawFit& law : fit.laws) law.weight /= sum;

  const std::size_t resamples = draws.empty() ? 0 : draws.front().size();
  std::array<std::vector<double>, 3> exponents;
  std::array<double, 3> wins{};
  for (std::size_t k = 0; k < resamples; ++k) {
    std::vector<double> drawn_spins, drawn_times;
    for (std::size_t s = 0; s < spins.size(); ++s) {
      if (!std::isfinite(draws[s][k])) continue;
      drawn_spins.push_back(spins[s]);
      drawn_times.push_back(draws[s][k]);
    }
    if (drawn_spins.size() < kLeastSizes) continue;
    const std::array<Line, 3> drawn = lines_of(drawn_spins, drawn_times);
    wins[least(drawn)] += 1;
    for (std::size_t l = 0; l < drawn.size(); ++l) exponents[l].push_back(drawn[l].slope);
  }
  for (std::size_t l = 0; l < lines.size(); ++l) {
    if (exponents[l].empty()) continue;
    fit.laws[l].share = wins[l] / static_cast<double>(exponents[l].size());
    fit.laws[l].low = percentile(exponents[l], 0.025, false);
    fit.laws[l].high = percentile(exponents[l], 0.975, true);
  }
  fit.told_apart = fit.laws[fit.best].weight >= 0.95 && fit.laws[fit.best].share >= 0.95;
  return fit;
}

}  // namespace opoloop
