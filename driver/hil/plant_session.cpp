#include "driver/hil/plant_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace opoloop::hil {
namespace {

constexpr std::size_t kBlockWords = 16384;
constexpr auto kLookForStop = std::chrono::milliseconds(50);
constexpr double kLongestRepeat_s = 0.1;
constexpr double kGoodbye_s = 0.5;

std::string text_of(const Message& message) {
  std::string text;
  for (const std::uint8_t byte : message.payload) {
    if (text.size() == 200) break;
    text += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '?';
  }
  return text;
}

}  // namespace

PlantSession::PlantSession(std::unique_ptr<Carrier> carrier, std::uint32_t session,
                           const PlantPatience& patience, std::function<bool()> stop)
    : link_(std::move(carrier)), number_(session), patience_(patience), stop_(std::move(stop)) {}

void PlantSession::heed_stop() const {
  if (stop_ && stop_()) throw Stopped{};
}

void PlantSession::no_answer(const std::string& what) const {
  const std::string complaints = link_.counts().complaints();
  throw Error(fmt::format("the controller did not answer {} within {} s{}{}", what, patience_.answer_s,
                          complaints.empty() ? "" : "; ", complaints));
}

const Message* PlantSession::receive(Clock::time_point until) {
  const Message* message = link_.receive(until);
  if (message == nullptr) return nullptr;
  if (message->header.type == FrameType::err) throw Error("the controller reports: " + text_of(*message));
  // Our HELLO was lost on its way.
  if (message->header.type == FrameType::hello && message->header.session == 0) greet();
  return message;
}

const Message& PlantSession::ask(FrameHeader header, std::span<const std::uint8_t> payload,
                                 const Accept& accept, const std::string& what) {
  asked_ = link_.send(header, payload);
  const auto give_up = asked_ + clock_duration(patience_.answer_s);
  double wait_s = patience_.repeat_after_s;
  const bool repeats = !link_.carrier().reliable();
  auto next = repeats ? asked_ + clock_duration(wait_s) : give_up;
  for (auto now = asked_;;) {
    const Message* message = receive(std::min({next, give_up, now + kLookForStop}));
    if (message != nullptr) {
      if (accept(*message)) return *message;
      // Anything else that arrives again and again must not keep the question from being asked again.
    }
    now = Clock::now();
    heed_stop();
    if (now >= give_up) no_answer(what);
    if (repeats && now >= next) {
      header.flags |= kRepeat;
      link_.send(header, payload);
      wait_s = std::min(2 * wait_s, kLongestRepeat_s);
      next = now + clock_duration(wait_s);
    }
  }
}

void PlantSession::greet() {
  FrameHeader header;
  header.type = FrameType::hello;
  link_.send(header, hello_.bytes());
}

void PlantSession::open(Hello hello, std::span<const std::uint32_t> configuration) {
  hello.fragment_bytes = static_cast<std::uint32_t>(link_.fragment_bytes());
  hello.config_words = static_cast<std::uint32_t>(configuration.size());
  hello.block_words = kBlockWords;
  hello_ = hello;
  const auto give_up = Clock::now() + clock_duration(patience_.controller_s);
  link_.set_session(number_);
  for (bool there = false; !there;) {
    const Message* message = link_.receive(std::min(give_up, Clock::now() + kLookForStop));
    there = message != nullptr && message->header.type == FrameType::hello;
    heed_stop();
    if (!there && Clock::now() >= give_up) {
      const std::string complaints = link_.counts().complaints();
      throw Error(fmt::format("{}: no controller came within {} s{}{}", link_.carrier().name(),
                              patience_.controller_s, complaints.empty() ? "" : "; ", complaints));
    }
  }
  greet();
  FrameHeader header;
  header.type = FrameType::cfg;
  std::vector<std::uint8_t> block;
  for (std::size_t at = 0; at < configuration.size(); at += kBlockWords, ++header.round) {
    const auto words = configuration.subspan(at, std::min(kBlockWords, configuration.size() - at));
    block.resize(words.size_bytes());
    std::memcpy(block.data(), words.data(), block.size());
    ask(
        header, block,
        [&](const Message& m) { return m.header.type == FrameType::cfg && m.header.round == header.round; },
        fmt::format("block {} of its configuration", header.round));
  }
}

void PlantSession::close() {
  FrameHeader header;
  header.type = FrameType::end;
  header.flags = kLast;
  struct Restore {
    PlantPatience& patience;
    PlantPatience before;
    ~Restore() { patience = before; }
  };
  const Restore restore{patience_, patience_};
  patience_.answer_s = std::min(patience_.answer_s, kGoodbye_s);
  try {
    ask(header, {}, [](const Message& m) { return m.header.type == FrameType::end; }, "END");
  } catch (const Error&) {
    return;  // it may have left already, and its last word may be lost: all results are in
  } catch (const Stopped&) {
    return;  // asked to stop after the last round: likewise
  }
}

void PlantSession::fail(const std::string& why) {
  FrameHeader header;
  header.type = FrameType::err;
  header.format = SampleFormat::i8;
  try {
    link_.send(header,
               {reinterpret_cast<const std::uint8_t*>(why.data()), std::min<std::size_t>(why.size(), 400)});
  } catch (const Error&) {
    return;  // nobody is listening any more
  }
}

}  // namespace opoloop::hil
