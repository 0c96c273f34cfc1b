#include "hamiltonian/applications/clustering.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/random.h"

namespace opoloop {
namespace {

std::size_t at(int i) {
  return static_cast<std::size_t>(i);
}

ConstrainedQubo clustering_qubo(const PointSet& points, int clusters, bool two_way) {
  const int n = points.count();
  if (n < 2 || n > 5000) throw_parameter_error("clustering: points", n, "2 to 5000");
  if (clusters < 2 || clusters > n)
    throw_parameter_error("clustering: clusters", clusters, "2 to the number of points");
  if (two_way && clusters != 2)
    throw_parameter_error("clustering: clusters", clusters, "2 where one spin a point is asked for");
  const std::vector<double> distance = scaled_distances(points);
  ConstrainedQubo problem;
  const int copies = two_way ? 1 : clusters;
  problem.objective.n = n * copies;
  problem.objective.linear.assign(at(problem.objective.n), 0.0);
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) {
      const double d = distance[at(i) * at(n) + at(j)];
      if (two_way) {
        // (1 + σ_i σ_j)/2 = 1 − x_i − x_j + 2 x_i x_j
        problem.objective.offset += d;
        problem.objective.linear[at(i)] -= d;
        problem.objective.linear[at(j)] -= d;
        problem.objective.terms.push_back({i, j, 2 * d});
      } else {
        for (int k = 0; k < clusters; ++k) {
          problem.objective.terms.push_back({i * clusters + k, j * clusters + k, d});
        }
      }
    }
    if (two_way) continue;
    std::vector<std::int32_t> group;
    for (int k = 0; k < clusters; ++k) group.push_back(i * clusters + k);
    problem.groups.push_back(std::move(group));
  }
  return problem;
}

/// Branch and bound over partitions. Points far apart come first, so that costs show early; a point joins a
/// cluster in use or the first new one, so that no partition is looked at twice; what the points to come must
/// cost beside those placed is the bound.
class PartitionSearch {
 public:
  PartitionSearch(std::vector<double> distance, std::size_t points, std::size_t clusters)
      : distance_(std::move(distance)),
        n_(points),
        clusters_(clusters),
        added_(points + 1, std::vector<double>(points * clusters, 0.0)),
        label_(points, 0) {
    order_ = {0};
    std::vector<double> nearest(n_, std::numeric_limits<double>::infinity());
    while (order_.size() < n_) {
      for (std::size_t i = 0; i < n_; ++i) {
        nearest[i] = std::min(nearest[i], distance_[i * n_ + order_.back()]);
      }
      for (const std::size_t i : order_) nearest[i] = -1;
      order_.push_back(
          static_cast<std::size_t>(std::max_element(nearest.begin(), nearest.end()) - nearest.begin()));
    }
  }

  /// Replaces `labels`, of cost `cost`, by better ones where there are. True where the search was completed.
  bool improve(std::vector<int>& labels, double cost, std::int64_t most_nodes) {
    best_ = &labels;
    least_ = cost;
    nodes_left_ = most_nodes;
    descend(0, 0, 0);
    return nodes_left_ >= 0;
  }

 private:
  void descend(std::size_t depth, std::size_t used, double cost) {
    if (--nodes_left_ < 0) return;
    if (depth == n_) {
      if (cost >= least_) return;
      least_ = cost;
      for (std::size_t p = 0; p < n_; ++p) (*best_)[order_[p]] = label_[p];
      return;
    }
    double rest = 0;
    for (std::size_t p = depth; p < n_; ++p) {
      const double* of = &added_[depth][order_[p] * clusters_];
      rest += *std::min_element(of, of + clusters_);
    }
    // What rounding may add is no improvement.
    if (cost + rest >= least_ - 1e-12 * std::abs(least_)) return;
    const std::size_t i = order_[depth];
    std::vector<std::pair<double, std::size_t>> ways;
    for (std::size_t k = 0; k <= used && k < clusters_; ++k) {
      ways.emplace_back(added_[depth][i * clusters_ + k], k);
    }
    std::sort(ways.begin(), ways.end());
    for (const auto& [more, k] : ways) {
      label_[depth] = static_cast<int>(k);
      std::vector<double>& next = added_[depth + 1];
      next = added_[depth];
      for (std::size_t p = depth + 1; p < n_; ++p) {
        next[order_[p] * clusters_ + k] += distance_[i * n_ + order_[p]];
      }
      descend(depth + 1, std::max(used, k + 1), cost + more);
      if (nodes_left_ < 0) return;
    }
  }

  std::vector<double> distance_;  // [i][j]
  std::size_t n_, clusters_;
  std::vector<std::size_t> order_;
  std::vector<std::vector<double>> added_;  // [depth][i][k]: cost of i in k beside the points before `depth`
  std::vector<int> label_;                  // [depth]
  std::vector<int>* best_ = nullptr;
  double least_ = 0;
  std::int64_t nodes_left_ = 0;
};

}  // namespace

PointSet seeded_blobs(int points, int clusters, double spread, std::uint64_t seed) {
  if (clusters < 1 || clusters > 100) throw_parameter_error("clustering: clusters", clusters, "1 to 100");
  if (points < clusters || points > 5000) {
    throw_parameter_error("clustering: points", points, "the number of clusters to 5000");
  }
  if (!(spread > 0 && spread <= 1)) throw_parameter_error("clustering: spread", spread, "above 0, up to 1");
  constexpr double kRadius = 0.35;
  RandomSequence random(seed, Stream::generator);
  const double turn = random.uniform();
  std::vector<double> angle;
  for (int k = 0; k < clusters; ++k) {
    angle.push_back(2 * std::numbers::pi * (turn + (k + 0.5 * random.uniform()) / clusters));
  }
  PointSet set;
  set.dimensions = 2;
  for (int i = 0; i < points; ++i) {
    const int k = i % clusters;
    set.labels.push_back(k);
    set.coordinates.push_back(0.5 + kRadius * std::cos(angle[at(k)]) + spread * random.normal());
    set.coordinates.push_back(0.5 + kRadius * std::sin(angle[at(k)]) + spread * random.normal());
  }
  return set;
}

std::vector<double> scaled_distances(const PointSet& points) {
  const std::size_t n = at(points.count()), dimensions = at(points.dimensions);
  std::vector<double> distance(n * n, 0.0);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      double d = 0;
      for (std::size_t k = 0; k < dimensions; ++k) {
        const double step = points.coordinates[i * dimensions + k] - points.coordinates[j * dimensions + k];
        d += step * step;
      }
      distance[i * n + j] = d;
      sum += d;
    }
  }
  if (!(sum > 0) || !std::isfinite(sum)) throw InputError("clustering: all points are one, or not finite");
  const double scale = static_cast<double>(n * (n - 1)) / sum;
  for (double& d : distance) d *= scale;
  return distance;
}

Clustering::Clustering(PointSet points, int clusters, bool two_way, std::optional<double> penalty)
    : Application(clustering_qubo(points, clusters, two_way), std::nullopt, penalty),
      points_(std::move(points)),
      clusters_(clusters),
      two_way_(two_way) {}

std::vector<int> Clustering::labels_of(std::span<const std::int8_t> x) const {
  std::vector<int> labels(at(points_.count()), -1);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (two_way_) {
      labels[i] = x[i] != 0 ? 1 : 0;
      continue;
    }
    for (int k = clusters_ - 1; k >= 0; --k) {
      if (x[i * at(clusters_) + at(k)] != 0) labels[i] = k;
    }
  }
  return labels;
}

std::vector<std::int8_t> Clustering::bits_of_labels(const std::vector<int>& labels) const {
  std::vector<std::int8_t> x(at(qubo().objective.n), 0);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (two_way_) {
      x[i] = labels[i] == 1 ? 1 : 0;
    } else {
      x[i * at(clusters_) + at(labels[i])] = 1;
    }
  }
  return x;
}

std::vector<std::string> Clustering::describe(std::span<const std::int8_t> x) const {
  const std::vector<int> labels = labels_of(x);
  std::vector<std::string> lines;
  for (int k = 0; k < clusters_; ++k) {
    std::vector<std::size_t> members;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] == k) members.push_back(i + 1);
    }
    lines.push_back(fmt::format("cluster {}: points {}", k + 1, fmt::join(members, " ")));
  }
  if (!points_.labels.empty()) {
    lines.push_back(fmt::format("adjusted Rand index {:.3f} against the labels of the generator",
                                adjusted_rand_index(labels, points_.labels)));
  }
  return lines;
}

std::string Clustering::conflict_text(const Conflict& conflict) const {
  return fmt::format("bits {} and {} exclude each other", conflict.i + 1, conflict.j + 1);
}

std::string Clustering::group_text(std::size_t group, int taken) const {
  return taken == 0 ? fmt::format("point {}: in no cluster", group + 1)
                    : fmt::format("point {}: in {} clusters", group + 1, taken);
}

Reference Clustering::reference() const {
  Reference reference;
  std::vector<int> labels = k_means(points_, clusters_, 1);
  reference.x = bits_of_labels(labels);
  reference.objective = objective(reference.x);
  reference.method = "k-means";
  if (points_.count() > kMostPoints) return reference;
  PartitionSearch search(scaled_distances(points_), at(points_.count()), at(clusters_));
  reference.proven = search.improve(labels, reference.objective, kMostNodes);
  reference.method = reference.proven ? "branch and bound" : "branch and bound, cut off";
  reference.x = bits_of_labels(labels);
  reference.objective = objective(reference.x);
  return reference;
}

std::vector<int> k_means(const PointSet& points, int clusters, std::uint64_t seed) {
  constexpr int kStarts = 20, kMostRounds = 100;
  const std::size_t n = at(points.count()), dimensions = at(points.dimensions), k = at(clusters);
  const auto distance = [&](std::size_t i, const double* centre) {
    double sum = 0;
    for (std::size_t c = 0; c < dimensions; ++c) {
      const double step = points.coordinates[i * dimensions + c] - centre[c];
      sum += step * step;
    }
    return sum;
  };
  std::vector<int> best(n, 0);
  double least = std::numeric_limits<double>::infinity();
  for (int start = 0; start < kStarts; ++start) {
    RandomSequence random(seed, Stream::generator, static_cast<std::uint32_t>(start) + 1);
    std::vector<double> centres;
    std::vector<double> nearest(n, std::numeric_limits<double>::infinity());
    std::size_t chosen = static_cast<std::size_t>(random.below(n));
    while (centres.size() < k * dimensions) {
      const auto from = points.coordinates.begin() + static_cast<std::ptrdiff_t>(chosen * dimensions);
      centres.insert(centres.end(), from, from + static_cast<std::ptrdiff_t>(dimensions));
      double sum = 0;
      for (std::size_t i = 0; i < n; ++i) {
        nearest[i] = std::min(nearest[i], distance(i, centres.data() + centres.size() - dimensions));
        sum += nearest[i];
      }
      double left = random.uniform() * sum;
      for (chosen = 0; chosen + 1 < n && left >= nearest[chosen]; ++chosen) left -= nearest[chosen];
    }
    std::vector<int> labels(n, -1);
    double inertia = 0;
    for (int round = 0; round < kMostRounds; ++round) {
      bool moved = false;
      inertia = 0;
      for (std::size_t i = 0; i < n; ++i) {
        int label = 0;
        double closest = std::numeric_limits<double>::infinity();
        for (int c = 0; c < clusters; ++c) {
          const double there = distance(i, centres.data() + at(c) * dimensions);
          if (there < closest) {
            closest = there;
            label = c;
          }
        }
        moved = moved || label != labels[i];
        labels[i] = label;
        inertia += closest;
      }
      if (!moved) break;
      std::vector<double> sums(centres.size(), 0.0), members(k, 0.0);
      for (std::size_t i = 0; i < n; ++i) {
        members[at(labels[i])] += 1;
        for (std::size_t c = 0; c < dimensions; ++c) {
          sums[at(labels[i]) * dimensions + c] += points.coordinates[i * dimensions + c];
        }
      }
      for (std::size_t c = 0; c < centres.size(); ++c) {
        if (members[c / dimensions] > 0) centres[c] = sums[c] / members[c / dimensions];
      }
    }
    if (inertia < least) {
      least = inertia;
      best = labels;
    }
  }
  return best;
}

double adjusted_rand_index(const std::vector<int>& a, const std::vector<int>& b) {
  if (a.size() != b.size()) throw Error("adjusted Rand index: partitions of different sets");
  double together = 0, in_a = 0, in_b = 0, pairs = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = i + 1; j < a.size(); ++j) {
      pairs += 1;
      in_a += a[i] == a[j] ? 1 : 0;
      in_b += b[i] == b[j] ? 1 : 0;
      together += a[i] == a[j] && b[i] == b[j] ? 1 : 0;
    }
  }
  const double expected = pairs > 0 ? in_a * in_b / pairs : 0;
  const double largest = (in_a + in_b) / 2;
  return largest == expected ? 1.0 : (together - expected) / (largest - expected);
}

}  // namespace opoloop
