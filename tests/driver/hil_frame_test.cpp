#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <numeric>
#include <random>
#include <sstream>

#include "core/error.h"
#include "driver/hil/crc32c.h"
#include "driver/hil/faults.h"
#include "driver/hil/frame.h"
#include "driver/hil/hello.h"
#include "driver/hil/latency_histogram.h"
#include "driver/hil/reassembler.h"
#include "driver/hil/reference_law.h"

using namespace opoloop;
using namespace opoloop::hil;

namespace {

using Bytes = std::vector<std::uint8_t>;

/// The frame of docs/hil.md.
Bytes example_frame() {
  FrameHeader header;
  header.format = SampleFormat::i12;
  header.type = FrameType::fdbk;
  header.flags = kSaturated | kRepeat;
  header.session = 0x0A0B0C0D;
  header.run = 3;
  header.round = 41;
  header.apply = 42;
  header.t_sim_ns = 208362;
  header.t_send_ns = 1000000007;
  header.lsb = 0.00390625f;
  Bytes payload;
  const float values[] = {1.0f, -0.5f, 100.0f};
  encode_samples({SampleFormat::i12, header.lsb}, values, payload);
  Bytes datagram;
  encode_frame(header, payload, datagram);
  return datagram;
}

std::string hex_dump(const Bytes& bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 16) {
    char line[24];
    std::snprintf(line, sizeof line, "%04zx ", at);
    text += line;
    for (std::size_t k = at; k < std::min(at + 16, bytes.size()); ++k) {
      std::snprintf(line, sizeof line, " %02x", bytes[k]);
      text += line;
    }
    text += '\n';
  }
  return text;
}

FrameFault fault_of(const Bytes& datagram) {
  FrameHeader header;
  std::span<const std::uint8_t> payload;
  return decode_frame(datagram, header, payload);
}

FrameHeader fragment(std::uint64_t round, int index, int count) {
  FrameHeader header;
  header.type = FrameType::meas;
  header.format = SampleFormat::i8;
  header.round = round;
  header.fragment = static_cast<std::uint16_t>(index);
  header.fragments = static_cast<std::uint16_t>(count);
  return header;
}

}  // namespace

TEST_CASE("crc32c is that of iSCSI, by instruction and by table") {
  const std::string digits = "123456789";
  const auto* at = reinterpret_cast<const std::uint8_t*>(digits.data());
  CHECK(crc32c(0, {at, 9}) == 0xE3069283);
  CHECK(crc32c_by_table(0, {at, 9}) == 0xE3069283);
  const Bytes zeros(32, 0);  // RFC 3720 B.4
  CHECK(crc32c(0, zeros) == 0x8A9136AA);
  std::mt19937 random(1);
  Bytes bytes(1000);
  for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
  for (std::size_t length = 0; length < 80; ++length) {
    const std::span<const std::uint8_t> part(bytes.data() + length % 7, length);
    CHECK(crc32c(0, part) == crc32c_by_table(0, part));
    // In two pieces as in one.
    CHECK(crc32c(crc32c(0, part.first(length / 3)), part.subspan(length / 3)) == crc32c(0, part));
  }
}

TEST_CASE("the example frame of docs/hil.md is what the code writes") {
  const Bytes datagram = example_frame();
  // Fields at their places, least significant byte first.
  CHECK(std::string(datagram.begin(), datagram.begin() + 4) == "CIMF");
  CHECK(datagram[4] == 1);
  CHECK(datagram[5] == 1);
  CHECK(datagram[6] == 4);
  CHECK(datagram[7] == 5);
  CHECK(datagram[8] == 0x0D);
  CHECK(datagram[11] == 0x0A);
  CHECK(datagram[16] == 41);
  CHECK(datagram[24] == 42);
  CHECK(datagram[48] == 3);
  CHECK(datagram[58] == 1);
  CHECK(datagram.size() == 70);
  std::ifstream page("docs/hil.md");
  std::stringstream text;
  text << page.rdbuf();
  INFO(hex_dump(datagram));
  CHECK(text.str().find(hex_dump(datagram)) != std::string::npos);
}

TEST_CASE("what is no frame is refused for what it is") {
  const Bytes good = example_frame();
  CHECK(fault_of(good) == FrameFault::none);
  const auto changed = [&](std::size_t at, std::uint8_t value) {
    Bytes bytes = good;
    bytes[at] = value;
    return fault_of(bytes);
  };
  CHECK(changed(0, 'X') == FrameFault::magic);
  CHECK(changed(4, 2) == FrameFault::version);
  CHECK(changed(5, 4) == FrameFault::malformed);
  CHECK(changed(6, 0) == FrameFault::malformed);
  CHECK(changed(6, 7) == FrameFault::malformed);
  CHECK(changed(48, 4) == FrameFault::malformed);
  CHECK(changed(56, 1) == FrameFault::malformed);  // fragment 1 of 1
  CHECK(changed(58, 0) == FrameFault::malformed);  // of none
  CHECK(fault_of(Bytes(good.begin(), good.begin() + 63)) == FrameFault::malformed);
  CHECK(fault_of(Bytes(good.begin(), good.end() - 1)) == FrameFault::malformed);
  CHECK(fault_of({}) == FrameFault::malformed);
  // Every single bit that is turned over is found, by one check or another.
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bytes = good;
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1u << bit % 8));
    CHECK(fault_of(bytes) != FrameFault::none);
  }
}

TEST_CASE("samples: half to even, held to the range, back to within half an LSB") {
  Bytes payload;
  const WireFormat eight{SampleFormat::i8, 0.5f};
  const std::vector<float> values = {0.25f, 0.75f, -0.75f, -0.3f, 63.5f, 64.0f, -1000.0f, 0.0f};
  CHECK(encode_samples(eight, values, payload) == 2);
  std::vector<float> back(values.size());
  REQUIRE(decode_samples(eight, payload, back));
  CHECK(back == std::vector<float>{0.0f, 1.0f, -1.0f, -0.5f, 63.5f, 63.5f, -63.5f, 0.0f});

  for (const SampleFormat format : {SampleFormat::i8, SampleFormat::i12, SampleFormat::i16}) {
    const WireFormat wire = WireFormat::of(format, 3);
    std::vector<float> ramp(601), read(601);
    for (std::size_t i = 0; i < ramp.size(); ++i) ramp[i] = 0.01f * static_cast<float>(i) - 3.0f;
    encode_samples(wire, ramp, payload);
    CHECK(payload.size() == ramp.size() * sample_bytes(format));
    REQUIRE(decode_samples(wire, payload, read));
    for (std::size_t i = 0; i < ramp.size(); ++i) CHECK(std::abs(read[i] - ramp[i]) <= 0.5001f * wire.lsb);
  }
  CHECK(WireFormat::of(SampleFormat::i12, 3).lsb == static_cast<float>(3.0 / 2047));
  CHECK_THROWS_AS(WireFormat::of(SampleFormat::i12, 0), InputError);
}

TEST_CASE("samples that are no numbers, or not of their format, are refused") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Bytes payload;
  std::vector<float> back(2);
  encode_samples({}, std::vector<float>{1.0f, nan}, payload);
  CHECK_FALSE(decode_samples({}, payload, back));
  encode_samples({}, std::vector<float>{1.0f, std::numeric_limits<float>::infinity()}, payload);
  CHECK_FALSE(decode_samples({}, payload, back));
  encode_samples({}, std::vector<float>{1.0f, 2.0f}, payload);
  CHECK(decode_samples({}, payload, back));
  back.resize(3);
  CHECK_FALSE(decode_samples({}, payload, back));
  back.resize(1);
  const WireFormat twelve{SampleFormat::i12, 1.0f};
  CHECK_FALSE(decode_samples(twelve, Bytes{0x00, 0x08}, back));  // 2048
  CHECK(decode_samples(twelve, Bytes{0x00, 0xf8}, back));        // −2048
  CHECK(back[0] == -2048);
  CHECK(encode_samples({SampleFormat::i8, 1.0f}, std::vector<float>{nan}, payload) == 1);
  CHECK(payload[0] == 0);
}

TEST_CASE("fragments come together in any order and any number of times") {
  Bytes whole(22);
  std::iota(whole.begin(), whole.end(), std::uint8_t{1});
  const auto part = [&](int index) {
    return std::span<const std::uint8_t>(whole).subspan(static_cast<std::size_t>(index) * 8,
                                                        index == 2 ? 6 : 8);
  };
  std::vector<int> order = {0, 1, 2};
  do {
    Reassembler reassembler(8, 100);
    CHECK(reassembler.add(fragment(5, order[0], 3), part(order[0])) == Reassembler::Outcome::waiting);
    CHECK(reassembler.add(fragment(5, order[0], 3), part(order[0])) == Reassembler::Outcome::duplicate);
    CHECK(reassembler.add(fragment(5, order[1], 3), part(order[1])) == Reassembler::Outcome::waiting);
    REQUIRE(reassembler.add(fragment(5, order[2], 3), part(order[2])) == Reassembler::Outcome::whole);
    CHECK(reassembler.message().payload == whole);
    CHECK(reassembler.message().header.n == 22);
    // A late copy of what is whole is no loss when the next message comes.
    CHECK(reassembler.add(fragment(5, 0, 3), part(0)) == Reassembler::Outcome::waiting);
    CHECK(reassembler.add(fragment(6, 0, 3), part(0)) == Reassembler::Outcome::waiting);
    CHECK(reassembler.dropped() == 0);
    CHECK(reassembler.add(fragment(5, 1, 3), part(1)) == Reassembler::Outcome::behind);
    CHECK(reassembler.add(fragment(7, 0, 1), part(0)) == Reassembler::Outcome::whole);
    CHECK(reassembler.dropped() == 1);
  } while (std::next_permutation(order.begin(), order.end()));

  Reassembler small(8, 20);
  CHECK(small.add(fragment(1, 0, 3), part(0)) == Reassembler::Outcome::waiting);
  CHECK(small.add(fragment(1, 2, 3), part(2)) == Reassembler::Outcome::inconsistent);  // 22 > 20 bytes
  CHECK(small.add(fragment(1, 1, 3), part(2)) == Reassembler::Outcome::inconsistent);  // not full
  CHECK(small.add(fragment(1, 1, 2), part(2)) == Reassembler::Outcome::inconsistent);  // of two, not three
  CHECK(small.add(fragment(1, 0, 65535), part(0)) == Reassembler::Outcome::inconsistent);
}

TEST_CASE("HELLO and configuration survive the wire; what is none is refused") {
  Hello hello;
  hello.n = 7;
  hello.fragment_bytes = 1408;
  hello.clock = ClockMode::free_run;
  hello.delay = 3;
  hello.measurement = {SampleFormat::i12, 0.25f};
  hello.config_words = 9;
  hello.block_words = 16384;
  const Bytes bytes = hello.bytes();
  const Hello back = Hello::parse(bytes);
  CHECK(back.bytes() == bytes);
  CHECK(back.delay == 3);
  CHECK_THROWS_AS(Hello::parse(Bytes(bytes.begin(), bytes.end() - 1)), Error);
  for (const std::size_t word : {0u, 1u, 10u, 11u}) {
    Bytes wrong = bytes;
    std::fill_n(wrong.begin() + static_cast<long>(word) * 4, 4, std::uint8_t{0});
    CHECK_THROWS_AS(Hello::parse(wrong), Error);
  }

  const IsingModel problem(3, {{0, 1, 1.5}, {1, 2, -0.5}}, {0.1, 0, -0.2});
  LoopParameters parameters;
  parameters.law = LawKind::cac;
  parameters.rounds = 4;
  parameters.field_mode = FieldMode::sqrt_alpha;
  const auto words = LawConfiguration::of(problem, parameters).words();
  CHECK(words.size() == 16 + 3 * 4 + 3 + 9);
  CHECK(LawConfiguration::parse(words, 3).words() == words);
  CHECK_THROWS_AS(LawConfiguration::parse(words, 4), Error);
  CHECK_THROWS_AS(LawConfiguration::parse(std::span(words).first(words.size() - 1), 3), Error);
  for (const auto& [at, value] : {std::pair{0u, 3u}, {1u, 3u}, {3u, 0u}, {4u, 0u}, {20u, 0x7f800000u}}) {
    auto wrong = words;
    wrong[at] = value;
    CHECK_THROWS_AS(LawConfiguration::parse(wrong, 3), Error);
  }
  parameters.law = LawKind::sfc;
  CHECK_THROWS_AS(LawConfiguration::of(problem, parameters), InputError);
}

TEST_CASE("a bad line does what its probabilities say, the same for the same seed") {
  class Echo final : public Carrier {
   public:
    explicit Echo(std::vector<Bytes>& sent) : sent_(sent) {}
    void send(std::span<const std::uint8_t> datagram) override {
      sent_.emplace_back(datagram.begin(), datagram.end());
    }
    std::span<const std::uint8_t> receive(Clock::time_point) override { return {}; }
    std::size_t largest_datagram() const override { return 1472; }
    bool reliable() const override { return true; }
    std::string name() const override { return "echo"; }

   private:
    std::vector<Bytes>& sent_;
  };
  constexpr int n = 20000;
  const Faults faults{0.1, 0.05, 0.2, 0.02, 7};
  std::vector<Bytes> out[2];
  for (auto& sent : out) {
    FaultyCarrier line(std::make_unique<Echo>(sent), faults);
    for (int i = 0; i < n; ++i) {
      Bytes datagram(4);
      std::memcpy(datagram.data(), &i, 4);
      line.send(datagram);
    }
    // Five standard deviations of a binomial count; what is lost cannot be anything else.
    const auto near = [](std::int64_t count, double trials, double p) {
      return std::abs(static_cast<double>(count) - trials * p) < 5 * std::sqrt(trials * p * (1 - p));
    };
    const FaultCounts& counts = line.counts();
    CHECK(near(counts.lost, n, 0.1));
    CHECK(near(counts.duplicated, n * 0.9, 0.05));
    CHECK(near(counts.reordered, n * 0.9, 0.2));
    CHECK(near(counts.corrupted, n * 0.9, 0.02));
    // All but the few that are still held back.
    const auto arrived = static_cast<std::int64_t>(sent.size());
    CHECK(arrived <= n - counts.lost + counts.duplicated);
    CHECK(arrived > n - counts.lost + counts.duplicated - 8);
  }
  CHECK(out[0] == out[1]);
  CHECK_THROWS_AS((Faults{1.0, 0, 0, 0, 1}.validate()), InputError);
  CHECK_THROWS_AS((Faults{0, 0, -0.1, 0, 1}.validate()), InputError);
}

TEST_CASE("percentiles of a latency histogram lie within 0.8% above those of the sorted numbers") {
  std::mt19937_64 random(3);
  std::lognormal_distribution<double> spread(8, 2);
  LatencyHistogram histogram;
  std::vector<std::uint64_t> all;
  for (int i = 0; i < 5000; ++i) {
    all.push_back(static_cast<std::uint64_t>(spread(random)));
    histogram.add_ns(all.back());
  }
  std::sort(all.begin(), all.end());
  for (const double q : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const std::uint64_t exact = all[static_cast<std::size_t>(std::ceil(q * 5000)) - 1];
    CHECK(histogram.percentile_ns(q) >= exact);
    CHECK(static_cast<double>(histogram.percentile_ns(q)) <= 1.008 * static_cast<double>(exact) + 1);
  }
  CHECK(histogram.percentile_ns(1) == all.back());
  CHECK(histogram.min_ns() == all.front());
  std::int64_t counted = 0;
  std::uint64_t last = 0;
  for (const auto& bin : histogram.bins()) {
    CHECK(bin.low_ns <= bin.high_ns);
    CHECK((counted == 0 || bin.low_ns > last));
    last = bin.high_ns;
    counted += bin.count;
  }
  CHECK(counted == 5000);
  LatencyHistogram ends;
  ends.add_ns(0);
  ends.add_ns(~std::uint64_t{0});
  CHECK(ends.count() == 2);
  CHECK(ends.max_ns() == ~std::uint64_t{0});
}
