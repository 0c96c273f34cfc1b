#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace opoloop {

/// The data sheet of the machine that a device stands for: {"name", "title", "rows": [{"name", "value",
/// "unit", "source"}, …]}; value and source are null where nothing is published. Null for a device that is
/// no published machine.
nlohmann::ordered_json device_sheet(const std::string& uri);

/// The published and tuned settings of the loop that parameters.preset takes: [{"name", "summary",
/// "source"}].
nlohmann::ordered_json loop_settings();

}  // namespace opoloop
