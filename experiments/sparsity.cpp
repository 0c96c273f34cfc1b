#include "experiments/sparsity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attention/qama_layer.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/random.h"
#include "experiments/image_tokens.h"
#include "experiments/sweep_rows.h"

namespace opoloop {
namespace {

constexpr const char* kExperiment = "sparsity";

constexpr std::array<TextField<SparsityRow>, 2> kTexts = {{
    {"coefficient", &SparsityRow::coefficient, "Coefficient that varies."},
    {"selection", &SparsityRow::selection, "x as 0 and 1, head by head."},
}};

constexpr std::array<NumberField<SparsityRow>, 13> kNumbers = {{
    {"value", "1", &SparsityRow::value, "Value of the coefficient; the others as published."},
    {"layer", "1", &SparsityRow::layer, "Number of the seeded layer."},
    {"image", "1", &SparsityRow::image, "Number of the image."},
    {"heads", "1", &SparsityRow::heads, "Heads."},
    {"tokens", "1", &SparsityRow::tokens, "Tokens."},
    {"energy", "1", &SparsityRow::energy, "Minimised energy: sum of the four terms."},
    {"interaction", "1", &SparsityRow::interaction, "Interaction of queries and keys."},
    {"importance", "1", &SparsityRow::importance, "Importance of values."},
    {"penalty", "1", &SparsityRow::penalty, "Penalty between heads."},
    {"sparsity", "1", &SparsityRow::sparsity, "Sparsity term."},
    {"fraction", "1", &SparsityRow::fraction, "Selected share, mean over heads."},
    {"overlap", "1", &SparsityRow::overlap, "Share two heads both select, mean over pairs."},
    {"independent", "1", &SparsityRow::independent, "The same for independent heads that select as many."},
}};

std::string plan_text(const SparsityOptions& o) {
  const SparsityPlan& p = o.plan;
  return fmt::format(
      "device={} input={} c_m={} c_l={} mu={} target={} images={} layers={} heads={} d_model={}", o.device,
      sparsity_input(o).name, fmt::join(p.c_m, ","), fmt::join(p.c_l, ","), fmt::join(p.mu, ","), p.target,
      p.images, p.layers, p.heads, p.model_width);
}

QamaSpec spec_of(const SparsityPlan& plan, const std::string& coefficient, double value) {
  QamaSpec spec = QamaSpec::published(QamaForm::v2);
  if (coefficient == "c_m") {
    spec.c_m = value;
  } else if (coefficient == "c_l") {
    spec.c_l = value;
  } else {
    spec.sparsity = value;
    spec.sparsity_target = plan.target;
  }
  return spec;
}

/// The four terms of (3) in docs/qama.md, one bit a selection. J [H, N, N], h, x [H, N].
void add_terms(SparsityRow& row, const QamaSpec& spec, int heads, int tokens, const float* J, const float* h,
               const std::vector<std::int8_t>& x) {
  const auto H = static_cast<std::size_t>(heads), N = static_cast<std::size_t>(tokens);
  double pairs = 0, values = 0, shared = 0, excess = 0;
  for (std::size_t t = 0; t < H; ++t) {
    double selected = 0;
    for (std::size_t i = 0; i < N; ++i) {
      if (x[t * N + i] == 0) continue;
      selected += 1;
      values += static_cast<double>(h[t * N + i]);
      for (std::size_t j = 0; j < N; ++j) {
        if (x[t * N + j] != 0) pairs += static_cast<double>(J[(t * N + i) * N + j]);
      }
      for (std::size_t other = 0; other < H; ++other) shared += other != t && x[other * N + i] != 0 ? 1 : 0;
    }
    const double miss = selected - spec.sparsity_target * tokens;
    excess += miss * miss / tokens;
  }
  row.interaction = -spec.c_q * pairs;
  row.importance = -spec.linear_factor(tokens) * values;
  row.penalty = spec.head_penalty(heads, tokens) * shared;
  row.sparsity = spec.sparsity * excess;
}

/// One setting on all images of one layer.
std::vector<SparsityRow> measure_sparsity_point(const SparsityOptions& options, const ImageSet* images,
                                                int patch, const std::string& coefficient, double value,
                                                int layer) {
  const SparsityPlan& plan = options.plan;
  const std::uint64_t seed = options.seed * 1000 + static_cast<std::uint64_t>(layer);
  const int count = images != nullptr ? std::min(plan.images, images->count) : plan.images;
  RowMatrix<float> x;
  int tokens = 0;
  for (int k = 0; k < count; ++k) {
    const RowMatrix<float> one = images != nullptr
                                     ? image_tokens(*images, k, patch, plan.model_width, seed)
                                     : random_tokens(plan.random_tokens, plan.model_width,
                                                     seed * 100000 + static_cast<std::uint64_t>(k));
    tokens = static_cast<int>(one.rows());
    if (k == 0) x.resize(static_cast<Eigen::Index>(count) * tokens, plan.model_width);
    x.middleRows(static_cast<Eigen::Index>(k) * tokens, tokens) = one;
  }
  QamaOptions qama;
  qama.spec = spec_of(plan, coefficient, value);
  qama.device = options.device;
  qama.seed = seed;
  qama.threads = options.threads;
  QamaOperator attention(layer_options(qama, plan.model_width, plan.heads));
  const QamaWeights<float> weights(plan.model_width, plan.heads, plan.model_width / plan.heads, seed);
  const auto pass = qama_layer_forward<float>(attention, weights, count, x, x, x);
  const auto H = static_cast<std::size_t>(plan.heads), N = static_cast<std::size_t>(tokens);
  std::vector<SparsityRow> rows;
  for (int k = 0; k < count; ++k) {
    const auto at = static_cast<std::size_t>(k) * H * N;
    const std::vector<std::int8_t> selected(
        pass.attention.x.begin() + static_cast<std::ptrdiff_t>(at),
        pass.attention.x.begin() + static_cast<std::ptrdiff_t>(at + H * N));
    SparsityRow row;
    row.coefficient = coefficient;
    row.value = value;
    row.layer = layer;
    row.image = k;
    row.heads = plan.heads;
    row.tokens = tokens;
    for (const std::int8_t bit : selected) row.selection += bit != 0 ? '1' : '0';
    add_terms(row, qama.spec, plan.heads, tokens, pass.attention.J.data() + at * N,
              pass.attention.h.data() + at, selected);
    row.energy = pass.attention.energy[static_cast<std::size_t>(k)];
    row.fraction = static_cast<double>(std::count(selected.begin(), selected.end(), std::int8_t{1})) /
                   static_cast<double>(H * N);
    head_overlap(plan.heads, tokens, selected, row.overlap, row.independent);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

SparsityPlan SparsityPlan::quick() {
  SparsityPlan plan;
  plan.images = 12;
  plan.layers = 8;
  return plan;
}

std::vector<double> SparsityRow::fractions() const {
  std::vector<double> shares;
  const auto n = static_cast<std::size_t>(tokens);
  for (std::size_t t = 0; n > 0 && t < selection.size() / n; ++t) {
    const std::string head = selection.substr(t * n, n);
    shares.push_back(static_cast<double>(std::count(head.begin(), head.end(), '1')) / tokens);
  }
  return shares;
}

SparsityInput sparsity_input(const SparsityOptions& options) {
  const std::filesystem::path first = image_file(options.data, "mnist1k");
  if (std::filesystem::exists(first)) return {"mnist1k", "", 4};
  const std::string missing = first.string() + " not found, set OPOLOOP_DATA";
  if (std::filesystem::exists(image_file(options.data, "digits"))) {
    return {"digits", missing + "; digits instead", 2};
  }
  return {"random", missing + "; random tokens instead of images", 0};
}

void head_overlap(int heads, int tokens, const std::vector<std::int8_t>& x, double& overlap,
                  double& independent) {
  const auto N = static_cast<std::size_t>(tokens);
  overlap = independent = heads > 1 ? 0 : std::numeric_limits<double>::quiet_NaN();
  const double pairs = 0.5 * heads * (heads - 1);
  for (std::size_t t = 0; t < static_cast<std::size_t>(heads); ++t) {
    for (std::size_t other = 0; other < t; ++other) {
      double both = 0, mine = 0, theirs = 0;
      for (std::size_t i = 0; i < N; ++i) {
        both += x[t * N + i] * x[other * N + i];
        mine += x[t * N + i];
        theirs += x[other * N + i];
      }
      overlap += both / tokens / pairs;
      independent += mine / tokens * (theirs / tokens) / pairs;
    }
  }
}

bool measure_sparsity(const SparsityOptions& options, std::vector<SparsityRow>& rows,
                      const std::function<void(std::size_t, std::size_t)>& after_each) {
  if (options.plan.model_width % options.plan.heads != 0)
    throw_parameter_error("heads", options.plan.heads, "a divisor of the width");
  struct Point {
    std::string coefficient;
    double value;
    int layer;
  };
  std::vector<Point> points;
  for (const auto& [name, values] : {std::pair{"c_m", &options.plan.c_m}, std::pair{"c_l", &options.plan.c_l},
                                     std::pair{"mu", &options.plan.mu}}) {
    for (const double value : *values) {
      for (int layer = 0; layer < options.plan.layers; ++layer) points.push_back({name, value, layer});
    }
  }
  const SparsityInput input = sparsity_input(options);
  const std::optional<ImageSet> images =
      input.name == "random" ? std::nullopt : load_images(options.data, input.name);
  std::size_t done = 0;
  for (const Point& point : points) {
    ++done;
    if (std::any_of(rows.begin(), rows.end(), [&](const SparsityRow& row) {
          return row.coefficient == point.coefficient && row.value == point.value && row.layer == point.layer;
        })) {
      continue;
    }
    auto measured = unless_interrupted([&] {
      return measure_sparsity_point(options, images ? &*images : nullptr, input.patch, point.coefficient,
                                    point.value, point.layer);
    });
    if (!measured) return false;
    rows.insert(rows.end(), std::make_move_iterator(measured->begin()),
                std::make_move_iterator(measured->end()));
    if (after_each) after_each(done, points.size());
  }
  return true;
}

void save_sparsity(const std::string& path, const std::vector<SparsityRow>& rows,
                   const SparsityOptions& options, const std::string& command_line, bool complete) {
  Sweep sweep{kExperiment, command_line, plan_text(options), options.seed, complete, {}};
  add_columns<SparsityRow>(sweep, rows, kTexts, kNumbers);
  write_sweep_file(path, sweep);
}

std::vector<SparsityRow> load_sparsity(const std::string& path, const SparsityOptions& options) {
  const Sweep sweep = read_own_sweep(path, kExperiment, options.seed);
  if (sweep.plan != plan_text(options)) {
    throw InputError(fmt::format(
        "{}: was made with another plan ({}); give the same --quick, --device and data", path, sweep.plan));
  }
  return rows_of<SparsityRow>(sweep, kTexts, kNumbers);
}

}  // namespace opoloop
