#pragma once

#include <optional>

#include "core/error.h"

namespace opoloop {

/// Installs handlers so that the first SIGINT or SIGTERM only sets a flag: long loops look at it once a
/// round trip, stop, and save what they have. A second signal ends the process at once.
void catch_interrupts();

/// True once a signal has arrived.
bool interrupted();

/// What `work` returns; nothing where a signal came before it or while it ran, for then a device may have
/// been stopped half way, by an answer that is short or by an Error.
template <class Work>
auto unless_interrupted(Work&& work) -> std::optional<decltype(work())> {
  if (interrupted()) return std::nullopt;
  try {
    auto made = work();
    if (!interrupted()) return made;
  } catch (const Error&) {
    if (!interrupted()) throw;
  }
  return std::nullopt;
}

/// Number of the signal that arrived, 0 if none.
int interrupt_signal();

}  // namespace opoloop
