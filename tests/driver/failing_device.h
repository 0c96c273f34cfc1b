#pragma once

#include <string>

#include "core/error.h"
#include "driver/device.h"

namespace opoloop::test {

/// A device that answers so many problems, all spins up, and then loses its connection.
class FailingDevice final : public Device {
 public:
  explicit FailingDevice(int answers = 2) : answers_(answers) {}
  std::string uri() const override { return "failing:"; }
  Capabilities capabilities() const override { return {}; }
  void check(const Job&) const override {}
  std::string submit(const Job& job) override {
    if (done_ == answers_) throw Error("connection lost");
    last_ = job.problem->ising.size();
    return std::to_string(++done_);
  }
  JobStatus poll(const std::string&, Progress*) override { return JobStatus::done; }
  Result result(const std::string&) override {
    Result result;
    Sample sample;
    sample.spins_best.assign(static_cast<std::size_t>(last_), 1);
    result.samples.push_back(sample);
    return result;
  }
  void cancel(const std::string&) override {}

 private:
  int answers_;
  int done_ = 0;
  int last_ = 0;
};

}  // namespace opoloop::test
