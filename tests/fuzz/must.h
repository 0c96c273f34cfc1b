#pragma once

#include <cstdio>
#include <cstdlib>

/// Ends a fuzzing run with a reason: what the parser gave out breaks a promise.
inline void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}
