#include "driver/uri.h"

#include <catch2/catch.hpp>

#include "core/error.h"
#include "driver/device.h"

using namespace opoloop;
using Catch::Matchers::Contains;

TEST_CASE("a device URI is taken apart") {
  const DeviceUri plain = parse_device_uri("annealing:");
  CHECK(plain.scheme == "annealing");
  CHECK(plain.rest.empty());
  CHECK(plain.query.empty());

  const DeviceUri preset = parse_device_uri("emulator:ntt-2016?adc_bits=8&law=cac");
  CHECK(preset.scheme == "emulator");
  CHECK(preset.rest == "ntt-2016");
  CHECK(preset.query == std::map<std::string, std::string>{{"adc_bits", "8"}, {"law", "cac"}});
  CHECK(preset.text == "emulator:ntt-2016?adc_bits=8&law=cac");

  const DeviceUri remote = parse_device_uri("opoloop://host:80/a%20b?k%3D=%26+");
  CHECK(remote.rest == "//host:80/a b");
  CHECK(remote.query.at("k=") == "&+");

  CHECK(parse_device_uri("exact:?").query.empty());
  CHECK(parse_device_uri("spool:a?b=").query.at("b").empty());
}

TEST_CASE("a broken device URI is refused with the part that is wrong") {
  CHECK_THROWS_WITH(parse_device_uri("annealing"), Contains("did you mean 'annealing:'"));
  CHECK_THROWS_WITH(parse_device_uri(":x"), Contains("not a scheme"));
  CHECK_THROWS_WITH(parse_device_uri("Dsb:"), Contains("not a scheme"));
  CHECK_THROWS_WITH(parse_device_uri("dsb:%2"), Contains("'%2'"));
  CHECK_THROWS_WITH(parse_device_uri("dsb:?a=%zz"), Contains("'%zz'"));
  CHECK_THROWS_WITH(parse_device_uri("dsb:?a"), Contains("not key=value"));
  CHECK_THROWS_WITH(parse_device_uri("dsb:?=1"), Contains("not key=value"));
  CHECK_THROWS_WITH(parse_device_uri("dsb:?a=1&a=2"), Contains("'a' is given twice"));
  CHECK_THROWS_AS(parse_device_uri(""), InputError);
}

TEST_CASE("an unknown scheme lists the known ones") {
  CHECK_THROWS_AS(make_device("warp:"), InputError);
  CHECK_THROWS_WITH(make_device("warp:"), Contains("unknown scheme 'warp:'"));
}
