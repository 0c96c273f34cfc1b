// The loop closed over a wire gives, bit for bit, what it gives with the same law in this process.

#include <unistd.h>

#include <atomic>
#include <bit>
#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <limits>
#include <string>
#include <thread>

#include "cim_model/presets.h"
#include "core/error.h"
#include "driver/hil/controller.h"
#include "driver/hil/plant.h"
#include "driver/hil/reference_law.h"
#include "hamiltonian/generators.h"

using namespace opoloop;
using namespace opoloop::hil;

namespace {

IsingModel sk(int n) {
  return sherrington_kirkpatrick(n, CouplingKind::gaussian, false, 5).ising;
}

LoopParameters parameters_of(LawKind law, std::int64_t rounds) {
  LoopParameters p;
  p.law = law;
  p.rounds = rounds;
  p.dt = law == LawKind::cac ? 0.125 : 0.3;
  p.pump = law == LawKind::linear ? Schedule::ramp(0.2, 1.1) : Schedule::ramp(-0.5, 1, 0.9);
  p.alpha = Schedule::ramp(1, 2, 0.9);
  p.beta = 0.3;
  p.amplitude_clamp = 2;
  p.start_sd = 0.1;
  return p;
}

std::string shm_name(const char* what) {
  return "shm:test-" + std::to_string(::getpid()) + "-" + what;
}

/// Everything of a run that a bit could show in.
struct Trace {
  std::vector<std::uint64_t> bits;
  LoopObserver observer() {
    return [this](const LoopObservation& seen) {
      for (const double x : seen.amplitude) bits.push_back(std::bit_cast<std::uint64_t>(x));
      for (const double v : seen.injection) bits.push_back(std::bit_cast<std::uint64_t>(v));
      bits.push_back(std::bit_cast<std::uint64_t>(seen.energy));
    };
  }
};

/// A controller in a thread of its own, joined whatever happens to the plant.
class ControllerThread {
 public:
  ControllerThread(const std::string& uri, const ControllerSettings& settings)
      : thread_([this, uri, settings] {
          try {
            report_ = run_controller(open_carrier(uri, Side::controller, 5), settings);
          } catch (const Error& error) {
            error_ = error.what();
          }
        }) {}
  ~ControllerThread() { join(); }
  ControllerThread(const ControllerThread&) = delete;
  ControllerThread& operator=(const ControllerThread&) = delete;

  const ControllerReport& report() {
    join();
    return report_;
  }
  const std::string& error() {
    join();
    return error_;
  }

 private:
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  ControllerReport report_;
  std::string error_;
  std::thread thread_;
};

struct Closed {
  PlantReport plant;
  ControllerReport controller;
  Trace trace;
};

Closed close_loop(const IsingModel& problem, const LoopParameters& parameters, const std::string& uri,
                  PlantSettings settings) {
  Closed closed;
  settings.observer = closed.trace.observer();
  auto carrier = open_carrier(uri, Side::plant, 0);
  ControllerThread controller(carrier->name(), {});
  closed.plant = run_plant(problem, parameters, std::move(carrier), settings);
  INFO(controller.error());
  closed.controller = controller.report();
  REQUIRE(controller.error().empty());
  return closed;
}

Trace in_process(const IsingModel& problem, const LoopParameters& parameters, PlantSettings settings,
                 WireSaturations* saturations = nullptr) {
  Trace trace;
  settings.observer = trace.observer();
  run_in_process(problem, parameters, settings, saturations);
  return trace;
}

/// What a plant says to a controller made of raw messages.
std::string plant_error(const std::string& uri, PlantSettings settings,
                        const std::function<void(Link&, const Message&)>& misbehave) {
  const IsingModel problem = sk(8);
  auto carrier = open_carrier(uri, Side::plant, 0);
  const std::string name = carrier->name();
  // The plant gives up first, and says so.
  const auto limit = clock_duration(settings.patience.answer_s + 5);
  std::thread peer([&] {
    try {
      Link link(open_carrier(name, Side::controller, 5));
      link.send({}, {});
      while (const Message* message = link.receive(Clock::now() + limit)) {
        if (message->header.type == FrameType::hello) link.set_session(message->header.session);
        if (message->header.type == FrameType::err) break;
        if (message->header.type == FrameType::cfg) {
          FrameHeader ack;
          ack.type = FrameType::cfg;
          ack.round = message->header.round;
          link.send(ack, {});
        }
        if (message->header.type == FrameType::meas) {
          const Message measured = *message;
          misbehave(link, measured);
        }
      }
    } catch (const Error&) {
      // The plant has left, as it should.
    }
  });
  std::string what = "no error";
  try {
    settings.patience.controller_s = 3;
    run_plant(problem, parameters_of(LawKind::linear, 20), std::move(carrier), settings);
  } catch (const Error& error) {
    what = error.what();
  }
  peer.join();
  return what;
}

void answer(Link& link, const FrameHeader& to, const std::vector<float>& samples) {
  FrameHeader header;
  header.type = FrameType::fdbk;
  header.run = to.run;
  header.round = to.round;
  std::vector<std::uint8_t> payload;
  encode_samples({}, samples, payload);
  link.send(header, payload);
}

}  // namespace

TEST_CASE("lock-step over shared memory is bit-identical to the law in this process") {
  const LawKind law = GENERATE(LawKind::linear, LawKind::cac, LawKind::cfc);
  const IsingModel problem = sk(100);
  const LoopParameters parameters = parameters_of(law, 200);
  PlantSettings settings;
  settings.runs = 2;
  const Closed closed = close_loop(problem, parameters, shm_name("bits"), settings);
  const Trace expected = in_process(problem, parameters, settings);
  REQUIRE(expected.bits.size() == 2 * (201 * 101 + 200 * 100));
  CHECK(closed.trace.bits == expected.bits);
  CHECK(closed.plant.rounds.rounds == 400);
  CHECK(closed.plant.rounds.turnaround.count() == 400);
  CHECK(closed.controller.rounds == 400);
  CHECK(closed.controller.runs == 2);
  CHECK(closed.plant.link.repeats == 0);
  CHECK(closed.plant.results.size() == 2);
}

TEST_CASE("lock-step over a UDP line that loses, doubles, reorders and damages is bit-identical, too") {
  const LawKind law = GENERATE(LawKind::linear, LawKind::cac, LawKind::cfc);
  const IsingModel problem = sk(100);
  const LoopParameters parameters = parameters_of(law, 80);
  PlantSettings settings;
  settings.faults = {0.05, 0.05, 0.1, 0.02, 11};
  settings.patience.repeat_after_s = 0.0005;
  const Closed closed = close_loop(problem, parameters, "udp:0", settings);
  CHECK(closed.trace.bits == in_process(problem, parameters, settings).bits);
  CHECK(closed.controller.rounds == 80);
  // The line did what it should.
  REQUIRE(closed.plant.faults);
  CHECK(closed.plant.faults->lost > 0);
  CHECK(closed.plant.faults->duplicated > 0);
  CHECK(closed.plant.faults->reordered > 0);
  CHECK(closed.plant.faults->corrupted > 0);
  CHECK(closed.plant.link.repeats > 0);
  CHECK(closed.plant.link.crc_bad + closed.plant.link.malformed + closed.controller.link.crc_bad +
            closed.controller.link.malformed >
        0);
}

TEST_CASE("messages of many fragments, noise, field and delay: still the same bits") {
  // 700 pulses are two datagrams, the configuration is hundreds.
  IsingModel problem = sk(700);
  std::vector<double> h(700);
  for (std::size_t i = 0; i < h.size(); ++i) h[i] = 0.01 * static_cast<double>(i % 7) - 0.03;
  problem = IsingModel(700, problem.edges(), h);
  LoopParameters parameters = parameters_of(LawKind::cac, 12);
  parameters.model = ModelKind::truncated_wigner;
  parameters.g2 = 1e-3;
  parameters.imperfections.feedback_delay = 2;
  parameters.imperfections.adc_bits = 10;
  PlantSettings settings;
  settings.faults = {0.01, 0.02, 0.05, 0, 3};
  settings.patience.repeat_after_s = 0.001;
  const Closed closed = close_loop(problem, parameters, "udp:0", settings);
  CHECK(closed.trace.bits == in_process(problem, parameters, settings).bits);
}

TEST_CASE("integer samples: the wire rounds as the law in this process does, and saturations are counted") {
  const SampleFormat format = GENERATE(SampleFormat::i8, SampleFormat::i12, SampleFormat::i16);
  const IsingModel problem = sk(40);
  const LoopParameters parameters = parameters_of(LawKind::cfc, 100);
  PlantSettings settings;
  settings.wire = {WireFormat::of(format, 0.8), WireFormat::of(format, 0.7)};
  const Closed closed = close_loop(problem, parameters, shm_name("integers"), settings);
  WireSaturations saturations;
  const Trace expected = in_process(problem, parameters, settings, &saturations);
  CHECK(closed.trace.bits == expected.bits);
  CHECK(saturations.measurement > 0);
  CHECK(closed.plant.rounds.saturations.measurement == saturations.measurement);
  // The plant sees frames with a flag, the law counts samples.
  CHECK(closed.plant.rounds.saturations.feedback > 0);
  CHECK(closed.plant.rounds.saturations.feedback <= saturations.feedback);
}

TEST_CASE("the reference law agrees with the laws of the loop within single precision") {
  const LawKind law = GENERATE(LawKind::linear, LawKind::cac, LawKind::cfc);
  const IsingModel problem(50, sk(50).edges(), std::vector<double>(50, 0.3));
  LoopParameters parameters = parameters_of(law, 30);
  parameters.field_mode = law == LawKind::cac ? FieldMode::sqrt_alpha : FieldMode::mean_amplitude;
  const auto measure = [&](FeedbackLaw& by) {
    std::vector<double> seen;
    LoopOptions options;
    options.observer = [&](const LoopObservation& o) {
      seen.insert(seen.end(), o.injection.begin(), o.injection.end());
    };
    const auto model = make_pulse_model(parameters, problem);
    run_loop(problem, parameters, *model, by, options);
    return seen;
  };
  InProcessLaw single(LawConfiguration::of(problem, parameters), {});
  const auto exact = make_feedback_law(parameters, coupling_strength(problem, parameters));
  const std::vector<double> a = measure(single), b = measure(*exact);
  REQUIRE(a.size() == b.size());
  double largest = 0, apart = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(b[i]));
    apart = std::max(apart, std::abs(a[i] - b[i]));
  }
  CHECK(largest > 0.1);
  // 52 roundings of half an ulp (2^−24) a sum, over 30 rounds that grow by at most exp(dt (p − 1 + |J|)).
  CHECK(apart < 52 * 30 * 0x1p-24 * 10 * largest);
}

TEST_CASE("free-run counts every miss, holds or zeroes, and stalls without losing a bit") {
  const IsingModel problem = sk(20);
  const LoopParameters parameters = parameters_of(LawKind::cfc, 20);
  PlantSettings settings;
  settings.clock = ClockMode::free_run;
  settings.round_trip_s = 0.02;
  settings.on_miss = GENERATE(MissPolicy::hold, MissPolicy::zero, MissPolicy::stall);
  Trace trace;
  std::vector<std::vector<double>> injections;
  auto observe = trace.observer();
  settings.observer = [&](const LoopObservation& seen) {
    observe(seen);
    injections.emplace_back(seen.injection.begin(), seen.injection.end());
  };
  auto carrier = open_carrier(shm_name("free"), Side::plant, 0);
  ControllerSettings late;
  late.on_answer = [](std::uint64_t round, std::span<float>) {
    // Rounds 9 and 10: the second answer is late because the first was.
    if (round == 9) std::this_thread::sleep_for(std::chrono::milliseconds(45));
  };
  ControllerThread controller(carrier->name(), late);
  const PlantReport report = run_plant(problem, parameters, std::move(carrier), settings);
  CHECK(report.rounds.rounds == 20);
  // A loaded machine may miss more; none of those is left out.
  CHECK(report.rounds.misses >= 1);
  CHECK(report.rounds.late_by.count() + report.never_came() == report.rounds.misses);
  CHECK(report.rounds.late_by.count() >= 1);
  CHECK(report.rounds.longest_burst >= 1);
  CHECK(report.real_time_factor);
  CHECK(*report.real_time_factor <= 1.001);
  if (settings.on_miss == MissPolicy::hold) CHECK(injections[9] == injections[8]);
  if (settings.on_miss == MissPolicy::zero) CHECK(injections[9] == std::vector<double>(20, 0.0));
  if (settings.on_miss == MissPolicy::stall) {
    PlantSettings plain = settings;
    CHECK(trace.bits == in_process(problem, parameters, plain).bits);
    CHECK(report.never_came() == 0);
  }
}

TEST_CASE("free-run with a delay injects FDBK(k) in round k + d: the loop's own delay, bit for bit") {
  const IsingModel problem = sk(20);
  LoopParameters parameters = parameters_of(LawKind::cac, 60);
  parameters.imperfections.feedback_delay = 2;
  PlantSettings settings;
  settings.clock = ClockMode::free_run;
  settings.round_trip_s = 0.002;
  settings.on_miss = MissPolicy::stall;  // so that a loaded machine changes nothing
  const Closed closed = close_loop(problem, parameters, shm_name("delay"), settings);
  CHECK(closed.trace.bits == in_process(problem, parameters, settings).bits);
}

TEST_CASE("a controller that misbehaves ends the run with what it did") {
  const std::vector<float> good(8, 0.25f);
  PlantSettings settings;
  settings.patience.answer_s = 5;
  const std::string place = GENERATE(std::string("udp:0"), shm_name("bad"));
  const bool udp = place == "udp:0";

  SECTION("not a number") {
    std::vector<float> nan = good;
    nan[3] = std::numeric_limits<float>::quiet_NaN();
    const auto what =
        plant_error(place, settings, [&](Link& l, const Message& m) { answer(l, m.header, nan); });
    CHECK_THAT(what, Catch::Contains("round 0") && Catch::Contains("nan") && Catch::Contains("pulse 3"));
  }
  SECTION("too few samples") {
    const auto what = plant_error(place, settings, [&](Link& l, const Message& m) {
      answer(l, m.header, std::vector<float>(7, 0.0f));
    });
    CHECK_THAT(what, Catch::Contains("7 samples") && Catch::Contains("8 pulses"));
  }
  SECTION("a round that was not measured yet") {
    const auto what = plant_error(place, settings, [&](Link& l, const Message& m) {
      FrameHeader ahead = m.header;
      ahead.round += 2;
      answer(l, ahead, good);
    });
    CHECK_THAT(what, Catch::Contains("round 2") && Catch::Contains("not measured yet"));
  }
  SECTION("another session") {
    settings.patience.answer_s = 1;
    const auto what = plant_error(place, settings, [&](Link& l, const Message& m) {
      l.set_session(m.header.session + 1);
      answer(l, m.header, good);
      l.set_session(m.header.session);
    });
    CHECK_THAT(what, Catch::Contains("did not answer round 0") && Catch::Contains("of another session"));
  }
  SECTION("wrong checksums, other versions, other magic") {
    settings.patience.answer_s = 1;
    const auto what = plant_error(place, settings, [&](Link& l, const Message& m) {
      FrameHeader header;
      header.type = FrameType::fdbk;
      header.session = m.header.session;
      std::vector<std::uint8_t> payload, datagram;
      encode_samples({}, good, payload);
      encode_frame(header, payload, datagram);
      datagram.back() ^= 1;
      l.carrier().send(datagram);
      datagram[4] = 9;
      l.carrier().send(datagram);
      datagram[0] = 0;
      l.carrier().send(datagram);
    });
    CHECK_THAT(what, Catch::Contains("wrong checksum") && Catch::Contains("malformed") &&
                         Catch::Contains("another version"));
  }
  SECTION("it reports an error of its own") {
    const auto what = plant_error(place, settings, [&](Link& l, const Message&) {
      FrameHeader header;
      header.type = FrameType::err;
      header.format = SampleFormat::i8;
      const std::string text = "overheated";
      l.send(header, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    });
    CHECK_THAT(what, Catch::Contains("the controller reports: overheated"));
  }
  SECTION("it leaves") {
    const auto what = plant_error(place, settings, [&](Link&, const Message&) { throw Error("gone"); });
    CHECK_THAT(what, udp ? Catch::Contains("closed its port") || Catch::Contains("did not answer")
                         : Catch::Contains("has left") || Catch::Contains("did not answer"));
  }
}

TEST_CASE("a controller refuses a plant that misbehaves") {
  const std::string name = shm_name("controller");
  auto carrier = open_carrier(name, Side::plant, 0);
  PlantPatience patience;
  patience.answer_s = 2;
  PlantSession session(std::move(carrier), 77, patience, {});
  ControllerThread controller(name, {});
  const LoopParameters parameters = parameters_of(LawKind::linear, 5);
  Hello hello;
  hello.n = 8;
  hello.rounds = 5;
  hello.runs = 1;
  session.open(hello, LawConfiguration::of(sk(8), parameters).words());
  const auto ask = [&](std::uint64_t round, float first) {
    FrameHeader header;
    header.type = FrameType::meas;
    header.round = round;
    std::vector<float> x(8, 0.5f);
    x[0] = first;
    std::vector<std::uint8_t> payload;
    encode_samples({}, x, payload);
    session.ask(
        header, payload, [&](const Message& m) { return m.header.type == FrameType::fdbk; }, "a round");
  };
  ask(0, 1);
  ask(3, 1);  // a gap is the plant's own business (free-run loses measurements)
  SECTION("a round that goes back") {
    CHECK_THROWS_WITH(ask(2, 1), Catch::Contains("round 2") && Catch::Contains("after round 3"));
    CHECK_THAT(controller.error(), Catch::Contains("after round 3"));
  }
  SECTION("a measurement that is no number") {
    CHECK_THROWS_WITH(ask(4, std::numeric_limits<float>::infinity()), Catch::Contains("round 4"));
    CHECK_THAT(controller.error(), Catch::Contains("is not 8 samples"));
  }
}

TEST_CASE("one plant and one controller at a place; a place that a dead plant left is free") {
  const std::string name = shm_name("place");
  {
    const auto first = open_carrier(name, Side::plant, 0);
    CHECK_THROWS_WITH(open_carrier(name, Side::plant, 0), Catch::Contains("another plant serves this name"));
    const auto controller = open_carrier(name, Side::controller, 0);
    CHECK_THROWS_WITH(open_carrier(name, Side::controller, 0), Catch::Contains("was here first"));
  }
  CHECK_THROWS_WITH(open_carrier(name, Side::controller, 0), Catch::Contains("no plant serves this name"));
  CHECK_NOTHROW(open_carrier(name, Side::plant, 0));

  const auto udp = open_carrier("udp:0", Side::plant, 0);
  CHECK_THROWS_WITH(open_carrier(udp->name(), Side::plant, 0), Catch::Contains("has this port"));

  for (const char* wrong : {"shm:", "shm:a/b", "udp:", "udp:70000", "udp:host:", "udp::5", "tcp:5", "demo"})
    CHECK_THROWS_AS(open_carrier(wrong, Side::plant, 0), InputError);
  CHECK_THROWS_AS(open_carrier("udp:0", Side::controller, 0), InputError);
}

TEST_CASE("a controller that waits longer than the clock counts finds a plant that comes late") {
  const std::string name = shm_name("late");
  std::atomic<bool> begun{false};
  std::string error;
  std::thread controller([&] {
    begun = true;
    try {
      open_carrier(name, Side::controller, 1e12);
    } catch (const Error& failed) {
      error = failed.what();
    }
  });
  while (!begun) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto plant = open_carrier(name, Side::plant, 0);
  controller.join();
  CHECK(error.empty());
}

TEST_CASE("nobody comes, or the user stops: the plant ends without a controller") {
  PlantSettings settings;
  settings.patience.controller_s = 0.05;
  const IsingModel problem = sk(8);
  const LoopParameters parameters = parameters_of(LawKind::linear, 5);
  CHECK_THROWS_WITH(run_plant(problem, parameters, open_carrier("udp:0", Side::plant, 0), settings),
                    Catch::Contains("no controller came within 0.05 s"));
  settings.patience.controller_s = 60;
  settings.stop = [] { return true; };
  const PlantReport report =
      run_plant(problem, parameters, open_carrier(shm_name("stop"), Side::plant, 0), settings);
  CHECK(report.interrupted);
  CHECK(report.results.empty());
}
