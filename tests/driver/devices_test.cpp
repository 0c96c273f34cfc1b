#include <catch2/catch.hpp>

#include "core/error.h"
#include "driver/device.h"
#include "tests/driver/device_suite.h"

using namespace opoloop;

TEST_CASE("emulator behaves like a device") {
  check_device_behaviour({"emulator:", true, "dt"});
}
TEST_CASE("annealing behaves like a device") {
  check_device_behaviour({"annealing:", true, "t_cold"});
}
TEST_CASE("dsb behaves like a device") {
  check_device_behaviour({"dsb:", true, "dt"});
}
TEST_CASE("bsb behaves like a device") {
  check_device_behaviour({"bsb:", true, "dt"});
}
TEST_CASE("exact behaves like a device") {
  check_device_behaviour({"exact:", false, ""});
}

TEST_CASE("devices in this process take no preset") {
  for (const std::string uri : {"annealing:fast", "dsb:x", "bsb:x", "exact:x"}) {
    CHECK_THROWS_AS(make_device(uri), InputError);
  }
}
