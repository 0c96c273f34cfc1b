#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hamiltonian/applications/application.h"
#include "hamiltonian/applications/tracking_scene.h"

namespace opoloop {

/// Multi-object tracking by detection: which detection belongs to which of K tracks (after J.-N. Zaech et
/// al., "Adiabatic quantum computing for multi object tracking", CVPR 2022, arXiv:2202.08837: one variable
/// for each detection and track, costs between pairs of detections, one-hot constraints; "at most one" in
/// place of their dummy detection and track, so that no variables are spent on them). x_{d,k}, at index
/// d·K + k, is 1 where detection d belongs to track k:
///
///     F(x) = Σ_k Σ_{d<d', frames at most kWindow apart} w_dd' x_{d,k} x_{d',k}      (w: pair_cost())
///
/// conflicts: a detection in two tracks; two detections of one frame in a track. A detection in no track is
/// clutter. K = the number of objects.
class Tracking : public Application {
 public:
  explicit Tracking(TrackingScene scene, std::optional<double> penalty = std::nullopt);

  const TrackingScene& scene() const { return scene_; }
  int tracks() const { return scene_.settings.objects; }
  /// Detections of each track in order of frames.
  std::vector<std::vector<int>> tracks_of(std::span<const std::int8_t> x) const;
  std::vector<Link> links_of(std::span<const std::int8_t> x) const;

  std::vector<std::string> describe(std::span<const std::int8_t> x) const override;
  /// Dynamic programming over frames: the state is how the detections of two consecutive frames are spread
  /// over the tracks, so it is exact for costs that span kWindow = 2 frames. Where that would take more than
  /// kProgrammingSteps steps or kProgrammingCosts costs of a pair: the frame-to-frame links as tracks, not
  /// proven.
  Reference reference() const override;
  static constexpr double kProgrammingSteps = 3e8;
  static constexpr double kProgrammingCosts = 5e7;

 protected:
  std::string conflict_text(const Conflict& conflict) const override;

 private:
  TrackingScene scene_;
};

}  // namespace opoloop
