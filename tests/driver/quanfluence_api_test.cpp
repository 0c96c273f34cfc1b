#include "driver/server/quanfluence_api.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "core/error.h"
#include "driver/server/quanfluence_store.h"
#include "hamiltonian/formats/zip_archive.h"
#include "tests/driver/raw_client.h"
#include "tests/driver/server_fixture.h"

using namespace opoloop;
using Catch::Matchers::Contains;
using test::Json;
using test::replay;
using test::Server;
using test::TemporaryFolder;

namespace {

/// What a client does, in the fewest lines.
class QuanfluenceClient {
 public:
  explicit QuanfluenceClient(Server& server, std::string token = "x")
      : server_(server), headers_({{"Authorization", "Bearer " + std::move(token)}}) {}

  HttpReply get(const std::string& path) { return server_.client.send("GET", path, {}, headers_, 20); }
  HttpReply json(const std::string& method, const std::string& path, const std::string& body) {
    return server_.client.send(method, path, {{"", "", "application/json", body}}, headers_, 20);
  }
  HttpReply form(const std::string& path, const std::string& bytes, const std::string& part = "file") {
    return server_.client.send("POST", path, {{part, "data.zip", "application/zip", bytes}}, headers_, 20);
  }
  HttpReply execute(const std::string& device, const std::string& text) {
    return form("/api/execute/device/" + device, zip_of({{"data.txt", text}}));
  }

 private:
  Server& server_;
  std::map<std::string, std::string> headers_;
};

Json data_of(const HttpReply& reply) {
  INFO(reply.body);
  REQUIRE(reply.status == 200);
  const Json json = Json::parse(reply.body);
  REQUIRE(json.at("status") == "success");
  return json.at("data");
}

/// Refused with this status and a message that has this in it, in the shape that the client looks for.
void refused(const HttpReply& reply, int status, const std::string& word) {
  INFO(reply.body);
  CHECK(reply.status == status);
  const Json json = Json::parse(reply.body);
  CHECK(json.at("status") == "error");
  CHECK_THAT(json.at("message").get<std::string>(), Contains(word));
}

constexpr const char* kExact = R"({"type": "exact:"})";
/// F = x0 + x1 − 3 x0 x1: −1 where both are 1.
constexpr const char* kPair = "{(0, 0): 1, (0, 1): -3, (1, 1): 1}";
const Json kPairAnswer = {{"0", 1.0}, {"1", 1.0}};

}  // namespace

TEST_CASE("the vendor's client, as recorded, gets what it asks for") {
  const TemporaryFolder folder;
  ServiceOptions options = test::service_options(folder.path());
  options.http.token = "correct-horse";
  options.engine.devices = {"exact:"};
  const Server server(options);
  const int port = server.service->port();
  const std::string where = "quanfluence/";

  CHECK(data_of(replay(port, where + "sign_in.http")).at("token") == "correct-horse");
  const Json made = data_of(replay(port, where + "create_device.http"));
  CHECK(made.at("id") == 2);
  CHECK(made.at("iters") == 10000);
  CHECK(made.at("beta") == 0.333);
  CHECK(data_of(replay(port, where + "get_device.http")).at("id") == 1);
  const Json changed = data_of(replay(port, where + "update_device.http"));
  CHECK(changed.at("runs") == 10);
  CHECK(changed.at("beta") == 1.5);
  CHECK(changed.at("noise_stdev") == 0.1);
  for (const char* input : {"execute_dict.http", "execute_list.http"}) {
    const Json answer = data_of(replay(port, where + input));
    CHECK(answer.at("result") == kPairAnswer);
    CHECK(answer.at("energy") == -1.0);
    CHECK(answer.at("trials") == 10);
  }
  // x0 − 3 x0 x1 + 1e-05 x1
  CHECK(data_of(replay(port, where + "execute_defaultdict.http")).at("energy").get<double>() ==
        Approx(-2 + 1e-5).epsilon(1e-12));

  const std::string recorded_file = "137eb0ab6d1fb033c9a1032254cc3397.qubo";
  const std::string file = data_of(replay(port, where + "upload.http")).at("result");
  CHECK(data_of(replay(port, where + "execute_upload.http", recorded_file, file)).at("result") ==
        kPairAnswer);
  const Json created = data_of(replay(port, where + "create_job.http", recorded_file, file));
  // Clients may look at this alone: what is said to have succeeded has its answer.
  CHECK((created.at("status") == "SUCCEEDED") == created.contains("result"));
  const std::string job = created.at("id");
  while (server.service->engine().wait(job, 10)->status != JobStatus::done) {
  }
  const Json done = data_of(replay(port, where + "get_job.http", "a462dc50d17b9ae90ebf9dc6bc051d67", job));
  CHECK(done.at("status") == "SUCCEEDED");
  CHECK(done.at("result") == kPairAnswer);
  CHECK(done.at("energy") == -1.0);
  CHECK(done.at("device_id") == 1);
  CHECK(done.at("filename") == file);
}

TEST_CASE("the emulator answers a QUBO with spins and the QUBO's energy") {
  const TemporaryFolder folder;
  Server server(test::service_options(folder.path()));
  QuanfluenceClient client(server);
  const Json answer = data_of(client.execute("1", "0.25\n0 0 1\n1 1 2\n2 2 -1\n0 2 -0.5\n1 2 0.75\n"));
  double energy = 0.25;
  const auto x = [&](const char* i) { return (1 + answer.at("result").at(i).get<double>()) / 2; };
  energy += x("0") + 2 * x("1") - x("2") - 0.5 * x("0") * x("2") + 0.75 * x("1") * x("2");
  CHECK(answer.at("energy").get<double>() == Approx(energy).margin(1e-12));
  CHECK(answer.at("trials") == 5);
}

TEST_CASE("a job's status goes through the vendor's names") {
  const TemporaryFolder folder;
  Server server(test::service_options(folder.path()));
  QuanfluenceClient client(server);
  data_of(client.json("PUT", "/api/devices/1", R"({"iters": 1000000000000})"));
  const std::string file = data_of(client.form("/api/devices/1/qubo/upload", kPair)).at("result");
  const std::string body = Json{{"device_id", 1}, {"filename", file}}.dump();
  const std::string id = data_of(client.json("POST", "/api/jobs", body)).at("id");
  JobEngine& engine = server.service->engine();
  while (engine.find(id)->status == JobStatus::queued) engine.wait(id, 1, engine.find(id)->version);
  CHECK(data_of(client.get("/api/jobs/" + id)).at("status") == "RUNNING");
  engine.cancel(id);
  while (engine.wait(id, 10)->status == JobStatus::running) {
  }
  CHECK(data_of(client.get("/api/jobs/" + id)).at("status") == "CANCELLED");
  CHECK_FALSE(data_of(client.get("/api/jobs/" + id)).contains("result"));
}

TEST_CASE("devices and uploads outlive the server") {
  const TemporaryFolder folder;
  std::string file;
  {
    Server server(test::service_options(folder.path()));
    QuanfluenceClient client(server);
    const Json made = data_of(client.json("POST", "/api/devices", R"({"title": "mine", "type": "exact:"})"));
    CHECK(made.at("id") == 2);
    data_of(client.json("PUT", "/api/devices/2", R"({"iters": 7, "unknown": true})"));
    file = data_of(client.form("/api/devices/2/qubo/upload", kPair)).at("result");
  }
  Server server(test::service_options(folder.path()));
  QuanfluenceClient client(server);
  const Json kept = data_of(client.get("/api/devices/2"));
  CHECK(kept.at("title") == "mine");
  CHECK(kept.at("iters") == 7);
  CHECK(data_of(client.get("/api/execute/device/2/qubo/" + file)).at("result") == kPairAnswer);
  // Another device's upload is not this one's.
  refused(client.get("/api/execute/device/1/qubo/" + file), 404, "nothing was uploaded");
  CHECK(data_of(client.json("POST", "/api/devices", "{}")).at("id") == 3);
}

TEST_CASE("of more uploads than are kept the oldest go") {
  const TemporaryFolder folder;
  QuanfluenceStore store(folder.file("q"), 2, 1 << 20);
  Problem problem;
  problem.ising = IsingModel(2, {{0, 1, 1.0}});
  const QuanfluenceDevice device = store.find("1");
  const std::string first = store.upload(device, problem);
  const std::string second = store.upload(device, problem);
  const std::string third = store.upload(device, problem);
  CHECK_THROWS_AS(store.uploaded(device, first), HttpError);
  CHECK(store.uploaded(device, second).ising.size() == 2);
  CHECK(store.uploaded(device, third).ising.size() == 2);
  CHECK_THROWS_AS(store.uploaded(device, "../../" + third), HttpError);
}

TEST_CASE("bad requests to the vendor's interface are refused in its own shape") {
  const TemporaryFolder folder;
  ServiceOptions options = test::service_options(folder.path());
  options.http.max_body_bytes = 20000;
  options.engine.limits.max_spins = 50;
  options.engine.limits.max_runs = 100;
  Server server(options);
  QuanfluenceClient client(server);
  const std::string execute = "/api/execute/device/1";
  refused(client.execute("1", "{(0, 0): nan}"), 400, "finite");
  refused(client.execute("1", "{(0, 50): 1}"), 400, "below 50");
  refused(client.execute("9", kPair), 404, "device");
  refused(client.execute("1x", kPair), 404, "device");
  refused(client.form(execute, kPair, "problem"), 400, "not named file");
  refused(client.form(execute, zip_of({{"data.txt", kPair}}).substr(0, 50)), 400, "zip");
  // A bomb: small as sent, more than max_body_bytes when inflated.
  refused(client.form(execute, std::string(30000, ' ')), 413, "more than 20000 bytes");
  refused(server.client.send("POST", execute, {{"", "", "text/plain", kPair}}, {}, 20), 415, "multipart");
  refused(client.json("POST", "/api/devices", "not json"), 400, "JSON");
  refused(client.json("POST", "/api/devices", "[1]"), 400, "object");
  refused(client.json("POST", "/api/devices", R"({"iters": 0})"), 400, "iters");
  refused(client.json("POST", "/api/devices", R"({"iters": 1.5})"), 400, "iters");
  refused(client.json("PUT", "/api/devices/1", R"({"alpha": "much"})"), 400, "alpha");
  refused(client.json("PUT", "/api/devices/1", R"({"runtime": -1})"), 400, "runtime");
  refused(client.json("PUT", "/api/devices/2", "{}"), 404, "device");
  refused(client.json("POST", "/api/jobs", R"({"device_id": 1})"), 400, "filename");
  refused(client.json("POST", "/api/jobs", R"({"device_id": 1, "filename": "../lock"})"), 404, "uploaded");
  refused(client.get("/api/jobs/nothing"), 404, "job");
  data_of(client.json("PUT", "/api/devices/1", R"({"runs": 20, "trials": 6})"));
  refused(client.execute("1", kPair), 400, "at most 100");
  // A job of the native interface is not the vendor's.
  const std::string native = server.submit(test::ring_job(8, 1));
  refused(client.get("/api/jobs/" + native), 404, "job");
  // Nothing of this has left a job or a record.
  CHECK(server.service->engine().counts().accepted == 1);
  CHECK(data_of(client.get("/api/devices/1")).at("alpha") == 1.0);
}

TEST_CASE("an archive that inflates to more than a body may have is refused before it is inflated") {
  const TemporaryFolder folder;
  ServiceOptions options = test::service_options(folder.path());
  options.http.max_body_bytes = 3000;
  Server server(options);
  QuanfluenceClient client(server);
  // The directory says how large a member becomes: 0x7fffffff bytes here.
  std::string bomb = zip_of({{"data.txt", kPair}});
  const std::size_t entry = bomb.find("PK\x01\x02");
  for (const std::size_t at : {entry + 20, entry + 24}) bomb.replace(at, 4, "\xff\xff\xff\x7f");
  refused(client.form("/api/execute/device/1", bomb), 400, "inflates");
}

TEST_CASE("the vendor's interface asks for the token") {
  const TemporaryFolder folder;
  ServiceOptions options = test::service_options(folder.path());
  options.http.token = "correct-horse";
  Server server(options);
  QuanfluenceClient stranger(server, "wrong");
  const auto sign_in = [&](const std::string& body) {
    return stranger.json("POST", "/api/clients/signin", body);
  };
  refused(sign_in(R"({"username": "me", "password": "correct-hors"})"), 401, "password");
  refused(sign_in(R"({"username": "me"})"), 401, "password");
  refused(sign_in(R"({"username": "me", "password": 1})"), 401, "password");
  refused(sign_in("[]"), 400, "object");
  refused(stranger.get("/api/devices/1"), 401, "token");
  refused(stranger.execute("1", kPair), 401, "token");
  refused(stranger.json("PUT", "/api/devices/1", kExact), 401, "token");
  refused(stranger.get("/api/jobs/x"), 401, "token");
  QuanfluenceClient friendly(
      server,
      data_of(sign_in(R"({"username": "me", "password": "correct-horse"})")).at("token").get<std::string>());
  CHECK(data_of(friendly.get("/api/devices/1")).at("type") == "aws");
}

TEST_CASE("a caller that hangs up while it waits frees the machine") {
  const TemporaryFolder folder;
  Server server(test::service_options(folder.path()));
  QuanfluenceClient client(server);
  data_of(client.json("PUT", "/api/devices/1", R"({"iters": 1000000000000})"));
  const std::string file = data_of(client.form("/api/devices/1/qubo/upload", kPair)).at("result");
  {
    test::RawClient caller(server.service->port());
    caller.say("GET /api/execute/device/1/qubo/" + file + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    while (server.service->engine().counts().running == 0) std::this_thread::yield();
  }
  while (server.service->engine().counts().cancelled == 0) std::this_thread::yield();
  CHECK(server.service->engine().counts().cancelled == 1);
}

TEST_CASE("a disk that refuses keeps no device record that was not kept") {
  const TemporaryFolder folder;
  Server server(test::service_options(folder.path()));
  QuanfluenceClient client(server);
  data_of(client.json("PUT", "/api/devices/1", R"({"title": "before"})"));
  // Without its folder nothing can be written, whoever runs the test.
  std::filesystem::rename(folder.file("quanfluence"), folder.file("moved"));
  refused(client.json("PUT", "/api/devices/1", R"({"title": "after"})"), 503, "quanfluence");
  refused(client.json("POST", "/api/devices", "{}"), 503, "quanfluence");
  refused(client.form("/api/devices/1/qubo/upload", kPair), 503, "quanfluence");
  std::filesystem::rename(folder.file("moved"), folder.file("quanfluence"));
  CHECK(data_of(client.get("/api/devices/1")).at("title") == "before");
  CHECK(data_of(client.json("POST", "/api/devices", "{}")).at("id") == 2);
}
