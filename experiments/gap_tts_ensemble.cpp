#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attention/qama_layer.h"
#include "core/error.h"
#include "core/random.h"
#include "experiments/gap_tts.h"
#include "experiments/image_tokens.h"
#include "hamiltonian/generators.h"
#include "hamiltonian/generators/common.h"
#include "hamiltonian/qama/qama_problem.h"

// The instances of `experiment gap-tts`.

namespace opoloop {
namespace {

constexpr int kModelWidth = 16;  // of the QAMA layers
constexpr int kPatch = 2;        // pixels: 16 tokens of an 8 × 8 digit
constexpr int kImageTokens = 16;
constexpr int kLeastSpins = 4;
constexpr int kMostSpins = 16;  // exact hitting times end here
constexpr int kTileSide = 4;

const std::vector<std::string>& families() {
  static const std::vector<std::string> all = {kFamilyQama,    kFamilyQamaRandom, kFamilySk,
                                               kFamilyWishart, kFamilyTile,       kFamilyMis};
  return all;
}

std::uint64_t instance_seed(std::uint64_t seed, std::size_t family, int spins, int index) {
  const PhiloxWords words =
      philox_words(seed, Stream::instance_seed, static_cast<std::uint32_t>(family),
                   static_cast<std::uint64_t>(spins), static_cast<std::uint32_t>(index));
  return std::uint64_t{words[0]} << 32U | words[1];
}

/// The Hamiltonian of an untrained layer (seeded weights, published coefficients) on N of the tokens of an
/// image, or on random ones. Even sizes take turns between one head and two.
Problem qama_problem(const GapTtsItem& item, const ImageSet* images) {
  const int heads = item.spins % 2 == 0 && item.index % 2 == 1 ? 2 : 1;
  const int tokens = item.spins / heads;
  RandomSequence random(item.seed, Stream::instance_seed);
  RowMatrix<float> x;
  std::string from = "random tokens";
  if (images != nullptr) {
    const int image = static_cast<int>(random.below(static_cast<std::uint64_t>(images->count)));
    std::vector<int> places(kImageTokens);
    std::iota(places.begin(), places.end(), 0);
    generators::shuffle(places, random);
    std::sort(places.begin(), places.begin() + tokens);
    const RowMatrix<float> all = image_tokens(*images, image, kPatch, kModelWidth, item.seed);
    x.resize(tokens, kModelWidth);
    for (int i = 0; i < tokens; ++i) x.row(i) = all.row(places[static_cast<std::size_t>(i)]);
    places.resize(static_cast<std::size_t>(tokens));
    from = fmt::format("{} image {} patches {}", images->name, image, fmt::join(places, " "));
  } else {
    x = random_tokens(tokens, kModelWidth, item.seed);
  }
  const QamaWeights<float> weights(kModelWidth, heads, kModelWidth / heads, item.seed);
  QamaOperator attention(layer_options({}, kModelWidth, heads));
  const std::vector<std::int8_t> nothing(static_cast<std::size_t>(item.spins), 0);
  const auto pass = qama_layer_forward<float>(attention, weights, 1, x, x, x, {}, nothing);
  Problem problem;
  problem.ising =
      QamaProblem(attention.options().spec, heads, tokens, pass.attention.J, pass.attention.h).to_dense();
  problem.kind = ProblemKind::qubo;
  problem.name = fmt::format("{} n={} #{}", item.family, item.spins, item.index);
  problem.source = fmt::format("untrained layer, H={} N={} d_model={} seed {}, {}", heads, tokens,
                               kModelWidth, item.seed, from);
  return problem;
}

Problem mis_problem(const GapTtsItem& item) {
  // p spreads an ensemble of one size over easy and hard instances.
  RandomSequence random(item.seed, Stream::instance_seed);
  const double p = std::round(100 * (0.4 + 0.6 * random.uniform())) / 100;
  return independent_set(item.spins, std::max((item.spins - 1) / 3, 1), p, 2, item.seed);
}

}  // namespace

std::vector<GapTtsItem> gap_tts_items(const GapTtsOptions& options, std::string* missing) {
  for (const std::string& name : options.only) {
    if (std::find(families().begin(), families().end(), name) == families().end()) {
      throw InputError(fmt::format("--only {}: must be one of {}", name, fmt::join(families(), ", ")));
    }
  }
  for (const int n : options.plan.spins) {
    if (n < kLeastSpins || n > kMostSpins) throw_parameter_error("--spins", n, "4 to 16 (exact spectra)");
    if (std::count(options.plan.spins.begin(), options.plan.spins.end(), n) > 1)
      throw InputError(fmt::format("--spins {}: is given twice", n));
  }
  if (options.plan.instances < 1) throw_parameter_error("--instances", options.plan.instances, "at least 1");
  std::vector<GapTtsItem> items;
  for (std::size_t f = 0; f < families().size(); ++f) {
    const std::string& family = families()[f];
    if (!options.only.empty() &&
        std::find(options.only.begin(), options.only.end(), family) == options.only.end()) {
      continue;
    }
    if (family == kFamilyQama && !std::filesystem::exists(image_file(options.data, "digits"))) {
      if (missing != nullptr) {
        *missing = fmt::format("family qama left out: {} not found, set OPOLOOP_DATA",
                               image_file(options.data, "digits").string());
      }
      continue;
    }
    const bool tile = family == kFamilyTile;
    const std::vector<int> sizes = tile ? std::vector<int>{kTileSide * kTileSide} : options.plan.spins;
    const int instances = tile ? options.plan.tile_instances : options.plan.instances;
    for (const int n : sizes) {
      for (int index = 0; index < instances; ++index) {
        items.push_back({family, n, index, instance_seed(options.seed, f, n, index)});
      }
    }
  }
  return items;
}

Problem gap_tts_problem(const GapTtsItem& item, const std::filesystem::path& data) {
  if (item.family == kFamilySk) {
    return sherrington_kirkpatrick(item.spins, CouplingKind::gaussian, false, item.seed);
  }
  if (item.family == kFamilyWishart) return wishart_planted(item.spins, 1, false, item.seed);
  if (item.family == kFamilyTile) return tile_planted(kTileSide, 0.5, 0.5, 0, item.seed);
  if (item.family == kFamilyMis) return mis_problem(item);
  if (item.family == kFamilyQamaRandom) return qama_problem(item, nullptr);
  const std::optional<ImageSet> images = load_images(data, "digits");  // milliseconds beside the spectra
  if (!images) throw InputError("gap-tts: the digits are gone: " + data.string());
  return qama_problem(item, &*images);
}

}  // namespace opoloop
