#pragma once

#include <vector>

#include "cim_model/feedback_law.h"
#include "driver/hil/latency_histogram.h"
#include "driver/hil/plant_session.h"
#include "driver/hil/reference_law.h"

namespace opoloop::hil {

/// What is injected where an answer comes too late (free-run).
enum class MissPolicy {
  hold,   ///< the last answer that came in time
  zero,   ///< nothing
  stall,  ///< the light waits for it: counted as a miss all the same
};

/// What closing the loop through a wire took.
struct RoundStatistics {
  std::int64_t rounds = 0;         ///< measurements sent, repeats not counted
  std::int64_t misses = 0;         ///< injections that were due before their answer came (free-run)
  std::int64_t longest_burst = 0;  ///< of misses in a row
  LatencyHistogram turnaround;     ///< from MEAS handed over to FDBK checked and read
  LatencyHistogram late_by;        ///< of missed answers that came after all: after their deadline
  LatencyHistogram plant;          ///< between an injection and the next measurement: the simulated optics
  WireSaturations saturations;     ///< samples outside their format; feedback: answers flagged so
};

/// The feedback law of a loop whose law lives elsewhere: MEAS out, FDBK in.
///
/// Lock-step: the round waits for its answer, however long it takes; a delay d is the loop's own
/// (cim_model/electronics.h). Free-run: MEAS(k) leaves no sooner than a round-trip time T after MEAS(k−1),
/// and the injection of round k is due T after MEAS(k) left. It is FDBK(k − d), so an answer has (d + 1) T:
/// the loop must be given feedback_delay = 0, this law delays itself. Throws Error where the controller is
/// gone, silent, or answers what was not asked or what is not a number.
class RemoteLaw final : public FeedbackLaw {
 public:
  RemoteLaw(PlantSession& session, MissPolicy on_miss);

  void start(int n) override;
  void inject(const Feedback& feedback, std::span<double> injection) override;
  bool needs_field() const override { return false; }

  const RoundStatistics& statistics() const { return statistics_; }

 private:
  struct Asked {
    std::uint64_t round = ~std::uint64_t{0};
    bool answered = false;
    bool in_time = false;
    bool due = false;  // deadline is set
    Clock::time_point sent, deadline;
    std::vector<float> answer;
  };

  FrameHeader measure(const Feedback& feedback);
  void lock_step(const FrameHeader& header);
  void free_run(const FrameHeader& header);
  void wait_for(Asked& asked);
  void pass_time(Clock::time_point until);
  void take(const Message& message);
  void read(const Message& message, std::span<float> answer);
  Asked& slot(std::uint64_t round) { return asked_[round % asked_.size()]; }

  PlantSession& session_;
  MissPolicy on_miss_;
  RoundStatistics statistics_;
  std::uint32_t run_ = 0;
  std::uint64_t newest_ = 0;  // round measured last
  bool started_ = false;
  std::vector<float> x_, injected_;
  std::vector<std::uint8_t> payload_;
  // free-run
  std::vector<Asked> asked_;
  Clock::time_point round_began_, heard_;
  std::int64_t burst_ = 0;
  bool missed_ = false;
  Clock::time_point left_;  // when the last injection was handed to the plant
};

}  // namespace opoloop::hil
