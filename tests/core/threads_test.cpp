#include "core/threads.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <stdexcept>
#include <vector>

using namespace opoloop;

TEST_CASE("parallel_for runs every item once") {
  for (const int threads : {1, 2, 7}) {
    std::vector<std::atomic<int>> hits(100);
    parallel_for(100, threads, [&](std::int64_t i) { ++hits[static_cast<std::size_t>(i)]; });
    for (const auto& h : hits) CHECK(h == 1);
  }
}

TEST_CASE("parallel_for rethrows what an item threw") {
  CHECK_THROWS_AS(parallel_for(10, 3,
                               [](std::int64_t i) {
                                 if (i == 5) throw std::runtime_error("five");
                               }),
                  std::runtime_error);
}
