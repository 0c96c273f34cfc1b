#include "experiments/applications/application_instances.h"

#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "core/random.h"
#include "driver/problem_io.h"
#include "experiments/image_tokens.h"
#include "hamiltonian/generators.h"
#include "hamiltonian/generators/common.h"

namespace opoloop {
namespace {

constexpr int kAtoms = 24;

/// The numbers of "name-12x3" behind "name-"; one or two.
std::vector<int> numbers_behind(const std::string& name, const std::string& prefix) {
  std::vector<int> numbers;
  if (!name.starts_with(prefix)) return numbers;
  const char* at = name.data() + prefix.size();
  const char* end = name.data() + name.size();
  while (true) {
    int value = 0;
    const auto [next, failure] = std::from_chars(at, end, value);
    if (failure != std::errc{}) return {};
    numbers.push_back(value);
    if (next == end) return numbers;
    if (*next != 'x') return {};
    at = next + 1;
  }
}

[[noreturn]] void unknown_instance(const std::string& name) {
  throw InputError(fmt::format("applications: no instance '{}'", name));
}

GreyImage grey(const ImageSet& images, int image) {
  GreyImage out{images.side, images.side, {}};
  const auto size = static_cast<std::ptrdiff_t>(images.side) * images.side;
  const auto begin = images.pixels.begin() + image * size;
  out.pixels.assign(begin, begin + size);
  return out;
}

ImageSet images_of(const std::filesystem::path& data, const std::string& set) {
  std::optional<ImageSet> images = load_images(data, set);
  if (!images)
    throw InputError(fmt::format("{}: not found, set OPOLOOP_DATA", image_file(data, set).string()));
  return std::move(*images);
}

}  // namespace

IndependentSetInstance independent_set_instance(const std::string& name, std::uint64_t seed,
                                                const std::filesystem::path& data) {
  IndependentSetInstance instance;
  const std::vector<int> n = numbers_behind(name, "hard-");
  const Problem problem = n.size() == 1 ? independent_set(n[0], (n[0] - 1) / 3, 1, 2, seed)
                                        : open_problem((data / name).string());
  instance.set = std::make_unique<IndependentSet>(coupling_graph(problem.ising));
  instance.source = problem.best_known_source;
  if (problem.best_known_energy) {
    instance.known_size = -*problem.best_known_energy;
    instance.proven = problem.best_known_source.find("best-known") == std::string::npos;
  }
  return instance;
}

std::unique_ptr<Tracking> tracking_instance(const std::string& name, std::uint64_t seed) {
  const std::vector<int> sizes = numbers_behind(name, "");
  if (sizes.size() != 2) unknown_instance(name);
  TrackingSettings settings;
  settings.objects = sizes[0];
  settings.frames = sizes[1];
  settings.seed = seed;
  return std::make_unique<Tracking>(tracking_scene(settings));
}

std::unique_ptr<Clustering> clustering_instance(const std::string& name, std::uint64_t seed,
                                                const std::filesystem::path& data) {
  constexpr double kSpread = 0.12;
  if (const auto n = numbers_behind(name, "blobs-"); n.size() == 2) {
    return std::make_unique<Clustering>(seeded_blobs(n[0], n[1], kSpread, seed), n[1], false);
  }
  if (const auto n = numbers_behind(name, "two-way-"); n.size() == 1) {
    return std::make_unique<Clustering>(seeded_blobs(n[0], 2, kSpread, seed), 2, true);
  }
  const auto n = numbers_behind(name, "digits-");
  if (n.size() != 2 || n[1] < 2 || n[1] > 10) unknown_instance(name);
  const ImageSet images = images_of(data, "digits");
  // Images in random order, the first of each digit in turn until there are enough.
  std::vector<int> order;
  for (int i = 0; i < images.count; ++i) order.push_back(i);
  RandomSequence random(seed, Stream::instance_seed);
  generators::shuffle(order, random);
  PointSet points;
  points.dimensions = images.side * images.side;
  std::vector<int> taken(static_cast<std::size_t>(n[1]), 0);
  for (const int i : order) {
    const int digit = images.labels.at(static_cast<std::size_t>(i));
    if (digit >= n[1] || taken[static_cast<std::size_t>(digit)] >= n[0] / n[1]) continue;
    ++taken[static_cast<std::size_t>(digit)];
    const GreyImage image = grey(images, i);
    points.coordinates.insert(points.coordinates.end(), image.pixels.begin(), image.pixels.end());
    points.labels.push_back(digit);
  }
  return std::make_unique<Clustering>(std::move(points), n[1], false);
}

SuperResolutionInstance super_resolution_instance(const std::string& name, std::uint64_t seed,
                                                  const std::filesystem::path& data) {
  constexpr int kLearnFrom = 40;
  SuperResolutionInstance instance;
  std::vector<GreyImage> learn;
  if (const auto n = numbers_behind(name, "picture-"); n.size() == 1) {
    instance.truth = seeded_picture(n[0], seed);
    for (int k = 0; k < kLearnFrom; ++k) {
      learn.push_back(
          seeded_picture(n[0], ~seed - static_cast<std::uint64_t>(k)));  // none of the plan's seeds
    }
  } else if (name == "mnist") {
    const ImageSet images = images_of(data, "mnist1k");
    if (images.count <= kLearnFrom) throw InputError("applications: too few images in mnist1k");
    const auto others = static_cast<std::uint64_t>(images.count - kLearnFrom);
    for (int k = 0; k < kLearnFrom; ++k) learn.push_back(grey(images, k));
    instance.truth = grey(images, kLearnFrom + static_cast<int>(seed % others));
  } else {
    unknown_instance(name);
  }
  instance.low = halved(instance.truth);
  instance.dictionary = learn_dictionary(learn, kAtoms, seed);
  instance.patches = textured_patches(instance.low);
  if (instance.patches.empty()) throw InputError(fmt::format("applications: {} is flat", name));
  return instance;
}

DesignInstance design_instance(const std::string& name) {
  const std::vector<int> sizes = numbers_behind(name, "film-");
  if (sizes.size() != 2) unknown_instance(name);
  DesignInstance instance;
  instance.film.layers = sizes[0];
  instance.film.levels = sizes[1];
  instance.film.designs();  // throws where it is too large
  return instance;
}

}  // namespace opoloop
