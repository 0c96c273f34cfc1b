#include "hamiltonian/qama/qama_decoder.h"

#include <fmt/format.h>

#include "core/error.h"

namespace opoloop {
namespace {

/// Calls visit(spin, place in [H, N, q], place in [H, N], bit) for every spin.
template <class Visit>
void for_each_spin(const QamaProblem& problem, const Visit& visit) {
  const auto N = static_cast<std::size_t>(problem.tokens());
  const auto q = static_cast<std::size_t>(problem.bits());
  std::size_t spin = 0;
  for (std::size_t t = 0; t < static_cast<std::size_t>(problem.heads()); ++t) {
    for (const int token : problem.live_tokens()) {
      const std::size_t place = t * N + static_cast<std::size_t>(token);
      for (std::size_t b = 0; b < q; ++b) visit(spin++, place * q + b, place, static_cast<int>(b));
    }
  }
}

std::size_t selection_size(const QamaProblem& problem) {
  return static_cast<std::size_t>(problem.heads()) * static_cast<std::size_t>(problem.tokens());
}

}  // namespace

QamaSelection decode_selection(const QamaProblem& problem, std::span<const std::int8_t> sigma) {
  if (sigma.size() != static_cast<std::size_t>(problem.spins())) {
    throw InputError(fmt::format("QAMA: {} spins given to a problem of {}", sigma.size(), problem.spins()));
  }
  QamaSelection selection;
  selection.x.assign(selection_size(problem) * static_cast<std::size_t>(problem.bits()), 0);
  selection.a.assign(selection_size(problem), 0.0);
  for_each_spin(problem, [&](std::size_t spin, std::size_t bit_place, std::size_t place, int bit) {
    if (sigma[spin] <= 0) return;
    selection.x[bit_place] = 1;
    selection.a[place] += problem.bit_weight(bit);
  });
  return selection;
}

std::vector<std::int8_t> encode_selection(const QamaProblem& problem, std::span<const std::int8_t> x) {
  const std::size_t want = selection_size(problem) * static_cast<std::size_t>(problem.bits());
  if (x.size() != want) {
    throw InputError(fmt::format("QAMA: a selection of {} values, expected H × N × q = {}", x.size(), want));
  }
  std::vector<std::int8_t> sigma(static_cast<std::size_t>(problem.spins()));
  for_each_spin(problem, [&](std::size_t spin, std::size_t bit_place, std::size_t, int) {
    sigma[spin] = x[bit_place] != 0 ? 1 : -1;
  });
  return sigma;
}

std::vector<double> selected_fraction(const QamaProblem& problem, const QamaSelection& selection) {
  const auto N = static_cast<std::size_t>(problem.tokens());
  std::vector<double> fraction(static_cast<std::size_t>(problem.heads()), 0.0);
  if (problem.live() == 0) return fraction;
  for (std::size_t t = 0; t < fraction.size(); ++t) {
    for (std::size_t i = 0; i < N; ++i) fraction[t] += selection.a[t * N + i];
    fraction[t] /= problem.live();
  }
  return fraction;
}

}  // namespace opoloop
