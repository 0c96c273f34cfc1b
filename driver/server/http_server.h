#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace opoloop {

/// One part of a multipart form.
struct HttpPart {
  std::string name;
  std::string file_name;
  std::string content;
};

struct HttpRequest {
  std::string method;
  std::string path;
  std::vector<std::string> captured;           ///< what stood for {…} in the route, decoded
  std::map<std::string, std::string> query;    ///< decoded
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string content_type;                    ///< without parameters, in lower case
  std::string body;                            ///< inflated; empty for a form
  std::vector<HttpPart> parts;
  /// False once the caller has hung up: nobody will read the answer.
  std::function<bool()> connected = [] { return true; };

  std::string header(const std::string& lower_case_name) const;
  std::string query_or(const std::string& name, const std::string& otherwise) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  /// Sent instead of the body and removed from the disk; empty: none.
  std::string file;
  /// Sent instead of the body, piece by piece, until it returns false; each call writes what there is now.
  std::function<bool(const std::function<bool(std::string_view)>& write)> stream;
};

/// Thrown by a handler: {"error": {"code", "message"}} with a status.
class HttpError : public Error {
 public:
  HttpError(int status, std::string code, const std::string& message)
      : Error(message), status_(status), code_(std::move(code)) {}
  int status() const { return status_; }
  const std::string& code() const { return code_; }

 private:
  int status_;
  std::string code_;
};

HttpResponse error_response(int status, const std::string& code, const std::string& message);

/// What a path does. Segments in braces stand for anything: "/v1/jobs/{id}".
struct Route {
  std::string method;
  std::string path;
  std::function<HttpResponse(const HttpRequest&)> handle;
  bool open = false;                           ///< answered without a token
  std::string token_header = "authorization";  ///< in lower case; that one holds "Bearer TOKEN"
  /// What an error of this route looks like: status, code, message.
  std::function<HttpResponse(int, const std::string&, const std::string&)> error_shape = error_response;
};

/// One finished request, for the log: no header, no body, no query.
struct RequestRecord {
  std::string method, path, remote, code;  ///< code: of an error
  int status = 0;
  double seconds = 0;
  std::uint64_t bytes_in = 0;
};

struct HttpOptions {
  std::string bind = "127.0.0.1";
  int port = 0;                          ///< 0: any free one
  std::string token;                     ///< empty: none is asked for, which only a loopback address may
  std::string tls_certificate, tls_key;  ///< PEM files; empty: what travels is not encrypted
  std::uint64_t max_body_bytes = std::uint64_t{64} << 20;     ///< as it arrives, and inflated
  std::uint64_t max_bodies_bytes = std::uint64_t{512} << 20;  ///< of all requests that are being read
  double request_s = 30;                                      ///< for a request to arrive whole
  double write_s = 30;  ///< for the other side to take what it is sent, each piece
  double idle_s = 15;   ///< between two requests of a connection
  int max_connections = 512;
  std::function<void(const RequestRecord&)> log;  ///< called from many threads
};

/// True for the addresses that only this computer reaches.
bool is_loopback(const std::string& address);

/// An HTTP/1.1 server: routes, a token, limits and deadlines on everything, JSON errors. A connection has a
/// thread; those beyond max_connections are told 503.
class HttpServer {
 public:
  /// Binds. Throws InputError for a bind without a token that others can reach, or an address or port that
  /// cannot be had.
  HttpServer(HttpOptions options, std::vector<Route> routes);
  /// stop().
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;
  /// "http://127.0.0.1:8700", or https.
  std::string url() const;
  void start();
  /// Takes no new connections, lets requests end for a moment, ends streams, joins all threads.
  void stop();
  /// True from the beginning of stop(): streams should end.
  bool stopping() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace opoloop
