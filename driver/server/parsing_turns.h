#pragma once

#include <memory>
#include <semaphore>

namespace opoloop {

/// So many requests may be parsed at a time: reading one problem may take max_problem_memory_bytes.
class ParsingTurns {
 public:
  explicit ParsingTurns(int at_a_time) : turns_(at_a_time) {}

  struct Release {
    void operator()(std::counting_semaphore<>* turns) const { turns->release(); }
  };
  using Turn = std::unique_ptr<std::counting_semaphore<>, Release>;

  /// Waits for a turn, which lasts as long as what is returned.
  Turn take() {
    turns_.acquire();
    return Turn(&turns_);
  }

 private:
  std::counting_semaphore<> turns_;
};

}  // namespace opoloop
