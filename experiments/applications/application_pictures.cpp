#include "experiments/applications/application_pictures.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "core/random.h"
#include "experiments/applications/application_instances.h"
#include "experiments/applications/svg_drawing.h"

namespace opoloop {
namespace {

std::vector<std::int8_t> bits_from(const std::string& text) {
  std::vector<std::int8_t> x;
  for (const char c : text) x.push_back(c == '1' ? 1 : 0);
  return x;
}

template <class Number>
std::vector<Number> numbers_from(const std::string& text) {
  std::istringstream in(text);
  std::vector<Number> out;
  for (Number value{}; in >> value;) out.push_back(value);
  return out;
}

struct Place {
  double x = 0, y = 0;
};

/// Springs along edges, repulsion between all (Fruchterman and Reingold, 1991), from a circle; scaled to the
/// unit square.
std::vector<Place> spring_layout(const Graph& graph) {
  constexpr int kSteps = 200;
  const auto n = static_cast<std::size_t>(graph.nodes);
  std::vector<Place> at(n);
  RandomSequence random(1, Stream::generator);
  for (std::size_t i = 0; i < n; ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(n);
    at[i] = {0.5 + 0.4 * std::cos(angle) + 0.01 * random.uniform(),
             0.5 + 0.4 * std::sin(angle) + 0.01 * random.uniform()};
  }
  const double ideal = std::sqrt(1.0 / static_cast<double>(n));
  for (int step = 0; step < kSteps; ++step) {
    std::vector<Place> push(n);
    const auto force = [&](std::size_t i, std::size_t j, bool spring) {
      const double dx = at[i].x - at[j].x, dy = at[i].y - at[j].y;
      const double d = std::max(std::hypot(dx, dy), 1e-4);
      const double f = spring ? -d / ideal : ideal * ideal / (d * d);
      push[i].x += f * dx;
      push[i].y += f * dy;
      push[j].x -= f * dx;
      push[j].y -= f * dy;
    };
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = i + 1; j < n; ++j) force(i, j, false);
    }
    for (const auto& [i, j] : graph.edges) {
      force(static_cast<std::size_t>(i), static_cast<std::size_t>(j), true);
    }
    const double longest = 0.1 * (1 - static_cast<double>(step) / kSteps);
    for (std::size_t i = 0; i < n; ++i) {
      const double length = std::max(std::hypot(push[i].x, push[i].y), 1e-12);
      at[i].x += push[i].x / length * std::min(length, longest);
      at[i].y += push[i].y / length * std::min(length, longest);
    }
  }
  const auto [left, right] =
      std::minmax_element(at.begin(), at.end(), [](auto a, auto b) { return a.x < b.x; });
  const auto [top, bottom] =
      std::minmax_element(at.begin(), at.end(), [](auto a, auto b) { return a.y < b.y; });
  const double x0 = left->x, y0 = top->y;
  const double width = std::max(right->x - x0, 1e-9), height = std::max(bottom->y - y0, 1e-9);
  for (Place& p : at) p = {(p.x - x0) / width, (p.y - y0) / height};
  return at;
}

std::string draw_independent_set(const ApplicationRow& row, std::uint64_t seed,
                                 const std::filesystem::path& data) {
  constexpr std::int32_t kMostNodes = 70;
  const auto instance = independent_set_instance(row.instance, seed, data);
  const Graph& graph = instance.set->graph();
  if (graph.nodes > kMostNodes) return {};
  const std::vector<std::int8_t> x = bits_from(row.answer);
  const std::vector<Place> at = spring_layout(graph);
  SvgDrawing drawing(720, 420);
  const auto px = [&](std::int32_t i) { return 20 + 680 * at[static_cast<std::size_t>(i)].x; };
  const auto py = [&](std::int32_t i) { return 20 + 380 * at[static_cast<std::size_t>(i)].y; };
  for (const auto& [i, j] : graph.edges) {
    drawing.line(px(i), py(i), px(j), py(j), faint_colour(), 1, graph.edges.size() > 200 ? 0.4 : 0.8);
  }
  for (std::int32_t i = 0; i < graph.nodes; ++i) {
    const bool taken = x.at(static_cast<std::size_t>(i)) != 0;
    drawing.circle(px(i), py(i), taken ? 8 : 4, taken ? category_colour(5) : faint_colour());
  }
  return drawing.svg("A graph with its independent set marked");
}

std::string draw_tracking(const ApplicationRow& row, std::uint64_t seed) {
  const auto tracking = tracking_instance(row.instance, seed);
  const TrackingScene& scene = tracking->scene();
  SvgDrawing drawing(720, 460);
  // Two fields: the detections as they come, a number the frame; the tracks found over the true paths.
  const auto px = [](double x, int field) { return 25 + 350 * field + 320 * x; };
  const auto py = [](double y) { return 45 + 400 * y; };
  drawing.text(px(0.5, 0), 25, "detections, by frame", "middle");
  drawing.text(px(0.5, 1), 25, "tracks found; grey: true paths", "middle");
  for (const auto& path : scene.paths) {
    for (std::size_t k = 1; k < path.size(); ++k) {
      drawing.line(px(path[k - 1][0], 1), py(path[k - 1][1]), px(path[k][0], 1), py(path[k][1]),
                   faint_colour(), 6, 0.35);
    }
  }
  const auto tracks = tracking->tracks_of(bits_from(row.answer));
  std::vector<int> track_of(scene.detections.size(), -1);
  for (std::size_t k = 0; k < tracks.size(); ++k) {
    for (std::size_t d = 0; d < tracks[k].size(); ++d) {
      const Detection& here = scene.detections[static_cast<std::size_t>(tracks[k][d])];
      track_of[static_cast<std::size_t>(tracks[k][d])] = static_cast<int>(k);
      if (d == 0) continue;
      const Detection& before = scene.detections[static_cast<std::size_t>(tracks[k][d - 1])];
      drawing.line(px(before.position[0], 1), py(before.position[1]), px(here.position[0], 1),
                   py(here.position[1]), category_colour(static_cast<int>(k)), 2);
    }
  }
  for (std::size_t d = 0; d < scene.detections.size(); ++d) {
    const Detection& detection = scene.detections[d];
    const double x = detection.position[0], y = detection.position[1];
    drawing.text(px(x, 0), py(y) + 4, fmt::format("{}", detection.frame + 1), "middle", 12);
    drawing.circle(px(x, 1), py(y), 4, track_of[d] < 0 ? "none" : category_colour(track_of[d]),
                   track_of[d] < 0 ? ink_colour() : "none");
  }
  return drawing.svg("Detections over frames, and the tracks found beside the true paths");
}

/// Neighbours of one grey become one rectangle: 16 greys.
void draw_image(SvgDrawing& drawing, const GreyImage& image, double x, double y, double side) {
  constexpr int kGreys = 15;
  const double pixel = side / image.width;
  for (int row = 0; row < image.height; ++row) {
    int first = 0;
    const auto grey = [&](int column) {
      return static_cast<int>(std::lround(kGreys * std::clamp(image.at(row, column), 0.0, 1.0)));
    };
    for (int column = 1; column <= image.width; ++column) {
      if (column < image.width && grey(column) == grey(first)) continue;
      // A little overlap hides the seams between rectangles.
      drawing.grey(x + first * pixel, y + row * pixel, (column - first) * pixel + 0.2, pixel + 0.2,
                   static_cast<double>(grey(first)) / kGreys);
      first = column;
    }
  }
}

std::string draw_super_resolution(const ApplicationRow& row, std::uint64_t seed,
                                  const std::filesystem::path& data) {
  const auto instance = super_resolution_instance(row.instance, seed, data);
  std::vector<std::vector<double>> codes;
  std::istringstream patches(row.answer);
  for (std::string words; std::getline(patches, words, '/');) codes.push_back(numbers_from<double>(words));
  if (codes.size() != instance.patches.size()) throw Error("applications: an answer of another image");
  const GreyImage bicubic = bicubic_doubled(instance.low);
  const GreyImage ours = assemble(instance.low, instance.patches, codes, instance.dictionary);
  SvgDrawing drawing(720, 205);
  int at = 0;
  for (const auto& [image, name] :
       {std::pair<const GreyImage*, std::string>{&instance.low, "given"},
        {&bicubic, fmt::format("bicubic, {:.2f} dB", psnr_db(bicubic, instance.truth))},
        {&ours, fmt::format("sparse code, {:.2f} dB", psnr_db(ours, instance.truth))},
        {&instance.truth, "truth"}}) {
    draw_image(drawing, *image, 10 + 178 * at, 10, 168);
    drawing.text(94 + 178 * at, 197, name, "middle");
    ++at;
  }
  return drawing.svg(
      "An image at half size, doubled by bicubic convolution, by sparse coding, and the truth");
}

std::string draw_design(const ApplicationRow& row) {
  const DesignInstance instance = design_instance(row.instance);
  const auto designs = numbers_from<std::int64_t>(row.answer);
  std::vector<double> all = all_designs(instance.film);
  const auto percent = [](double lg) { return 100 * std::pow(10.0, lg); };
  std::vector<double> history;
  for (const std::int64_t d : designs) history.push_back(percent(all.at(static_cast<std::size_t>(d))));
  std::sort(all.begin(), all.end());
  SvgDrawing drawing(720, 360);
  const double least = percent(all.front()), most = 1.05 * *std::max_element(history.begin(), history.end());
  // Logarithmic upwards: from the best design of all to the worst that was seen.
  const double bottom = 0.85 * least;
  const auto px = [&](std::size_t k) {
    return 60 + 640 * static_cast<double>(k) / static_cast<double>(history.size());
  };
  const auto py = [&](double value) {
    return 320 - 300 * std::log(value / bottom) / std::log(most / bottom);
  };
  for (const double tick : {0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0}) {
    if (tick < bottom || tick > most) continue;
    drawing.line(60, py(tick), 700, py(tick), faint_colour(), 0.5);
    drawing.text(54, py(tick) + 4, fmt::format("{:g}%", tick), "end");
  }
  drawing.text(380, 350, "evaluations of the black box", "middle");
  drawing.line(60, py(least), 700, py(least), category_colour(2), 1.5);
  drawing.text(696, py(least) - 6, "best of all designs", "end");
  double best = history.front(), random_before = 0;
  for (std::size_t k = 0; k < history.size(); ++k) {
    drawing.circle(px(k), py(history[k]), 2.5,
                   k < static_cast<std::size_t>(instance.start) ? faint_colour() : category_colour(0));
    const double next = std::min(best, history[k]);
    if (k > 0) {
      drawing.line(px(k - 1), py(best), px(k), py(best), category_colour(0), 2);
      drawing.line(px(k), py(best), px(k), py(next), category_colour(0), 2);
    }
    best = next;
    const double random = percent(random_search_median(all, k + 1));
    if (k > 0) drawing.line(px(k - 1), py(random_before), px(k), py(random), category_colour(1), 2);
    random_before = random;
  }
  drawing.text(690, py(random_before) - 8, "random search, median", "end");
  return drawing.svg("Mean reflectance over evaluations: by surrogate, by random search, and the optimum");
}

std::string draw_clustering(const ApplicationRow& row, std::uint64_t seed,
                            const std::filesystem::path& data) {
  const auto clustering = clustering_instance(row.instance, seed, data);
  const PointSet& points = clustering->points();
  if (points.dimensions != 2) return {};
  const std::vector<int> found = clustering->labels_of(bits_from(row.answer));
  const std::vector<int> means = k_means(points, clustering->clusters(), 1);
  SvgDrawing drawing(720, 380);
  for (int field = 0; field < 2; ++field) {
    drawing.text(180 + 360 * field, 20, field == 0 ? "the machine" : "k-means", "middle");
    for (std::size_t i = 0; i < found.size(); ++i) {
      const double x = points.coordinates[2 * i], y = points.coordinates[2 * i + 1];
      const int label = field == 0 ? found[i] : means[i];
      drawing.circle(30 + 360 * field + 300 * x, 40 + 320 * y, 6, label < 0 ? "none" : category_colour(label),
                     ink_colour());
    }
  }
  return drawing.svg("Points in the colours of their clusters, by the machine and by k-means");
}

}  // namespace

std::optional<ApplicationPicture> application_picture(const ApplicationRow& row,
                                                      const std::filesystem::path& data) {
  if (row.answer.empty()) return std::nullopt;
  const std::uint64_t seed = std::strtoull(row.seed.c_str(), nullptr, 10);
  ApplicationPicture picture{row.application, {}, {}};
  std::string what;
  if (row.application == kIndependentSet) {
    picture.svg = draw_independent_set(row, seed, data);
    what = fmt::format("{} nodes that no edge joins", row.merit);
  } else if (row.application == kTracking) {
    picture.svg = draw_tracking(row, seed);
    what = fmt::format("{:.0f}% of the links right (F1); rings belong to no track", 100 * row.merit);
  } else if (row.application == kSuperResolution) {
    picture.svg = draw_super_resolution(row, seed, data);
    what = fmt::format("{:.0f} patches, a QUBO each", row.qubos);
  } else if (row.application == kDesign) {
    picture.svg = draw_design(row);
    what = "grey: random designs to begin with; blue: designs by surrogate, and the best so far";
  } else {
    picture.svg = draw_clustering(row, seed, data);
    what = fmt::format("adjusted Rand index {:.2f} by the machine, {:.2f} by k-means", row.merit,
                       row.merit_baseline);
  }
  if (picture.svg.empty()) return std::nullopt;
  picture.caption = fmt::format("{}, {}, seed {}: {}.", row.application, row.instance, row.seed, what);
  return picture;
}

std::vector<ApplicationPicture> application_pictures(const std::vector<ApplicationRow>& rows,
                                                     const std::filesystem::path& data) {
  // Real data first where there is some that can be drawn, and the larger design.
  std::vector<const ApplicationRow*> order;
  for (const ApplicationRow& row : rows) order.push_back(&row);
  std::vector<ApplicationPicture> pictures;
  for (const std::string& name : application_names()) {
    std::optional<ApplicationPicture> picture;
    for (const char* preferred : {"karate", "mnist", "5x8", ""}) {
      for (const ApplicationRow* row : order) {
        if (picture || row->application != name || row->instance.find(preferred) == std::string::npos)
          continue;
        picture = application_picture(*row, data);
      }
    }
    if (picture) pictures.push_back(std::move(*picture));
  }
  return pictures;
}

}  // namespace opoloop
