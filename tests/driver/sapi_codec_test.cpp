#include "driver/server/sapi_codec.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "driver/server/sapi_submission.h"

using namespace opoloop;
using Catch::Matchers::Contains;
using Json = nlohmann::ordered_json;

namespace {

std::string doubles(const std::vector<double>& numbers) {
  std::string bytes(numbers.size() * sizeof(double), '\0');
  if (!numbers.empty()) std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return base64_encode(bytes);
}

template <class T>
std::vector<T> numbers_of(const std::string& text) {
  const std::string bytes = base64_decode(text, "answer");
  REQUIRE(bytes.size() % sizeof(T) == 0);
  std::vector<T> numbers(bytes.size() / sizeof(T));
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

Sample sample(double energy, std::vector<std::int8_t> spins) {
  Sample s;
  s.energy_best = energy;
  s.spins_best = std::move(spins);
  return s;
}

const double kNan = std::nan("");

}  // namespace

TEST_CASE("base64 is that of RFC 4648") {
  const std::vector<std::pair<std::string, std::string>> vectors = {{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"},
                                                                    {std::string("\0\xff\xfe", 3), "AP/+"}};
  for (const auto& [bytes, text] : vectors) {
    CHECK(base64_encode(bytes) == text);
    CHECK(base64_decode(text, "x") == bytes);
  }
  for (const char* wrong : {"Z", "Zg=", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm 9", "Zm9-", "=m9v"}) {
    INFO(wrong);
    CHECK_THROWS_AS(base64_decode(wrong, "x"), InputError);
  }
}

TEST_CASE("a qp problem is minimised with D-Wave's signs, over the qubits that take part") {
  // qubits 0, 2, 3 of four: E = -s0 + 0.5 s3 + 2 s0 s2 + 3 s0 s3 - 4 s2 s3
  const QpProblem ising = decode_qp(false, doubles({-1, kNan, 0, 0.5}), doubles({2, 3, -4}), 4);
  CHECK(ising.active == std::vector<std::int32_t>{0, 2, 3});
  const auto energy = [&](int a, int b, int c) {
    return ising.problem.ising.energy(std::vector<std::int8_t>{
        static_cast<std::int8_t>(a), static_cast<std::int8_t>(b), static_cast<std::int8_t>(c)});
  };
  for (const int a : {-1, 1}) {
    for (const int b : {-1, 1}) {
      for (const int c : {-1, 1}) CHECK(energy(a, b, c) == -a + 0.5 * c + 2 * a * b + 3 * a * c - 4 * b * c);
    }
  }
  // The same numbers as a QUBO, x = (1 + s)/2: an energy is that of the QUBO.
  const QpProblem qubo = decode_qp(true, doubles({-1, kNan, 0, 0.5}), doubles({2, 3, -4}), 4);
  CHECK(qubo.problem.ising.energy(std::vector<std::int8_t>{1, -1, 1}) == -1 + 0.5 + 3);
  CHECK(qubo.problem.ising.energy(std::vector<std::int8_t>{-1, -1, -1}) == 0);
}

TEST_CASE("what is no qp problem is refused") {
  const auto refusal = [](const std::string& lin, const std::string& quad) -> std::string {
    try {
      decode_qp(false, lin, quad, 3);
    } catch (const InputError& error) {
      return error.what();
    }
    return "taken";
  };
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(refusal(doubles({1, 2, 3}), doubles({1, 2, 3})) == "taken");
  CHECK_THAT(refusal(doubles({1, 2}), ""), Contains("2 biases"));
  CHECK_THAT(refusal(doubles({kNan, kNan, kNan}), ""), Contains("no qubit"));
  CHECK_THAT(refusal(doubles({1, inf, 3}), doubles({1, 2, 3})), Contains("lin[1]"));
  CHECK_THAT(refusal(doubles({1, 2, 3}), doubles({1, kNan, 3})), Contains("quad[1]"));
  CHECK_THAT(refusal(doubles({1, 2, 3}), doubles({1, 2})), Contains("have 3"));
  CHECK_THAT(refusal(doubles({1, kNan, 3}), doubles({1, 2, 3})), Contains("have 1"));
  CHECK_THAT(refusal("AAAA", ""), Contains("not a list of doubles"));
  CHECK_THAT(refusal("?", ""), Contains("not base64"));
}

TEST_CASE("an answer packs states in rows of bytes, most significant bit first") {
  Result result;
  const std::vector<std::int8_t> up(9, 1);
  std::vector<std::int8_t> other(9, -1);
  other[0] = other[8] = 1;
  result.samples = {sample(2, up), sample(-5, other), sample(2, up)};
  std::vector<std::int32_t> active = {0, 1, 2, 3, 4, 5, 6, 7, 300};
  const QpAnswer histogram = encode_qp(result, active, true, 100);
  CHECK(numbers_of<std::int32_t>(histogram.active_variables) == active);
  CHECK(numbers_of<double>(histogram.energies) == std::vector<double>{-5, 2});
  CHECK(numbers_of<std::int32_t>(histogram.num_occurrences) == std::vector<std::int32_t>{1, 2});
  CHECK(base64_decode(histogram.solutions, "x") == std::string("\x80\x80\xff\x80", 4));
  const QpAnswer raw = encode_qp(result, active, false, 2);
  CHECK(numbers_of<double>(raw.energies) == std::vector<double>{2, -5});
  CHECK(numbers_of<std::int32_t>(raw.num_occurrences) == std::vector<std::int32_t>{1, 1});
  CHECK(base64_decode(raw.solutions, "x") == std::string("\xff\x80\x80\x80", 4));
}

TEST_CASE("a submission becomes a job, or is refused by name") {
  SapiSolver solver;
  solver.qubits = 3;
  solver.max_reads = 50;
  Json good = {
      {"solver", solver.name},
      {"type", "qubo"},
      {"data", {{"format", "qp"}, {"lin", doubles({1, kNan, 3})}, {"quad", doubles({-4})}, {"offset", 2.5}}},
      {"params",
       {{"num_reads", 7}, {"answer_mode", "raw"}, {"seed", 11}, {"steps", 20}, {"annealing_time", 5}}},
      {"label", "mine"}};
  const JobRequest job = parse_sapi_problem(good, solver);
  CHECK(job.description.label == "mine");
  CHECK(job.description.settings.runs == 7);
  CHECK(job.description.settings.seed == 11);
  CHECK(job.description.settings.steps == 20);
  CHECK(job.problem.ising.size() == 2);
  SapiNote note;
  REQUIRE(read_sapi_note(job.note, note));
  CHECK(note.binary);
  CHECK(note.offset == 2.5);
  CHECK_FALSE(note.histogram);
  CHECK(note.active == std::vector<std::int32_t>{0, 2});
  CHECK_FALSE(read_sapi_note("", note));
  CHECK_FALSE(read_sapi_note(R"({"interface": "quanfluence"})", note));
  Json version_3 = good;
  version_3["solver"] = {{"name", solver.name}, {"version", {{"graph_id", "clique-3"}}}};
  CHECK_NOTHROW(parse_sapi_problem(version_3, solver));

  const auto refusal = [&](const char* pointer, const Json& value) -> std::string {
    Json changed = good;
    changed[Json::json_pointer(pointer)] = value;
    try {
      parse_sapi_problem(changed, solver);
    } catch (const InputError& error) {
      return error.what();
    }
    return "taken";
  };
  CHECK_THAT(refusal("/solver", "DW_2000Q"), Contains("opoloop-emulator"));
  CHECK_THAT(refusal("/solver", 1), Contains("solver"));
  CHECK_THAT(refusal("/type", "bqm"), Contains("ising or qubo"));
  CHECK_THAT(refusal("/data", "x"), Contains("data"));
  CHECK_THAT(refusal("/data/format", "bq"), Contains("qp"));
  CHECK_THAT(refusal("/data/lin", nullptr), Contains("lin"));
  CHECK_THAT(refusal("/data/quad", 3), Contains("quad"));
  CHECK_THAT(refusal("/data/offset", "x"), Contains("offset"));
  CHECK_THAT(refusal("/label", std::string(300, 'x')), Contains("label"));
  CHECK_THAT(refusal("/params", 3), Contains("params"));
  CHECK_THAT(refusal("/params/num_reads", 51), Contains("num_reads"));
  CHECK_THAT(refusal("/params/num_reads", 1.5), Contains("num_reads"));
  CHECK_THAT(refusal("/params/answer_mode", "best"), Contains("histogram"));
  CHECK_THAT(refusal("/params/flux_biases", Json::array()), Contains("flux_biases"));
  CHECK_THAT(refusal("/params/seed", -1), Contains("seed"));
  CHECK_THAT(refusal("/params/time_limit", 0), Contains("time_limit"));
  CHECK_THROWS_AS(parse_sapi_problem(Json::array(), solver), InputError);
  CHECK_THROWS_AS(parse_sapi_json("[1", 1 << 20), InputError);
  CHECK_THROWS_AS(parse_sapi_json(std::string(20000, '['), 1 << 20), InputError);
  const std::string deep = std::string(10000, '[') + std::string(10000, ']');
  CHECK_THROWS_WITH(parse_sapi_json("{\"params\": " + deep + "}", 1 << 30), Contains("nested"));
  good.erase("params");
  CHECK(parse_sapi_problem(good, solver).description.settings.runs == 1);
}
