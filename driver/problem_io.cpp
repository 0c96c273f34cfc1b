#include "driver/problem_io.h"

#include <array>
#include <filesystem>
#include <fstream>

#include "driver/problem_hdf5.h"
#include "hamiltonian/known_values.h"

namespace opoloop {

namespace {

constexpr std::array<char, 8> kHdf5Magic = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};

bool is_hdf5(const std::string& path) {
  if (!std::filesystem::is_regular_file(path)) return false;  // what is read from a pipe is gone
  std::array<char, 8> start{};
  std::ifstream file(path, std::ios::binary);
  return file.read(start.data(), start.size()) && start == kHdf5Magic;
}

}  // namespace

Problem open_problem(const std::string& path, const LoadOptions& options) {
  const bool hdf5 = options.format ? *options.format == ProblemFormat::hdf5 : is_hdf5(path);
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
