#include "core/random.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

using namespace opoloop;

TEST_CASE("philox words depend on every part of the key and counter") {
  const auto base = philox_words(1, Stream::pulse_noise, 0, 0, 0);
  CHECK(base == philox_words(1, Stream::pulse_noise, 0, 0, 0));
  CHECK(base != philox_words(2, Stream::pulse_noise, 0, 0, 0));
  CHECK(base != philox_words(1ULL << 40, Stream::pulse_noise, 0, 0, 0));
  CHECK(base != philox_words(1, Stream::start_amplitude, 0, 0, 0));
  CHECK(base != philox_words(1, Stream::pulse_noise, 1, 0, 0));
  CHECK(base != philox_words(1, Stream::pulse_noise, 0, 1, 0));
  CHECK(base != philox_words(1, Stream::pulse_noise, 0, 1ULL << 33, 0));
  CHECK(base != philox_words(1, Stream::pulse_noise, 0, 0, 1));
}

TEST_CASE("normals have the moments of a standard normal") {
  const int n = 400000;
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
  for (int i = 0; i < n / 4; ++i) {
    for (const double z : philox_normals(7, Stream::pulse_noise, 3, static_cast<std::uint64_t>(i), 5)) {
      m1 += z;
      m2 += z * z;
      m3 += z * z * z;
      m4 += z * z * z * z;
    }
  }
  // Five standard errors of each sample moment: Var z = 1, Var z² = 2, Var z³ = 15, Var z⁴ = 96.
  const double root = 5 / std::sqrt(n);
  CHECK(std::abs(m1 / n) < root);
  CHECK(std::abs(m2 / n - 1) < root * std::sqrt(2.0));
  CHECK(std::abs(m3 / n) < root * std::sqrt(15.0));
  CHECK(std::abs(m4 / n - 3) < root * std::sqrt(96.0));
}

TEST_CASE("box_muller is finite at the ends of its range") {
  for (const std::uint32_t a : {0U, 1U, 0xffffffffU}) {
    for (const std::uint32_t b : {0U, 0x80000000U, 0xffffffffU}) {
      const auto [x, y] = box_muller(a, b);
      CHECK(std::isfinite(x));
      CHECK(std::isfinite(y));
      CHECK(std::hypot(x, y) < 6.7);
    }
  }
}

TEST_CASE("below is unbiased over its range") {
  RandomSequence random(11, Stream::generator);
  std::array<int, 7> count{};
  const int n = 70000;
  for (int i = 0; i < n; ++i) ++count[random.below(7)];
  // 5σ of a binomial count with p = 1/7.
  for (const int c : count) CHECK(std::abs(c - n / 7.0) < 5 * std::sqrt(n * (1 / 7.0) * (6 / 7.0)));
}
