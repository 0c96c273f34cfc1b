#include "hamiltonian/formats/symmetric_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "core/error.h"

namespace opoloop {

namespace {

Problem make_problem(std::int32_t n, std::vector<IsingEdge> edges, double diagonal,
                     const MatrixMeaning& meaning) {
  Problem problem;
  problem.ising = IsingModel(n, std::move(edges), {}, -0.5 * meaning.scale * diagonal);
  problem.kind = meaning.weights ? ProblemKind::max_cut : ProblemKind::ising;
  return problem;
}

[[noreturn]] void throw_asymmetric(const ReadContext& context, std::int64_t line, std::int64_t i,
                                   std::int64_t j, double a, double b) {
  throw_file_error(context.file, line, fmt::format("{} {}", i, j),
                   fmt::format("the matrix is not symmetric: {} here, {} at ({}, {})", a, b, j, i));
}

[[noreturn]] void throw_self_loop(const ReadContext& context, std::int64_t line, std::int64_t i) {
  throw_file_error(context.file, line, fmt::format("{} {}", i, i),
                   "self loop: a graph has no diagonal weights");
}

}  // namespace

MatrixMeaning meaning_of_options(const LoadOptions& options) {
  if (options.matrix_is_weights) return {-1, true};
  return {1, false};
}

Problem problem_from_dense(const std::vector<double>& matrix, std::int32_t n, const MatrixMeaning& meaning,
                           double tolerance, const ReadContext& context, int base,
                           const LineOfEntry& line_of) {
  const auto side = static_cast<std::size_t>(n);
  double largest = 0;
  std::size_t nonzeros = 0;
  for (const double value : matrix) {
    largest = std::max(largest, std::abs(value));
    nonzeros += value != 0;
  }
  std::vector<IsingEdge> edges;
  edges.reserve(nonzeros / 2 + 1);
  double diagonal = 0;
  // Tiles, because one of (i, j) and (j, i) is always read against the storage order.
  constexpr std::int32_t kTile = 64;
  for (std::int32_t i0 = 0; i0 < n; i0 += kTile) {
    for (std::int32_t j0 = 0; j0 <= i0; j0 += kTile) {
      for (std::int32_t i = i0; i < std::min(n, i0 + kTile); ++i) {
        for (std::int32_t j = j0; j < std::min(i, j0 + kTile); ++j) {
          const double a = matrix[static_cast<std::size_t>(i) * side + static_cast<std::size_t>(j)];
          const double b = matrix[static_cast<std::size_t>(j) * side + static_cast<std::size_t>(i)];
          if (a != b && std::abs(a - b) > tolerance * largest) {
            throw_asymmetric(context, line_of(i, j), i + std::int64_t{base}, j + std::int64_t{base}, a, b);
          }
        }
      }
    }
  }
  for (std::int32_t i = 0; i < n; ++i) {
    const double* row = matrix.data() + static_cast<std::size_t>(i) * side;
    if (meaning.weights && row[i] != 0) throw_self_loop(context, line_of(i, i), i + std::int64_t{base});
    diagonal += row[i];
    for (std::int32_t j = i + 1; j < n; ++j) {
      double value = row[j];
      const double other = matrix[static_cast<std::size_t>(j) * side + static_cast<std::size_t>(i)];
      if (value != other) value = 0.5 * value + 0.5 * other;
      if (value != 0) edges.push_back({i, j, meaning.scale * value});
    }
  }
  return make_problem(n, std::move(edges), diagonal, meaning);
}

Problem problem_from_entries(std::vector<MatrixEntry> entries, std::int32_t n, bool both_triangles,
                             const MatrixMeaning& meaning, double tolerance, const ReadContext& context,
                             int base, bool place_is_line) {
  double largest = 0;
  for (const MatrixEntry& e : entries) largest = std::max(largest, std::abs(e.value));
  const auto order = [](const MatrixEntry& e) {
    return std::make_tuple(std::min(e.i, e.j), std::max(e.i, e.j), e.i > e.j, e.place);
  };
  std::sort(entries.begin(), entries.end(),
            [&order](const MatrixEntry& a, const MatrixEntry& b) { return order(a) < order(b); });
  const auto line = [&](const MatrixEntry& e) { return place_is_line ? e.place : 0; };
  std::vector<IsingEdge> edges;
  edges.reserve(both_triangles ? entries.size() / 2 + 1 : entries.size());
  double diagonal = 0;
  for (std::size_t k = 0; k < entries.size(); ++k) {
    const MatrixEntry& e = entries[k];
    const MatrixEntry* next = k + 1 < entries.size() ? &entries[k + 1] : nullptr;
    const bool same = next != nullptr && next->i == e.i && next->j == e.j;
    const bool mirror = next != nullptr && e.i != e.j && next->i == e.j && next->j == e.i;
    if (same || (mirror && !both_triangles)) {
      throw_file_error(context.file, line(*next),
                       fmt::format("{} {}", next->i + std::int64_t{base}, next->j + std::int64_t{base}),
                       fmt::format("duplicate: this entry was already given {} {}",
                                   place_is_line ? "on line" : "as entry", e.place));
    }
    if (e.i == e.j) {
      if (meaning.weights && e.value != 0) throw_self_loop(context, line(e), e.i + std::int64_t{base});
      diagonal += e.value;
      continue;
    }
    double value = e.value;
    if (both_triangles) {
      const double other = mirror ? next->value : 0;
      if (value != other && std::abs(value - other) > tolerance * largest) {
        throw_asymmetric(context, line(e), e.i + std::int64_t{base}, e.j + std::int64_t{base}, value, other);
      }
      if (value != other) value = 0.5 * value + 0.5 * other;
      // A third entry of the same pair is a duplicate of the mirror and is met as `same` one step later.
      if (mirror) {
        if (k + 2 < entries.size() && entries[k + 2].i == next->i && entries[k + 2].j == next->j) continue;
        ++k;
      }
    }
    edges.push_back({std::min(e.i, e.j), std::max(e.i, e.j), meaning.scale * value});
  }
  return make_problem(n, std::move(edges), diagonal, meaning);
}

}  // namespace opoloop
