#pragma once

#include <functional>
#include <string>

#include "driver/hil/hello.h"
#include "driver/hil/link.h"

namespace opoloop::hil {

/// Thrown out of a wait when the user has asked to stop.
struct Stopped {};

/// How long the plant waits for what, in seconds.
struct PlantPatience {
  double controller_s = 60;       ///< for a controller to come
  double answer_s = 10;           ///< for any answer, repeats included
  double repeat_after_s = 0.002;  ///< before it asks again over a carrier that loses; doubles up to 0.1
};

/// The plant's end of the conversation: who is there, what it has been told, questions asked until they are
/// answered.
class PlantSession {
 public:
  /// stop: asked now and then while waiting; true ends the wait by Stopped.
  PlantSession(std::unique_ptr<Carrier> carrier, std::uint32_t session, const PlantPatience& patience,
               std::function<bool()> stop);

  /// Waits for a controller's HELLO, answers it and hands over the configuration. Throws Error where none
  /// comes or it does not take it.
  void open(Hello hello, std::span<const std::uint32_t> configuration);
  /// Tells the controller that it is over; does not mind where it has left.
  void close();
  /// Tells the controller why it is over.
  void fail(const std::string& why);

  using Accept = std::function<bool(const Message&)>;
  /// Sends a message, again and again where the carrier may lose it, until `accept` takes an answer. Valid
  /// until the next receive. Throws Error where none comes in time, with what came instead.
  const Message& ask(FrameHeader header, std::span<const std::uint8_t> payload, const Accept& accept,
                     const std::string& what);
  /// Waits for a message until then; nullptr where there is none. Throws Error where the controller reports
  /// one.
  const Message* receive(Clock::time_point until);

  Link& link() { return link_; }
  const Hello& hello() const { return hello_; }
  const PlantPatience& patience() const { return patience_; }
  /// When the last ask() first sent its message.
  Clock::time_point asked() const { return asked_; }
  /// Throws Stopped where the user has asked for it.
  void heed_stop() const;
  [[noreturn]] void no_answer(const std::string& what) const;

 private:
  void greet();

  Link link_;
  std::uint32_t number_;
  PlantPatience patience_;
  std::function<bool()> stop_;
  Hello hello_;
  Clock::time_point asked_;
};

}  // namespace opoloop::hil
