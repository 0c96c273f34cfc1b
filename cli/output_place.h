#pragma once

#include <string>

namespace opoloop {

/// Where a file is to be written: its folder must be there before minutes of computing. Throws InputError
/// naming the option.
void require_writable_place(const std::string& path, const char* option);

/// Measurements that took minutes or hours are not begun anew over others by a repeated command. Throws
/// InputError where the file is there.
void require_no_measurements(const std::string& path, const char* option);

}  // namespace opoloop
