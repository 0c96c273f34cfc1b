#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "experiments/figure.h"
#include "experiments/problem_spectrum.h"

namespace opoloop {

/// Tables for a terminal: classical chain, quantum annealing, the machine's own modes.
void print_spectrum(const Problem& problem, const ProblemSpectrum& spectrum, std::ostream& out);
/// One JSON object with everything; what is not a number or infinite is null.
void print_spectrum_json(const Problem& problem, const ProblemSpectrum& spectrum, std::ostream& out);
/// A page with tables and pictures.
std::string spectrum_html(const Problem& problem, const ProblemSpectrum& spectrum);

/// Lowest levels and Δ(s); gap and relaxation time against β; modes along a run. Those parts that are there.
std::vector<Figure> spectrum_figures(const ProblemSpectrum& spectrum);

}  // namespace opoloop
