#include "cim_model/schedule.h"

#include <catch2/catch.hpp>

#include "core/error.h"

using namespace opoloop;

TEST_CASE("a schedule is linear between its points and constant outside") {
  const Schedule s = Schedule::ramp(-1, 1, 0.5);
  CHECK(s.at(0, 100) == -1);
  CHECK(s.at(25, 100) == Approx(0).margin(1e-15));
  CHECK(s.at(50, 100) == 1);
  CHECK(s.at(100, 100) == 1);
  CHECK(Schedule(0.3).at(7, 10) == 0.3);
}

TEST_CASE("schedules are read back from their text") {
  for (const char* text : {"0.5", "-1:1", "-1:1@0.9"}) CHECK(Schedule::parse(text, "p").text() == text);
  for (const char* text : {"", "a", "1:", "1:2@", "1:2@2", "nan", "1:2@-1", "1:inf", "1 "}) {
    CHECK_THROWS_AS(Schedule::parse(text, "p"), InputError);
  }
}
