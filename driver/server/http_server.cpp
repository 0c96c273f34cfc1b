#include "driver/server/http_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <httplib.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <thread>

#include "core/clock.h"
#include "driver/credentials.h"
#include "driver/server/connection.h"
#include "driver/server/job_engine.h"
#include "driver/server/tls.h"

namespace opoloop {
namespace {

constexpr std::size_t kMostParts = 16;
constexpr int kBacklog = 512;
constexpr std::size_t kFilePiece = 256 << 10;
constexpr std::size_t kLongestPath = 2000;
constexpr const char* kLongHead = "the head of the request has more than 64 KiB";

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  std::size_t at = 0;
  while (at <= path.size()) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    segments.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return segments;
}

/// Whether `path` is what the route's pattern says; what its braces stand for goes to `captured`.
bool matches(const std::string& pattern, const std::string& path, std::vector<std::string>& captured) {
  const auto want = segments_of(pattern);
  const auto have = segments_of(path);
  if (want.size() != have.size()) return false;
  captured.clear();
  for (std::size_t k = 0; k < want.size(); ++k) {
    if (want[k].starts_with('{')) {
      if (have[k].empty()) return false;
      captured.emplace_back(have[k]);
    } else if (want[k] != have[k]) {
      return false;
    }
  }
  return true;
}

/// "localhost:8700" → "localhost", "[::1]:8700" → "::1".
std::string host_of(const std::string& authority) {
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  return authority.substr(0, authority.find(':'));
}

/// What becomes of a request that failed: a status, a code, a message, and when to come again (0: never).
struct Refusal {
  int status = 500;
  std::string code;
  std::string message;
  int retry_after_s = 0;
};

Refusal refusal_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const HttpError& e) {
    return {e.status(), e.code(), e.what(), 0};
  } catch (const QueueFull& e) {
    return {429, "queue_full", e.what(), 1};
  } catch (const Stopping& e) {
    return {503, "stopping", e.what(), 5};
  } catch (const JobConflict& e) {
    return {409, "conflict", e.what(), 0};
  } catch (const InputError& e) {
    return {400, "bad_request", e.what(), 0};
  } catch (const std::bad_alloc&) {
    return {503, "out_of_memory", "not enough memory for this request now", 5};
  } catch (const Error& e) {
    return {503, "storage", e.what(), 5};
  } catch (const std::exception& e) {
    return {500, "internal", e.what(), 0};
  }
}

/// Set by a handler that left part of its request unread: nothing can follow on this connection.
thread_local bool t_close_after = false;
/// What this thread serves.
thread_local Connection* t_connection = nullptr;
/// Set while the accepting thread turns a connection away.
thread_local bool t_turn_away = false;

/// What an action answers; false where it throws, which would end the whole server here.
template <typename Action>
bool succeeds(const Action& action) {
  try {
    return action();
  } catch (const std::exception&) {
    return false;
  }
}

/// A thread a connection, made when needed and kept.
class ConnectionThreads final : public httplib::TaskQueue {
 public:
  explicit ConnectionThreads(std::size_t most) : most_(most) {}

  void enqueue(std::function<void()> connection) override {
    std::unique_lock lock(mutex_);
    if (waiting_.size() >= idle_ && (threads_.size() >= most_ || !add_thread())) {
      lock.unlock();
      t_turn_away = true;
      end_with(connection);
      t_turn_away = false;
      return;
    }
    waiting_.push_back(std::move(connection));
    ready_.notify_one();
  }

  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
      ready_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  /// Serves a connection to its end; what it throws is that end.
  static void end_with(const std::function<void()>& connection) {
    succeeds([&] {
      connection();
      return true;
    });
  }

  /// False where the system has no thread to give.
  bool add_thread() {
    try {
      threads_.emplace_back([this] { serve(); });
    } catch (const std::system_error&) {
      return false;
    }
    return true;
  }

  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      ++idle_;
      ready_.wait(lock, [&] { return ends_ || !waiting_.empty(); });
      --idle_;
      if (waiting_.empty()) return;
      const std::function<void()> connection = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      end_with(connection);
      lock.lock();
    }
  }

  std::size_t most_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> waiting_;
  std::size_t idle_ = 0;
  std::vector<std::thread> threads_;
  bool ends_ = false;
};

/// httplib's parser and writer on connections of our own (connection.h).
class Listener final : public httplib::Server {
 public:
  Listener(const HttpOptions& options, const std::atomic<bool>& stopping)
      : options_(options), stopping_(stopping) {
    if (!options.tls_certificate.empty()) {
      tls_ = std::make_unique<const TlsContext>(options.tls_certificate, options.tls_key);
    }
  }

  void raise_backlog() { ::listen(svr_sock_, kBacklog); }

  /// Ends what other threads do on their connections, if it has not ended by itself within `grace_s`.
  void end_connections(double grace_s) {
    std::unique_lock lock(mutex_);
    ended_.wait_for(lock, std::chrono::duration<double>(grace_s), [&] { return sockets_.empty(); });
    for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
  }

 private:
  bool process_and_close_socket(socket_t socket) override {
    if (t_turn_away) {
      // Encrypting takes a conversation first: too much for the thread that accepts.
      if (!tls_) Connection(socket, {0, 0.2}).refuse(503, "too_many_connections", "try again in a moment");
      ::close(socket);
      return false;
    }
    const OpenSocket open(*this, socket);
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Connection connection(socket, {options_.request_s, options_.write_s}, tls_.get());
    // Answers are whole: httplib would cut out of them whatever a Range asks for.
    const auto whole = [](httplib::Request& request) { request.ranges.clear(); };
    bool ok = false;
    while (connection.wait_for_request(options_.idle_s, stopping_)) {
      t_close_after = false;
      bool closed = false;
      t_connection = &connection;
      connection.begin_request();
      ok = process_request(connection, stopping_.load(), closed, whole);
      if (!ok && connection.timed_out() && !connection.answered()) {
        connection.refuse(408, "timeout", "the request did not arrive in time");
      } else if (!ok && connection.too_long() && !connection.answered()) {
        connection.refuse(431, "head_too_long", kLongHead);
        t_close_after = true;
      }
      if (!ok || closed || t_close_after) break;
    }
    if (t_close_after) {
      connection.linger();
    } else {
      connection.close_tls();
    }
    return ok;
  }

  /// A connection among those that stop() ends; closed when it goes, whatever happens.
  class OpenSocket {
   public:
    OpenSocket(Listener& listener, socket_t socket) : listener_(listener), socket_(socket) {
      const std::lock_guard lock(listener_.mutex_);
      listener_.sockets_.insert(socket_);
    }
    ~OpenSocket() {
      const std::lock_guard lock(listener_.mutex_);
      listener_.sockets_.erase(socket_);
      ::shutdown(socket_, SHUT_RDWR);
      ::close(socket_);
      listener_.ended_.notify_all();
    }
    OpenSocket(const OpenSocket&) = delete;
    OpenSocket& operator=(const OpenSocket&) = delete;

   private:
    Listener& listener_;
    socket_t socket_;
  };

  const HttpOptions& options_;
  const std::atomic<bool>& stopping_;
  std::unique_ptr<const TlsContext> tls_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::set<int> sockets_;
};

/// The bytes of one body among those of all that are in memory.
class BodyBytes {
 public:
  explicit BodyBytes(std::atomic<std::uint64_t>& all) : all_(all) {}
  ~BodyBytes() { all_ -= mine_; }
  BodyBytes(const BodyBytes&) = delete;
  BodyBytes& operator=(const BodyBytes&) = delete;

  /// False where there is no room for more.
  bool add(std::uint64_t bytes, std::uint64_t most) {
    mine_ += bytes;
    return (all_ += bytes) <= most;
  }

 private:
  std::atomic<std::uint64_t>& all_;
  std::uint64_t mine_ = 0;
};

}  // namespace

std::string HttpRequest::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::string() : found->second;
}

std::string HttpRequest::query_or(const std::string& name, const std::string& otherwise) const {
  const auto found = query.find(name);
  return found == query.end() ? otherwise : found->second;
}

HttpResponse error_response(int status, const std::string& code, const std::string& message) {
  const nlohmann::ordered_json json = {{"error", {{"code", code}, {"message", message}}}};
  HttpResponse response;
  response.status = status;
  response.body = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  return response;
}

bool is_loopback(const std::string& address) {
  if (address == "localhost" || address == "::1") return true;
  in_addr v4{};
  return ::inet_pton(AF_INET, address.c_str(), &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

namespace {
HttpResponse late() {
  return error_response(408, "timeout", "the request did not arrive in time");
}
}  // namespace

struct HttpServer::Impl {
  HttpOptions options;
  std::vector<Route> routes;
  std::atomic<bool> stopping{false};
  std::atomic<std::uint64_t> bodies{0};  ///< bytes of requests in memory
  Listener listener;
  int port = 0;
  std::thread thread;

  Impl(HttpOptions o, std::vector<Route> r)
      : options(std::move(o)), routes(std::move(r)), listener(options, stopping) {}

  /// The route of a request, or an error.
  const Route& route_of(HttpRequest& request) const {
    std::string allowed;
    const std::string method = request.method == "HEAD" ? "GET" : request.method;
    for (const Route& route : routes) {
      if (!matches(route.path, request.path, request.captured)) continue;
      if (route.method == method) return route;
      allowed += (allowed.empty() ? "" : ", ") + route.method;
    }
    if (allowed.empty()) throw HttpError(404, "not_found", "nothing is here");
    throw HttpError(405, "method_not_allowed", "this path takes " + allowed);
  }

  void check_caller(const HttpRequest& request, const Route& route) const {
    // A page of another site may make a browser send requests here: it then says where the page came from,
    // or, where the site's name was made to point here, what name it asked for.
    const std::string origin = request.header("origin");
    const std::string host = request.header("host");
    if (!origin.empty() && origin != "http://" + host && origin != "https://" + host) {
      throw HttpError(403, "wrong_origin", "requests from pages of other sites are not answered");
    }
    if (options.token.empty()) {
      if (!host.empty() && !is_loopback(host_of(host))) {
        throw HttpError(403, "wrong_host", "without a token this server answers to localhost only");
      }
      return;
    }
    if (route.open) return;
    const std::string given = request.header(route.token_header);
    std::string_view token = given;
    constexpr std::string_view kBearer = "Bearer ";
    const bool bearer = route.token_header == "authorization";
    if (given.empty() || (bearer && !given.starts_with(kBearer))) {
      throw HttpError(401, "token_missing",
                      fmt::format("send the header {}",
                                  bearer ? "Authorization: Bearer TOKEN" : route.token_header + ": TOKEN"));
    }
    if (bearer) token.remove_prefix(kBearer.size());
    if (!same_secret(token, options.token)) {
      throw HttpError(401, "token_wrong", "this is not the token of this server");
    }
  }

  HttpRequest head_of(const httplib::Request& from) const {
    HttpRequest request;
    request.method = from.method;
    request.path = from.path;
    for (const auto& [name, value] : from.headers) request.headers[lower(name)] = value;
    for (const auto& [name, value] : from.params) request.query[name] = value;
    const std::string type = lower(request.header("content-type"));
    request.content_type = type.substr(0, type.find(';'));
    return request;
  }

  void read_body(const httplib::Request& from, const httplib::ContentReader& reader, int& status,
                 HttpRequest& request, BodyBytes& held) const {
    const HttpError too_large(413, "too_large",
                              fmt::format("the body has more than {} bytes", options.max_body_bytes));
    const std::string length = request.header("content-length");
    // A number so long that it does not fit counts as too large.
    if (length.size() > 18 ||
        (!length.empty() && std::strtoull(length.c_str(), nullptr, 10) > options.max_body_bytes))
      throw too_large;
    std::uint64_t got = 0;
    bool large = false;
    bool full = false;
    const auto fits = [&](std::size_t more) {
      got += more;
      large |= got > options.max_body_bytes;
      full |= !held.add(more, options.max_bodies_bytes);
      return !large && !full;
    };
    // Chunks have their lengths between them.
    t_connection->allow(options.max_body_bytes + options.max_body_bytes / 8);
    bool ok = false;
    bool many = false;
    if (from.is_multipart_form_data()) {
      ok = reader(
          [&](const httplib::MultipartFormData& part) {
            many |= request.parts.size() >= kMostParts;
            if (!many) request.parts.push_back({part.name, part.filename, {}});
            return !many;
          },
          [&](const char* data, std::size_t size) {
            if (!fits(size) || request.parts.empty()) return false;
            request.parts.back().content.append(data, size);
            return true;
          });
    } else {
      ok = reader([&](const char* data, std::size_t size) {
        if (!fits(size)) return false;
        request.body.append(data, size);
        return true;
      });
    }
    if (large || status == 413 || t_connection->too_long()) throw too_large;
    if (full) throw std::bad_alloc();
    if (many) throw HttpError(400, "bad_form", fmt::format("the form has more than {} parts", kMostParts));
    if (status == 415) throw HttpError(415, "encoding", "this Content-Encoding is not understood");
    if (!ok && t_connection->timed_out()) throw HttpError(408, "timeout", "the body did not arrive in time");
    if (!ok) throw HttpError(400, "broken_body", "the body is truncated or is not what its headers say");
  }

  void send(HttpResponse& response, httplib::Response& to) const {
    to.status = response.status;
    bool says_how_to_cache = false;
    for (const auto& [name, value] : response.headers) {
      to.set_header(name, value);
      says_how_to_cache |= name == "Cache-Control";
    }
    if (!says_how_to_cache) to.set_header("Cache-Control", "no-store");
    to.set_header("X-Content-Type-Options", "nosniff");
    if (!response.file.empty()) {
      const int fd = ::open(response.file.c_str(), O_RDONLY | O_CLOEXEC);
      struct stat info{};
      if (fd < 0 || ::fstat(fd, &info) != 0) {
        if (fd >= 0) ::close(fd);
        throw Error(fmt::format("cannot read {}: {}", response.file, std::strerror(errno)));
      }
      ::unlink(response.file.c_str());
      to.set_content_provider(
          static_cast<std::size_t>(info.st_size), response.content_type,
          [fd](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
            // In the thread of a connection nothing may be thrown: out of memory is the end of this answer.
            return succeeds([&] {
              std::vector<char> piece(std::min(length, kFilePiece));
              const ssize_t got = ::pread(fd, piece.data(), piece.size(), static_cast<off_t>(offset));
              return got > 0 && sink.write(piece.data(), static_cast<std::size_t>(got));
            });
          },
          [fd](bool) { ::close(fd); });
    } else if (response.stream) {
      to.set_chunked_content_provider(response.content_type,
                                      [stream = response.stream](std::size_t, httplib::DataSink& sink) {
                                        return succeeds([&] {
                                          bool open = true;
                                          const bool more = stream([&](std::string_view text) {
                                            open = open && sink.write(text.data(), text.size());
                                            return open;
                                          });
                                          if (open && !more) sink.done();
                                          return open;
                                        });
                                      });
    } else {
      to.set_content(response.body, response.content_type);
    }
  }

  void handle(const httplib::Request& from, httplib::Response& to, const httplib::ContentReader* reader) {
    const auto start = Clock::now();
    RequestRecord record{from.method, from.path, from.remote_addr, "", 0, 0, 0};
    HttpRequest request = head_of(from);
    BodyBytes held(bodies);
    HttpResponse response;
    // Whatever goes wrong before the body has been read leaves it in the way of the next request.
    const bool has_body =
        request.headers.contains("transfer-encoding") ||
        (!request.header("content-length").empty() && request.header("content-length") != "0");
    t_close_after = has_body;
    const Route* route = nullptr;
    try {
      if (request.path.size() > kLongestPath) throw HttpError(414, "path_too_long", "the path is too long");
      route = &route_of(request);
      check_caller(request, *route);
      if (reader != nullptr && has_body) read_body(from, *reader, to.status, request, held);
      t_close_after = has_body && reader == nullptr;
      record.bytes_in = request.body.size();
      for (const HttpPart& part : request.parts) record.bytes_in += part.content.size();
      request.connected = [connection = t_connection] { return connection->is_writable(); };
      response = route->handle(request);
      send(response, to);
    } catch (...) {
      const Refusal refusal = refusal_of(std::current_exception());
      record.code = refusal.code;
      const auto shape = route != nullptr ? route->error_shape : error_response;
      response = shape(refusal.status, refusal.code, refusal.message);
      if (refusal.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
      if (refusal.retry_after_s > 0) {
        response.headers.emplace_back("Retry-After", std::to_string(refusal.retry_after_s));
      }
      send(response, to);
    }
    if (t_close_after) to.set_header("Connection", "close");
    record.status = response.status;
    record.seconds = seconds_since(start);
    if (options.log) options.log(record);
  }

  void connect_routes() {
    const auto plain = [this](const httplib::Request& from, httplib::Response& to) {
      handle(from, to, nullptr);
    };
    const auto reading = [this](const httplib::Request& from, httplib::Response& to,
                                const httplib::ContentReader& reader) { handle(from, to, &reader); };
    listener.Get(".*", plain);
    listener.Options(".*", plain);
    listener.Post(".*", reading);
    listener.Put(".*", reading);
    listener.Patch(".*", reading);
    listener.Delete(".*", reading);
    // What httplib refuses itself: a malformed request line, a path or header that is too long.
    const httplib::Server::HandlerWithResponse on_error = [](const httplib::Request&, httplib::Response& to) {
      if (!to.body.empty() || to.status < 400) return httplib::Server::HandlerResponse::Unhandled;
      t_close_after = true;
      to.set_header("Connection", "close");
      HttpResponse response =
          error_response(to.status, "bad_request", "not a request that this server understands");
      if (t_connection->timed_out()) response = late();
      if (t_connection->too_long()) response = error_response(431, "head_too_long", kLongHead);
      to.status = response.status;
      to.set_content(response.body, response.content_type);
      return httplib::Server::HandlerResponse::Handled;
    };
    listener.set_error_handler(on_error);
  }

  void bind() {
    if (options.token.empty() && !is_loopback(options.bind)) {
      throw InputError(fmt::format(
          "--bind {}: others can reach this address: give a token (OPOLOOP_TOKEN or --token-file)",
          options.bind));
    }
    // Not httplib's default, SO_REUSEPORT: two servers would share a port and each get half of the requests.
    listener.set_socket_options([](int socket) {
      const int on = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    });
    listener.new_task_queue = [this] {
      return new ConnectionThreads(static_cast<std::size_t>(options.max_connections));
    };
    listener.set_payload_max_length(options.max_body_bytes);
    connect_routes();
    errno = 0;
    if (options.port == 0) {
      port = listener.bind_to_any_port(options.bind);
    } else if (listener.bind_to_port(options.bind, options.port)) {
      port = options.port;
    }
    if (port <= 0) {
      throw InputError(fmt::format("cannot listen on {}:{}: {}", options.bind, options.port,
                                   errno != 0 ? std::strerror(errno) : "not an address of this computer"));
    }
    listener.raise_backlog();
  }
};

HttpServer::HttpServer(HttpOptions options, std::vector<Route> routes)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(routes))) {
  impl_->bind();
}

HttpServer::~HttpServer() {
  stop();
}

int HttpServer::port() const {
  return impl_->port;
}

std::string HttpServer::url() const {
  const std::string& host = impl_->options.bind;
  return fmt::format("{}://{}:{}", impl_->options.tls_certificate.empty() ? "http" : "https",
                     host.find(':') == std::string::npos ? host : "[" + host + "]", impl_->port);
}

void HttpServer::start() {
  impl_->thread = std::thread([this] { impl_->listener.listen_after_bind(); });
  // stop() before this would not be heard.
  while (!impl_->listener.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void HttpServer::stop() {
  constexpr double kGrace_s = 1.0;
  if (impl_->stopping.exchange(true) || !impl_->thread.joinable()) return;
  impl_->listener.stop();
  impl_->listener.end_connections(kGrace_s);
  impl_->thread.join();
}

bool HttpServer::stopping() const {
  return impl_->stopping.load();
}

}  // namespace opoloop
