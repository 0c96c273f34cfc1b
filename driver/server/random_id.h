#pragma once

#include <cstdint>
#include <string>

namespace opoloop {

/// 128 random bits as 32 digits: whoever has not been told one does not find it. Throws Error.
std::string random_id();
/// For a job whose client names no seed: every one gets another.
std::uint64_t random_seed();

}  // namespace opoloop
