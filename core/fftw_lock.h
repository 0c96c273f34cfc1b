#pragma once

#include <mutex>

namespace opoloop {

/// FFTW may execute plans on any number of threads, but makes and destroys them on one at a time: every
/// fftw_plan_… and fftw_destroy_plan of the program holds this.
inline std::mutex& fftw_planner_mutex() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace opoloop
