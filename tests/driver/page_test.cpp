#include "driver/server/page.h"

#include <catch2/catch.hpp>
#include <regex>
#include <set>

#include "core/sha256.h"
#include "tests/driver/server_fixture.h"

using namespace opoloop;
using Catch::Matchers::Contains;
using test::Server;
using test::TemporaryFolder;

namespace {

const PageFile& page_file(const std::string& name) {
  for (const PageFile& file : page_files()) {
    if (file.name == name) return file;
  }
  throw Error("no file " + name);
}

/// Everything that the first group of an expression finds.
std::set<std::string> found(std::string_view text, const char* expression) {
  std::set<std::string> all;
  const std::string whole(text);
  const std::regex regex(expression);
  for (std::sregex_iterator at(whole.begin(), whole.end(), regex), end; at != end; ++at) all.insert((*at)[1]);
  return all;
}

}  // namespace

TEST_CASE("the page comes with its types, a strict policy and a tag") {
  const TemporaryFolder folder;
  Server server(test::service_options(folder.path()));
  const std::map<std::string, std::string> kinds = {{"/", "text/html; charset=utf-8"},
                                                    {"/page/page.css", "text/css; charset=utf-8"},
                                                    {"/page/main.js", "text/javascript; charset=utf-8"},
                                                    {"/page/icon.svg", "image/svg+xml"}};
  for (const auto& [path, type] : kinds) {
    INFO(path);
    const HttpReply reply = server.get(path);
    CHECK(reply.status == 200);
    CHECK(reply.header("content-type") == type);
    CHECK(reply.header("cache-control") == "no-cache");
    CHECK(reply.header("x-content-type-options") == "nosniff");
    const std::string policy = reply.header("content-security-policy");
    CHECK_THAT(policy, Contains("default-src 'none'") && Contains("script-src 'self'") &&
                           Contains("frame-ancestors 'none'") && !Contains("unsafe"));
    // The same again is not sent again.
    const std::string tag = reply.header("etag");
    REQUIRE(tag.size() > 10);
    const HttpReply again = server.client.send("GET", path, {}, {{"If-None-Match", "W/" + tag}}, 20);
    CHECK(again.status == 304);
    CHECK(again.body.empty());
    CHECK(again.header("etag") == tag);
    CHECK(server.client.send("GET", path, {}, {{"If-None-Match", "\"other\""}}, 20).body == reply.body);
  }
  CHECK(server.get("/").body == page_file("index.html").text);
  CHECK(server.get("/v1/queue").header("cache-control") == "no-store");
  for (const char* path :
       {"/page/", "/page/index.html", "/page/none.js", "/page/..%2Fpage.cpp", "/favicon.ico"})
    CHECK(server.get(path).status == 404);
  CHECK(server.post("{}", {}, "/").status == 405);
}

TEST_CASE("the page shows without a token what it cannot fill without one") {
  const TemporaryFolder folder;
  ServiceOptions options = test::service_options(folder.path());
  options.http.token = "secret";
  Server server(options);
  for (const PageFile& file : page_files()) {
    const std::string path = file.name == "index.html" ? "/" : "/page/" + std::string(file.name);
    CHECK(server.get(path).status == 200);
  }
  for (const char* path : {"/v1/queue", "/v1/devices", "/v1/capabilities", "/v1/jobs/x/amplitudes"})
    CHECK(server.get(path).status == 401);
}

TEST_CASE("the page needs no other server, nothing inline, and every part it names") {
  std::set<std::string> have;
  for (const PageFile& file : page_files()) {
    have.insert(std::string(file.name));
    Sha256 hash;
    hash.update(file.text.data(), file.text.size());
    CHECK(hash.hex_digest() == file.sha256);
    // The one address is the name of SVG's grammar.
    for (const std::string& address : found(file.text, "(https?://[^\"' ]*)"))
      CHECK(address == "http://www.w3.org/2000/svg");
    for (const std::string& part : found(file.text, "from \"\\./([^\"]*)\"")) {
      INFO(file.name << " imports " << part);
      CHECK(std::any_of(page_files().begin(), page_files().end(),
                        [&](const PageFile& f) { return f.name == part; }));
    }
  }
  const std::string_view html = page_file("index.html").text;
  CHECK(found(html, "(<script[^>]*>[^<])").empty());
  CHECK(found(html, "(<style|style=|\\son[a-z]+=)").empty());
  const std::set<std::string> named = found(html, "page/([a-z_.]*)\"");
  CHECK(named.size() >= 3);
  for (const std::string& part : named) CHECK(have.contains(part));
  // Elements that scripts look up are there.
  const std::set<std::string> ids = found(html, "id=\"([^\"]*)\"");
  for (const PageFile& file : page_files()) {
    if (!file.name.ends_with(".js")) continue;
    for (const char* expression : {"element\\(\"([^\"]*)\"\\)", "getElementById\\(\"([^\"]*)\"\\)"}) {
      for (const std::string& id : found(file.text, expression)) {
        INFO(file.name << " looks for " << id);
        CHECK(ids.contains(id));
      }
    }
  }
}
