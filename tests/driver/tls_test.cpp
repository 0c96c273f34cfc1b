#include "driver/server/tls.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "core/error.h"
#include "driver/opoloop_device.h"
#include "tests/driver/raw_client.h"
#include "tests/driver/server_fixture.h"
#include "tests/driver/test_certificate.h"
#include "tests/driver/toy_run.h"

using namespace opoloop;
using Catch::Matchers::Contains;
using test::Json;
using test::RawClient;
using test::TemporaryFolder;

namespace {

constexpr const char* kHere = "DNS:localhost,IP:127.0.0.1";
const OutgoingRequest kHealth{"GET", "/healthz", {}, {}, 20, true};

/// A server with a certificate of its own, and the variable that makes clients trust it.
class TlsServer {
 public:
  explicit TlsServer(const std::string& names = kHere, const HttpOptions& http = {}) {
    test::write_certificate(certificate(), key(), names);
    ServiceOptions options = test::service_options(folder_.file("journal"));
    options.http = http;
    options.http.tls_certificate = certificate();
    options.http.tls_key = key();
    service_ = std::make_unique<Service>(options);
    ::setenv("OPOLOOP_CA_FILE", certificate().c_str(), 1);
  }
  ~TlsServer() { ::unsetenv("OPOLOOP_CA_FILE"); }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  std::string certificate() const { return folder_.file("cert.pem"); }
  std::string key() const { return folder_.file("key.pem"); }
  Service& service() { return *service_; }
  int port() const { return service_->port(); }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<Service> service_;
};

HttpReply get(HttpClient& client, const std::string& path) {
  return client.send("GET", path, {}, {}, 20);
}

}  // namespace

TEST_CASE("a server with a certificate encrypts, small answers and large ones") {
  TlsServer server;
  CHECK_THAT(server.service().url(), Catch::Matchers::StartsWith("https://127.0.0.1:"));
  HttpClient client("127.0.0.1", server.port(), {}, true);
  CHECK(get(client, "/healthz").status == 200);
  // More than one piece of either side, on one connection.
  const std::string job = test::ring_job(2000, 1, 20, 40);
  const HttpReply accepted = client.send("POST", "/v1/jobs", {{"", "", "application/json", job}}, {}, 20);
  REQUIRE(accepted.status == 202);
  const std::string id = Json::parse(accepted.body).at("id");
  while (server.service().engine().wait(id, 10)->status != JobStatus::done) {
  }
  const HttpReply result = get(client, "/v1/jobs/" + id + "/result");
  CHECK(Json::parse(result.body).at("samples").size() == 40);
  CHECK(get(client, "/v1/jobs/" + id + "/result.h5").status == 200);
  CHECK_THAT(get(client, "/v1/jobs/" + id + "/events").body, Contains("event: end"));
}

TEST_CASE("a device over an encrypted line gives what it gives here") {
  TlsServer server;
  Job job;
  job.problem = std::make_shared<Problem>(test::toy_problem({.n = 12}));
  job.settings.runs = 3;
  job.settings.steps = 40;
  const auto remote = make_device("opoloop+https://localhost:" + std::to_string(server.port()));
  const Result there = remote->run(job);
  const Result here = make_device("emulator:")->run(job);
  REQUIRE(there.samples.size() == here.samples.size());
  for (std::size_t k = 0; k < here.samples.size(); ++k) {
    CHECK(there.samples[k].energy_best == here.samples[k].energy_best);
    CHECK(there.samples[k].spins_best == here.samples[k].spins_best);
  }
}

TEST_CASE("a client trusts only a certificate that it was told of, and only for its names") {
  {
    TlsServer server;
    ::unsetenv("OPOLOOP_CA_FILE");
    HttpClient client("127.0.0.1", server.port(), {}, true);
    CHECK_THROWS_AS(get(client, "/healthz"), ConnectionError);
  }
  TlsServer server("DNS:elsewhere.example");
  HttpClient client("127.0.0.1", server.port(), {}, true);
  CHECK_THROWS_AS(get(client, "/healthz"), ConnectionError);
}

TEST_CASE("who does not encrypt, stops in the middle or says nonsense is answered or dropped") {
  const auto answer_to = [](const TlsServer& server, const std::string& text) {
    RawClient client(server.port());
    client.say(text);
    return client.hear();
  };
  {
    const TlsServer server;
    CHECK_THAT(answer_to(server, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
               Contains(" 400 ") && Contains("https only"));
  }
  HttpOptions impatient;
  impatient.request_s = 0.3;
  impatient.idle_s = 0.3;
  const TlsServer server(kHere, impatient);
  answer_to(server, std::string(500, '\x16'));
  // Half a greeting, then silence.
  answer_to(server, std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  answer_to(server, "");
  // On a busy computer this client may be too slow for such a server, too.
  HttpClient client("127.0.0.1", server.port(), {}, true);
  CHECK(send_patiently(client, kHealth, 20).status == 200);
}

TEST_CASE("a connection that the server ended while it was idle does not take the next request") {
  HttpOptions options;
  options.idle_s = 1;
  options.max_connections = 1;
  const TlsServer server(kHere, options);
  HttpClient client("127.0.0.1", server.port(), {}, true);
  REQUIRE(send_patiently(client, kHealth, 20).status == 200);
  {
    // There is room for one: another is served when the first has been closed.
    HttpClient other("127.0.0.1", server.port(), {}, true);
    REQUIRE(send_patiently(other, kHealth, 20).status == 200);
  }
  // That there is no room until the server has seen the other leave is waited for. A request that was sent
  // and not answered is not sent again.
  const std::string job = test::ring_job(8, 1);
  const OutgoingRequest post{"POST", "/v1/jobs", {{"", "", "application/json", job}}, {}, 20, false};
  CHECK(send_patiently(client, post, 20).status == 202);
}

TEST_CASE("a caller that hangs up an encrypted line frees the machine") {
  TlsServer server;
  JobEngine& engine = server.service().engine();
  HttpClient client("127.0.0.1", server.port(), {}, true);
  const auto send = [&](const std::string& method, const std::string& path, const HttpContent& content) {
    return client.send(method, path, {content}, {}, 20);
  };
  send("PUT", "/api/devices/1", {"", "", "application/json", R"({"iters": 1000000000000})"});
  std::thread caller([&] {
    HttpClient impatient("127.0.0.1", server.port(), {}, true);
    // Gives up after a second, which is the least that there is.
    CHECK_THROWS_AS(
        impatient.send("POST", "/api/execute/device/1", {{"file", "q", "text/plain", "{(0, 1): -1}"}}, {}, 1),
        ConnectionError);
  });
  caller.join();
  while (engine.counts().cancelled == 0) std::this_thread::yield();
  CHECK(engine.counts().cancelled == 1);
}

TEST_CASE("files that are no certificate and key are refused by name") {
  const TemporaryFolder folder;
  const std::string certificate = folder.file("cert.pem"), key = folder.file("key.pem");
  const std::string other = folder.file("other.pem"), other_key = folder.file("other-key.pem");
  test::write_certificate(certificate, key, "DNS:localhost");
  test::write_certificate(other, other_key, "DNS:localhost");
  const auto refusal = [&](const std::string& c, const std::string& k) -> std::string {
    HttpOptions options;
    options.tls_certificate = c;
    options.tls_key = k;
    try {
      const HttpServer server(options, {});
    } catch (const InputError& error) {
      return error.what();
    }
    return "taken";
  };
  CHECK(refusal(certificate, key) == "taken");
  CHECK_THAT(refusal(folder.file("missing"), key), Contains("--tls-cert") && Contains("missing"));
  CHECK_THAT(refusal(key, key), Contains("--tls-cert"));
  CHECK_THAT(refusal(certificate, certificate), Contains("--tls-key"));
  CHECK_THAT(refusal(certificate, other_key), Contains("--tls-key"));
  ::chmod(key.c_str(), 0644);
  CHECK_THAT(refusal(certificate, key), Contains("open to all"));
}
