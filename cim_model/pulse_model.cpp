#include "cim_model/pulse_model.h"

#include "cim_model/models/gaussian.h"
#include "cim_model/models/mean_field.h"
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
  }
  throw InputError("model: not a known pulse model");
}

}  // namespace opoloop
