#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hamiltonian/applications/application.h"

namespace opoloop {

/// Points to cluster, with the labels of who made them.
struct PointSet {
  int dimensions = 0;
  std::vector<double> coordinates;  ///< [point][dimension]
  std::vector<int> labels;          ///< 0 … clusters−1; empty where unknown
  int count() const { return dimensions == 0 ? 0 : static_cast<int>(coordinates.size()) / dimensions; }
};

/// `points` points in the unit square around `clusters` centres, in turn, each coordinate normal with
/// standard deviation `spread`. The centres lie on a circle of radius 0.35 at random angles, at least half of
/// an even share apart. A pure function of its arguments. Throws InputError where one is out of range.
PointSet seeded_blobs(int points, int clusters, double spread, std::uint64_t seed);

/// Squared Euclidean distances over their mean, [i][j]: without units.
std::vector<double> scaled_distances(const PointSet& points);

/// Clustering by pairwise distances into K clusters (V. Kumar et al., "Quantum annealing for combinatorial
/// clustering", Quantum Inf. Process. 17, 39 (2018), arXiv:1708.05753, with squared distances). K ≥ 2, one
/// variable a point and cluster, x_{i,k} at index i·K + k:
///
///     F(x) = Σ_k Σ_{i<j} D_ij x_{i,k} x_{j,k},   a group a point: it is in exactly one cluster
///
/// or, `two_way`, K = 2 with one spin a point and no constraint: F = Σ_{i<j} D_ij (1 + σ_i σ_j)/2, max-cut.
class Clustering : public Application {
 public:
  Clustering(PointSet points, int clusters, bool two_way, std::optional<double> penalty = std::nullopt);

  const PointSet& points() const { return points_; }
  int clusters() const { return clusters_; }
  /// The cluster of each point, the first that takes it; −1 where none does.
  std::vector<int> labels_of(std::span<const std::int8_t> x) const;
  std::vector<std::int8_t> bits_of_labels(const std::vector<int>& labels) const;

  std::vector<std::string> describe(std::span<const std::int8_t> x) const override;
  /// Branch and bound from the k-means labels, exact unless it visits more than kMostNodes nodes; above
  /// kMostPoints points the k-means labels alone.
  Reference reference() const override;
  static constexpr std::int64_t kMostNodes = 5'000'000;
  static constexpr int kMostPoints = 64;

 protected:
  std::string conflict_text(const Conflict& conflict) const override;
  std::string group_text(std::size_t group, int taken) const override;

 private:
  PointSet points_;
  int clusters_;
  bool two_way_;
};

/// Lloyd's k-means from 20 seeded starts (k-means++): the labels of least Σ |x − centre|².
std::vector<int> k_means(const PointSet& points, int clusters, std::uint64_t seed);

/// Adjusted Rand index (Hubert and Arabie, 1985): 1 for the same partition, 0 on average for unrelated ones.
double adjusted_rand_index(const std::vector<int>& a, const std::vector<int>& b);

}  // namespace opoloop
