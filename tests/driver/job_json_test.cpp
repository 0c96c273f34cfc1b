#include "driver/server/job_json.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/json_size.h"

using namespace opoloop;
using Catch::Matchers::Contains;

namespace {

JobLimits small_limits() {
  JobLimits limits;
  limits.max_spins = 100;
  limits.max_runs = 50;
  limits.memory_bytes = 1 << 20;
  return limits;
}

void refuses(const std::string& text, const std::string& word) {
  INFO(text.substr(0, 200));
  CHECK_THROWS_AS(parse_job(text, small_limits()), InputError);
  CHECK_THROWS_WITH(parse_job(text, small_limits()), Contains(word));
}

}  // namespace

TEST_CASE("a job in JSON is the problem and the settings it says") {
  const JobRequest r = parse_job(
      R"({"device": "dsb:", "label": "mine",
          "problem": {"n": 3, "couplings": [[0, 1, 1.5], [2, 1, -2]], "h": [0, 0.25, 1], "offset": -1, "kind": "qubo"},
          "settings": {"runs": 7, "steps": 11, "seed": 18446744073709551615, "target_energy": -2.5, "until_target": true,
                       "time_limit_s": 1.5, "log_trajectories": 2, "log_every": 3, "parameters": {"dt": 0.25, "law": "cac"}}})",
      small_limits());
  CHECK(r.description.device == "dsb:");
  CHECK(r.description.label == "mine");
  CHECK(r.problem.kind == ProblemKind::qubo);
  const std::vector<std::int8_t> spins = {1, -1, -1};
  CHECK(r.problem.ising.energy(spins) == 1.5 + 2 + 0.25 + 1 - 1);
  const JobSettings& s = r.description.settings;
  CHECK(s.runs == 7);
  CHECK(s.steps == 11);
  CHECK(s.seed == std::numeric_limits<std::uint64_t>::max());
  CHECK(s.target_energy == -2.5);
  CHECK(s.until_target);
  CHECK(s.time_limit_s == 1.5);
  CHECK(s.log_trajectories == 2);
  CHECK(s.log_every == 3);
  CHECK(s.parameters == std::map<std::string, std::string>{{"dt", "0.25"}, {"law", "cac"}});
  // Written and read again: nothing is lost on the way of a client.
  const JobDescription again = parse_description(description_json(r.description), small_limits());
  CHECK(description_json(again) == description_json(r.description));
  CHECK(again.settings.seed == s.seed);
}

TEST_CASE("a job may carry a problem file or a dimod model") {
  const JobRequest file =
      parse_job(R"({"problem": {"text": "3 2\n1 2 1\n2 3 1\n", "name": "g.rud"}})", small_limits());
  CHECK(file.problem.kind == ProblemKind::max_cut);
  CHECK(file.problem.ising.size() == 3);
  const JobRequest model = parse_job(
      R"({"problem": {"type": "BinaryQuadraticModel", "version": {"bqm_schema": "3.0.0"}, "use_bytes": false,
          "index_type": "int32", "bias_type": "float64", "num_variables": 2, "num_interactions": 1,
          "variable_labels": [0, 1], "variable_type": "SPIN", "offset": 0.0, "info": {},
          "linear_biases": [0.0, 0.5], "quadratic_biases": [1.0], "quadratic_head": [0], "quadratic_tail": [1]}})",
      small_limits());
  CHECK(model.problem.ising.energy(std::vector<std::int8_t>{1, -1}) == -1.5);
}

TEST_CASE("what is wrong in a job is named") {
  refuses("", "not valid JSON");
  refuses("[]", "must be an object");
  refuses("{}", "problem");
  refuses(R"({"problem": {"n": 2}, "seed": 1})", "'seed'");
  refuses(R"({"problem": {"n": 2, "couplings": [[0, 1, NaN]]}})", "NaN and Infinity are not JSON");
  refuses(R"({"problem": {"n": 2, "couplings": [[0, 1, 1e999]]}})", "range of a double");
  refuses(R"({"problem": {"n": 2, "couplings": [[0, 1, "nan"]]}})", "couplings[0]");
  refuses(R"({"problem": {"n": 2, "couplings": [[0, 2, 1]]}})", "from 0 to 1");
  refuses(R"({"problem": {"n": 2, "couplings": [[0, -1, 1]]}})", "from 0 to 1");
  refuses(R"({"problem": {"n": 2, "couplings": [[0, 1, 1], [1, 0, 1]]}})", "");
  refuses(R"({"problem": {"n": 2, "couplings": [[0, 0, 1]]}})", "");
  refuses(R"({"problem": {"n": 2, "h": [1]}})", "array of 2");
  refuses(R"({"problem": {"n": 101}})", "from 1 to 100");
  refuses(R"({"problem": {"n": 0}})", "from 1 to 100");
  refuses(R"({"problem": {"n": 2, "kind": "potts"}})", "max_cut");
  refuses(R"({"problem": {"text": "101 1\n1 2 1\n"}})", "at most 100");
  refuses(R"({"problem": {"text": "3 2\n1 2 nan\n2 3 1\n"}})", "nan");
  refuses(R"({"problem": {"text": "x", "format": "hdf5"}})", "HDF5");
  for (const char* bad : {"\"runs\": 0", "\"runs\": 51", "\"runs\": 1.5", "\"steps\": -1", "\"seed\": -1",
                          "\"time_limit_s\": 0", "\"log_every\": 0", "\"target_energy\": \"x\"",
                          "\"until_target\": 1", "\"parameters\": {\"dt\": []}", "\"threads\": 4"}) {
    const std::string text = bad;
    refuses("{\"problem\": {\"n\": 2}, \"settings\": {" + text + "}}", text.substr(1, text.find('"', 1) - 1));
  }
  std::string zeros = "0";
  for (int k = 0; k < 20000; ++k) zeros += ",0";
  refuses("{\"problem\": [" + zeros + "]}", "too large");
}

TEST_CASE("a body of brackets is refused before anything walks down into it") {
  constexpr int most = JsonSize::kDeepest;
  CHECK(json_size(std::string(most, '[') + std::string(most, ']')).too_deep_line == 0);
  CHECK(json_size("\n\n" + std::string(most + 1, '[')).too_deep_line == 3);
  CHECK(json_size(R"(["[[,", {"a\"[": [1, 2]}])").values == 6);
  refuses("{\"problem\":" + std::string(20000, '['), "nested");
  const std::string deep = std::string(20000, '[') + std::string(20000, ']');
  refuses(R"({"problem": {"type": "BinaryQuadraticModel", "info": )" + deep + "}}", "nested");
  std::string objects;
  for (int level = 0; level < 100; ++level) objects += "{\"a\":";
  refuses(R"({"problem": {"n": 2}, "settings": )" + objects + "1" + std::string(101, '}'), "nested");
  // Brackets in a text are none, and one after another they are not deep.
  const std::string brackets(1000, '[');
  const std::string named =
      R"({"problem": {"n": 2, "couplings": [[0, 1, 1]], "name": "\"\\)" + brackets + "\"}}";
  CHECK(parse_job(named, small_limits()).problem.ising.size() == 2);
  std::string couplings;
  for (int k = 1; k < 100; ++k) couplings += (k > 1 ? ", [0, " : "[0, ") + std::to_string(k) + ", 1]";
  CHECK(parse_job("{\"problem\": {\"n\": 100, \"couplings\": [" + couplings + "]}}", small_limits())
            .problem.ising.size() == 100);
}

TEST_CASE("an answer comes back bit by bit") {
  Result r;
  r.device_uri = "emulator:";
  r.parameters = {{"dt", {"0.1", "lifetimes"}}};
  r.adaptations = {"rounded"};
  r.warnings = {"w\xff"};  // not UTF-8: replaced, never an exception
  r.steps = 12;
  r.runs = 3;
  r.products_per_step = 1;
  r.machine_time_s = 0.1 + 0.2;
  r.stored_couplings = 5;
  r.coupling_storage = "dense";
  r.timing.wall_s = 1.0 / 3;
  r.counts_clipping = true;
  r.time_limited = true;
  r.proven = true;
  r.samples = {{0, -0.1, -1.0 / 3, 4, 12, false, {1, 2, 3}, {1, -1, 1}, {-1, -1, 1}},
               {7,
                std::numeric_limits<double>::quiet_NaN(),
                std::numeric_limits<double>::infinity(),
                0,
                3,
                true,
                {},
                {},
                {}}};
  const Result back = parse_result(result_json(r));
  CHECK(back.device_uri == r.device_uri);
  CHECK(back.parameters.at("dt").unit == "lifetimes");
  CHECK(back.adaptations == r.adaptations);
  CHECK(back.machine_time_s == r.machine_time_s);
  CHECK_FALSE(back.round_trip_time_s);
  CHECK(back.timing.wall_s == r.timing.wall_s);
  CHECK(back.time_limited);
  CHECK(back.proven);
  REQUIRE(back.samples.size() == 2);
  CHECK(back.samples[0].energy_best == -1.0 / 3);
  CHECK(back.samples[0].spins_best == r.samples[0].spins_best);
  CHECK(back.samples[0].spins_final == r.samples[0].spins_final);
  CHECK(back.samples[0].clipping.total() == 6);
  CHECK(back.samples[1].trajectory == 7);
  CHECK(std::isnan(back.samples[1].energy_final));
  CHECK(std::isinf(back.samples[1].energy_best));
  CHECK(back.samples[1].diverged);
  CHECK_THROWS_AS(parse_result("{}"), InputError);
  CHECK_THROWS_AS(parse_result("nonsense"), InputError);
}
