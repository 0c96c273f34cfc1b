#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace opoloop {

/// A certificate and its key, for all connections of a server (OpenSSL; TLS 1.2 and 1.3).
class TlsContext {
 public:
  /// PEM files: the certificate first, what it was signed by after it, if anything. Throws InputError naming
  /// the file that cannot be used, or a key that everybody on this computer may read.
  TlsContext(const std::string& certificate_file, const std::string& key_file);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  friend class TlsSession;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One connection's encryption, without the connection: encrypted bytes go in and come out here, whoever owns
/// the socket carries them.
class TlsSession {
 public:
  enum class State {
    ok,
    wants_input,  ///< more encrypted bytes have to come in first
    closed,       ///< the other side has said that it is done
    broken,
    plain_http,  ///< broken: the other side does not encrypt
  };

  explicit TlsSession(const TlsContext& context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// Encrypted bytes that have arrived.
  void put(std::string_view bytes);
  /// Encrypted bytes that have to be sent: to be asked for after each of the following. Empty: none.
  std::string take();

  /// Decrypts into `to`; `got` is how much. The handshake is part of it.
  State read(char* to, std::size_t size, std::size_t& got);
  /// Encrypts; only after a read() that gave something.
  State write(const char* from, std::size_t size);
  /// Tells the other side that nothing more comes.
  void close();
  /// Something that has arrived has not been read.
  bool pending() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace opoloop
