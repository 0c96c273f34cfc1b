#include "attention/qama_file.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "tests/attention/qama_samples.h"

using namespace opoloop;
using namespace opoloop::testing;
using Catch::Matchers::Contains;

namespace {

std::string refusal(const std::string& bytes, const QamaFileOptions& options = {}) {
  try {
    parse_qama_file(bytes, "in.npz", options);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

/// `array` with its storage order declared to be Fortran's.
std::string as_fortran(std::string array) {
  const std::string c_order = "'fortran_order': False";
  array.replace(array.find(c_order), c_order.size(), "'fortran_order': True ");
  return array;
}

}  // namespace

TEST_CASE("heads written are heads read") {
  for (const bool masked : {false, true}) {
    const QamaCase c = random_case(3, 2, 5, 4, masked, 11);
    const QamaShape shape{c.B, c.H, c.N, c.d};
    const QamaFile file = parse_qama_file(write_qama_heads(shape, c.Q, c.K, c.V, c.u, c.removed), "a/in.npz");
    CHECK(file.name == "in.npz");
    CHECK(file.source == "a/in.npz");
    CHECK(file.sha256.size() == 64);
    CHECK_FALSE(file.layer);
    CHECK(file.shape.batch == 3);
    CHECK(file.shape.heads == 2);
    CHECK(file.shape.tokens == 5);
    CHECK(file.shape.width == 4);
    CHECK(file.Q == c.Q);
    CHECK(file.K == c.K);
    CHECK(file.V == c.V);
    CHECK(file.u == c.u);
    CHECK(file.u_given);
    CHECK(file.masked == c.removed);
  }
}

TEST_CASE("Fortran order, float64 and a missing u") {
  const QamaCase c = random_case(2, 3, 4, 5, false, 12);
  Members members = members_of(c);
  // Column-major: the first index runs fastest.
  std::vector<double> columns;
  for (int k = 0; k < c.d; ++k) {
    for (int i = 0; i < c.N; ++i) {
      for (int t = 0; t < c.H; ++t) {
        for (int b = 0; b < c.B; ++b) columns.push_back(at(c.Q, ((b * c.H + t) * c.N + i) * c.d + k));
      }
    }
  }
  members["Q"] = as_fortran(npy_of_numbers(columns, {c.B, c.H, c.N, c.d}));
  members.erase("u");
  const QamaFile file = parse_qama_file(archive_of(members), "in.npz");
  CHECK(file.Q == c.Q);
  CHECK(file.u == std::vector<float>(5, 1.0F));
  CHECK_FALSE(file.u_given);
}

TEST_CASE("a layer's members land where the layer has them") {
  const LayerSample sample;
  const QamaFile file = parse_qama_file(archive_of(sample.members()), "in.npz");
  CHECK(file.layer);
  CHECK(file.shape.heads == 2);
  CHECK(file.shape.width == 4);
  CHECK(file.weights.model_width == 6);
  CHECK(file.X(9, 5) == sample.X.back());
  CHECK(file.weights.projection[1](7, 5) == sample.W[1].back());
  CHECK(file.weights.norm[0].gain == RowVector<float>::Ones(6));
  CHECK(file.weights.norm[1].gain(5) == sample.gain.back());
  CHECK(file.weights.norm[1].bias(0) == sample.bias.front());
  CHECK(file.weights.u(3) == sample.u.back());

  // The number of heads may come from outside instead, and must not contradict the file.
  Members members = sample.members();
  QamaFileOptions options;
  options.heads = 2;
  CHECK(refusal(archive_of(members), options) == "accepted");
  options.heads = 4;
  CHECK_THAT(refusal(archive_of(members), options), Contains("heads is 2") && Contains("4"));
  members.erase("heads");
  members.erase("u");
  CHECK(parse_qama_file(archive_of(members), "in.npz", options).shape.width == 2);
  CHECK_THAT(refusal(archive_of(members)), Contains("number of heads") && Contains("--heads"));
  options.heads = 3;
  CHECK_THAT(refusal(archive_of(members), options),
             Contains("W_q") && Contains("[8, 6]") && Contains("H = 3"));
}

TEST_CASE("what is no batch of inputs is refused in one line with file and member") {
  const QamaCase c = random_case(2, 2, 3, 4, true, 13);
  const Members good = members_of(c);
  CHECK(refusal(archive_of(good)) == "accepted");
  const auto floats = [](std::vector<std::int64_t> shape) {
    std::size_t count = 1;
    for (const std::int64_t side : shape) count *= static_cast<std::size_t>(side);
    return npy_of_floats(std::vector<float>(count, 0.5F), shape);
  };
  struct Case {
    std::string member, bytes;  // empty bytes: left out
    std::vector<std::string> said;
  };
  const std::vector<float> with_nan = {1, 2, std::numeric_limits<float>::quiet_NaN(), 4};
  const std::vector<Case> cases = {
      {"V", "", {"no member V", "Q"}},
      {"Q", floats({2, 3, 4}), {"(Q)", "[2, 3, 4]", "[B, H, N, d]"}},
      {"Q", floats({2, 0, 3, 4}), {"(Q)", "H = 0", "at least 1"}},
      {"K", floats({2, 2, 3, 5}), {"(K)", "[2, 2, 3, 5]", "[2, 2, 3, 4]"}},
      {"V", floats({2, 2, 4, 4}), {"(V)", "[2, 2, 4, 4]"}},
      {"u", floats({5}), {"(u)", "[5]", "[d] = [4]"}},
      {"u", floats({1, 4}), {"(u)", "[1, 4]", "[d]"}},
      {"u", npy_of_floats(with_nan, {4}), {"(u)", "item 2", "finite"}},
      {"u", npy_of_numbers({1, 1e300, 1, 1}, {4}), {"(u)", "float32"}},
      {"mask", floats({2, 2, 3}), {"(mask)", "[2, 2, 3]", "[B, N]"}},
      {"mask", floats({3, 3}), {"(mask)", "[3, 3]", "[2, 3]"}},
      {"K", npy_bytes("<U1", {2, 2, 3, 4}, std::string(48 * 4, '\0')), {"(K)", "text"}},
      {"K", floats({2, 2, 3, 4}).substr(0, 200), {"(K)", "truncated"}},
      {"X", floats({2, 3, 8}), {"both X and Q"}},
  };
  for (const Case& bad : cases) {
    Members members = good;
    if (bad.bytes.empty()) {
      members.erase(bad.member);
    } else {
      members[bad.member] = bad.bytes;
    }
    const std::string message = refusal(archive_of(members));
    CAPTURE(bad.member, message);
    CHECK(message.starts_with("in.npz"));
    CHECK(message.find('\n') == std::string::npos);
    for (const std::string& part : bad.said) CHECK_THAT(message, Contains(part));
  }
  CHECK_THAT(refusal(""), Contains("not an .npz archive"));
  CHECK_THAT(refusal("PK\x03\x04 and nothing else"), Contains("zip archive"));
  const std::string whole = archive_of(good);
  CHECK_THAT(refusal(whole.substr(0, whole.size() / 2)), Contains("in.npz") && Contains("truncated"));
  CHECK_THAT(refusal(archive_of({{"J", floats({2, 2})}})), Contains("no member Q") && Contains("holds J"));
  // 4000 tokens of width 1 are a small file with large scores.
  QamaFileOptions little;
  little.memory_limit_bytes = 4 << 20;
  const auto wide = floats({1, 1, 4000, 1});
  CHECK_THAT(refusal(archive_of({{"Q", wide}, {"K", wide}, {"V", wide}}), little),
             Contains("4000 tokens") && Contains("would need"));
  // So are narrow inputs and weights that make wide heads: 4 MB of scores would fit, Q, K and V do not.
  little.memory_limit_bytes = 12 << 20;
  little.heads = 1;
  const auto W = floats({2000, 1});
  CHECK_THAT(refusal(archive_of({{"X", floats({1, 500, 1})}, {"W_q", W}, {"W_k", W}, {"W_v", W}}), little),
             Contains("Q, K and V of 1 samples, 1 heads, 500 tokens, width 2000 would need 19.07 MiB"));

  Members layer = LayerSample().members();
  layer["W_v"] = floats({8, 5});
  CHECK_THAT(refusal(archive_of(layer)), Contains("(W_v)") && Contains("[8, 5]") && Contains("[8, 6]"));
  layer = LayerSample().members();
  layer["norm_v_bias"] = floats({7});
  CHECK_THAT(refusal(archive_of(layer)), Contains("(norm_v_bias)") && Contains("[d_model] = [6]"));
  layer = LayerSample().members();
  layer["heads"] = npy_of_numbers({0}, {});
  CHECK_THAT(refusal(archive_of(layer)), Contains("(heads)") && Contains("at least 1"));
  layer["heads"] = npy_of_numbers({1.5}, {});
  CHECK_THAT(refusal(archive_of(layer)), Contains("(heads)") && Contains("integer"));
}

TEST_CASE("inputs of attention are told from problem files by their members") {
  const QamaCase c = random_case(1, 1, 3, 2, false, 14);
  CHECK(is_qama_file(archive_of(members_of(c))));
  CHECK(is_qama_file(archive_of(LayerSample().members())));
  CHECK_FALSE(is_qama_file(archive_of({{"J", npy_of_numbers({0, 1, 1, 0}, {2, 2})}})));
  CHECK_FALSE(is_qama_file("PK and nothing"));
  CHECK_FALSE(is_qama_file("3 3\n1 2 1\n"));
  CHECK_FALSE(is_qama_file_at("/nowhere/at/all.npz"));
}
