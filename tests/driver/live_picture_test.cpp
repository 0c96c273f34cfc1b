#include "driver/server/live_picture.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <mutex>
#include <sstream>

#include "driver/onlookers.h"
#include "tests/driver/server_fixture.h"

using namespace opoloop;
using test::Json;
using test::Server;
using test::TemporaryFolder;

namespace {

/// An amplitude that says where it comes from.
float value_at(std::int64_t round, int pulse, int lane) {
  return static_cast<float>(round) + static_cast<float>(pulse) / 4096 + static_cast<float>(lane) * 1e7F;
}

/// Shows a picture one tile at a round trip.
class FakeTile {
 public:
  FakeTile(int n, int lanes) : n_(n), lanes_(lanes), x_(static_cast<std::size_t>(n) * 16) {}

  void show(LivePicture& picture, std::int64_t round) {
    for (int i = 0; i < n_; ++i) {
      for (int lane = 0; lane < 16; ++lane)
        x_[static_cast<std::size_t>(i * 16 + lane)] = value_at(round, i, lane);
    }
    for (double& energy : energy_) energy = -static_cast<double>(round);
    picture.record({round, 0, lanes_, 0.1 * static_cast<double>(round), 0.5, n_, x_.data(), nullptr, nullptr,
                    energy_.data()});
  }

 private:
  int n_;
  int lanes_;
  std::vector<float> x_;
  std::array<double, 16> energy_{};
};

/// Keeps every row that a job hands over, and what it said first.
class KeepAll final : public RunRecorder {
 public:
  void begin(int trajectories, int n, std::int64_t rounds, std::int64_t every, double, bool, bool) override {
    head = {trajectories, n, rounds, every};
  }
  void record(const TileObservation& o) override {
    const std::lock_guard lock(mutex_);
    auto& row = rows[{o.first_trajectory, o.round}];
    for (int i = 0; i < o.n; ++i) row.insert(row.end(), o.amplitude + i * 16, o.amplitude + i * 16 + o.lanes);
    energies[{o.first_trajectory, o.round}] = o.energy[0];
  }
  std::vector<std::int64_t> head;
  std::map<std::pair<std::uint32_t, std::int64_t>, std::vector<float>> rows;
  std::map<std::pair<std::uint32_t, std::int64_t>, double> energies;

 private:
  std::mutex mutex_;
};

std::shared_ptr<const Problem> spin_glass(int n, double scale = 1) {
  auto problem = std::make_shared<Problem>();
  std::vector<IsingEdge> edges;
  std::uint32_t state = 12345;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) {
      state = state * 1664525U + 1013904223U;
      edges.push_back({i, j, scale * (static_cast<double>(state >> 16) / 32768.0 - 1)});
    }
  }
  problem->ising = IsingModel(n, std::move(edges));
  return problem;
}

/// name and data of every event.
std::vector<std::pair<std::string, Json>> events_of(const std::string& body) {
  std::vector<std::pair<std::string, Json>> events;
  std::istringstream lines(body);
  std::string name;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("event: ")) name = line.substr(7);
    if (line.starts_with("data: ")) events.emplace_back(name, Json::parse(line.substr(6)));
  }
  return events;
}

}  // namespace

TEST_CASE("a picture stays small however long the job and large the problem") {
  constexpr int n = 1000;
  constexpr std::int64_t rounds = 20011;  // no multiple of any stride
  LivePicture picture;
  CHECK_FALSE(picture.begun());
  CHECK_THROWS_AS(picture.read(0), InputError);
  picture.begin(6, n, rounds, 1, 0.1, false, false);
  REQUIRE(picture.begun());
  CHECK(picture.shape().runs == LivePicture::kRuns);
  const std::vector<int>& pulses = picture.shape().pulses;
  REQUIRE(pulses.size() == static_cast<std::size_t>(LivePicture::kPulses));
  CHECK(pulses.front() == 0);
  CHECK(pulses.back() == 990);
  FakeTile tile(n, 6);
  // Somebody who looks now and then, and leaves out what a new stride has no room for.
  std::map<std::int64_t, float> seen;
  std::int64_t after = -1;
  for (std::int64_t round = 0; round <= rounds; ++round) {
    tile.show(picture, round);
    if (round % 777 != 0 && round != rounds) continue;
    const LivePicture::Rows news = picture.read(2, after);
    for (std::size_t k = 0; k < news.size(); ++k) {
      REQUIRE(news.round[k] > after);
      seen[news.round[k]] = news.amplitude[k * pulses.size()];
    }
    after = news.round.back();
    std::erase_if(seen, [&](const auto& row) { return row.first % news.stride != 0 && row.first != rounds; });
  }
  const LivePicture::Rows rows = picture.read(2);
  CHECK(rows.size() <= static_cast<std::size_t>(LivePicture::kRows));
  CHECK(rows.size() > static_cast<std::size_t>(LivePicture::kRows / 2));
  CHECK(rows.stride == 64);
  CHECK(rows.round.front() == 0);
  CHECK(rows.round.back() == rounds);
  REQUIRE(rows.amplitude.size() == rows.size() * pulses.size());
  bool right = true;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    right &= rows.round[k] == rounds || rows.round[k] % rows.stride == 0;
    right &= rows.energy[k] == -static_cast<double>(rows.round[k]);
    for (std::size_t p = 0; p < pulses.size(); ++p)
      right &= rows.amplitude[k * pulses.size() + p] == value_at(rows.round[k], pulses[p], 2);
  }
  CHECK(right);
  CHECK(seen.size() == rows.size());
  for (std::size_t k = 0; k < rows.size(); ++k) CHECK(seen.contains(rows.round[k]));
  CHECK_THROWS_AS(picture.read(4), InputError);
}

TEST_CASE("looking on changes no number of a job") {
  struct Case {
    const char* name;
    int n, runs;
    std::int64_t steps;
    std::map<std::string, std::string> parameters;
  };
  const auto parameters =
      GENERATE(Case{"tiles", 20, 20, 1200, {}}, Case{"one trajectory", 20, 1, 1200, {}},
               Case{"plain loop", 6, 5, 60, {{"model", "positive-p"}, {"law", "linear"}}});
  INFO(parameters.name);
  const auto device = make_device("emulator:");
  const auto run = [&](RunRecorder* watcher, RunRecorder* recorder) {
    Job job;
    job.problem = spin_glass(parameters.n);
    job.settings.seed = 5;
    job.settings.runs = parameters.runs;
    job.settings.steps = parameters.steps;
    job.settings.parameters = parameters.parameters;
    job.settings.threads = 2;
    job.settings.log_trajectories = recorder != nullptr ? 2 : 0;
    job.settings.log_every = 7;
    job.recorder = recorder;
    job.watcher = watcher;
    return device->run(job);
  };
  KeepAll alone, beside, watcher;
  LivePicture picture;
  const std::vector<Result> results = {run(nullptr, nullptr), run(nullptr, &alone), run(&watcher, &beside),
                                       run(&picture, nullptr)};
  for (const Result& result : results) {
    REQUIRE(result.samples.size() == results.front().samples.size());
    for (std::size_t k = 0; k < result.samples.size(); ++k) {
      const Sample& a = results.front().samples[k];
      const Sample& b = result.samples[k];
      CHECK(a.energy_best == b.energy_best);
      CHECK(a.energy_final == b.energy_final);
      CHECK(a.round_best == b.round_best);
      CHECK(a.spins_best == b.spins_best);
      CHECK(a.spins_final == b.spins_final);
    }
  }
  // And none of its log.
  CHECK(alone.head == beside.head);
  CHECK(alone.rows == beside.rows);
  CHECK(alone.energies == beside.energies);
  // The watcher has seen the same run.
  CHECK(watcher.head.front() == std::min(parameters.runs, Onlookers::kWatchedTrajectories));
  CHECK(watcher.rows.at({0, parameters.steps}) == alone.rows.at({0, parameters.steps}));
  const LivePicture::Rows rows = picture.read(0);
  REQUIRE(rows.round.back() == parameters.steps);
  const float* end = rows.amplitude.data() + (rows.size() - 1) * static_cast<std::size_t>(parameters.n);
  bool same = true;
  for (int i = 0; i < parameters.n; ++i)
    same &= (end[i] >= 0) == (results[0].samples[0].spins_final[static_cast<std::size_t>(i)] > 0);
  CHECK(same);
}

TEST_CASE("a watcher sees energies of the problem, not of the machine's integers") {
  const auto problem = spin_glass(16, 0.01);
  KeepAll watcher;
  Job job;
  job.problem = problem;
  job.settings.runs = 1;
  job.settings.steps = 100;
  job.settings.parameters["coupling_bits"] = "8";
  job.watcher = &watcher;
  const Result result = make_device("emulator:")->run(job);
  REQUIRE_FALSE(result.adaptations.empty());
  // 8 bits: couplings are off by less than 1/254 of the largest each, and there are 120 of them.
  CHECK(watcher.energies.at({0, 100}) == Approx(result.samples[0].energy_final).margin(120 * 0.01 / 254));
}

TEST_CASE("events carry the amplitudes of a run, before the end") {
  const TemporaryFolder folder;
  Server server(test::service_options(folder.path()));
  const std::string id = server.submit(test::ring_job(12, 3, 3000, 20));
  const HttpReply reply = server.get("/v1/jobs/" + id + "/events?amplitudes=1");
  REQUIRE(reply.status == 200);
  const auto events = events_of(reply.body);
  REQUIRE(events.size() >= 3);
  CHECK(events.back().first == "end");
  Json shape, last;
  std::int64_t before = -1;
  for (const auto& [name, data] : events) {
    if (name == "run") {
      CHECK(shape.is_null());
      shape = data;
    }
    if (name != "rows") continue;
    REQUIRE_FALSE(shape.is_null());
    for (const Json& row : data.at("rows")) {
      REQUIRE(row.at(0).get<std::int64_t>() > before);
      before = row.at(0);
      REQUIRE(row.at(3).size() == 12);
      last = row;
    }
  }
  CHECK(shape.at("run") == 1);
  CHECK(shape.at("runs") == 4);
  CHECK(shape.at("rounds") == 3000);
  CHECK(before == 3000);
  const Json sample = server.result(id).at("samples")[1];
  const std::string spins = sample.at("spins_final");
  for (std::size_t i = 0; i < 12; ++i) CHECK((last.at(3)[i].get<double>() >= 0) == (spins[i] == '+'));
  CHECK(last.at(2) == sample.at("energy_final"));

  // A late look sees the same, without a stream.
  const Json late = Json::parse(server.get("/v1/jobs/" + id + "/amplitudes?run=1").body);
  CHECK(late.at("rows").back() == last);
  CHECK(late.at("rows").size() <= 512);
  CHECK(server.get("/v1/jobs/" + id + "/amplitudes?run=4").status == 404);
  CHECK(server.get("/v1/jobs/" + id + "/amplitudes?run=x").status == 400);
  CHECK(server.get("/v1/jobs/" + id + "/events?amplitudes=-1").status == 400);
  // Who asks for none gets none.
  for (const auto& event : events_of(server.get("/v1/jobs/" + id + "/events").body))
    CHECK((event.first == "progress" || event.first == "end"));
}

TEST_CASE("amplitudes after a restart come from the log, and from nowhere without one") {
  const TemporaryFolder folder;
  std::string plain, logged;
  Json before;
  {
    Server server(test::service_options(folder.path()));
    plain = server.submit(test::ring_job(12, 3, 1500));
    Json job = Json::parse(test::ring_job(12, 3, 1500));
    job["settings"]["log_trajectories"] = 2;
    logged = server.submit(job.dump());
    server.ended(plain);
    server.ended(logged);
    before = Json::parse(server.get("/v1/jobs/" + logged + "/amplitudes").body);
    const std::string annealed =
        server.submit(R"({"problem": {"n": 3, "couplings": [[0, 1, 1]]}, "device": "annealing:"})");
    server.ended(annealed);
    CHECK(test::code_of(server.get("/v1/jobs/" + annealed + "/amplitudes")) == "no_amplitudes");
  }
  Server server(test::service_options(folder.path()));
  CHECK(test::code_of(server.get("/v1/jobs/" + plain + "/amplitudes")) == "no_amplitudes");
  CHECK(events_of(server.get("/v1/jobs/" + plain + "/events?amplitudes=0").body).back().first == "end");
  const Json after = Json::parse(server.get("/v1/jobs/" + logged + "/amplitudes").body);
  CHECK(after.at("runs") == 2);
  CHECK(after.at("rows").size() <= 512);
  CHECK(after.at("rows").back() == before.at("rows").back());
  // The rows that both have are the same.
  std::map<std::int64_t, Json> known;
  for (const Json& row : before.at("rows")) known[row.at(0)] = row;
  std::size_t common = 0;
  for (const Json& row : after.at("rows")) {
    const auto found = known.find(row.at(0));
    if (found == known.end()) continue;
    ++common;
    CHECK(found->second.at(3) == row.at(3));
  }
  CHECK(common > 10);
}

TEST_CASE("only so many pictures are kept, and none where nobody may look") {
  const TemporaryFolder folder;
  ServiceOptions options = test::service_options(folder.file("a"));
  options.engine.kept_pictures = 2;
  std::vector<std::string> ids;
  {
    Server server(options);
    for (int seed = 0; seed < 4; ++seed) {
      ids.push_back(server.submit(test::ring_job(8, seed)));
      server.ended(ids.back());
    }
    for (std::size_t k = 0; k < ids.size(); ++k) {
      CHECK(server.get("/v1/jobs/" + ids[k] + "/amplitudes").status == (k < 2 ? 404 : 200));
    }
  }
  options.engine.kept_pictures = -1;
  options.engine.journal = folder.file("b");
  Server server(options);
  const std::string id = server.submit(test::ring_job(8, 1));
  server.ended(id);
  CHECK(server.service->engine().picture(id) == nullptr);
}

TEST_CASE("a browser that reads nothing holds up nobody") {
  const TemporaryFolder folder;
  Server server(test::service_options(folder.path()));
  const std::string id = server.submit(test::endless_job());
  // Sockets with next to no room, whose owners never read.
  std::vector<int> deaf;
  for (int k = 0; k < 4; ++k) {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    const int room = 2048;
    ::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(server.service->port()));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    const std::string request =
        "GET /v1/jobs/" + id + "/events?amplitudes=0 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    REQUIRE(::send(socket, request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()));
    deaf.push_back(socket);
  }
  // The job runs on: its picture has been thinned several times, so thousands of rows have gone by.
  JobEngine& engine = server.service->engine();
  std::int64_t stride = 0;
  while (stride < 16 * 64) {
    engine.wait(id, 0.05, engine.find(id)->version);
    const auto picture = engine.picture(id);
    if (picture && picture->begun()) stride = picture->read(0).stride;
  }
  const auto rows = engine.picture(id)->read(0).size();
  CHECK(rows <= static_cast<std::size_t>(LivePicture::kRows));
  CHECK(server.remove("/v1/jobs/" + id).status == 200);
  CHECK(server.ended(id).at("state") == "cancelled");
  // Others see everything.
  CHECK(events_of(server.get("/v1/jobs/" + id + "/events?amplitudes=0").body).back().first == "end");
  for (const int socket : deaf) ::close(socket);
}
