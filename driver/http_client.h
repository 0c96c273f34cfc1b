#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"

namespace opoloop {

struct HttpReply {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;

  std::string header(const std::string& lower_case_name) const;
};

/// The request did not come through: no server, no answer in time, a connection that broke.
class ConnectionError : public Error {
 public:
  using Error::Error;
};

/// The same, and the server cannot have seen the request: repeating it is safe whatever it asks.
class NotConnected : public ConnectionError {
 public:
  using ConnectionError::ConnectionError;
};

/// A part of a form, or the whole body.
struct HttpContent {
  std::string name;       ///< of the part
  std::string file_name;  ///< empty: none
  std::string type;
  std::string bytes;
};

/// Requests to one host over connections that are kept. Any thread; each request has a connection to itself,
/// so a long wait on one does not hold up another.
class HttpClient {
 public:
  /// `tls`: https, the server's certificate checked against those of this system, or against the file that
  /// OPOLOOP_CA_FILE names.
  HttpClient(const std::string& host, int port, std::map<std::string, std::string> headers = {},
             bool tls = false);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// One attempt. `timeout_s`: for each read and write. No body for an empty list; one content without a name
  /// is the body; otherwise a multipart form. Throws ConnectionError.
  HttpReply send(const std::string& method, const std::string& path, const std::vector<HttpContent>& content,
                 const std::map<std::string, std::string>& headers, double timeout_s);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What send_patiently() sends.
struct OutgoingRequest {
  std::string method;
  std::string path;
  std::vector<HttpContent> content;
  std::map<std::string, std::string> headers;
  double timeout_s = 60;
  /// Asking twice does what asking once does. Otherwise it is repeated only where the server has not taken
  /// it: no connection, or an answer that says so (429, 503).
  bool repeatable = true;
};

/// Sends until there is an answer that does not call itself passing (429, 502, 503), with growing pauses, for
/// up to `patience_s`; then gives that answer, or throws the last ConnectionError. An interrupt ends it too.
HttpReply send_patiently(HttpClient& client, const OutgoingRequest& request, double patience_s);

}  // namespace opoloop
