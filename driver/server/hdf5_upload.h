#pragma once

#include <string>
#include <string_view>

#include "driver/server/job_json.h"

namespace opoloop {

/// The problem in an HDF5 file (docs/problem-formats.md) that a stranger sent. The HDF5 library was not made
/// for such files: it is let at them in a process of its own, which ends with the file, follows no link to
/// another file, and has seconds and memory of its own. `name` stands for the file in
/// messages. Throws InputError, also where reading it ended that process.
Problem read_uploaded_hdf5(std::string_view bytes, const std::string& name, const JobLimits& limits);

}  // namespace opoloop
