#include "driver/server/page.h"

#include <fmt/format.h>

#include <string>

namespace opoloop {
namespace {

// Scripts, styles and data come from this server alone, nothing is written into the page itself, and no page
// of another site may show it in a frame.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "text/javascript; charset=utf-8";
}

/// Whether a browser's If-None-Match (a list of tags, or *) names this one; weak tags do as well.
bool names(std::string_view header, std::string_view tag) {
  return header == "*" || header.find(tag) != std::string_view::npos;
}

HttpResponse answer(const PageFile& file, const HttpRequest& request) {
  HttpResponse response;
  const std::string tag = fmt::format("\"{}\"", file.sha256.substr(0, 32));
  // Kept by the browser, and asked after each time: a new program shows its own page at once.
  response.headers = {{"ETag", tag},
                      {"Cache-Control", "no-cache"},
                      {"Content-Security-Policy", kPolicy},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cross-Origin-Opener-Policy", "same-origin"}};
  response.content_type = type_of(file.name);
  if (names(request.header("if-none-match"), tag)) {
    response.status = 304;
  } else {
    response.body = file.text;
  }
  return response;
}

}  // namespace

std::vector<Route> page_routes() {
  std::vector<Route> routes;
  for (const PageFile& file : page_files()) {
    const std::string path = file.name == "index.html" ? "/" : fmt::format("/page/{}", file.name);
    routes.push_back(
        {"GET", path, [&file](const HttpRequest& request) { return answer(file, request); }, true});
  }
  return routes;
}

}  // namespace opoloop
