#include "hamiltonian/applications/tracking_scene.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "core/error.h"
#include "core/random.h"
#include "hamiltonian/generators/common.h"

namespace opoloop {
namespace {

std::size_t at(int i) {
  return static_cast<std::size_t>(i);
}

void check(const TrackingSettings& s) {
  if (s.objects < 1 || s.objects > 100) throw_parameter_error("tracking: objects", s.objects, "1 to 100");
  if (s.frames < 2 || s.frames > 1000) throw_parameter_error("tracking: frames", s.frames, "2 to 1000");
  if (!(s.miss >= 0 && s.miss < 1)) throw_parameter_error("tracking: miss", s.miss, "a probability below 1");
  if (!(s.clutter >= 0 && s.clutter <= 1)) {
    throw_parameter_error("tracking: clutter", s.clutter, "a probability in [0, 1]");
  }
  if (!(s.speed > 0 && s.speed <= 1)) throw_parameter_error("tracking: speed", s.speed, "above 0, up to 1");
  if (!(s.noise > 0 && s.noise <= 1)) throw_parameter_error("tracking: noise", s.noise, "above 0, up to 1");
  if (!(s.appearance > 0 && s.appearance <= 10)) {
    throw_parameter_error("tracking: appearance", s.appearance, "above 0, up to 10");
  }
}

/// Into [0, 1] as a wall reflects.
double reflected(double value, double& velocity) {
  if (value < 0 || value > 1) {
    velocity = -velocity;
    value = value < 0 ? -value : 2 - value;
  }
  return value;
}

/// −ln of normal(d; 0, variance) over the density 1 of the unit interval.
double unlikeliness(double d, double variance) {
  return d * d / (2 * variance) + std::log(2 * std::numbers::pi * variance) / 2;
}

}  // namespace

TrackingScene tracking_scene(const TrackingSettings& settings) {
  check(settings);
  RandomSequence random(settings.seed, Stream::generator);
  TrackingScene scene;
  scene.settings = settings;
  std::vector<std::array<double, 2>> position(at(settings.objects)), velocity(at(settings.objects));
  std::vector<std::array<double, kFeatures>> looks(at(settings.objects));
  for (std::size_t o = 0; o < position.size(); ++o) {
    position[o] = {random.uniform(), random.uniform()};
    const double angle = 2 * std::numbers::pi * random.uniform();
    velocity[o] = {settings.speed * std::cos(angle), settings.speed * std::sin(angle)};
    for (double& feature : looks[o]) feature = random.uniform();
  }
  scene.paths.resize(position.size());
  for (int frame = 0; frame < settings.frames; ++frame) {
    std::vector<Detection> seen;
    for (std::size_t o = 0; o < position.size(); ++o) {
      scene.paths[o].push_back(position[o]);
      Detection d{frame, position[o], looks[o], static_cast<int>(o)};
      for (double& p : d.position) p += settings.noise * random.normal();
      for (double& f : d.features) f += settings.appearance * random.normal();
      if (random.uniform() >= settings.miss) seen.push_back(d);
      for (std::size_t k = 0; k < 2; ++k) {
        position[o][k] = reflected(position[o][k] + velocity[o][k], velocity[o][k]);
      }
    }
    if (random.uniform() < settings.clutter) {
      Detection d{frame, {random.uniform(), random.uniform()}, {}, kClutter};
      for (double& f : d.features) f = random.uniform();
      seen.push_back(d);
    }
    generators::shuffle(seen, random);
    scene.detections.insert(scene.detections.end(), seen.begin(), seen.end());
  }
  if (scene.detections.empty()) throw InputError("tracking: nothing is detected in this scene: another seed");
  return scene;
}

std::vector<Link> true_links(const TrackingScene& scene) {
  std::vector<Link> links;
  std::vector<int> last(at(scene.settings.objects), -1);
  for (std::size_t d = 0; d < scene.detections.size(); ++d) {
    const Detection& detection = scene.detections[d];
    if (detection.object == kClutter) continue;
    int& before = last[at(detection.object)];
    if (before >= 0 && detection.frame - scene.detections[at(before)].frame <= kWindow) {
      links.push_back({before, static_cast<int>(d)});
    }
    before = static_cast<int>(d);
  }
  return links;
}

double link_score(const std::vector<Link>& found, const std::vector<Link>& truth) {
  if (found.empty() && truth.empty()) return 1;
  double right = 0;
  for (const Link& a : found) {
    right += std::any_of(truth.begin(), truth.end(),
                         [&](const Link& b) { return a.from == b.from && a.to == b.to; })
                 ? 1
                 : 0;
  }
  return 2 * right / static_cast<double>(found.size() + truth.size());
}

double pair_cost(const TrackingSettings& settings, const Detection& a, const Detection& b) {
  const double step = settings.speed * std::abs(b.frame - a.frame);
  double cost = 0;
  for (std::size_t k = 0; k < 2; ++k) {
    cost +=
        unlikeliness(b.position[k] - a.position[k], step * step / 2 + 2 * settings.noise * settings.noise);
  }
  for (std::size_t k = 0; k < kFeatures; ++k) {
    cost += unlikeliness(b.features[k] - a.features[k], 2 * settings.appearance * settings.appearance);
  }
  return std::clamp(cost, -kLargestCost, kLargestCost);
}

std::vector<int> assign_rows(const std::vector<std::vector<double>>& cost) {
  // Shortest augmenting paths with potentials (Kuhn 1955, Munkres 1957; the form of Jonker and Volgenant
  // 1987). Row and column 0 stand for "none".
  const std::size_t rows = cost.size();
  if (rows == 0) return {};
  const std::size_t columns = cost.front().size();
  if (columns < rows) throw Error("assignment: more rows than columns");
  constexpr double kFar = std::numeric_limits<double>::infinity();
  std::vector<double> u(rows + 1, 0), v(columns + 1, 0);
  std::vector<std::size_t> row_of(columns + 1, 0), way(columns + 1, 0);
  for (std::size_t row = 1; row <= rows; ++row) {
    row_of[0] = row;
    std::size_t column = 0;
    std::vector<double> least(columns + 1, kFar);
    std::vector<char> used(columns + 1, 0);
    do {
      used[column] = 1;
      const std::size_t i = row_of[column];
      double delta = kFar;
      std::size_t next = 0;
      for (std::size_t j = 1; j <= columns; ++j) {
        if (used[j] != 0) continue;
        const double reduced = cost[i - 1][j - 1] - u[i] - v[j];
        if (reduced < least[j]) {
          least[j] = reduced;
          way[j] = column;
        }
        if (least[j] < delta) {
          delta = least[j];
          next = j;
        }
      }
      for (std::size_t j = 0; j <= columns; ++j) {
        if (used[j] != 0) {
          u[row_of[j]] += delta;
          v[j] -= delta;
        } else {
          least[j] -= delta;
        }
      }
      column = next;
    } while (row_of[column] != 0);
    do {
      const std::size_t before = way[column];
      row_of[column] = row_of[before];
      column = before;
    } while (column != 0);
  }
  std::vector<int> column_of(rows, -1);
  for (std::size_t j = 1; j <= columns; ++j) {
    if (row_of[j] != 0) column_of[row_of[j] - 1] = static_cast<int>(j - 1);
  }
  return column_of;
}

std::vector<Link> frame_to_frame_links(const TrackingScene& scene) {
  std::vector<Link> links;
  for (int frame = 0; frame + 1 < scene.settings.frames; ++frame) {
    std::vector<int> here, next;
    for (std::size_t d = 0; d < scene.detections.size(); ++d) {
      if (scene.detections[d].frame == frame) here.push_back(static_cast<int>(d));
      if (scene.detections[d].frame == frame + 1) next.push_back(static_cast<int>(d));
    }
    // A column of cost 0 a row: "no link".
    std::vector<std::vector<double>> cost(here.size(), std::vector<double>(next.size() + here.size(), 0.0));
    for (std::size_t i = 0; i < here.size(); ++i) {
      for (std::size_t j = 0; j < next.size(); ++j) {
        cost[i][j] = pair_cost(scene.settings, scene.detections[at(here[i])], scene.detections[at(next[j])]);
      }
    }
    const std::vector<int> column = assign_rows(cost);
    for (std::size_t i = 0; i < here.size(); ++i) {
      if (column[i] >= 0 && at(column[i]) < next.size()) links.push_back({here[i], next[at(column[i])]});
    }
  }
  return links;
}

}  // namespace opoloop
