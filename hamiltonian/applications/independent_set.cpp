#include "hamiltonian/applications/independent_set.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "hamiltonian/brute_force.h"

namespace opoloop {
namespace {

constexpr double kBound = 1;
constexpr std::int32_t kExactNodes = 20;

std::size_t at(std::int32_t i) {
  return static_cast<std::size_t>(i);
}

ConstrainedQubo independent_set_qubo(const Graph& graph) {
  ConstrainedQubo problem;
  problem.objective.n = graph.nodes;
  problem.objective.linear.assign(at(graph.nodes), -1.0);
  for (const auto& [i, j] : graph.edges) problem.conflicts.push_back({i, j});
  return problem;
}

/// Takes the free node of least free degree, again and again, beginning with `first`.
std::vector<std::int8_t> greedy_set(const std::vector<std::vector<std::int32_t>>& neighbours,
                                    std::int32_t first) {
  std::vector<std::int8_t> x(neighbours.size(), 0);
  std::vector<char> free(neighbours.size(), 1);
  std::vector<std::int32_t> degree(neighbours.size());
  for (std::size_t i = 0; i < degree.size(); ++i) degree[i] = static_cast<std::int32_t>(neighbours[i].size());
  const auto leave = [&](std::int32_t i) {
    free[at(i)] = 0;
    for (const std::int32_t j : neighbours[at(i)]) --degree[at(j)];
  };
  std::int32_t next = first;
  while (next >= 0) {
    x[at(next)] = 1;
    leave(next);
    for (const std::int32_t j : neighbours[at(next)]) {
      if (free[at(j)] != 0) leave(j);
    }
    next = -1;
    for (std::size_t i = 0; i < free.size(); ++i) {
      if (free[i] != 0 && (next < 0 || degree[i] < degree[at(next)])) next = static_cast<std::int32_t>(i);
    }
  }
  return x;
}

}  // namespace

IndependentSet::IndependentSet(Graph graph, std::optional<double> penalty)
    : Application(independent_set_qubo(graph), kBound, penalty), graph_(std::move(graph)) {}

std::vector<std::string> IndependentSet::describe(std::span<const std::int8_t> x) const {
  std::vector<std::int32_t> nodes = taken_nodes(x);
  for (std::int32_t& i : nodes) ++i;
  return {fmt::format("{} of {} nodes: {}", nodes.size(), graph_.nodes, fmt::join(nodes, " "))};
}

Reference IndependentSet::reference() const {
  Reference reference;
  if (graph_.nodes <= kExactNodes) {
    const BruteForceResult exact = brute_force(to_ising(penalised(qubo(), 2)), 1, 1);
    reference.method = "all states";
    reference.proven = true;
    reference.x = bits_of(exact.ground_states.front());
    reference.objective = objective(reference.x);
    return reference;
  }
  std::vector<std::vector<std::int32_t>> neighbours(at(graph_.nodes));
  for (const auto& [i, j] : graph_.edges) {
    neighbours[at(i)].push_back(j);
    neighbours[at(j)].push_back(i);
  }
  reference.method = "greedy by least degree, begun at each node";
  for (std::int32_t first = 0; first < graph_.nodes; ++first) {
    std::vector<std::int8_t> x = greedy_set(neighbours, first);
    const double size = objective(x);
    if (reference.x.empty() || size < reference.objective) {
      reference.objective = size;
      reference.x = std::move(x);
    }
  }
  return reference;
}

std::string IndependentSet::conflict_text(const Conflict& conflict) const {
  return fmt::format("edge {}-{}: both nodes are taken", conflict.i + 1, conflict.j + 1);
}

Graph coupling_graph(const IsingModel& ising) {
  Graph graph;
  graph.nodes = ising.size();
  for (const IsingEdge& e : ising.edges()) graph.edges.emplace_back(e.i, e.j);
  return graph;
}

std::vector<std::int32_t> taken_nodes(std::span<const std::int8_t> x) {
  std::vector<std::int32_t> nodes;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] != 0) nodes.push_back(static_cast<std::int32_t>(i));
  }
  return nodes;
}

}  // namespace opoloop
