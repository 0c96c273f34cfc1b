#pragma once

#include <string>

namespace opoloop {

/// Where a file is to be written: its folder must be there before minutes of computing. Throws InputError
/// naming the option.
void require_writable_place(const std::string& path, const char* option);

}  // namespace opoloop
