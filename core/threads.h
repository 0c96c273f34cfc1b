#pragma once

#include <cstdint>
#include <functional>

namespace opoloop {

/// Hardware threads this process may use, at least 1.
int available_threads();

/// Calls body(item) for item = 0 … count−1 on up to `threads` threads. Items are handed out one by one;
/// body must not care which thread runs it. The first exception is rethrown here after all threads stop.
void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t)>& body);

}  // namespace opoloop
