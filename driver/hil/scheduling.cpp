#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "driver/hil/plant.h"

namespace opoloop::hil {

void bind_to_processor(int processor) {
  if (processor < 0 || processor >= CPU_SETSIZE)
    throw_parameter_error("cpu", processor, fmt::format("0 to {}", CPU_SETSIZE - 1));
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(processor), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0)
    throw InputError(fmt::format("cpu = {}: {}", processor, std::strerror(errno)));
}

std::string describe_scheduling() {
  std::string policy = "unknown";
  switch (::sched_getscheduler(0)) {
    case SCHED_OTHER:
      policy = "other";
      break;
    case SCHED_BATCH:
      policy = "batch";
      break;
    case SCHED_IDLE:
      policy = "idle";
      break;
    case SCHED_FIFO:
      policy = "fifo";
      break;
    case SCHED_RR:
      policy = "round-robin";
      break;
    default:
      break;
  }
  sched_param parameters = {};
  if (::sched_getparam(0, &parameters) == 0 && parameters.sched_priority > 0)
    policy += fmt::format(" priority {}", parameters.sched_priority);
  cpu_set_t set;
  CPU_ZERO(&set);
  std::string processors;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int first = 0; first < CPU_SETSIZE; ++first) {
      if (!CPU_ISSET(static_cast<std::size_t>(first), &set)) continue;
      int last = first;
      while (last + 1 < CPU_SETSIZE && CPU_ISSET(static_cast<std::size_t>(last) + 1, &set)) ++last;
      processors += fmt::format("{}{}", processors.empty() ? "" : ",", first);
      if (last > first) processors += fmt::format("-{}", last);
      first = last;
    }
  }
  return fmt::format("scheduler {}, processors {} of {}", policy, processors,
                     ::sysconf(_SC_NPROCESSORS_ONLN));
}

}  // namespace opoloop::hil
