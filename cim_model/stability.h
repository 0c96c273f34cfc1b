#pragma once

#include <string>

#include "cim_model/parameters.h"
#include "hamiltonian/ising_model.h"

namespace opoloop {

/// The longest round trip that explicit steps of the model's equations can follow, and what limits it.
struct StableStep {
  double dt = 0;  ///< [signal amplitude lifetimes], at the substeps given; infinite where nothing limits it
  std::string limit;   ///< in words, with its rate
  std::string remedy;  ///< what would help
};

/// Linear stability of Euler's steps [docs/physics.md eq. S3], the smallest of
///
///     amplitude   (dt/substeps) (l − p + 3μx²) ≤ 2      l = 1, measured models 1 + j; x: where the law holds
///     it quadrature  (dt/substeps) (1 + p + x²) ≤ 2        truncated-wigner, positive-p, delay-lines
///     variance    (dt/substeps) (2(l − p) + 6x²) ≤ 2    gaussian, gaussian-moments; there also 2(l + p) +
///     2x² feedback    G K ≤ 1 + f                           K = gain ξ |λ_min(J)| e_0: beyond it the mode
///     rings error       error_step · 2βα ≤ 2                  cac, cfc; sfc β; cac-best γτ for β
///
/// with f = (1 − (l − p) dt/substeps)^substeps and G = (1 − f)/(l − p): for one step dt (l − p + K) ≤ 2.
/// discrete and phenomenological are exact between kicks: f = e^{−(l−p)dt}, G what a kick becomes, and no
/// bound but those of feedback and error. All over the whole run. Runge–Kutta 4 reaches 2.785 in place of 2.
/// What SFC and bounded laws do beyond their linear part cannot diverge and is left out. λ_min costs a few
/// products with J (extreme_eigenvalues).
StableStep stable_dt(const IsingModel& problem, const LoopParameters& parameters);

/// One line for the user where dt is longer than that; empty otherwise.
std::string time_step_warning(const IsingModel& problem, const LoopParameters& parameters);

}  // namespace opoloop
