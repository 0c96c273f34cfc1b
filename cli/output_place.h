#pragma once

#include <string>
#include <vector>

namespace opoloop {

/// The files that one command reads and writes. An output must have a folder before minutes of computing, and
/// must be neither what the command reads nor another output: it would be lost. Empty paths, those of options
/// that were not given, are passed over.
class FilePlaces {
 public:
  /// A file that is read; `what` is what messages call it: "the problem file".
  void reads(const std::string& path, const std::string& what);
  /// The same for the device file that a URI names, if it names one. Throws InputError on a broken URI.
  void reads_device(const std::string& uri);
  /// A file that is going to be written. Throws InputError naming the option.
  void writes(const std::string& path, const std::string& option);

 private:
  struct NamedFile {
    std::string path, what;
  };
  std::vector<NamedFile> files_;
};

/// Measurements that took minutes or hours are not begun anew over others by a repeated command. Throws
/// InputError where the file is there.
void require_no_measurements(const std::string& path, const char* option);

}  // namespace opoloop
