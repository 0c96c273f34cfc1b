#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "experiments/applications/applications_plan.h"

namespace opoloop {

struct ApplicationPicture {
  std::string application;
  std::string svg;
  std::string caption;  ///< plain text
};

/// A picture of the answer in a row, drawn from the row and the instance made anew: the graph with its set,
/// tracks over frames, low, bicubic, reconstructed and true image, the history of a search, clusters. Nothing
/// where the row has no answer or its instance cannot be drawn (points of more than two dimensions).
std::optional<ApplicationPicture> application_picture(const ApplicationRow& row,
                                                      const std::filesystem::path& data);

/// One picture an application: of the first row of it that can be drawn.
std::vector<ApplicationPicture> application_pictures(const std::vector<ApplicationRow>& rows,
                                                     const std::filesystem::path& data);

}  // namespace opoloop
