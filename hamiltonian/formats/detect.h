#pragma once

#include <string>
#include <string_view>

#include "hamiltonian/problem_file.h"

namespace opoloop {

/// Whether bytes begin as every HDF5 file without a user block does.
bool begins_like_hdf5(std::string_view bytes);

/// The format of decompressed bytes, by what they begin with; `name`'s extension decides only between rudy
/// and BiqMac, which share a grammar, and for text that tells nothing. Throws InputError saying what the file
/// seems to be.
ProblemFormat detect_format(std::string_view bytes, const std::string& name);

/// Throws InputError where the bytes are not text (control characters, such as a zero byte).
void require_text(std::string_view bytes, const std::string& name);

}  // namespace opoloop
