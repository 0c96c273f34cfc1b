#pragma once

#include <string>
#include <vector>

#include "experiments/closed_forms/closed_form.h"
#include "experiments/figure.h"

namespace opoloop {

struct ValidationFigure {
  std::string title;
  Figure figure;
};

/// What physicists expect of the machine, measured and predicted in one frame: threshold against coupling,
/// squeezing and antisqueezing against pump, amplitude spectrum with its Lorentzian, bifurcation of a small
/// problem, defects of a ring against ramp time (Kibble–Zurek), success probability against g² for SK N =
/// 100. Ends early where settings.stop says so.
std::vector<ValidationFigure> validation_figures(const ValidationSettings& settings);

}  // namespace opoloop
