#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hamiltonian/applications/application.h"

namespace opoloop {

/// A simple undirected graph; each pair i < j at most once.
struct Graph {
  std::int32_t nodes = 0;
  std::vector<std::pair<std::int32_t, std::int32_t>> edges;
};

/// Maximum independent set (A. Lucas, Front. Phys. 2, 5 (2014), section 4.2 by way of set packing):
///
///     F(x) = −Σ_i x_i,   a conflict an edge,   penalty bound 1
///
/// x_i = 1: node i is in the set.
class IndependentSet : public Application {
 public:
  explicit IndependentSet(Graph graph, std::optional<double> penalty = std::nullopt);

  const Graph& graph() const { return graph_; }
  std::vector<std::string> describe(std::span<const std::int8_t> x) const override;
  /// All states where there are at most 20 nodes; otherwise the largest of greedy sets by least degree, one
  /// begun at each node: a lower bound of the size.
  Reference reference() const override;

 protected:
  std::string conflict_text(const Conflict& conflict) const override;

 private:
  Graph graph_;
};

/// The graph of a problem that was read from a DIMACS file or made by `generate mis`: its couplings.
Graph coupling_graph(const IsingModel& ising);

/// The nodes of x: 0-based, ascending.
std::vector<std::int32_t> taken_nodes(std::span<const std::int8_t> x);

}  // namespace opoloop
