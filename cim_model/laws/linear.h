#pragma once

#include "cim_model/feedback_law.h"

namespace opoloop {

/// inj_i = ξ Σ_j J_ij x̃_j  [W13 by delay lines, I16 by measurement and feedback;
/// docs/physics.md eq. F1]
class LinearLaw final : public FeedbackLaw {
 public:
  explicit LinearLaw(double strength) : strength_(strength) {}

  void start(int /*n*/) override {}
  void inject(const Feedback& feedback, std::span<double> injection) override {
    for (std::size_t i = 0; i < injection.size(); ++i) injection[i] = strength_ * feedback.field[i];
  }

 private:
  double strength_;
};

}  // namespace opoloop
