#include "experiments/qama_inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "core/error.h"
#include "hamiltonian/qama/qama_decoder.h"

namespace opoloop {
namespace {

using Spins = std::vector<std::int8_t>;

double range_of_bits(int bits) {
  return std::ldexp(1.0, bits - 1) - 1;
}

std::size_t at(int i) {
  return static_cast<std::size_t>(i);
}

/// The model as one sees it in a table.
void measure_sizes(const QamaProblem& problem, const IsingModel& model, QamaInspection& out) {
  out.heads = problem.heads();
  out.tokens = problem.tokens();
  out.live = problem.live();
  out.bits = problem.bits();
  out.spins = model.size();
  out.couplings = model.edge_count();
  out.coupling_max = model.largest_coupling();
  if (out.couplings > 0) {
    out.coupling_rms = std::sqrt(model.sum_of_squares() / 2 / static_cast<double>(out.couplings));
  }
  double squares = 0;
  for (const double h : model.field()) {
    squares += h * h;
    out.field_max = std::max(out.field_max, std::abs(h));
  }
  out.field_rms = std::sqrt(squares / model.size());
  out.head_penalty = problem.head_penalty();
  out.head_coupling_max.assign(at(problem.heads()), 0.0);
  double heaviest = 0;  // product of two different digits' weights, or of the heaviest with itself
  for (int t = 0; t < problem.heads(); ++t) {
    for (int i = 0; i < problem.live(); ++i) {
      out.linear_max = std::max(out.linear_max, std::abs(problem.linear(t, i)));
      for (int j = 0; j < i; ++j) heaviest = std::max(heaviest, std::abs(problem.block(t, i, j)));
    }
    out.interaction_max = std::max(out.interaction_max, heaviest);
    const double w = problem.bit_weight(problem.bits() - 1);
    out.head_coupling_max[at(t)] = 0.5 * w * w * heaviest;
    heaviest = 0;
  }
}

void measure_histogram(const IsingModel& model, int bins, QamaInspection& out) {
  if (out.couplings == 0 || bins < 1) return;
  const double width = 2 * out.coupling_max / bins;
  for (int k = 0; k <= bins; ++k) out.histogram_edges.push_back(-out.coupling_max + k * width);
  out.histogram.assign(at(bins), 0);
  for (std::int32_t i = 0; i < model.size(); ++i) {
    for (const double J : model.couplings(i)) {
      const auto bin = static_cast<int>((J + out.coupling_max) / width);
      ++out.histogram[at(std::clamp(bin, 0, bins - 1))];
    }
  }
}

/// What the first machine's rounding leaves of the couplings inside heads.
void measure_rounding(const QamaProblem& problem, const IsingModel& model,
                      const QamaInspectSettings& settings, QamaInspection& out) {
  const double scale =
      settings.machine_bits.empty() ? 0 : measure_quantisation(model, settings.machine_bits.front()).scale;
  if (scale > 0) out.step_of_rounding = 1 / scale;
  const std::int32_t per_head = problem.live() * problem.bits();
  for (const IsingEdge& edge : model.edges()) {
    if (edge.i / per_head != edge.j / per_head) continue;
    ++out.inner_couplings;
    if (std::round(edge.J * scale) != 0) ++out.inner_surviving;
  }
}

/// Solves one problem after the other on one device, with the same settings.
class Solver {
 public:
  explicit Solver(const QamaInspectSettings& settings)
      : settings_(settings), device_(make_device(settings.device)) {}

  bool fits(const IsingModel& model) const {
    const Capabilities can = device_->capabilities();
    const std::int64_t needed = model.size() + (model.has_field() && !can.linear_term ? 1 : 0);
    return can.max_spins <= 0 || needed <= can.max_spins;
  }

  /// The best state found; empty where the user stopped it.
  Spins solve(IsingModel model, const std::string& name) {
    if (settings_.stop && settings_.stop()) return {};
    if (settings_.progress) settings_.progress(name);
    auto problem = std::make_shared<Problem>();
    problem->ising = std::move(model);
    problem->name = name;
    const Result result = device_->run({problem, settings_.job, nullptr});
    if (result.interrupted) return {};
    if (result.samples.empty()) throw Error(settings_.device + ": the device answered without a sample");
    return std::min_element(result.samples.begin(), result.samples.end(),
                            [](const Sample& a, const Sample& b) { return a.energy_best < b.energy_best; })
        ->spins_best;
  }

 private:
  const QamaInspectSettings& settings_;
  std::unique_ptr<Device> device_;
};

/// The solutions of one problem, gathered.
class Candidates {
 public:
  Candidates(const QamaProblem& problem, const IsingModel& model, QamaInspection& out)
      : problem_(problem), model_(model), out_(out) {}

  void add(const std::string& name, const std::string& meaning, const Spins& spins, int bits = 0,
           double surviving = 1, std::int64_t solved_spins = 0) {
    if (spins.empty()) return;
    QamaCandidate c;
    c.name = name;
    c.meaning = meaning;
    c.bits = bits;
    c.spins = solved_spins > 0 ? solved_spins : model_.size();
    c.surviving_share = surviving;
    c.energy = problem_.energy(spins);
    const QamaSelection selection = decode_selection(problem_, spins);
    for (const double share : selected_fraction(problem_, selection)) c.selected += share / out_.heads;
    if (out_.candidates.empty() || c.energy < out_.best) {
      out_.best = c.energy;
      out_.selection = selection.a;
    }
    out_.candidates.push_back(std::move(c));
  }

  void finish() {
    for (QamaCandidate& c : out_.candidates) {
      c.gap = out_.best == c.energy ? 0 : (c.energy - out_.best) / std::max(std::abs(out_.best), 1e-300);
    }
  }

 private:
  const QamaProblem& problem_;
  const IsingModel& model_;
  QamaInspection& out_;
};

/// The part of the first candidates that needs no rounding, then the rounded problems and the remedies.
void measure_candidates(const QamaProblem& problem, const IsingModel& model,
                        const QamaInspectSettings& settings, Solver& solver, QamaInspection& out) {
  Candidates all(problem, model, out);
  const std::string& name = out.name;
  all.add("device", "the true problem on the device", solver.solve(model, name));
  for (const int bits : settings.machine_bits) {
    const Quantisation q = measure_quantisation(model, bits);
    const Spins spins = solver.solve(quantised(model, q.scale), fmt::format("{}, {} bits", name, bits));
    all.add(fmt::format("rounded-{}", bits), fmt::format("the problem rounded to {} bits", bits), spins, bits,
            q.surviving_share());
    if (bits != settings.machine_bits.front() || spins.empty()) continue;
    all.add(fmt::format("rounded-{}-descent", bits),
            fmt::format("{} bits, then steepest descent on the true problem", bits),
            steepest_descent(model, spins), bits, q.surviving_share());
    if (const auto split = split_linear_term(model, bits)) {
      const double surviving = 1 - static_cast<double>(split->vanished_couplings) /
                                       static_cast<double>(std::max<std::int64_t>(1, out.couplings));
      out.ancillas = split->ancillas;
      Spins wide;
      if (solver.fits(split->model)) {
        wide = solver.solve(split->model, fmt::format("{}, {} bits, split", name, bits));
      }
      if (!wide.empty()) {
        all.add(fmt::format("split-{}", bits),
                fmt::format("{} bits, linear term split over {} ancillas", bits, split->ancillas),
                join_split_spins(*split, std::move(wide)), bits, surviving, split->model.size());
      }
      all.add(fmt::format("cut-{}", bits),
              fmt::format("{} bits, fields cut off at the largest coupling", bits),
              solver.solve(rounded_with_cut_fields(model, bits), fmt::format("{}, {} bits, cut", name, bits)),
              bits, surviving);
    }
  }
  // Each token by its own linear term, as if the interaction were not there.
  Spins alone;
  for (int t = 0; t < problem.heads(); ++t) {
    for (int i = 0; i < problem.live(); ++i) {
      alone.insert(alone.end(), at(problem.bits()),
                   static_cast<std::int8_t>(problem.linear(t, i) > 0 ? 1 : -1));
    }
  }
  all.add("sign-of-linear", "each token by the sign of its linear term C_l h", alone);
  all.add("sign-of-field", "each spin by the sign of its own field", sign_of_field(model));
  const Spins none(at(model.size()), -1);
  all.add("greedy", "steepest descent from nothing selected", steepest_descent(model, none));
  all.add("nothing", "nothing selected", none);
  all.finish();
}

QamaInspection inspect_one(const QamaBatch& batch, int index, const QamaInspectSettings& settings,
                           Solver& solver) {
  const Problem problem = batch.problem(index);
  const QamaProblem& qama = batch.problems()[at(index)];
  QamaInspection out;
  out.index = index;
  out.name = problem.name;
  measure_sizes(qama, problem.ising, out);
  measure_histogram(problem.ising, settings.histogram_bins, out);
  for (const int bits : settings.curve_bits) {
    QuantisationPoint point;
    point.rounding = measure_quantisation(problem.ising, bits);
    point.shift = ground_state_shift(problem.ising, point.rounding, settings.job.threads);
    out.curve.push_back(point);
  }
  measure_rounding(qama, problem.ising, settings, out);
  measure_candidates(qama, problem.ising, settings, solver, out);
  return out;
}

}  // namespace

const QuantisationPoint* QamaInspection::at_bits(int b) const {
  for (const QuantisationPoint& point : curve) {
    if (point.rounding.bits == b) return &point;
  }
  return nullptr;
}

std::vector<QamaInspection> inspect_qama(const QamaBatch& batch, int index,
                                         const QamaInspectSettings& settings) {
  for (const int bits : settings.machine_bits) {
    if (bits < 2 || bits > 24) throw_parameter_error("machine-bits", bits, "2 to 24");
  }
  Solver solver(settings);
  std::vector<QamaInspection> all;
  if (index >= 0) {
    all.push_back(inspect_one(batch, index, settings, solver));
    return all;
  }
  for (int b = 0; b < batch.shape().batch; ++b) {
    if (settings.stop && settings.stop()) break;
    if (batch.problems()[at(b)].spins() > 0) all.push_back(inspect_one(batch, b, settings, solver));
  }
  return all;
}

std::vector<std::int8_t> sign_of_field(const IsingModel& model) {
  Spins spins;
  for (const double h : model.field()) spins.push_back(h > 0 ? 1 : -1);
  return spins;
}

std::vector<std::int8_t> steepest_descent(const IsingModel& model, std::vector<std::int8_t> spins) {
  const auto n = at(model.size());
  std::vector<double> force(model.field().begin(), model.field().end());  // h_i + Σ_j J_ij σ_j
  const auto push = [&](std::size_t i, std::size_t j, double J) {
    force[i] += J * spins[j];
    force[j] += J * spins[i];
  };
  for (std::size_t i = 0; i < n; ++i) {
    const auto columns = model.columns(static_cast<std::int32_t>(i));
    const auto couplings = model.couplings(static_cast<std::int32_t>(i));
    for (std::size_t k = 0; k < columns.size(); ++k) push(i, at(columns[k]), couplings[k]);
  }
  // Rows both ways, so that a flip changes only its neighbours.
  std::vector<std::vector<std::pair<std::size_t, double>>> neighbours(n);
  for (const IsingEdge& edge : model.edges()) {
    neighbours[at(edge.i)].emplace_back(at(edge.j), edge.J);
    neighbours[at(edge.j)].emplace_back(at(edge.i), edge.J);
  }
  // A flip must gain more than the rounding of the sums, or two states could alternate for ever.
  const double bar = 1e-12 * (1 + model.largest_term());
  for (;;) {
    std::size_t steepest = 0;
    for (std::size_t i = 1; i < n; ++i) {
      if (spins[i] * force[i] < spins[steepest] * force[steepest]) steepest = i;
    }
    if (spins[steepest] * force[steepest] >= -bar) return spins;
    spins[steepest] = static_cast<std::int8_t>(-spins[steepest]);
    for (const auto& [j, J] : neighbours[steepest]) force[j] += 2 * J * spins[steepest];
  }
}

std::optional<SplitProblem> split_linear_term(const IsingModel& model, int bits) {
  const double largest = model.largest_coupling();
  if (!(largest > 0) || !model.has_field()) return std::nullopt;
  const double range = range_of_bits(bits);
  const double scale = range / largest;
  std::vector<double> fields;  // integers
  double sum = 0, highest = 0;
  for (const double h : model.field()) {
    fields.push_back(std::round(h * scale));
    sum += std::abs(fields.back());
    highest = std::max(highest, std::abs(fields.back()));
  }
  // Dealt out, a field of F units is at most F/k + 1; together those of one ancilla are at most Σ|F|/k + n.
  const auto tie_for = [&](double k) { return std::ceil(2 * (sum / k + model.size()) / k); };
  double k = std::max(1.0, std::ceil(highest / range));
  while (k > 1 && tie_for(k) > range) k = std::ceil(k * 1.05);
  SplitProblem split;
  split.ancillas = static_cast<int>(k);
  split.tie = split.ancillas > 1 ? tie_for(k) : 0;
  std::vector<IsingEdge> edges = model.edges();
  for (IsingEdge& edge : edges) {
    edge.J = std::round(edge.J * scale);
    if (edge.J == 0) ++split.vanished_couplings;
  }
  const std::int32_t n = model.size();
  for (std::int32_t i = 0; i < n; ++i) {
    const auto units = static_cast<std::int64_t>(fields[at(i)]);
    const std::int64_t each = units / split.ancillas;
    const std::int64_t rest = units % split.ancillas;  // has the sign of units
    // The odd units go to another ancilla for every spin, so that none collects them all.
    for (std::int32_t a = 0; a < split.ancillas; ++a) {
      const bool extra = (a - i % split.ancillas + split.ancillas) % split.ancillas < std::abs(rest);
      const std::int64_t J = each + (extra ? (rest > 0 ? 1 : -1) : 0);
      if (J != 0) edges.push_back({i, n + a, static_cast<double>(J)});
    }
  }
  for (std::int32_t a = 0; a < split.ancillas; ++a) {
    for (std::int32_t b = a + 1; b < split.ancillas; ++b) edges.push_back({n + a, n + b, split.tie});
  }
  split.model = IsingModel(n + split.ancillas, std::move(edges));
  return split;
}

std::vector<std::int8_t> join_split_spins(const SplitProblem& split, std::vector<std::int8_t> spins) {
  const std::size_t n = spins.size() - at(split.ancillas);
  int majority = 0;
  for (std::size_t a = n; a < spins.size(); ++a) majority += spins[a];
  spins.resize(n);
  if (majority < 0) {
    for (std::int8_t& spin : spins) spin = static_cast<std::int8_t>(-spin);
  }
  return spins;
}

IsingModel rounded_with_cut_fields(const IsingModel& model, int bits) {
  const double range = range_of_bits(bits);
  const double scale = range / model.largest_coupling();
  const IsingModel rounded = quantised(model, scale);
  std::vector<double> h(rounded.field().begin(), rounded.field().end());
  for (double& field : h) field = std::clamp(field, -range, range);
  return {rounded.size(), rounded.edges(), std::move(h)};
}

}  // namespace opoloop
