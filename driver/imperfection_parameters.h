#pragma once

#include <functional>
#include <span>
#include <string>

#include "cim_model/imperfections.h"
#include "driver/device_parameters.h"

namespace opoloop {

/// One parameter of cim_model/imperfections.h under the name it has in a URI, a device file and the run file.
struct ImperfectionParameter {
  ParameterHelp help;
  /// Throws InputError where the text is not a value of its kind; ranges are validate_imperfections()'s.
  std::function<void(Imperfections&, const std::string& text)> set;
  std::function<std::string(const Imperfections&)> get;
};

std::span<const ImperfectionParameter> imperfection_parameters();

}  // namespace opoloop
