#include "driver/http_client.h"

#include <fmt/format.h>
#include <httplib.h>
#include <poll.h>
#include <pthread.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <thread>

#include "core/clock.h"
#include "core/interrupt.h"

namespace opoloop {
namespace {

constexpr time_t kConnect_s = 5;

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

/// While it lives, a write of this thread to a connection that the other side has closed fails, as it does
/// without TLS, rather than ending the process: OpenSSL writes with plain write(). The program's own SIGPIPE,
/// of `opoloop … | head`, stays what it is.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~WithoutSigpipe() {
    const timespec at_once{};
    if (!was_pending_) sigtimedwait(&pipe_, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

 private:
  sigset_t pipe_{}, before_{};
  bool was_pending_ = false;
};

/// httplib names its errors by the operation that failed.
std::string words_of(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
      return "nothing listens there, or its name is not known";
    case httplib::Error::ConnectionTimeout:
      return "it cannot be reached";
    case httplib::Error::Read:
      return "no whole answer came in time, or the connection ended before it";
    case httplib::Error::Write:
      return "the connection ended before the request did";
    case httplib::Error::SSLConnection:
      return "no encrypted connection came about: it does not encrypt, or has no room";
    case httplib::Error::SSLServerVerification:
      return "its certificate is out of date, for another name, or of no known authority (OPOLOOP_CA_FILE "
             "names others)";
    default:
      return httplib::to_string(error);
  }
}

/// Whether something waits to be read on a connection between two requests: nothing but its end can. httplib
/// does not see the end of an encrypted one, whose server says goodbye before it closes: there is a byte to
/// read, so it takes the connection for alive and loses the next request on it.
bool has_ended(const httplib::Client& client) {
  pollfd p{client.socket(), POLLIN, 0};
  return ::poll(&p, 1, 0) != 0;
}

}  // namespace

std::string HttpReply::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::string() : found->second;
}

struct HttpClient::Impl {
  std::string host;
  int port = 0;
  bool tls = false;
  std::map<std::string, std::string> headers;
  std::mutex mutex;
  std::vector<std::unique_ptr<httplib::Client>> idle;

  std::unique_ptr<httplib::Client> take() {
    const std::lock_guard lock(mutex);
    while (!idle.empty()) {
      std::unique_ptr<httplib::Client> client = std::move(idle.back());
      idle.pop_back();
      if (!has_ended(*client)) return client;
    }
    const std::string name = host.find(':') != std::string::npos ? "[" + host + "]" : host;
    auto client = tls ? std::make_unique<httplib::Client>(fmt::format("https://{}:{}", name, port))
                      : std::make_unique<httplib::Client>(host, port);
    client->set_keep_alive(true);
    client->set_tcp_nodelay(true);
    client->set_connection_timeout(kConnect_s);
    if (const char* authorities = std::getenv("OPOLOOP_CA_FILE"); tls && authorities != nullptr) {
      client->set_ca_cert_path(authorities);
    }
    return client;
  }
};

HttpClient::HttpClient(const std::string& host, int port, std::map<std::string, std::string> headers,
                       bool tls)
    : impl_(std::make_unique<Impl>()) {
  impl_->host = host;
  impl_->port = port;
  impl_->tls = tls;
  impl_->headers = std::move(headers);
}

HttpClient::~HttpClient() {
  const WithoutSigpipe here;  // a TLS connection is closed with a last word
  impl_.reset();
}

HttpReply HttpClient::send(const std::string& method, const std::string& path,
                           const std::vector<HttpContent>& content,
                           const std::map<std::string, std::string>& headers, double timeout_s) {
  const WithoutSigpipe here;
  std::unique_ptr<httplib::Client> client = impl_->take();
  const auto seconds = static_cast<time_t>(std::ceil(timeout_s));
  client->set_read_timeout(seconds);
  client->set_write_timeout(seconds);
  httplib::Request request;
  request.method = method;
  request.path = path;
  for (const auto& [name, value] : impl_->headers) request.set_header(name, value);
  for (const auto& [name, value] : headers) request.set_header(name, value);
  if (content.size() == 1 && content[0].name.empty()) {
    request.set_header("Content-Type", content[0].type);
    request.body = content[0].bytes;
  } else if (!content.empty()) {
    // The form is put together here: the boundary must not be in any part.
    std::string boundary = "opoloop-form";
    for (bool inside = true; inside;) {
      inside = false;
      for (const HttpContent& part : content) inside |= part.bytes.find(boundary) != std::string::npos;
      if (inside) boundary += fmt::format("-{}", boundary.size());
    }
    request.set_header("Content-Type", "multipart/form-data; boundary=" + boundary);
    for (const HttpContent& part : content) {
      request.body += fmt::format("--{}\r\nContent-Disposition: form-data; name=\"{}\"", boundary, part.name);
      if (!part.file_name.empty()) request.body += fmt::format("; filename=\"{}\"", part.file_name);
      request.body += fmt::format("\r\nContent-Type: {}\r\n\r\n", part.type);
      request.body += part.bytes;
      request.body += "\r\n";
    }
    request.body += "--" + boundary + "--\r\n";
  }
  const httplib::Result result = client->send(request);
  if (!result) {
    const std::string what =
        fmt::format("{}:{}: no answer: {}", impl_->host, impl_->port, words_of(result.error()));
    const httplib::Error error = result.error();
    if (error == httplib::Error::Connection || error == httplib::Error::ConnectionTimeout ||
        error == httplib::Error::SSLConnection || error == httplib::Error::SSLServerVerification) {
      throw NotConnected(what);
    }
    throw ConnectionError(what);
  }
  HttpReply reply;
  reply.status = result->status;
  for (const auto& [name, value] : result->headers) reply.headers[lower(name)] = value;
  reply.body = result->body;
  const std::lock_guard lock(impl_->mutex);
  impl_->idle.push_back(std::move(client));
  return reply;
}

HttpReply send_patiently(HttpClient& client, const OutgoingRequest& request, double patience_s) {
  using Seconds = std::chrono::duration<double>;
  const auto end = Clock::now() + Seconds(patience_s);
  Seconds pause{0.05};
  for (;;) {
    const auto last_try = [&] { return Clock::now() + pause > end || interrupted(); };
    try {
      HttpReply reply =
          client.send(request.method, request.path, request.content, request.headers, request.timeout_s);
      // What says of itself that it will pass: a full queue, a server that stops or has no room. A gateway's
      // 502 does not say whether the request came through.
      const bool not_taken = reply.status == 429 || reply.status == 503;
      if (!not_taken && !(request.repeatable && reply.status == 502)) return reply;
      if (last_try()) return reply;
      double asked = 0;
      const std::string after = reply.header("retry-after");
      const auto parsed = std::from_chars(after.data(), after.data() + after.size(), asked);
      // A full queue moves as fast as its jobs: the server's second is the longest wait, not the first.
      if (parsed.ec == std::errc() && asked > 0)
        pause = std::min(pause, Seconds(std::clamp(asked, 0.05, 5.0)));
    } catch (const NotConnected&) {
      if (last_try()) throw;
    } catch (const ConnectionError&) {
      if (!request.repeatable || last_try()) throw;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, Seconds(2));
  }
}

}  // namespace opoloop
