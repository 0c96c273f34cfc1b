#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace opoloop {

/// A whole file in memory. Throws InputError where the path is missing, a directory, unreadable, or larger
/// than `limit` bytes.
std::string read_file_bytes(const std::string& path, std::uint64_t limit);

/// Renames a finished file so that a power cut leaves the old `path` or the new one, whole: the bytes are on
/// the disk before, the name is after. Throws Error with the system's reason.
void rename_durably(const std::string& from, const std::string& path);

/// Whether a path stands for something that takes bytes as they come: a terminal, a pipe, /dev/null, or
/// /dev/stdout and its like, whatever they lead to. Such a place is written into, never replaced.
bool is_stream(const std::string& path);

/// Makes `path` complete or not at all: calls `write` with the name of a fresh file in the same directory,
/// then rename_durably() to `path`; removes it where anything fails. A stream is
/// given to `write` itself. Throws Error with the system's reason.
void write_atomically(const std::string& path, const std::function<void(const std::string&)>& write);

/// write_atomically() of these bytes.
void write_file_bytes(const std::string& path, std::string_view bytes);

}  // namespace opoloop
