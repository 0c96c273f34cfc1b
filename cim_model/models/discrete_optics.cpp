#include "cim_model/models/discrete_optics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "cim_model/models/crystal_pass.h"
#include "cim_model/steppers/normals.h"

namespace opoloop {

DiscreteOptics DiscreteOptics::of(const LoopParameters& parameters) {
  const double j = parameters.measured_loss;
  const double dt = parameters.dt;
  return {-std::expm1(-j * dt), -std::expm1(-(1 + j / 2) * dt), 2 * std::sqrt(parameters.g2 * dt),
          1 / ((1 + j) * dt)};
}

double DiscreteOptics::threshold_pump() const {
  return std::numbers::sqrt2 / (interaction * decay_trips);
}

namespace {

/// x² dt behind a crystal pass with u = |P| + excess, P = p dt  [M6]: ½ u² sech²(artanh(P/u) − u), which is
/// ½ u² (u² − P²)/(u cosh u − P sinh u)². `excess` stands for the difference of u and |P| wherever it occurs.
double square_behind_crystal(double P, double excess) {
  const double u = std::abs(P) + excess;
  const double u_minus = P > 0 ? excess : u - P;
  const double u_plus = P > 0 ? u + P : excess;
  const double x = u * std::sqrt(u_minus * u_plus) / (u_minus * std::cosh(u) + P * std::exp(-u));
  return x * x / 2;
}

/// The largest of them over u. There is one maximum, and at u = |P| + 2 it is passed at any P.
double largest_square_behind_crystal(double P) {
  if (P > 20) return P * P / 2;  // all the pump light becomes signal
  if (P < -20) return 0;         // all the signal becomes pump light
  double low = 0;
  double high = 2;
  for (int k = 0; k < 200; ++k) {
    const double third = (high - low) / 3;
    if (square_behind_crystal(P, low + third) < square_behind_crystal(P, high - third)) {
      low += third;
    } else {
      high -= third;
    }
  }
  return square_behind_crystal(P, high);
}

}  // namespace

double attainable_square(const LoopParameters& parameters, double pump) {
  const double dt = parameters.dt;
  // The crystal, then the loss of the facet behind it.
  return largest_square_behind_crystal(pump * dt) / dt * std::exp(-(1 + parameters.measured_loss / 2) * dt);
}

double attainable_square(const LoopParameters& parameters) {
  return attainable_square(parameters, highest_pump_of(parameters));
}

double highest_pump_of(const LoopParameters& parameters) {
  double highest = -std::numeric_limits<double>::infinity();
  for (const Schedule::Point& point : parameters.pump.points())
    highest = std::max(highest, point.value / parameters.imperfections.pump_unit);
  return highest;
}

PulseState lose(PulseState state, double power) {
  return {std::sqrt(1 - power) * state.q, (1 - power) * state.var_q + power / 2,
          (1 - power) * state.var_p + power / 2};
}

HomodyneOutcome homodyne(const PulseState& state, double out_coupling, double efficiency) {
  return {std::sqrt(efficiency * out_coupling) * state.q,
          efficiency * (out_coupling * state.var_q + (1 - out_coupling) / 2) + (1 - efficiency) / 2};
}

PulseState out_couple(const PulseState& state, double w, double out_coupling, double efficiency) {
  const HomodyneOutcome outcome = homodyne(state, out_coupling, efficiency);
  const double covariance = std::sqrt(efficiency * out_coupling * (1 - out_coupling)) * (state.var_q - 0.5);
  PulseState left = lose(state, out_coupling);
  left.q += covariance * (w - outcome.mean) / outcome.variance;
  left.var_q -= covariance * covariance / outcome.variance;
  return left;
}

namespace {

/// Amplification of one pulse by a fresh pump pulse; `pump` is ετ x_b, the exponent of the undepleted gain.
PulseState amplify(const PulseState& in, double pump, double interaction, int least_steps) {
  const CrystalMoments before = {
      in.q / std::numbers::sqrt2, pump / interaction, in.var_q / 2, in.var_p / 2, 0.25, 0.25, 0.0, 0.0};
  const int steps = std::max(least_steps, crystal_steps(before, interaction));
  const CrystalMoments after = crystal_pass(before, interaction, steps);
  return {std::numbers::sqrt2 * after[kMeanX], 2 * after[kSignalXX], 2 * after[kSignalYY]};
}

}  // namespace

DiscreteRing::DiscreteRing(const LoopParameters& parameters, int n)
    : optics_(DiscreteOptics::of(parameters)),
      dt_(parameters.dt),
      g_(std::sqrt(parameters.g2)),
      efficiency_(parameters.detection_efficiency),
      least_steps_(parameters.substeps),
      q_(static_cast<std::size_t>(n)),
      var_q_(static_cast<std::size_t>(n)),
      var_p_(static_cast<std::size_t>(n)),
      x_(static_cast<std::size_t>(n)),
      normals_(static_cast<std::size_t>(n)) {}

void DiscreteRing::start(std::uint64_t seed, std::uint32_t trajectory) {
  seed_ = seed;
  trajectory_ = trajectory;
  normals_round_ = -1;
  std::fill(q_.begin(), q_.end(), 0.0);
  std::fill(x_.begin(), x_.end(), 0.0);
  std::fill(var_q_.begin(), var_q_.end(), 0.5);
  std::fill(var_p_.begin(), var_p_.end(), 0.5);
}

const std::vector<double>& DiscreteRing::detector_noise(std::int64_t round) const {
  if (round != normals_round_) {
    fill_normals(seed_, Stream::pulse_noise, trajectory_, static_cast<std::uint64_t>(round), normals_);
    normals_round_ = round;
  }
  return normals_;
}

void DiscreteRing::measure(std::int64_t round, std::span<const double> /*pump*/,
                           std::span<double> record) const {
  const std::vector<double>& noise = detector_noise(round);
  const double to_x = g_ / std::sqrt(2 * efficiency_ * optics_.out_coupling);
  for (std::size_t i = 0; i < x_.size(); ++i) {
    const HomodyneOutcome w = homodyne(state(i), optics_.out_coupling, efficiency_);
    record[i] = to_x * (w.mean + std::sqrt(w.variance) * noise[i]);
  }
}

void DiscreteRing::advance(std::int64_t round, const Drive& drive) {
  const std::vector<double>& noise = detector_noise(round);
  for (std::size_t i = 0; i < x_.size(); ++i) {
    const HomodyneOutcome w = homodyne(state(i), optics_.out_coupling, efficiency_);
    PulseState pulse =
        out_couple(state(i), w.mean + std::sqrt(w.variance) * noise[i], optics_.out_coupling, efficiency_);
    pulse.q += std::numbers::sqrt2 * drive.injection[i] * dt_ / g_;
    pulse = lose(pulse, optics_.facet_loss);
    pulse = amplify(pulse, drive.pump[i] * dt_, optics_.interaction, least_steps_);
    pulse = lose(pulse, optics_.facet_loss);
    q_[i] = pulse.q;
    var_q_[i] = pulse.var_q;
    var_p_[i] = pulse.var_p;
    x_[i] = g_ * pulse.q / std::numbers::sqrt2;
  }
}

void DiscreteRing::clamp(double bound) {
  for (std::size_t i = 0; i < x_.size(); ++i) {
    x_[i] = std::clamp(x_[i], -bound, bound);
    q_[i] = std::numbers::sqrt2 * x_[i] / g_;
  }
}

std::vector<PulseVariable> DiscreteRing::variables() const {
  return {{"q", q_}, {"V_q", var_q_}, {"V_p", var_p_}};
}

}  // namespace opoloop
