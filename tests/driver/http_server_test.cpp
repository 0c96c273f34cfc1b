#include "driver/server/http_server.h"

#include <sys/stat.h>
#include <zlib.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>

#include "core/error.h"
#include "driver/credentials.h"
#include "tests/driver/raw_client.h"
#include "tests/driver/server_fixture.h"

using namespace opoloop;
using Catch::Matchers::Contains;
using test::RawClient;
using test::Server;
using test::TemporaryFolder;

namespace {

std::string gzipped(const std::string& text) {
  z_stream stream{};
  REQUIRE(::deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(text.size() / 100 + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

}  // namespace

TEST_CASE("an address that others can reach needs a token") {
  HttpOptions options;
  options.bind = "0.0.0.0";
  CHECK_THROWS_AS(HttpServer(options, {}), InputError);
  options.token = "secret";
  CHECK_NOTHROW(HttpServer(options, {}));
  for (const char* address : {"127.0.0.1", "127.8.9.1", "localhost", "::1"}) CHECK(is_loopback(address));
  for (const char* address : {"0.0.0.0", "128.0.0.1", "::", "localhost.example.com", ""})
    CHECK_FALSE(is_loopback(address));
}

TEST_CASE("a port that is taken is an error, not a second server on it") {
  HttpServer first({}, {});
  HttpOptions options;
  options.port = first.port();
  CHECK_THROWS_AS(HttpServer(options, {}), InputError);
}

TEST_CASE("only the token opens the door, and no log has it") {
  const TemporaryFolder folder;
  ServiceOptions options = test::service_options(folder.path());
  options.http.token = "correct-horse";
  std::ostringstream log;
  options.log = &log;
  Server server(options);
  const auto status = [&](const std::string& path, const std::string& authorization) {
    std::map<std::string, std::string> headers;
    if (!authorization.empty()) headers["Authorization"] = authorization;
    return server.client.send("GET", path, {}, headers, 20).status;
  };
  CHECK(status("/v1/devices", "Bearer correct-horse") == 200);
  for (const char* wrong : {"", "Bearer ", "Bearer correct-hors", "Bearer correct-horse2",
                            "Bearer Correct-horse", "Basic correct-horse", "correct-horse"}) {
    CHECK(status("/v1/devices", wrong) == 401);
    CHECK(status("/v1/jobs/x", wrong) == 401);
    CHECK(status("/metrics", wrong) == 401);
    CHECK(status("/healthz", wrong) == 200);
  }
  const HttpReply refused = server.post(test::ring_job(8, 1));
  CHECK(refused.status == 401);
  CHECK(refused.header("www-authenticate") == "Bearer");
  server.service->stop();
  CHECK_THAT(log.str(), Contains("\"path\":\"/v1/devices\",\"status\":200"));
  CHECK_THAT(log.str(), Contains("\"code\":\"token_wrong\""));
  CHECK(log.str().find("correct") == std::string::npos);
  std::istringstream lines(log.str());
  for (std::string line; std::getline(lines, line);) CHECK_NOTHROW(test::Json::parse(line));
}

TEST_CASE("pages of other sites get nothing from a server on this computer") {
  const TemporaryFolder folder;
  Server server(test::service_options(folder.path()));
  const std::string here = "127.0.0.1:" + std::to_string(server.service->port());
  const auto status = [&](const std::map<std::string, std::string>& headers) {
    return server.client.send("GET", "/v1/devices", {}, headers, 20).status;
  };
  CHECK(status({}) == 200);
  CHECK(status({{"Origin", "http://" + here}, {"Host", here}}) == 200);
  CHECK(status({{"Origin", "https://evil.example"}}) == 403);
  CHECK(status({{"Host", "evil.example"}}) == 403);
}

TEST_CASE("a body has a largest size, as sent and inflated") {
  const TemporaryFolder folder;
  ServiceOptions options = test::service_options(folder.path());
  options.http.max_body_bytes = 20000;
  Server server(options);
  const std::string large(30000, ' ');
  const HttpReply refused = server.post(large);
  CHECK(refused.status == 413);
  CHECK(test::code_of(refused) == "too_large");
  const std::string bomb = gzipped(std::string(5'000'000, ' '));
  REQUIRE(bomb.size() < 20000);
  CHECK(server.post(bomb, {{"Content-Encoding", "gzip"}}).status == 413);
  CHECK(server.post(gzipped(test::ring_job(8, 1)), {{"Content-Encoding", "gzip"}}).status == 202);
  CHECK(server.client.send("POST", "/v1/jobs", {{"problem", "f", "text/plain", large}}, {}, 20).status ==
        413);
  RawClient chunked(server.service->port());
  chunked.say(
      "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: "
      "chunked\r\n\r\n");
  for (int k = 0; k < 3; ++k) chunked.say("2710\r\n" + std::string(10000, ' ') + "\r\n");
  chunked.say("0\r\n\r\n");
  chunked.end_of_speech();
  CHECK_THAT(chunked.hear(), Contains("413"));
  // The length of a chunk, without an end.
  RawClient lengthy(server.service->port());
  lengthy.say(
      "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: "
      "chunked\r\n\r\n" +
      std::string(200'000, '0'));
  CHECK_THAT(lengthy.hear(), Contains(" 413 ") && Contains("too_large"));
  CHECK(server.get("/healthz").status == 200);
}

TEST_CASE("bodies together have a largest size, and room comes back") {
  const TemporaryFolder folder;
  ServiceOptions options = test::service_options(folder.path());
  options.http.max_bodies_bytes = 5000;
  Server server(options);
  const HttpReply refused = server.post(std::string(6000, ' '));
  CHECK(refused.status == 503);
  CHECK(test::code_of(refused) == "out_of_memory");
  for (int times = 0; times < 20; ++times) CHECK(server.post(std::string(4000, ' ')).status == 400);
}

TEST_CASE("requests that end too early or make no sense are answered or dropped, and nothing hangs") {
  const TemporaryFolder folder;
  ServiceOptions options = test::service_options(folder.path());
  const auto answer_to = [](const Server& server, const std::string& text, bool ends) {
    RawClient client(server.service->port());
    client.say(text);
    if (ends) client.end_of_speech();
    return client.hear();
  };
  const std::string form =
      "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; "
      "boundary=b\r\nContent-Length: ";
  const std::string part =
      "--b\r\nContent-Disposition: form-data; name=\"problem\"; filename=\"g\"\r\n\r\n2 1\n1 2 1\n";
  SECTION("truncated form") {
    Server server(options);
    CHECK_THAT(answer_to(server, form + "5000\r\n\r\n" + part, true),
               Contains(" 400 ") && Contains("broken_body"));
    // As long as it says, but without its last boundary.
    CHECK_THAT(answer_to(server, form + std::to_string(part.size()) + "\r\n\r\n" + part, true),
               Contains(" 400 "));
    CHECK(server.get("/healthz").status == 200);
  }
  SECTION("slow body, slow head, silence") {
    options.http.request_s = 0.2;
    Server server(options);
    CHECK_THAT(answer_to(server, form + "5000\r\n\r\n" + part, false),
               Contains(" 408 ") && Contains("timeout"));
    CHECK_THAT(answer_to(server, "GET /healthz HTTP/1.1\r\nHost: loc", false),
               Contains(" 408 ") && Contains("timeout"));
    // On a busy computer a good request may be late, too.
    int status = 408;
    while (status == 408) status = server.get("/healthz").status;
    CHECK(status == 200);
  }
  SECTION("nonsense") {
    Server server(options);
    CHECK_THAT(answer_to(server, "HELLO\r\n\r\n", true), Contains(" 400 "));
    CHECK_THAT(answer_to(server, "GET " + std::string(9000, 'x') + " HTTP/1.1\r\n\r\n", true),
               Contains(" 414 ") || Contains(" 400 "));
    answer_to(server, std::string(1000, '\0'), true);
    answer_to(server, "GET /healthz HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", true);
    CHECK(server.get("/healthz").status == 200);
  }
}

TEST_CASE("the head of a request has a largest size, before any token is asked for") {
  const TemporaryFolder folder;
  ServiceOptions options = test::service_options(folder.path());
  options.http.token = "secret";
  Server server(options);
  // They do not end: without a limit the server would wait, and keep it all.
  const std::string endless(200'000, 'x');
  std::string many = "GET /healthz HTTP/1.1\r\n";
  for (int k = 0; k < 20'000; ++k) many += "A: 1\r\n";
  for (const std::string& head : {"GET /" + endless, "GET /healthz HTTP/1.1\r\nA: " + endless, many}) {
    RawClient client(server.service->port());
    client.say(head);
    CHECK_THAT(client.hear(), Contains(" 431 ") && Contains("head_too_long"));
  }
  // A body has its own size, however little the head has left.
  const std::map<std::string, std::string> token = {{"Authorization", "Bearer secret"}};
  CHECK(server.post(std::string(300'000, ' ') + "!", token).status == 400);
  CHECK(server.post(test::ring_job(8, 1) + std::string(300'000, ' '), token).status == 202);
}

TEST_CASE("an answer comes whole, whatever part of it is asked for") {
  const TemporaryFolder folder;
  Server server(test::service_options(folder.path()));
  const std::string whole = server.get("/v1/capabilities").body;
  for (const char* range : {"bytes=0-3", "bytes=2-", "bytes=-5", "bytes=0-1,4-5", "bytes=0-999999999"}) {
    INFO(range);
    const HttpReply reply = server.client.send("GET", "/v1/capabilities", {}, {{"Range", range}}, 20);
    CHECK(reply.status == 200);
    CHECK(reply.body == whole);
    CHECK(reply.header("content-type") == "application/json");
  }
}

TEST_CASE("connections beyond the limit are told so") {
  const TemporaryFolder folder;
  ServiceOptions options = test::service_options(folder.path());
  options.http.max_connections = 2;
  Server server(options);
  const RawClient first(server.service->port());
  const RawClient second(server.service->port());
  // They have a thread each, as soon as the server has seen them.
  std::string answer;
  while (answer.empty()) {
    RawClient third(server.service->port());
    third.say("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    answer = third.hear();
    if (answer.find(" 200 ") != std::string::npos) answer.clear();
  }
  CHECK_THAT(answer, Contains(" 503 ") && Contains("too_many_connections"));
}

TEST_CASE("a server that stops ends streams and open connections") {
  const TemporaryFolder folder;
  Server server(test::service_options(folder.path()));
  const std::string id = server.submit(test::endless_job());
  const RawClient idle(server.service->port());
  std::thread reader([&] {
    HttpClient client("127.0.0.1", server.service->port());
    try {
      client.send("GET", "/v1/jobs/" + id + "/events", {}, {}, 20);
    } catch (const ConnectionError&) {
    }
  });
  server.service->engine().wait(id, 10, 0);
  server.service->stop();
  reader.join();
  CHECK_THROWS_AS(server.get("/healthz"), ConnectionError);
}

TEST_CASE("a token in a file that others can read is refused, and the message does not hold it") {
  const TemporaryFolder folder;
  const std::string path = folder.file("token");
  std::ofstream(path) << "hush-hush\n";
  ::chmod(path.c_str(), 0644);
  CHECK_THROWS_WITH(secret_from_file(path), Contains("chmod 600") && !Contains("hush"));
  ::chmod(path.c_str(), 0600);
  CHECK(secret_from_file(path) == "hush-hush");
  std::ofstream(path) << "two words";
  CHECK_THROWS_AS(secret_from_file(path), InputError);
  CHECK_THROWS_AS(secret_from_file(folder.file("none")), InputError);
}
