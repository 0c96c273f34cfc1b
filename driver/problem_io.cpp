#include "driver/problem_io.h"

#include <array>
#include <filesystem>
#include <fstream>

#include "driver/problem_hdf5.h"
#include "hamiltonian/formats/detect.h"
#include "hamiltonian/known_values.h"

namespace opoloop {

bool is_hdf5_file(const std::string& path) {
  if (!std::filesystem::is_regular_file(path)) return false;
  std::array<char, 8> start{};
  std::ifstream file(path, std::ios::binary);
  return file.read(start.data(), start.size()) && begins_like_hdf5({start.data(), start.size()});
}

Problem open_problem(const std::string& path, const LoadOptions& options) {
  const bool hdf5 = options.format ? *options.format == ProblemFormat::hdf5 : is_hdf5_file(path);
  Problem problem = hdf5 ? read_problem_hdf5(path, options) : load_problem(path, options);
  find_known_value(problem, path);
  return problem;
}

void write_problem(const Problem& problem, const std::string& path, ProblemFormat format,
                   const SaveOptions& options) {
  if (format == ProblemFormat::hdf5) {
    write_problem_hdf5(problem, path);
  } else {
    save_problem(problem, path, format, options);
  }
}

}  // namespace opoloop
