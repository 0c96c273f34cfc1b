#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "driver/device.h"
#include "hamiltonian/formats/file_bytes.h"
#include "hamiltonian/qubo_model.h"

namespace opoloop::test {

using Json = nlohmann::json;

/// Whoever carries matrices to an offline machine and solutions back: reads the files as they are documented,
/// and solves what it finds by annealing, always from the same seed.
class SpoolPlatform {
 public:
  /// Answers everything in the folder once, or again and again from a thread until the end.
  explicit SpoolPlatform(std::string folder, bool csv = false) : folder_(std::move(folder)), csv_(csv) {}
  ~SpoolPlatform() { stop(); }
  SpoolPlatform(const SpoolPlatform&) = delete;
  SpoolPlatform& operator=(const SpoolPlatform&) = delete;

  void start() {
    thread_ = std::thread([this] {
      while (!stopping_) {
        answer_all();
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
    });
  }
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }

  /// Returns how many it answered.
  int answer_all() {
    int answered = 0;
    if (!std::filesystem::exists(folder_)) return 0;
    std::vector<std::string> manifests;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      const std::string name = entry.path().filename();
      if (name.ends_with(".job.json")) manifests.push_back(entry.path());
    }
    for (const std::string& path : manifests) {
      const Json job = Json::parse(read_file_bytes(path, 1 << 20));
      const std::string answer = folder_ + "/" + job.at("answer").at(csv_ ? 1 : 0).get<std::string>();
      if (job.at("cancelled") == true || std::filesystem::exists(answer)) continue;
      write_file_bytes(answer, solve(job));
      ++answered;
    }
    return answered;
  }

  /// The matrix of a job.
  static std::vector<std::vector<int>> matrix_of(const std::string& folder, const Json& job) {
    std::istringstream lines(read_file_bytes(folder + "/" + job.at("matrix").get<std::string>(), 1 << 26));
    std::vector<std::vector<int>> matrix;
    for (std::string line; std::getline(lines, line);) {
      std::istringstream fields(line);
      matrix.emplace_back();
      for (std::string field; std::getline(fields, field, ',');) matrix.back().push_back(std::stoi(field));
    }
    return matrix;
  }

 private:
  std::string solve(const Json& job) const {
    const auto matrix = matrix_of(folder_, job);
    const auto n = static_cast<std::int32_t>(matrix.size());
    const bool qubo = job.at("form") == "qubo";
    QuboModel model;
    model.n = n;
    model.linear.assign(matrix.size(), 0.0);
    std::vector<IsingEdge> edges;
    for (std::int32_t i = 0; i < n; ++i) {
      for (std::int32_t j = i; j < n; ++j) {
        const auto a = static_cast<std::size_t>(i);
        const auto b = static_cast<std::size_t>(j);
        if (i == j) {
          model.linear[a] = matrix[a][b];
        } else {
          model.terms.push_back({i, j, static_cast<double>(matrix[a][b] + matrix[b][a])});
          edges.push_back({i, j, static_cast<double>(matrix[a][b] + matrix[b][a])});  // H = -s'Ms
        }
      }
    }
    Job inner;
    auto problem = std::make_shared<Problem>();
    problem->ising = qubo ? to_ising(model) : IsingModel(n, edges);
    inner.problem = problem;
    inner.settings.runs = job.at("runs").is_null() ? 8 : job.at("runs").get<int>();
    inner.settings.steps = 60;
    const Result result = make_device("annealing:")->run(inner);
    Json list = Json::array();
    std::string text;
    for (const Sample& sample : result.samples) {
      Json vector = Json::array();
      for (const std::int8_t spin : sample.spins_best) vector.push_back(qubo ? (spin + 1) / 2 : spin);
      for (std::size_t i = 0; i < vector.size(); ++i) {
        if (i > 0) text += ',';
        text += vector[i].dump();
      }
      text += '\n';
      list.push_back({{"solutionVector", vector}, {"quboValue", 0.0}});
    }
    return csv_ ? text : list.dump();
  }

  std::string folder_;
  bool csv_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace opoloop::test
