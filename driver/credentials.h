#pragma once

#include <string>
#include <string_view>

namespace opoloop {

/// A secret from the environment: the variable NAME, or the first line of the file that NAME_FILE names.
/// Empty where neither is set. Never a flag: the arguments of a program are there for everybody to read.
/// Throws InputError, which never holds the secret, where the file is missing or open to others.
std::string secret_from_environment(const std::string& name);

/// Whether a secret that somebody sent is the right one; takes as long for a wrong first byte as for a wrong
/// last one.
bool same_secret(std::string_view given, std::string_view secret);

/// The first line of a file that belongs to this user and that nobody else may read (mode 0600).
std::string secret_from_file(const std::string& path);

}  // namespace opoloop
