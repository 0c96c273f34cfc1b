#include "attention/qama_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/clock.h"
#include "core/error.h"
#include "driver/batch.h"
#include "hamiltonian/formats/npy.h"
#include "hamiltonian/formats/zip_archive.h"
#include "hamiltonian/qama/qama_decoder.h"

namespace opoloop {
namespace {

/// With the scale of the file's scores, and a device that costs nothing to make.
QamaOptions scoring_options(QamaOptions options, const QamaFile& file) {
  options.device = "annealing:";
  if (options.scale == 0) options.scale = 1 / std::sqrt(static_cast<double>(file.shape.width));
  return options;
}

QamaOptions options_for(const QamaOptions& options, const QamaFile& file) {
  return scoring_options(
      file.layer ? layer_options(options, file.weights.model_width, file.weights.heads) : options, file);
}

}  // namespace

std::size_t QamaSolution::done() const {
  return static_cast<std::size_t>(std::count(answered.begin(), answered.end(), 1));
}

QamaBatch::QamaBatch(QamaFile file, const QamaOptions& options)
    : file_(std::move(file)), operator_(options_for(options, file_)) {
  const auto begin = Clock::now();
  // Scores by the operator itself, at the empty selection.
  const std::vector<std::int8_t> nothing(shape().rows() * static_cast<std::size_t>(spec().bits), 0);
  if (file_.layer) {
    QamaLayerPass<float> pass = qama_layer_forward<float>(operator_, file_.weights, shape().batch, file_.X,
                                                          file_.X, file_.X, file_.masked, nothing);
    Q_ = std::move(pass.heads[0]);
    K_ = std::move(pass.heads[1]);
    V_ = std::move(pass.heads[2]);
    J_ = std::move(pass.attention.J);
    h_ = std::move(pass.attention.h);
  } else {
    Q_ = std::move(file_.Q);
    K_ = std::move(file_.K);
    V_ = std::move(file_.V);
    QamaForward<float> forward =
        operator_.forward_with<float>(shape(), Q_, K_, V_, file_.u, nothing, file_.masked);
    J_ = std::move(forward.J);
    h_ = std::move(forward.h);
  }
  const auto tokens = static_cast<std::size_t>(shape().tokens);
  const std::size_t rows = static_cast<std::size_t>(shape().heads) * tokens;
  for (std::size_t b = 0; b < shape().samples(); ++b) {
    std::span<const std::uint8_t> masked;
    if (!file_.masked.empty()) masked = std::span(file_.masked).subspan(b * tokens, tokens);
    problems_.emplace_back(spec(), shape().heads, shape().tokens,
                           std::span(J_).subspan(b * rows * tokens, rows * tokens),
                           std::span(h_).subspan(b * rows, rows), masked);
  }
  scores_s_ = seconds_since(begin);
}

void QamaBatch::require_index(int index) const {
  if (index >= 0 && index < shape().batch) return;
  throw InputError(fmt::format(
      "{}: no problem {}: the batch has {}", file_.source, index,
      shape().batch == 1 ? "only problem 0" : fmt::format("problems 0 to {}", shape().batch - 1)));
}

Problem QamaBatch::problem(int index) const {
  require_index(index);
  const QamaProblem& problem = problems_[static_cast<std::size_t>(index)];
  if (problem.spins() == 0) {
    throw InputError(
        fmt::format("{}: problem {} has no spins: all its tokens are masked", file_.source, index));
  }
  Problem out;
  out.ising = problem.to_dense();
  out.kind = ProblemKind::qubo;
  out.name = fmt::format("{}[{}]", file_.name, index);
  out.source = file_.source;
  out.sha256 = file_.sha256;
  return out;
}

QamaSolution QamaBatch::solve(Device& device, const JobSettings& settings, std::optional<int> only) const {
  const auto begin = Clock::now();
  if (only) require_index(*only);
  const std::size_t first = only ? static_cast<std::size_t>(*only) : 0;
  const std::size_t count = only ? 1 : problems_.size();
  BatchResult result = device.run_batch(std::span(problems_).subspan(first, count), settings);
  QamaSolution out;
  const std::size_t samples = shape().samples();
  const std::size_t selection = shape().rows() / samples * static_cast<std::size_t>(spec().bits);
  out.answered.assign(samples, 0);
  out.energy.assign(samples, std::numeric_limits<double>::quiet_NaN());
  out.x.assign(samples * selection, 0);
  for (std::size_t k = 0; k < count; ++k) {
    if (!result.answers[k]) continue;
    const std::size_t b = first + k;
    out.answered[b] = 1;
    out.energy[b] = result.answers[k]->energy;
    const std::vector<std::int8_t> x = decode_selection(problems_[b], result.answers[k]->spins).x;
    std::copy(x.begin(), x.end(), out.x.begin() + static_cast<std::ptrdiff_t>(b * selection));
  }
  out.failure = std::move(result.failure);
  if (out.failure.empty() && out.done() < count) out.failure = "the device left problems unanswered";
  out.runs = result.runs;
  out.steps = result.steps;
  out.parameters = std::move(result.parameters);
  out.adaptations = std::move(result.adaptations);
  out.solve_s = seconds_since(begin);

  const auto read = Clock::now();
  out.output = operator_.forward_with<float>(shape(), Q_, K_, V_, file_.u, out.x, file_.masked).output;
  const std::size_t per_sample = out.output.size() / samples;
  for (std::size_t b = 0; b < samples; ++b) {
    if (out.answered[b] != 0) continue;
    std::fill_n(out.output.begin() + static_cast<std::ptrdiff_t>(b * per_sample), per_sample,
                std::numeric_limits<float>::quiet_NaN());
  }
  out.read_out_s = seconds_since(read);
  return out;
}

std::string write_qama_solution(const QamaBatch& batch, const QamaSolution& solution) {
  const std::int64_t B = batch.shape().batch, H = batch.shape().heads, N = batch.shape().tokens;
  std::vector<std::int64_t> x_shape = {B, H, N};
  if (batch.spec().bits > 1) x_shape.push_back(batch.spec().bits);
  return zip_of({
      {"x.npy", npy_of_bytes("|i1", solution.x, x_shape)},
      {"energy.npy", npy_of_numbers(solution.energy, {B})},
      {"output.npy", npy_of_floats(solution.output, {B, N, H * batch.shape().width})},
      {"J.npy", npy_of_floats(batch.J(), {B, H, N, N})},
      {"h.npy", npy_of_floats(batch.h(), {B, H, N})},
      {"answered.npy", npy_of_bytes("|b1", {solution.answered.begin(), solution.answered.end()}, {B})},
  });
}

}  // namespace opoloop
