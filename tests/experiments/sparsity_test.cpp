#include "experiments/sparsity.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <sstream>

#include "attention/qama_layer.h"
#include "core/error.h"
#include "experiments/image_tokens.h"
#include "experiments/sparsity_report.h"
#include "tests/driver/temporary_folder.h"

using namespace opoloop;
using opoloop::test::TemporaryFolder;

namespace {

/// Random tokens, 12 spins, solved exactly.
SparsityOptions tiny(const TemporaryFolder& folder) {
  SparsityOptions options;
  options.plan.c_m = {0, 0.8, 1000};
  options.plan.c_l = {0.16};
  options.plan.mu = {0, 1000};
  options.plan.target = 0.5;
  options.plan.images = 3;
  options.plan.layers = 2;
  options.plan.heads = 2;
  options.plan.model_width = 8;
  options.plan.random_tokens = 6;
  options.device = "exact:";
  options.data = folder / "nothing";
  return options;
}

bool same(const SparsityRow& a, const SparsityRow& b) {
  return a.coefficient == b.coefficient && a.value == b.value && a.layer == b.layer && a.image == b.image &&
         a.selection == b.selection && a.energy == b.energy && a.interaction == b.interaction &&
         a.overlap == b.overlap;
}

}  // namespace

TEST_CASE("sparsity: one head without interaction selects exactly the tokens with h > 0") {
  QamaOptions qama;
  qama.spec.c_q = 0;
  qama.device = "exact:";
  constexpr int kTokens = 12, kWidth = 8;
  QamaOperator attention(layer_options(qama, kWidth, 1));
  const QamaWeights<float> weights(kWidth, 1, kWidth, 5);
  const RowMatrix<float> x = random_tokens(kTokens, kWidth, 9);
  const auto pass = qama_layer_forward<float>(attention, weights, 1, x, x, x);
  int positive = 0;
  for (std::size_t i = 0; i < kTokens; ++i) {
    CHECK((pass.attention.x[i] == 1) == (pass.attention.h[i] > 0));
    positive += pass.attention.h[i] > 0 ? 1 : 0;
  }
  CHECK(positive > 0);
  CHECK(positive < kTokens);
}

TEST_CASE("sparsity: limits of the penalty and of the sparsity term, terms that add up") {
  const TemporaryFolder folder;
  const SparsityOptions options = tiny(folder);
  std::vector<SparsityRow> rows;
  REQUIRE(measure_sparsity(options, rows));
  REQUIRE(rows.size() == (3 + 1 + 2) * 3 * 2);
  CHECK(sparsity_input(options).name == "random");
  int both = 0;
  for (const SparsityRow& row : rows) {
    INFO(row.coefficient << " = " << row.value);
    CHECK(row.tokens == 6);
    CHECK(row.selection.size() == 12);
    const double sum = row.interaction + row.importance + row.penalty + row.sparsity;
    CHECK(row.energy == Approx(sum).epsilon(1e-5).margin(1e-5));
    const auto shares = row.fractions();
    REQUIRE(shares.size() == 2);
    CHECK(row.fraction == Approx((shares[0] + shares[1]) / 2));
    CHECK(row.independent == Approx(shares[0] * shares[1]));
    for (std::size_t i = 0; i < 6; ++i) {
      const bool shared = row.selection[i] == '1' && row.selection[6 + i] == '1';
      if (row.coefficient == "c_m" && row.value == 1000) CHECK_FALSE(shared);
      both += row.coefficient == "c_m" && row.value == 0 && shared ? 1 : 0;
    }
    if (row.coefficient == "mu" && row.value == 1000) CHECK(shares == std::vector<double>{0.5, 0.5});
    if (row.coefficient == "c_m" && row.value == 0) CHECK(row.penalty == 0);
  }
  CHECK(both > 0);  // without a penalty heads do share tokens: the case above could fail
  // c_m = 0.8, c_l = 0.16 and mu = 0 are the same published Hamiltonian.
  const auto of = [&](const std::string& coefficient, double value) {
    std::string all;
    for (const SparsityRow& row : rows) {
      if (row.coefficient == coefficient && row.value == value) all += row.selection;
    }
    return all;
  };
  CHECK(of("c_m", 0.8) == of("c_l", 0.16));
  CHECK(of("c_m", 0.8) == of("mu", 0));
  CHECK(of("c_m", 0.8) != of("c_m", 0));
}

TEST_CASE("sparsity: overlap of heads against a count by hand") {
  double overlap = 0, independent = 0;
  // 1100 and 0110 share one token of four; each selects half.
  head_overlap(2, 4, {1, 1, 0, 0, 0, 1, 1, 0}, overlap, independent);
  CHECK(overlap == 0.25);
  CHECK(independent == 0.25);
  // Three heads: pairs share 2, 0, 0 tokens.
  head_overlap(3, 4, {1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1}, overlap, independent);
  CHECK(overlap == Approx(0.5 / 3));
  CHECK(independent == Approx(0.25));
  head_overlap(1, 4, {1, 1, 0, 0}, overlap, independent);
  CHECK(std::isnan(overlap));
}

TEST_CASE("sparsity: a file is gone on with, the answer comes from the rows alone") {
  const TemporaryFolder folder;
  const SparsityOptions options = tiny(folder);
  std::vector<SparsityRow> whole;
  REQUIRE(measure_sparsity(options, whole));
  std::vector<SparsityRow> half(whole.begin(), whole.begin() + 6);
  const std::string file = folder / "s.h5";
  save_sparsity(file, half, options, "opoloop test", false);
  std::vector<SparsityRow> rows = load_sparsity(file, options);
  SparsityOptions threads = options;
  threads.threads = 2;
  std::size_t calls = 0;
  REQUIRE(measure_sparsity(threads, rows, [&](std::size_t, std::size_t) { ++calls; }));
  CHECK(calls == 12 - 2);
  REQUIRE(rows.size() == whole.size());
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(same(rows[i], whole[i]));

  SparsityOptions other = options;
  other.seed = 2;
  CHECK_THROWS_WITH(load_sparsity(file, other), Catch::Contains("--seed 1, not 2"));
  other = options;
  other.device = "annealing:";
  CHECK_THROWS_WITH(load_sparsity(file, other), Catch::Contains("another plan"));

  const SparsityAnswer answer = sparsity_answer(whole, options);
  REQUIRE(answer.lines.size() == 6);
  CHECK(answer.lines[0].heads.size() == 2);
  CHECK(answer.sentences[0].starts_with("Does sparsity emerge"));
  std::ostringstream text;
  print_sparsity(answer, options, text);
  CHECK(text.str().find("random tokens instead of images") != std::string::npos);
  const std::string html = sparsity_html(answer, whole, options, "opoloop <test>");
  CHECK(html.find("opoloop &lt;test&gt;") != std::string::npos);
  CHECK(html.find("selection maps for values of c_m") != std::string::npos);
}

TEST_CASE("sparsity: the verdict follows the rows") {
  SparsityOptions options;
  options.plan.c_m = {0, 0.8};
  options.plan.c_l = {};
  options.plan.mu = {};
  const auto verdict = [&](double without, double with, bool idle = false) {
    std::vector<SparsityRow> rows;
    for (int image = 0; image < 20; ++image) {
      for (const double c_m : {0.0, 0.8}) {
        SparsityRow row;
        row.coefficient = "c_m";
        row.value = c_m;
        row.layer = 0;
        row.image = image;
        // Two heads of 100 tokens; with the penalty the second is idle where that is asked for.
        const double share = (c_m > 0 ? with : without) + 0.01 * (image % 3);
        const auto selected = static_cast<std::size_t>(std::lround(100 * share));
        const std::string head = std::string(selected, '1') + std::string(100 - selected, '0');
        row.heads = 2;
        row.tokens = 100;
        row.selection = head + (c_m > 0 && idle ? std::string(100, '0') : head);
        row.fraction = c_m > 0 && idle ? share / 2 : share;
        row.overlap = row.independent = 0.2;
        rows.push_back(row);
      }
    }
    return sparsity_answer(rows, options).sentences[0];
  };
  CHECK_THAT(verdict(0.7, 0.2), Catch::Contains("? Yes."));
  CHECK_THAT(verdict(0.7, 0.7, true), Catch::Contains("? Between the heads, not within them"));
  CHECK_THAT(verdict(0.9, 0.7), Catch::Contains("? Partly"));
  CHECK_THAT(verdict(0.2, 0.2), Catch::Contains("not because of the penalty"));
  CHECK_THAT(verdict(0.7, 0.7), Catch::Contains("? No."));
}

TEST_CASE("image tokens: sizes, seeds, positions, and files that are not there or damaged") {
  const TemporaryFolder folder;
  CHECK_FALSE(load_images(folder / "nothing", "digits"));
  ImageSet images{"test", 4, 2, std::vector<float>(32, 0.5F), {}};
  const RowMatrix<float> blank = image_tokens(images, 0, 2, 6, 1);
  REQUIRE(blank.rows() == 4);
  REQUIRE(blank.cols() == 6);
  // A blank patch is its position alone: sin 0, cos 0, …
  for (int k = 0; k < 6; ++k) CHECK(blank(0, k) == Approx(k % 2));
  CHECK(blank(1, 0) == Approx(std::sin(1.0)));
  images.pixels[16] = 1;  // of the second image
  CHECK(image_tokens(images, 0, 2, 6, 1) == blank);
  const RowMatrix<float> drawn = image_tokens(images, 1, 2, 6, 1);
  CHECK(drawn.row(0) != blank.row(0));
  CHECK(drawn.bottomRows(3) == blank.bottomRows(3));
  CHECK(image_tokens(images, 1, 2, 6, 2) != drawn);
  CHECK_THROWS_AS(image_tokens(images, 0, 3, 6, 1), InputError);
}
