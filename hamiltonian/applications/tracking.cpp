#include "hamiltonian/applications/tracking.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace opoloop {
namespace {

std::size_t at(int i) {
  return static_cast<std::size_t>(i);
}

ConstrainedQubo tracking_qubo(const TrackingScene& scene) {
  const int tracks = scene.settings.objects;
  const auto detections = static_cast<int>(scene.detections.size());
  ConstrainedQubo problem;
  problem.objective.n = detections * tracks;
  problem.objective.linear.assign(at(problem.objective.n), 0.0);
  for (int a = 0; a < detections; ++a) {
    for (int k = 0; k < tracks; ++k) {
      for (int other = k + 1; other < tracks; ++other) {
        problem.conflicts.push_back({a * tracks + k, a * tracks + other});
      }
    }
    for (int b = a + 1; b < detections; ++b) {
      const Detection &first = scene.detections[at(a)], &second = scene.detections[at(b)];
      if (second.frame - first.frame > kWindow) break;
      const double cost = pair_cost(scene.settings, first, second);
      for (int k = 0; k < tracks; ++k) {
        if (second.frame == first.frame) {
          problem.conflicts.push_back({a * tracks + k, b * tracks + k});
        } else {
          problem.objective.terms.push_back({a * tracks + k, b * tracks + k, cost});
        }
      }
    }
  }
  return problem;
}

// ---- The exact reference ------------------------------------------------------------------------------

constexpr int kNone = -1;
/// Which detection of a frame, or kNone, each track has.
using Spread = std::vector<int>;

/// Every way to spread a frame's detections over the tracks.
std::vector<Spread> spreads_of(const std::vector<int>& detections, int tracks) {
  std::vector<Spread> all = {Spread(at(tracks), kNone)};
  for (int k = 0; k < tracks; ++k) {
    const std::size_t before = all.size();
    for (std::size_t s = 0; s < before; ++s) {
      for (const int d : detections) {
        if (std::find(all[s].begin(), all[s].begin() + k, d) != all[s].begin() + k) continue;
        Spread next = all[s];
        next[at(k)] = d;
        all.push_back(std::move(next));
      }
    }
  }
  return all;
}

/// Number of spreads_of(): Σ_m C(d, m) C(k, m) m!.
double spread_count(std::size_t detections, int tracks) {
  double sum = 0, ways = 1;
  for (std::size_t m = 0; m <= detections && m <= at(tracks); ++m) {
    sum += ways;
    ways *= static_cast<double>(detections - m) * static_cast<double>(at(tracks) - m) /
            static_cast<double>(m + 1);
  }
  return sum;
}

/// [spread of a frame][spread of a later one]: cost between them, summed over tracks.
std::vector<double> between(const TrackingScene& scene, const std::vector<Spread>& before,
                            const std::vector<Spread>& after) {
  std::vector<double> cost(before.size() * after.size());
  for (std::size_t a = 0; a < before.size(); ++a) {
    for (std::size_t b = 0; b < after.size(); ++b) {
      double sum = 0;
      for (std::size_t k = 0; k < before[a].size(); ++k) {
        if (before[a][k] == kNone || after[b][k] == kNone) continue;
        sum +=
            pair_cost(scene.settings, scene.detections[at(before[a][k])], scene.detections[at(after[b][k])]);
      }
      cost[a * after.size() + b] = sum;
    }
  }
  return cost;
}

}  // namespace

Tracking::Tracking(TrackingScene scene, std::optional<double> penalty)
    : Application(tracking_qubo(scene), std::nullopt, penalty), scene_(std::move(scene)) {}

std::vector<std::vector<int>> Tracking::tracks_of(std::span<const std::int8_t> x) const {
  std::vector<std::vector<int>> out(at(tracks()));
  for (std::size_t d = 0; d < scene_.detections.size(); ++d) {
    for (std::size_t k = 0; k < out.size(); ++k) {
      if (x[d * out.size() + k] != 0) out[k].push_back(static_cast<int>(d));
    }
  }
  return out;
}

std::vector<Link> Tracking::links_of(std::span<const std::int8_t> x) const {
  std::vector<Link> links;
  for (const std::vector<int>& track : tracks_of(x)) {
    for (std::size_t k = 1; k < track.size(); ++k) {
      const Detection &a = scene_.detections[at(track[k - 1])], &b = scene_.detections[at(track[k])];
      if (b.frame - a.frame <= kWindow) links.push_back({track[k - 1], track[k]});
    }
  }
  return links;
}

std::vector<std::string> Tracking::describe(std::span<const std::int8_t> x) const {
  std::vector<std::string> lines;
  const auto all = tracks_of(x);
  for (std::size_t k = 0; k < all.size(); ++k) {
    std::vector<std::string> words;
    for (const int d : all[k]) {
      const Detection& detection = scene_.detections[at(d)];
      words.push_back(fmt::format("frame {} ({:.3f}, {:.3f})", detection.frame + 1, detection.position[0],
                                  detection.position[1]));
    }
    lines.push_back(fmt::format("track {}: {}", k + 1, fmt::join(words, ", ")));
  }
  lines.push_back(fmt::format("{:.0f}% of the links right (harmonic mean of precision and recall)",
                              100 * link_score(links_of(x), true_links(scene_))));
  return lines;
}

std::string Tracking::conflict_text(const Conflict& conflict) const {
  const int a = conflict.i / tracks(), b = conflict.j / tracks();
  if (a == b) {
    return fmt::format("detection {}: in track {} and in track {}", a + 1, conflict.i % tracks() + 1,
                       conflict.j % tracks() + 1);
  }
  return fmt::format("track {}: detections {} and {} of frame {}", conflict.i % tracks() + 1, a + 1, b + 1,
                     scene_.detections[at(a)].frame + 1);
}

Reference Tracking::reference() const {
  const auto frames = static_cast<std::size_t>(scene_.settings.frames);
  std::vector<std::vector<int>> seen(frames);
  for (std::size_t d = 0; d < scene_.detections.size(); ++d) {
    seen[at(scene_.detections[d].frame)].push_back(static_cast<int>(d));
  }
  Reference reference;
  reference.x.assign(at(qubo().objective.n), 0);
  std::vector<double> counts;
  for (const auto& detections : seen) counts.push_back(spread_count(detections.size(), tracks()));
  // Of the recursion, and pair costs in its tables: two frames have a table and no recursion.
  double steps = 0, costs = 0;
  for (std::size_t f = 1; f < frames; ++f) {
    costs += counts[f - 1] * counts[f] * tracks();
    if (f < 2) continue;
    costs += counts[f - 2] * counts[f] * tracks();
    steps += counts[f - 2] * counts[f - 1] * counts[f];
  }
  const auto place = [&](int detection, std::size_t track) {
    reference.x[at(detection) * at(tracks()) + track] = 1;
  };
  if (!(steps <= kProgrammingSteps && costs <= kProgrammingCosts)) {
    reference.method = "Hungarian assignment frame by frame";
    // Follow the links; the K tracks with the most detections are kept.
    std::vector<int> next(scene_.detections.size(), kNone);
    std::vector<char> begun(scene_.detections.size(), 1);
    for (const Link& link : frame_to_frame_links(scene_)) {
      next[at(link.from)] = link.to;
      begun[at(link.to)] = 0;
    }
    std::vector<std::vector<int>> chains;
    for (std::size_t d = 0; d < begun.size(); ++d) {
      if (begun[d] == 0) continue;
      chains.emplace_back();
      for (int here = static_cast<int>(d); here != kNone; here = next[at(here)])
        chains.back().push_back(here);
    }
    std::sort(chains.begin(), chains.end(), [](const auto& a, const auto& b) {
      return a.size() != b.size() ? a.size() > b.size() : a.front() < b.front();
    });
    for (std::size_t k = 0; k < chains.size() && k < at(tracks()); ++k) {
      for (const int d : chains[k]) place(d, k);
    }
    reference.objective = objective(reference.x);
    return reference;
  }
  reference.method = "dynamic programming over frames";
  reference.proven = true;
  std::vector<std::vector<Spread>> spreads;
  for (const auto& detections : seen) spreads.push_back(spreads_of(detections, tracks()));
  // best[a][b]: least cost of frames 0 … f with spread a in f−1 and b in f; from[f]: the spread of f−2.
  std::vector<double> best = between(scene_, spreads[0], spreads[1]);
  std::vector<std::vector<std::uint32_t>> from(frames);
  for (std::size_t f = 2; f < frames; ++f) {
    const std::size_t as = spreads[f - 2].size(), bs = spreads[f - 1].size(), cs = spreads[f].size();
    const std::vector<double> near = between(scene_, spreads[f - 1], spreads[f]);
    const std::vector<double> far = between(scene_, spreads[f - 2], spreads[f]);
    std::vector<double> next(bs * cs, std::numeric_limits<double>::infinity());
    from[f].assign(bs * cs, 0);
    for (std::size_t a = 0; a < as; ++a) {
      for (std::size_t b = 0; b < bs; ++b) {
        const double so_far = best[a * bs + b];
        for (std::size_t c = 0; c < cs; ++c) {
          const double cost = so_far + far[a * cs + c];
          if (cost < next[b * cs + c]) {
            next[b * cs + c] = cost;
            from[f][b * cs + c] = static_cast<std::uint32_t>(a);
          }
        }
      }
    }
    for (std::size_t k = 0; k < next.size(); ++k) next[k] += near[k];
    best = std::move(next);
  }
  std::size_t state = static_cast<std::size_t>(std::min_element(best.begin(), best.end()) - best.begin());
  for (std::size_t f = frames; f-- > 1;) {
    const std::size_t cs = spreads[f].size();
    const std::size_t b = state / cs, c = state % cs;
    for (std::size_t k = 0; k < at(tracks()); ++k) {
      if (spreads[f][c][k] != kNone) place(spreads[f][c][k], k);
      if (f == 1 && spreads[0][b][k] != kNone) place(spreads[0][b][k], k);
    }
    if (f >= 2) state = from[f][state] * spreads[f - 1].size() + b;
  }
  reference.objective = objective(reference.x);
  return reference;
}

}  // namespace opoloop
