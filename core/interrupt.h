#pragma once

namespace opoloop {

/// Installs handlers so that the first SIGINT or SIGTERM only sets a flag: long loops look at it once a
/// round trip, stop, and save what they have. A second signal ends the process at once.
void catch_interrupts();

/// True once a signal has arrived.
bool interrupted();

/// Number of the signal that arrived, 0 if none.
int interrupt_signal();

}  // namespace opoloop
