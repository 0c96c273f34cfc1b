#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace opoloop {

/// A seeded scene of moving objects in the unit square, as a detector sees it. Lengths in sides of the
/// square, times in frames.
struct TrackingSettings {
  int objects = 3;
  int frames = 5;
  double miss = 0.1;         ///< probability that an object is not detected in a frame
  double clutter = 0.3;      ///< probability of a detection of nothing in a frame
  double speed = 0.1;        ///< of every object, constant; walls reflect
  double noise = 0.015;      ///< standard deviation of a measured coordinate
  double appearance = 0.12;  ///< standard deviation of each of the measured features, which lie in [0, 1]
  std::uint64_t seed = 1;
};

inline constexpr int kFeatures = 2;
inline constexpr int kClutter = -1;

struct Detection {
  int frame = 0;
  std::array<double, 2> position{};
  std::array<double, kFeatures> features{};
  int object = kClutter;  ///< the truth: which object, or kClutter
};

struct TrackingScene {
  TrackingSettings settings;
  std::vector<Detection> detections;                      ///< by frame; in random order within one
  std::vector<std::vector<std::array<double, 2>>> paths;  ///< [object][frame]
};

/// A pure function of its settings. Throws InputError where one is out of range.
TrackingScene tracking_scene(const TrackingSettings& settings);

/// Two detections that follow each other in one track: indices, the earlier first.
struct Link {
  int from = 0;
  int to = 0;
};

/// Frames that a link may span: a miss of one frame is bridged.
inline constexpr int kWindow = 2;

/// Links of the true tracks that span at most kWindow frames.
std::vector<Link> true_links(const TrackingScene& scene);

/// Harmonic mean of precision and recall; 1 where both lists are empty.
double link_score(const std::vector<Link>& found, const std::vector<Link>& truth);

/// Cost of saying that two detections, at most kWindow frames apart, are one object:
///
///     w = −ln p(displacement, features | one object)/p(the same | two unrelated ones)
///
/// displacement: normal with variance (speed · gap)²/2 + 2 noise² in each coordinate, against uniform on the
/// unit square; features: normal with variance 2 appearance², against uniform. Negative where it is likelier
/// that they are one. Limited to ±kLargestCost so that one pair does not take all of a machine's range.
double pair_cost(const TrackingSettings& settings, const Detection& a, const Detection& b);
inline constexpr double kLargestCost = 6;

/// Frame by frame: links of consecutive frames by the exact assignment of least total cost, where only costs
/// below 0 count (Hungarian algorithm). What a simple tracker does; a missed detection ends its track.
std::vector<Link> frame_to_frame_links(const TrackingScene& scene);

/// The least Σ_i cost[i][column of i] over injective maps of rows to columns, rows ≤ columns: the column of
/// each row. cost: [row][column], finite. Hungarian algorithm, O(rows² columns).
std::vector<int> assign_rows(const std::vector<std::vector<double>>& cost);

}  // namespace opoloop
