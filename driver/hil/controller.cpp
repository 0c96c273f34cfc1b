#include "driver/hil/controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "driver/hil/hello.h"
#include "driver/hil/reference_law.h"

namespace opoloop::hil {
namespace {

constexpr auto kGreetEvery = std::chrono::milliseconds(20);
constexpr std::uint64_t kMostWords = std::uint64_t{1} << 31;

class Controller {
 public:
  Controller(std::unique_ptr<Carrier> carrier, const ControllerSettings& settings)
      : link_(std::move(carrier)), settings_(settings) {}

  ControllerReport run() {
    greet();
    auto heard = Clock::now();
    for (bool over = false; !over && !stopped();) {
      const Message* message = link_.receive(Clock::now() + std::chrono::milliseconds(50));
      if (message == nullptr) {
        if (Clock::now() - heard > clock_duration(settings_.silence_s))
          throw Error(
              fmt::format("{}: no word of the plant for {} s", link_.carrier().name(), settings_.silence_s));
        continue;
      }
      heard = Clock::now();
      over = handle(*message);
    }
    report_.link = link_.counts();
    return report_;
  }

  /// Tells the plant why this controller gives up.
  void complain(const std::string& why) {
    FrameHeader header;
    header.type = FrameType::err;
    header.format = SampleFormat::i8;
    try {
      link_.send(header,
                 {reinterpret_cast<const std::uint8_t*>(why.data()), std::min<std::size_t>(why.size(), 400)});
    } catch (const Error&) {
      return;  // nobody is listening
    }
  }

 private:
  bool stopped() {
    if (settings_.stop && settings_.stop()) report_.interrupted = true;
    if (report_.interrupted) complain("the controller was stopped");
    return report_.interrupted;
  }

  /// HELLO until the plant answers.
  void greet() {
    const auto give_up = Clock::now() + clock_duration(settings_.greeting_s);
    while (!stopped()) {
      link_.send({}, {});
      const auto next = Clock::now() + kGreetEvery;
      while (const Message* message = link_.receive(next)) {
        if (message->header.type == FrameType::err) handle(*message);
        if (message->header.type != FrameType::hello || message->header.session == 0) continue;
        hello_ = Hello::parse(message->payload);
        if (hello_.config_words > kMostWords) throw Error("HELLO: a configuration of more than 8 GiB");
        link_.set_session(message->header.session);
        link_.set_fragment_bytes(hello_.fragment_bytes);
        words_.resize(hello_.config_words);
        x_.resize(hello_.n);
        injection_.resize(hello_.n);
        return;
      }
      if (Clock::now() >= give_up)
        throw Error(
            fmt::format("{}: no plant answered within {} s", link_.carrier().name(), settings_.greeting_s));
    }
  }

  /// True when it is over.
  bool handle(const Message& message) {
    switch (message.header.type) {
      case FrameType::cfg:
        configure(message);
        break;
      case FrameType::meas:
        if (law_) answer(message);
        break;
      case FrameType::end:
        reply(message.header, FrameType::end);
        return (message.header.flags & kLast) != 0;
      case FrameType::err: {
        std::string text(message.payload.begin(), message.payload.end());
        for (char& c : text) c = c >= 0x20 && c < 0x7f ? c : '?';
        throw Error("the plant reports: " + text.substr(0, 200));
      }
      default:
        break;  // a HELLO that came twice
    }
    return false;
  }

  /// An answer without samples.
  void reply(const FrameHeader& to, FrameType type) {
    FrameHeader header;
    header.type = type;
    header.run = to.run;
    header.round = to.round;
    link_.send(header, {});
  }

  /// Block by block; a block that came before is acknowledged again.
  void configure(const Message& message) {
    const std::uint64_t at = message.header.round * hello_.block_words;
    if (message.header.round > blocks_) return;  // cannot be: the plant asks for one after another
    if (message.header.round == blocks_ && at < words_.size()) {
      const std::size_t count = std::min<std::size_t>(hello_.block_words, words_.size() - at);
      if (message.payload.size() != count * 4)
        throw Error(fmt::format("configuration: block {} of the wrong length", blocks_));
      std::memcpy(words_.data() + at, message.payload.data(), message.payload.size());
      ++blocks_;
      if (at + count == words_.size()) {
        LawConfiguration configuration = LawConfiguration::parse(words_, hello_.n);
        report_.law = name_of(configuration.law);
        law_.emplace(std::move(configuration));
        words_ = {};
      }
    }
    reply(message.header, FrameType::cfg);
  }

  void answer(const Message& message) {
    const FrameHeader& header = message.header;
    const bool fresh = !running_ || header.run > run_;
    if (!fresh) {
      if (header.run == run_ && header.round == round_) {
        ++report_.repeated;
        sent_.flags |= kRepeat;
        link_.send(sent_, payload_);
        return;
      }
      if (header.run < run_ || header.round < round_) {
        if (link_.carrier().reliable())
          throw Error(fmt::format("round {} of run {} after round {} of run {}", header.round, header.run,
                                  round_, run_));
        ++link_.count().reordered;
        return;
      }
    }
    if (!decode_samples({header.format, header.lsb}, message.payload, x_))
      throw Error(fmt::format("round {}: the measurement is not {} samples", header.round, hello_.n));
    if (fresh) {
      law_->start();
      ++report_.runs;
    }
    running_ = true;
    run_ = header.run;
    round_ = header.round;
    law_->feed_back(header.round, x_, injection_);
    if (settings_.on_answer) settings_.on_answer(header.round, injection_);
    sent_ = {};
    sent_.type = FrameType::fdbk;
    sent_.format = hello_.feedback.format;
    sent_.lsb = hello_.feedback.lsb;
    sent_.run = header.run;
    sent_.round = header.round;
    sent_.apply = header.apply;
    sent_.t_sim_ns = header.t_sim_ns;
    if (encode_samples(hello_.feedback, injection_, payload_) > 0) sent_.flags |= kSaturated;
    link_.send(sent_, payload_);
    ++report_.rounds;
  }

  Link link_;
  const ControllerSettings& settings_;
  ControllerReport report_;
  Hello hello_;
  std::vector<std::uint32_t> words_;
  std::uint64_t blocks_ = 0;  // of the configuration that are here
  std::optional<ReferenceLaw> law_;
  bool running_ = false;
  std::uint32_t run_ = 0;
  std::uint64_t round_ = 0;
  std::vector<float> x_, injection_;
  FrameHeader sent_;  // the last answer
  std::vector<std::uint8_t> payload_;
};

}  // namespace

ControllerReport run_controller(std::unique_ptr<Carrier> carrier, const ControllerSettings& settings) {
  Controller controller(std::move(carrier), settings);
  try {
    return controller.run();
  } catch (const Error& error) {
    controller.complain(error.what());
    throw;
  }
}

}  // namespace opoloop::hil
