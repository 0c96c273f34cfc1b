#include "cim_model/feedback_law.h"

#include "cim_model/laws/ahc.h"
#include "cim_model/laws/cac.h"
#include "cim_model/laws/cac_best.h"
#include "cim_model/laws/cfc.h"
#include "cim_model/laws/clipped.h"
#include "cim_model/laws/linear.h"
#include "cim_model/laws/sfc.h"
#include "core/error.h"

namespace opoloop {

std::unique_ptr<FeedbackLaw> make_feedback_law(const LoopParameters& parameters, double strength) {
  switch (parameters.law) {
    case LawKind::linear:
      return std::make_unique<LinearLaw>(strength);
    case LawKind::clipped:
      return std::make_unique<ClippedLaw>(strength, parameters.limit);
    case LawKind::tanh:
      return std::make_unique<TanhLaw>(strength, parameters.limit);
    case LawKind::cac:
      return std::make_unique<CacLaw>(parameters, strength);
    case LawKind::cfc:
      return std::make_unique<CfcLaw>(parameters, strength);
    case LawKind::sfc:
      return std::make_unique<SfcLaw>(parameters, strength);
    case LawKind::cac_best:
      return std::make_unique<CacBestLaw>(parameters, strength);
    case LawKind::ahc:
      return std::make_unique<AhcLaw>(parameters, strength);
  }
  throw InputError("law: not a known feedback law");
}

bool has_error_variable(LawKind law) {
  return law == LawKind::cac || law == LawKind::cfc || law == LawKind::sfc || law == LawKind::cac_best ||
         law == LawKind::ahc;
}

}  // namespace opoloop
