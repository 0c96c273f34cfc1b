#include "hamiltonian/qama/qama_spec.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "core/error.h"

namespace opoloop {

std::string name_of(QamaForm form) {
  switch (form) {
    case QamaForm::v2:
      return "v2";
    case QamaForm::v1:
      return "v1";
    case QamaForm::gated:
      return "gated";
  }
  return "";
}

QamaForm parse_qama_form(const std::string& text) {
  for (const QamaForm form : {QamaForm::v2, QamaForm::v1, QamaForm::gated}) {
    if (text == name_of(form)) return form;
  }
  throw InputError(fmt::format("QAMA form '{}': expected v2, v1 or gated", text));
}

QamaSpec QamaSpec::published(QamaForm form) {
  QamaSpec spec;
  spec.form = form;
  if (form == QamaForm::v1) {
    spec.c_q = 1;
    spec.c_l = 1;
    spec.c_m = 2;
    spec.bits = 3;
  }
  return spec;
}

double QamaSpec::linear_factor(int tokens) const {
  return form == QamaForm::v1 ? c_l : c_l * tokens;
}

double QamaSpec::head_penalty(int heads, int tokens) const {
  if (heads < 2) return 0;
  if (form == QamaForm::v1) return c_m / (static_cast<double>(heads) * (heads - 1));
  return c_m / 2 * std::sqrt(2 / std::numbers::pi) * tokens / (heads - 1);
}

void QamaSpec::validate() const {
  const auto finite = [](const char* name, double value) {
    if (!std::isfinite(value)) throw_parameter_error(name, value, "a finite number");
  };
  finite("c_q", c_q);
  finite("c_l", c_l);
  finite("c_m", c_m);
  finite("sparsity", sparsity);
  finite("long_range", long_range);
  if (bits < 1 || bits > 8) throw_parameter_error("bits", bits, "1 to 8");
  if (!(sparsity_target >= 0 && sparsity_target <= 1)) {
    throw_parameter_error("sparsity_target", sparsity_target, "a share of the tokens, 0 to 1");
  }
}

}  // namespace opoloop
