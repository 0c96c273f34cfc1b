#include "hamiltonian/applications/families.h"

#include <algorithm>
#include <functional>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "hamiltonian/applications/clustering.h"
#include "hamiltonian/applications/super_resolution.h"
#include "hamiltonian/applications/surrogate_design.h"
#include "hamiltonian/applications/tracking.h"
#include "hamiltonian/generators/options.h"

namespace opoloop {
namespace {

const GeneratorOption kSeed = {"seed", "1", "seed of the random numbers", OptionKind::seed};
const GeneratorOption kPenalty = {"penalty",
                                  "rule",
                                  "weight of a broken constraint; rule: 1.25 times the bound",
                                  OptionKind::real,
                                  {"rule"}};

std::optional<double> penalty_of(const GeneratorOptions& o) {
  if (o.text("penalty") == "rule") return std::nullopt;
  return o.number("penalty");
}

std::unique_ptr<Application> tracking(const GeneratorOptions& o) {
  TrackingSettings settings;
  settings.objects = o.count("objects");
  settings.frames = o.count("frames");
  settings.miss = o.number("miss");
  settings.clutter = o.number("clutter");
  settings.speed = o.number("speed");
  settings.noise = o.number("noise");
  settings.appearance = o.number("appearance");
  settings.seed = o.seed();
  return std::make_unique<Tracking>(tracking_scene(settings), penalty_of(o));
}

std::unique_ptr<Application> clustering(const GeneratorOptions& o) {
  return std::make_unique<Clustering>(
      seeded_blobs(o.count("points"), o.count("clusters"), o.number("spread"), o.seed()), o.count("clusters"),
      o.is("encoding", "spin", "one-hot"), penalty_of(o));
}

/// The patch of a seeded picture with dictionary learnt from ten others.
std::unique_ptr<Application> sparse_coding(const GeneratorOptions& o) {
  constexpr std::uint64_t kOthers = 10;
  const std::int32_t side = o.count("side");
  std::vector<GreyImage> others;
  for (std::uint64_t k = 0; k < kOthers; ++k) others.push_back(seeded_picture(side, ~o.seed() - k));
  const std::vector<PatchPlace> patches = textured_patches(halved(seeded_picture(side, o.seed())));
  const std::int32_t patch = o.count("patch");
  if (patch < 1 || patch > static_cast<std::int32_t>(patches.size())) {
    throw_parameter_error("sparse-coding: patch", patch,
                          fmt::format("1 to {}, the patches of this picture", patches.size()));
  }
  return std::make_unique<SparseCoding>(patches[static_cast<std::size_t>(patch) - 1].signal,
                                        learn_dictionary(others, o.count("atoms"), o.seed()).low,
                                        o.number("lambda"), penalty_of(o));
}

std::unique_ptr<Application> thin_film(const GeneratorOptions& o) {
  const ThinFilm film{o.count("layers"), o.count("levels"), o.number("step")};
  return std::make_unique<SurrogateDesign>(film, random_designs(film, o.count("samples"), o.seed()), o.seed(),
                                           penalty_of(o));
}

struct Entry {
  GeneratorFamily family;
  std::function<std::unique_ptr<Application>(const GeneratorOptions&)> make;
};

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = {
      {{"tracking",
        "multi-object tracking of a seeded scene: which detection belongs to which track",
        {{"objects", "3", "moving objects, and tracks", OptionKind::count},
         {"frames", "5", "frames", OptionKind::count},
         {"miss", "0.1", "probability that an object is missed in a frame"},
         {"clutter", "0.3", "probability of a false detection in a frame"},
         {"speed", "0.1", "sides of the square a frame"},
         {"noise", "0.015", "standard deviation of a coordinate, sides of the square"},
         {"appearance", "0.12", "standard deviation of a feature in [0, 1]"},
         kPenalty,
         kSeed}},
       tracking},
      {{"clustering",
        "clustering of seeded points by pairwise distances",
        {{"points", "24", "points", OptionKind::count},
         {"clusters", "3", "clusters", OptionKind::count},
         {"spread", "0.12", "standard deviation of a coordinate around its centre"},
         {"encoding",
          "one-hot",
          "one-hot, or spin: one spin a point, two clusters, no constraint",
          OptionKind::word,
          {"spin", "one-hot"}},
         kPenalty,
         kSeed}},
       clustering},
      {{"sparse-coding",
        "a patch of an image as a sum of few atoms of a dictionary: super-resolution",
        {{"patch", "1", "which textured patch of the seeded picture", OptionKind::count},
         {"side", "24", "pixels of a side of the picture, even", OptionKind::count},
         {"atoms", "24", "atoms of the dictionary; four spins each", OptionKind::count},
         {"lambda", "0.12", "cost of an atom, in units of the patch's squared norm"},
         kPenalty,
         kSeed}},
       sparse_coding},
      {{"thin-film",
        "design by surrogate: a factorisation machine fitted to reflectances of coatings",
        {{"layers", "5", "layers", OptionKind::count},
         {"levels", "8", "thicknesses of a layer, from 0", OptionKind::count},
         {"step", "20", "between thicknesses, nm"},
         {"samples", "40", "coatings that the surrogate is fitted to, drawn at random", OptionKind::count},
         kPenalty,
         kSeed}},
       thin_film},
  };
  return all;
}

}  // namespace

const std::vector<GeneratorFamily>& application_families() {
  static const std::vector<GeneratorFamily> families = [] {
    std::vector<GeneratorFamily> list;
    for (const Entry& entry : entries()) list.push_back(entry.family);
    return list;
  }();
  return families;
}

std::unique_ptr<Application> make_application(const std::string& family,
                                              const std::map<std::string, std::string>& options) {
  std::vector<std::string> names;
  for (const Entry& entry : entries()) {
    names.push_back(entry.family.name);
    if (entry.family.name != family) continue;
    const GeneratorOptions given(entry.family, options);
    std::unique_ptr<Application> application = entry.make(given);
    application->source = given.command();
    application->name = fmt::format("{}-{}", family, given.text("seed"));
    return application;
  }
  throw InputError(fmt::format("unknown application '{}'; known: {}", family, fmt::join(names, ", ")));
}

Problem application_problem(const Application& application) {
  Problem problem = application.problem();
  const Reference reference = application.reference();
  // Below the bound a state that breaks constraints may be lower still.
  if (reference.proven && application.penalty() > application.penalty_bound()) {
    problem.best_known_energy = reference.objective;
    problem.best_known_source = reference.method;
  }
  return problem;
}

}  // namespace opoloop
