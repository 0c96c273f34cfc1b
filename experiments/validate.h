#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "experiments/closed_forms/closed_form.h"
#include "experiments/validate_figures.h"

namespace opoloop {

/// Every closed form of docs/physics.md, predicted and measured.
struct Validation {
  std::vector<ClosedForm> rows;
  ValidationSettings settings;
  double wall_s = 0;
  bool interrupted = false;  ///< stopped between groups: `rows` has those that were done

  std::size_t failed() const;
};
Validation validate_physics(const ValidationSettings& settings);

/// One line a statement: quantity, model, predicted, measured, deviation, pass or fail; then a summary line.
void print_validation(const Validation& validation, std::ostream& out);
/// One JSON object with the same.
void print_validation_json(const Validation& validation, std::ostream& out);
/// A page with the table and the pictures.
std::string validation_html(const Validation& validation, const std::vector<ValidationFigure>& figures);

}  // namespace opoloop
