#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "driver/http_client.h"
#include "hamiltonian/formats/compression.h"

namespace opoloop::test {

/// A client that need not keep to the rules.
class RawClient {
 public:
  explicit RawClient(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{10, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    REQUIRE(::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  }
  ~RawClient() { ::close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void say(const std::string& text) { ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL); }
  void end_of_speech() { ::shutdown(socket_, SHUT_WR); }
  /// Everything until `text` has come, or the server has closed.
  std::string hear_until(const std::string& text) {
    std::string all;
    char piece[4096];
    while (all.find(text) == std::string::npos) {
      const ssize_t got = ::recv(socket_, piece, sizeof piece, 0);
      if (got <= 0) return all;
      all.append(piece, static_cast<std::size_t>(got));
    }
    return all;
  }
  /// Everything until the server closes, or until the answer is as long as its head says.
  std::string hear(bool one_answer = false) {
    std::string all;
    char piece[4096];
    for (;;) {
      if (one_answer && complete(all)) return all;
      const ssize_t got = ::recv(socket_, piece, sizeof piece, 0);
      if (got <= 0) return all;
      all.append(piece, static_cast<std::size_t>(got));
    }
  }

 private:
  static bool complete(const std::string& answer) {
    const std::size_t head = answer.find("\r\n\r\n");
    const std::size_t length = answer.find("Content-Length: ");
    if (head == std::string::npos || length > head) return false;
    return answer.size() >= head + 4 + std::strtoul(answer.c_str() + length + 16, nullptr, 10);
  }

  int socket_;
};

/// Sends bytes that a real client was recorded sending (tests/driver/recorded), with `from` in them replaced
/// by `to` of the same length, and returns what the server answers.
inline HttpReply replay(int port, const std::string& file, const std::string& from = {},
                        const std::string& to = {}) {
  std::ifstream in("tests/driver/recorded/" + file, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  std::string request = bytes.str();
  REQUIRE(!request.empty());
  REQUIRE(from.size() == to.size());
  if (!from.empty()) {
    const std::size_t at = request.find(from);
    REQUIRE(at != std::string::npos);
    request.replace(at, from.size(), to);
  }
  RawClient client(port);
  client.say(request);
  const std::string answer = client.hear(true);
  const std::size_t end = answer.find("\r\n\r\n");
  REQUIRE(end != std::string::npos);
  HttpReply reply;
  reply.status = std::atoi(answer.c_str() + std::string("HTTP/1.1 ").size());
  std::istringstream head(answer.substr(0, end));
  for (std::string line; std::getline(head, line);) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    std::string value = line.substr(colon + 2);
    if (value.ends_with('\r')) value.pop_back();
    reply.headers[name] = value;
  }
  reply.body = answer.substr(end + 4);
  if (is_gzip(reply.body)) reply.body = gunzip(reply.body, "answer", 1 << 24);
  return reply;
}

}  // namespace opoloop::test
