#include "driver/hil/remote_law.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace opoloop::hil {
namespace {

/// Answers that come up to so many rounds too late are still recognised.
constexpr std::size_t kLateRounds = 1024;

[[noreturn]] void not_measured_yet(const FrameHeader& answer) {
  throw Error(fmt::format("the controller answers round {} of run {}, which was not measured yet",
                          answer.round, answer.run));
}

}  // namespace

RemoteLaw::RemoteLaw(PlantSession& session, MissPolicy on_miss) : session_(session), on_miss_(on_miss) {
  if (session.hello().clock == ClockMode::free_run)
    asked_.resize(session.hello().delay + std::size_t{1} + kLateRounds);
}

void RemoteLaw::start(int n) {
  if (started_) ++run_;
  started_ = true;
  x_.assign(static_cast<std::size_t>(n), 0.0f);
  injected_.assign(static_cast<std::size_t>(n), 0.0f);
  for (Asked& asked : asked_) asked.round = ~std::uint64_t{0};
  burst_ = 0;
  missed_ = false;
  left_ = {};
  round_began_ = {};
  heard_ = Clock::now();
}

/// The frame of this round; its samples go to payload_.
FrameHeader RemoteLaw::measure(const Feedback& feedback) {
  const Hello& hello = session_.hello();
  for (std::size_t i = 0; i < x_.size(); ++i) {
    x_[i] = static_cast<float>(feedback.measured[i]);
    if (!std::isfinite(x_[i]))
      throw Error(fmt::format("round {}: amplitude {} of pulse {} does not fit a sample", feedback.round,
                              feedback.measured[i], i));
  }
  FrameHeader header;
  header.type = FrameType::meas;
  header.format = hello.measurement.format;
  header.lsb = hello.measurement.lsb;
  header.run = run_;
  header.round = static_cast<std::uint64_t>(feedback.round);
  header.apply = header.round + hello.delay;
  header.t_sim_ns = header.round * hello.round_trip_ns;
  const std::int64_t saturated = encode_samples(hello.measurement, x_, payload_);
  statistics_.saturations.measurement += saturated;
  if (saturated > 0) header.flags |= kSaturated;
  if (missed_) header.flags |= kLate;
  if (header.round + 1 == hello.rounds) header.flags |= kLast;
  return header;
}

void RemoteLaw::inject(const Feedback& feedback, std::span<double> injection) {
  if (left_ != Clock::time_point{}) statistics_.plant.add(Clock::now() - left_);
  const FrameHeader header = measure(feedback);
  ++statistics_.rounds;
  newest_ = header.round;
  session_.heed_stop();
  if (session_.hello().clock == ClockMode::lock_step) {
    lock_step(header);
  } else {
    free_run(header);
  }
  std::copy(injected_.begin(), injected_.end(), injection.begin());
  left_ = Clock::now();
}

/// The samples of an answer; what is none ends the run.
void RemoteLaw::read(const Message& message, std::span<float> answer) {
  const FrameHeader& header = message.header;
  const WireFormat wire{header.format, header.lsb};
  if (message.payload.size() != answer.size() * sample_bytes(header.format)) {
    throw Error(fmt::format("round {}: the controller answered {} samples, there are {} pulses", header.round,
                            header.n, answer.size()));
  }
  if (!decode_samples(wire, message.payload, answer)) {
    const auto bad = std::find_if(answer.begin(), answer.end(), [](float v) { return !std::isfinite(v); });
    throw Error(bad == answer.end()
                    ? fmt::format("round {}: the controller's answer is not in its own format", header.round)
                    : fmt::format("round {}: the controller injects {} into pulse {}", header.round, *bad,
                                  bad - answer.begin()));
  }
  if ((header.flags & kSaturated) != 0) ++statistics_.saturations.feedback;
}

void RemoteLaw::lock_step(const FrameHeader& header) {
  const Message& answer = session_.ask(
      header, payload_,
      [&](const Message& m) {
        if (m.header.type != FrameType::fdbk) return false;
        if (m.header.run == run_ && m.header.round == header.round) return true;
        const bool older = m.header.run < run_ || (m.header.run == run_ && m.header.round < header.round);
        if (!older) not_measured_yet(m.header);
        ++session_.link().count().duplicates;
        return false;
      },
      fmt::format("round {} of run {}", header.round, run_));
  read(answer, injected_);
  statistics_.turnaround.add(Clock::now() - session_.asked());
}

/// An answer that came in free-run, in time or not.
void RemoteLaw::take(const Message& message) {
  const FrameHeader& header = message.header;
  if (header.type != FrameType::fdbk) return;
  if (header.run > run_ || (header.run == run_ && header.round > newest_)) not_measured_yet(header);
  Asked& asked = slot(header.round);
  if (header.run != run_ || asked.round != header.round) {
    ++session_.link().count().reordered;
    return;
  }
  if (asked.answered) {
    ++session_.link().count().duplicates;
    return;
  }
  read(message, asked.answer);
  const auto now = Clock::now();
  heard_ = now;
  asked.answered = true;
  asked.in_time = !asked.due || now <= asked.deadline;
  statistics_.turnaround.add(now - asked.sent);
  if (!asked.in_time) statistics_.late_by.add(now - asked.deadline);
}

/// Listens until then.
void RemoteLaw::pass_time(Clock::time_point until) {
  while (const Message* message = session_.receive(until)) take(*message);
}

/// Listens until the answer is there or due.
void RemoteLaw::wait_for(Asked& asked) {
  while (!asked.answered) {
    const Message* message = session_.receive(asked.deadline);
    if (message == nullptr) return;
    take(*message);
  }
}

void RemoteLaw::free_run(const FrameHeader& header) {
  const Hello& hello = session_.hello();
  const auto round_trip = std::chrono::nanoseconds(hello.round_trip_ns);
  pass_time(round_began_ + round_trip);  // also takes what came while the plant computed
  Asked& now_asked = slot(header.round);
  now_asked.round = header.round;
  now_asked.answered = now_asked.due = false;
  now_asked.answer.resize(x_.size());
  round_began_ = now_asked.sent = session_.link().send(header, payload_);
  missed_ = false;
  if (header.round < hello.delay) return;  // nothing is on its way yet

  Asked& due = slot(header.round - hello.delay);
  due.deadline = round_began_ + round_trip;
  due.due = true;
  if (!due.answered) wait_for(due);
  if (due.answered && due.in_time) {
    burst_ = 0;
    injected_ = due.answer;
    return;
  }
  missed_ = true;
  ++statistics_.misses;
  statistics_.longest_burst = std::max(statistics_.longest_burst, ++burst_);
  if (on_miss_ == MissPolicy::zero) std::fill(injected_.begin(), injected_.end(), 0.0f);
  const auto give_up = heard_ + clock_duration(session_.patience().answer_s);
  if (on_miss_ == MissPolicy::stall) {
    double wait_s = session_.patience().repeat_after_s;
    while (!due.answered) {
      if (!session_.link().carrier().reliable()) {
        FrameHeader again = header;
        again.flags |= kRepeat;
        // The state of a law is its controller's own: only the newest measurement can be sent again, and
        // with a delay an answer that was lost on its way stays lost.
        if (hello.delay == 0) session_.link().send(again, payload_);
      }
      const auto until = Clock::now() + clock_duration(wait_s);
      while (!due.answered && Clock::now() < until) {
        if (const Message* message = session_.receive(until)) take(*message);
      }
      wait_s = std::min(2 * wait_s, 0.1);
      session_.heed_stop();
      if (!due.answered && (Clock::now() >= give_up || (hello.delay > 0 && wait_s >= 0.1))) break;
    }
    if (due.answered) injected_ = due.answer;
  }
  session_.heed_stop();
  if (Clock::now() >= give_up)
    session_.no_answer(fmt::format("round {} of run {}", header.round - hello.delay, run_));
}

}  // namespace opoloop::hil
