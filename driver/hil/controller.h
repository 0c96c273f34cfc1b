#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "driver/hil/carrier.h"
#include "driver/hil/link.h"

namespace opoloop::hil {

struct ControllerSettings {
  double greeting_s = 10;      ///< for an answer to the first HELLO
  double silence_s = 30;       ///< without a word of the plant, then it counts as gone
  std::function<bool()> stop;  ///< true: leave
  /// Called with every new answer before it is sent, to look at it, change it or take time.
  std::function<void(std::uint64_t round, std::span<float> injection)> on_answer;
};

struct ControllerReport {
  std::string law;            ///< what it computed
  std::int64_t runs = 0;      ///< that were begun
  std::int64_t rounds = 0;    ///< answered, repeats not counted
  std::int64_t repeated = 0;  ///< answers sent again, because the measurement came again
  LinkCounts link;
  bool interrupted = false;
};

/// The other half of the loop: greets the plant, takes its configuration and answers every measurement by
/// the reference law (driver/hil/reference_law.h) until the plant says END. A measurement that comes again
/// gets the same answer, one that is overtaken gets none; over a carrier that keeps order, a round that goes
/// back is an error. Throws Error where the plant is gone, reports one, or sends what is none.
/// examples/hil/controller.c does the same in C.
ControllerReport run_controller(std::unique_ptr<Carrier> carrier, const ControllerSettings& settings);

}  // namespace opoloop::hil
