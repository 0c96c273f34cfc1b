#pragma once

#include <string>
#include <vector>

namespace opoloop {

struct Sweep;

/// A cell of a CSV file, RFC 4180: quoted where it has to be.
std::string csv_field(const std::string& text);

/// One record of a CSV file, RFC 4180: quoted where needed, ended by a line feed.
std::string csv_line(const std::vector<std::string>& cells);

/// The rows of an experiment, a column a quantity with its unit in the header ("wall_s" carries its own);
/// numbers with all their digits, empty where they do not exist.
std::string sweep_csv(const Sweep& sweep);

/// Writes text to a file, at once or not at all; throws Error where it cannot.
void write_csv(const std::string& csv, const std::string& path);

}  // namespace opoloop
