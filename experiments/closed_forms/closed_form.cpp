#include "experiments/closed_forms/closed_form.h"

#include <cmath>

namespace opoloop {

double ClosedForm::deviation() const {
  return (measured - predicted) / unit;
}

bool ClosedForm::holds() const {
  // Written so that NaN fails.
  return unit > 0 && std::abs(deviation()) <= (judged == Judged::sampling ? kSigmas : 1);
}

void ClosedForms::sampled(const std::string& quantity, const std::string& model, double predicted,
                          Estimate measured) {
  rows_.push_back(
      {group_, quantity, model, predicted, measured.value, ClosedForm::Judged::sampling, measured.error});
}

void ClosedForms::bounded(const std::string& quantity, const std::string& model, double predicted,
                          double measured, double bound) {
  rows_.push_back({group_, quantity, model, predicted, measured, ClosedForm::Judged::bound, bound});
}

}  // namespace opoloop
