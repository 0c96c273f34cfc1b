#include "hamiltonian/formats/pair_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "core/error.h"

namespace opoloop {

namespace {

std::uint64_t key(const IsingEdge& edge) {
  return static_cast<std::uint64_t>(edge.i) << 32 | static_cast<std::uint32_t>(edge.j);
}

}  // namespace

void PairList::reserve(std::size_t pairs) {
  edges_.reserve(pairs);
  places_.reserve(pairs);
}

void PairList::add(std::int32_t i, std::int32_t j, double value, std::int64_t place) {
  if (i > j) std::swap(i, j);
  edges_.push_back({i, j, value});
  places_.push_back(
      static_cast<std::uint32_t>(std::min<std::int64_t>(place, std::numeric_limits<std::uint32_t>::max())));
}

std::vector<IsingEdge> PairList::take(const std::string& file, int base) {
  const auto strictly_increasing = [](const IsingEdge& a, const IsingEdge& b) { return key(a) >= key(b); };
  if (std::adjacent_find(edges_.begin(), edges_.end(), strictly_increasing) == edges_.end()) {
    return std::move(edges_);
  }
  std::vector<std::pair<std::uint64_t, std::size_t>> order(edges_.size());
  for (std::size_t k = 0; k < edges_.size(); ++k) order[k] = {key(edges_[k]), k};
  std::sort(order.begin(), order.end());
  std::vector<IsingEdge> sorted;
  sorted.reserve(edges_.size());
  for (std::size_t k = 0; k < order.size(); ++k) {
    const auto [pair, at] = order[k];
    const IsingEdge& edge = edges_[at];
    if (k > 0 && order[k - 1].first == pair) {
      const std::uint32_t first = places_[order[k - 1].second];
      throw_file_error(file, place_is_line_ ? places_[at] : 0,
                       fmt::format("{} {}", static_cast<std::int64_t>(edge.i) + base,
                                   static_cast<std::int64_t>(edge.j) + base),
                       fmt::format("duplicate: this pair was already given {} {}",
                                   place_is_line_ ? "on line" : "as entry", first));
    }
    sorted.push_back(edge);
  }
  // Not clear(): the memory is wanted for what is made of the couplings.
  edges_ = std::vector<IsingEdge>();
  places_ = std::vector<std::uint32_t>();
  return sorted;
}

void LinearList::resize(std::int32_t n, double standard) {
  values_.resize(static_cast<std::size_t>(n), standard);
  lines_.resize(static_cast<std::size_t>(n), 0);
}

void LinearList::set(std::int32_t i, double value, std::int64_t line) {
  std::int64_t& seen = lines_[static_cast<std::size_t>(i)];
  if (seen != 0) {
    throw_file_error(file_, line, std::to_string(std::int64_t{i} + base_),
                     fmt::format("duplicate: the term of this index was already given on line {}", seen));
  }
  seen = line;
  values_[static_cast<std::size_t>(i)] = value;
}

}  // namespace opoloop
