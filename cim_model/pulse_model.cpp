#include "cim_model/pulse_model.h"

#include "cim_model/models/bounded.h"
#include "cim_model/models/delay_lines.h"
#include "cim_model/models/discrete_optics.h"
#include "cim_model/models/gaussian.h"
#include "cim_model/models/gaussian_moments.h"
#include "cim_model/models/mean_field.h"
#include "cim_model/models/phenomenological.h"
#include "cim_model/models/positive_p.h"
#include "cim_model/models/truncated_wigner.h"
#include "core/error.h"

namespace opoloop {

std::unique_ptr<PulseModel> make_pulse_model(const LoopParameters& parameters, const IsingModel& problem) {
  const int n = problem.size();
  switch (parameters.model) {
    case ModelKind::mean_field:
      return std::make_unique<MeanField>(parameters, n);
    case ModelKind::truncated_wigner:
      return std::make_unique<TruncatedWigner>(parameters, n);
    case ModelKind::gaussian:
      return std::make_unique<Gaussian>(parameters, n);
    case ModelKind::delay_lines:
      return std::make_unique<DelayLines>(parameters, problem);
    case ModelKind::bounded:
      return std::make_unique<Bounded>(parameters, n);
    case ModelKind::phenomenological:
      return std::make_unique<Phenomenological>(parameters, n);
    case ModelKind::positive_p:
      return std::make_unique<PositiveP>(parameters, n);
    case ModelKind::gaussian_moments:
      return std::make_unique<GaussianMoments>(parameters, n);
    case ModelKind::discrete:
      return std::make_unique<DiscreteRing>(parameters, n);
  }
  throw InputError("model: not a known pulse model");
}

}  // namespace opoloop
