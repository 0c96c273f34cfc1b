#pragma once

#include <vector>

#include "cim_model/parameters.h"
#include "experiments/closed_forms/closed_form.h"

namespace opoloop {

// The closed forms, one file a group. docs/physics.md lists them with their sources; the tests in
// tests/cim_model hold each model to them one by one, these functions measure them all in one go.

void add_growth(const ValidationSettings& settings, std::vector<ClosedForm>& rows);
void add_below_threshold(const ValidationSettings& settings, std::vector<ClosedForm>& rows);
void add_above_threshold(const ValidationSettings& settings, std::vector<ClosedForm>& rows);
void add_spectra(const ValidationSettings& settings, std::vector<ClosedForm>& rows);
void add_measurement(const ValidationSettings& settings, std::vector<ClosedForm>& rows);
void add_optics(const ValidationSettings& settings, std::vector<ClosedForm>& rows);
void add_coupled_pulses(const ValidationSettings& settings, std::vector<ClosedForm>& rows);
void add_laws(const ValidationSettings& settings, std::vector<ClosedForm>& rows);
void add_other_loops(const ValidationSettings& settings, std::vector<ClosedForm>& rows);
void add_steppers(const ValidationSettings& settings, std::vector<ClosedForm>& rows);
void add_fast_path(const ValidationSettings& settings, std::vector<ClosedForm>& rows);

/// A linear loop of one model, everything else at rest: what most closed forms are about. Time step dt, g² so
/// small that photon numbers of order one are linear.
LoopParameters linear_loop(ModelKind model, double pump, double dt, std::int64_t rounds);

/// g² of linear_loop: nonlinear terms shift a variance by about this, relatively.
inline constexpr double kSmallG2 = 1e-8;

/// u = V − ½ of model (d) in its steady state at μ = 0: η j u² + a u = p/2, a = 1 − p + j  [K20].
double steady_excess_variance(double pump, double j, double eta = 1);

}  // namespace opoloop
