#include "driver/server/tls.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <array>
#include <limits>

#include "core/error.h"

namespace opoloop {
namespace {

constexpr std::size_t kPiece = 16 << 10;

/// What OpenSSL says is wrong, and an empty list of errors.
std::string last_error() {
  std::array<char, 256> text{};
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "unusable";
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

int bounded(std::size_t size) {
  constexpr std::size_t kMost = std::numeric_limits<int>::max();
  return static_cast<int>(size < kMost ? size : kMost);
}

}  // namespace

struct TlsContext::Impl {
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> ctx{SSL_CTX_new(TLS_server_method()), &SSL_CTX_free};
};

TlsContext::TlsContext(const std::string& certificate_file, const std::string& key_file)
    : impl_(std::make_unique<Impl>()) {
  SSL_CTX* const ctx = impl_->ctx.get();
  if (ctx == nullptr) throw Error("TLS: " + last_error());
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(ctx, certificate_file.c_str()) != 1) {
    throw InputError(fmt::format("--tls-cert {}: no certificate in PEM: {}", certificate_file, last_error()));
  }
  struct stat info{};
  if (::stat(key_file.c_str(), &info) == 0 && (info.st_mode & 007) != 0) {
    throw InputError(
        fmt::format("--tls-key {}: holds a private key and is open to all: chmod o= {}", key_file, key_file));
  }
  if (SSL_CTX_use_PrivateKey_file(ctx, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    throw InputError(fmt::format("--tls-key {}: no private key in PEM, or not that of the certificate: {}",
                                 key_file, last_error()));
  }
}

TlsContext::~TlsContext() = default;

struct TlsSession::Impl {
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl{nullptr, &SSL_free};
  BIO* in = nullptr;  ///< belongs to ssl, as out does
  BIO* out = nullptr;

  State state_of(int result) const {
    switch (SSL_get_error(ssl.get(), result)) {
      case SSL_ERROR_NONE:
        return State::ok;
      case SSL_ERROR_WANT_READ:
        return State::wants_input;
      case SSL_ERROR_ZERO_RETURN:
        return State::closed;
      default:
        break;
    }
    const int reason = ERR_GET_REASON(ERR_peek_error());
    ERR_clear_error();
    return reason == SSL_R_HTTP_REQUEST ? State::plain_http : State::broken;
  }
};

TlsSession::TlsSession(const TlsContext& context) : impl_(std::make_unique<Impl>()) {
  impl_->ssl.reset(SSL_new(context.impl_->ctx.get()));
  impl_->in = BIO_new(BIO_s_mem());
  impl_->out = BIO_new(BIO_s_mem());
  if (!impl_->ssl || impl_->in == nullptr || impl_->out == nullptr) {
    BIO_free(impl_->in);
    BIO_free(impl_->out);
    throw std::bad_alloc();
  }
  // An empty input is one that more will come to, not an end.
  BIO_set_mem_eof_return(impl_->in, -1);
  SSL_set_bio(impl_->ssl.get(), impl_->in, impl_->out);
  SSL_set_accept_state(impl_->ssl.get());
}

TlsSession::~TlsSession() = default;

void TlsSession::put(std::string_view bytes) {
  BIO_write(impl_->in, bytes.data(), bounded(bytes.size()));
}

std::string TlsSession::take() {
  std::string bytes;
  std::array<char, kPiece> piece{};
  for (;;) {
    const int got = BIO_read(impl_->out, piece.data(), bounded(piece.size()));
    if (got <= 0) return bytes;
    bytes.append(piece.data(), static_cast<std::size_t>(got));
  }
}

TlsSession::State TlsSession::read(char* to, std::size_t size, std::size_t& got) {
  ERR_clear_error();
  got = 0;
  const int result = SSL_read(impl_->ssl.get(), to, bounded(size));
  if (result > 0) got = static_cast<std::size_t>(result);
  return impl_->state_of(result);
}

TlsSession::State TlsSession::write(const char* from, std::size_t size) {
  ERR_clear_error();
  // The output is memory: it takes all, or the session is broken.
  return impl_->state_of(SSL_write(impl_->ssl.get(), from, bounded(size)));
}

void TlsSession::close() {
  ERR_clear_error();
  // Before the handshake is done there is nothing to end.
  if (SSL_is_init_finished(impl_->ssl.get()) == 1) SSL_shutdown(impl_->ssl.get());
  ERR_clear_error();
}

bool TlsSession::pending() const {
  return SSL_pending(impl_->ssl.get()) > 0 || BIO_ctrl_pending(impl_->in) > 0;
}

}  // namespace opoloop
