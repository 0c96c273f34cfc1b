#include "hamiltonian/formats/compression.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "core/error.h"
#include "hamiltonian/formats/read_context.h"

namespace opoloop {

namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib: 15-bit window, gzip wrapper
constexpr int kRawWindow = -15;       // zlib: no wrapper

struct InflateEnd {
  void operator()(z_stream* stream) const { inflateEnd(stream); }
};
using InflateGuard = std::unique_ptr<z_stream, InflateEnd>;

// zlib takes at most 4 GiB of input at a time.
void feed(z_stream& stream, std::string_view& bytes) {
  if (stream.avail_in != 0 || bytes.empty()) return;
  const auto part = static_cast<uInt>(std::min<std::size_t>(bytes.size(), std::numeric_limits<uInt>::max()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = part;
  bytes.remove_prefix(part);
}

}  // namespace

bool is_gzip(std::string_view bytes) {
  return bytes.substr(0, 2) == "\x1f\x8b";
}

std::string gunzip(std::string_view bytes, const std::string& file, std::uint64_t limit) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) throw Error("zlib cannot start");
  const InflateGuard guard(&stream);
  std::string text;
  std::string buffer(std::size_t{1} << 18, '\0');
  while (true) {
    feed(stream, bytes);
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    const int status = inflate(&stream, Z_NO_FLUSH);
    text.append(buffer.data(), buffer.size() - stream.avail_out);
    if (text.size() > limit) {
      throw_file_error(file, 0, {},
                       fmt::format("inflates to more than {}", bytes_text(static_cast<double>(limit))));
    }
    if (status == Z_STREAM_END) {
      feed(stream, bytes);
      if (stream.avail_in == 0) return text;
      // Another member may follow (RFC 1952, 2.2); anything else is garbage, found by the next inflate().
      if (inflateReset(&stream) != Z_OK) throw Error("zlib cannot restart");
      continue;
    }
    if (status == Z_BUF_ERROR ||
        (status == Z_OK && stream.avail_in == 0 && bytes.empty() && stream.avail_out != 0)) {
      throw_file_error(file, 0, {}, "truncated gzip file");
    }
    if (status != Z_OK) {
      throw_file_error(
          file, 0, {},
          fmt::format("damaged gzip file ({})", stream.msg != nullptr ? stream.msg : "zlib error"));
    }
  }
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw Error("zlib cannot start");
  }
  std::string out;
  std::string buffer(std::size_t{1} << 18, '\0');
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    feed(stream, text);
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    status = deflate(&stream, text.empty() ? Z_FINISH : Z_NO_FLUSH);
    out.append(buffer.data(), buffer.size() - stream.avail_out);
    if (status != Z_OK && status != Z_STREAM_END) {
      deflateEnd(&stream);
      throw Error("zlib cannot compress");
    }
  }
  deflateEnd(&stream);
  return out;
}

std::string inflate_raw(std::string_view bytes, std::size_t size, const std::string& file,
                        const std::string& member) {
  z_stream stream{};
  if (inflateInit2(&stream, kRawWindow) != Z_OK) throw Error("zlib cannot start");
  const InflateGuard guard(&stream);
  // One byte more than promised, so that a member that inflates to more is noticed. The buffer grows with the
  // data: a false size in a small file allocates nothing.
  std::string out;
  std::string buffer(std::min<std::size_t>(size + 1, std::size_t{1} << 18), '\0');
  int status = Z_OK;
  while (status == Z_OK && out.size() <= size) {
    feed(stream, bytes);
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    status = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer.data(), buffer.size() - stream.avail_out);
  }
  if (status != Z_STREAM_END || out.size() != size || stream.avail_in != 0 || !bytes.empty()) {
    throw_file_error(file, 0, member, "damaged or truncated archive member");
  }
  return out;
}

std::uint32_t crc32_of(std::string_view bytes) {
  uLong crc = crc32(0, nullptr, 0);
  while (!bytes.empty()) {
    const auto part = static_cast<uInt>(std::min<std::size_t>(bytes.size(), std::size_t{1} << 30));
    crc = crc32(crc, reinterpret_cast<const Bytef*>(bytes.data()), part);
    bytes.remove_prefix(part);
  }
  return static_cast<std::uint32_t>(crc);
}

}  // namespace opoloop
