#pragma once

#include <httplib.h>

#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "driver/server/tls.h"

namespace opoloop {

/// Seconds that a peer has.
struct ConnectionTimes {
  double request_s = 30;  ///< to send a whole request, however it spreads the bytes
  double write_s = 30;    ///< to take a piece of the answer
};

/// One accepted socket as httplib's stream. httplib's own waits for each read alone, so that a byte every few
/// seconds holds a thread for ever, and uses select(), which fails beyond 1024 descriptors. Does not own the
/// socket.
class Connection final : public httplib::Stream {
 public:
  /// `tls`: what arrives is encrypted; null: it is not. Must outlive the connection.
  Connection(int socket, ConnectionTimes times, const TlsContext* tls = nullptr);

  /// Waits for the first byte of a request. False: the time is over, the peer has gone, or `stopping`.
  bool wait_for_request(double idle_s, const std::atomic<bool>& stopping);
  /// The clock of request_s begins, and the peer may send a head of 64 KiB: httplib's lines and heads have no
  /// end of their own.
  void begin_request();
  /// So many bytes more may be read of this request.
  void allow(std::size_t bytes) { allowance_ += bytes; }
  bool timed_out() const { return timed_out_; }
  /// More of this request was to be read than is allowed.
  bool too_long() const { return too_long_; }
  /// Something of an answer to this request has been written.
  bool answered() const { return answered_; }
  /// Writes a whole error answer and says that the connection closes.
  void refuse(int status, const std::string& code, const std::string& message);
  /// Sends the end of the stream and reads on for a moment: a peer that is still sending would otherwise lose
  /// the answer together with the connection.
  void linger();
  /// Tells a peer that encrypts that nothing more comes.
  void close_tls();

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* to, std::size_t size) override;
  ssize_t write(const char* from, std::size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_; }

 private:
  ssize_t fill(Clock::time_point until);
  ssize_t receive(char* to, std::size_t size, Clock::time_point until);
  ssize_t decrypt(Clock::time_point until);
  bool send_all(const char* from, std::size_t size);
  bool unread() const { return begin_ < end_ || (tls_ && tls_->pending()); }

  int socket_;
  ConnectionTimes times_;
  Clock::time_point deadline_;
  std::optional<TlsSession> tls_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  std::size_t allowance_ = 0;
  bool timed_out_ = false;
  bool too_long_ = false;
  bool answered_ = false;
};

}  // namespace opoloop
