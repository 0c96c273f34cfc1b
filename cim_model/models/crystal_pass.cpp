#include "cim_model/models/crystal_pass.h"

#include <algorithm>
#include <boost/numeric/odeint/algebra/array_algebra.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta4.hpp>
#include <cmath>
#include <numbers>

namespace opoloop {

CrystalMoments crystal_pass(CrystalMoments moments, double interaction, int steps) {
  boost::numeric::odeint::runge_kutta4<CrystalMoments> stepper;
  const double step = interaction / steps;
  for (int k = 0; k < steps; ++k) stepper.do_step(CrystalEquations(), moments, k * step, step);
  return moments;
}

int crystal_steps(const CrystalMoments& moments, double interaction) {
  const double energy = std::hypot(moments[kMeanPump], moments[kMeanX] / std::numbers::sqrt2);
  const double steps = std::ceil(4 * interaction * energy);
  return steps > 1 ? static_cast<int>(std::min(steps, 1000.0)) : 1;  // NaN: 1
}

}  // namespace opoloop
