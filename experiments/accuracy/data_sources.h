#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "experiments/accuracy/labelled_data.h"

namespace opoloop {

/// A data set that `opoloop experiment accuracy` knows.
struct DataSource {
  const char* name;
  const char* layout;        ///< what its path has to hold, in words
  const char* default_path;  ///< below public_data_folder(); empty: only from a path of the user's
  int publisher_examples;    ///< the size of the whole set, train and test
};
std::span<const DataSource> data_sources();

/// Where a set lies: the user's paths by name, then the folder of public data.
struct DataPlaces {
  std::map<std::string, std::filesystem::path> own;
  std::filesystem::path public_data;  ///< public_data_folder()

  /// Throws InputError on an unknown name without a path, and on one that is not below public_data.
  std::filesystem::path of(const std::string& name) const;
};

/// Reads set `name`: the first `train` examples of its training part and the first `test` of its test part
/// (where a set has none: those after `train`, or every fifth example of a table); 0 = all. A name that is
/// no known one is a table of texts: .csv, .tsv or .json (experiments/accuracy/text_files.h), packed with
/// gzip or not. Throws InputError where a file is missing or damaged, or nothing is left to test on.
LabelledData load_labelled_data(const std::string& name, const std::filesystem::path& path,
                                std::uint64_t train, std::uint64_t test);

}  // namespace opoloop
