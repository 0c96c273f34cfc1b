#include "driver/quanfluence_device.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>
#include <utility>

#include "core/clock.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "driver/sampled_job.h"
#include "driver/server/http_server.h"
#include "driver/server/random_id.h"
#include "driver/stop_clock.h"
#include "hamiltonian/formats/zip_archive.h"
#include "hamiltonian/qubo_model.h"

namespace opoloop {
namespace {

const std::array<std::string, 2> kWays = {"jobs", "direct"};
constexpr const char* kForm = "quanfluence://HOST:PORT/device/ID";
/// Every run is a request and a job somewhere; more by mistake would be dear.
constexpr int kMostRuns = 10'000;
constexpr std::chrono::duration<double> kLongestPause{2};

/// Parameters of the machine's record that may be changed: their name here, and there.
constexpr std::array<std::pair<const char*, const char*>, 7> kFields = {{{"iters", "iters"},
                                                                         {"device_runs", "runs"},
                                                                         {"trials", "trials"},
                                                                         {"alpha", "alpha"},
                                                                         {"beta", "beta"},
                                                                         {"beta_decay", "beta_decay"},
                                                                         {"noise_stdev", "noise_stdev"}}};

/// One coefficient as it is sent: a 32-bit float.
struct SentTerm {
  std::int32_t i;
  std::int32_t j;
  float q;
};

std::vector<std::string> split(const std::string& ids) {
  std::vector<std::string> all;
  std::size_t at = 0;
  while (at <= ids.size()) {
    const std::size_t comma = std::min(ids.find(',', at), ids.size());
    all.push_back(ids.substr(at, comma - at));
    at = comma + 1;
  }
  return all;
}

}  // namespace

struct RemoteQuanfluenceDevice::Choices {
  bool direct = false;
  double timeout_s = 600;
  std::map<std::string, std::string> fields;  ///< of the machine's record, to be changed
};

/// The QUBO as it is sent; spins keep their numbers.
struct RemoteQuanfluenceDevice::Prepared {
  AdaptedProblem adapted;
  std::vector<SentTerm> terms;
  double magnitude = 0;  ///< Σ |q|: what an energy in 32-bit floats is good to

  /// The service's own format: a constant on the first line, then i, j and the coefficient of x_i x_j.
  std::string qubo_file() const {
    std::string text = "0.000000\n";
    for (const SentTerm& t : terms) text += fmt::format("{} {} {}\n", t.i, t.j, t.q);
    return text;
  }
  /// data.zip with data.txt, the text of a Python list.
  std::string data_zip() const {
    std::string text = "[";
    for (const SentTerm& t : terms) {
      text += fmt::format("{}[{}, {}, {}]", text.size() == 1 ? "" : ", ", t.i, t.j, t.q);
    }
    return zip_of({{"data.txt", text + "]"}});
  }
  /// Of the coefficients as they were sent, x = (1 + s)/2.
  double energy(const std::vector<std::int8_t>& spins) const {
    double sum = 0;
    for (const SentTerm& t : terms) {
      if (spins[static_cast<std::size_t>(t.i)] > 0 && spins[static_cast<std::size_t>(t.j)] > 0) sum += t.q;
    }
    return sum;
  }
  bool agrees(double energy_there, double energy_here) const {
    return std::abs(energy_there - energy_here) <= 1e-5 * magnitude;
  }
};

std::span<const ParameterHelp> RemoteQuanfluenceDevice::parameters() {
  static const std::vector<ParameterHelp> all = {
      {"submit", "", "jobs",
       "jobs: upload, then a job a run, which can be resumed; direct: one request a run"},
      {"timeout", "s", "600", "submit=direct: how long one request may take"},
      {"iters", "", "the machine's", "iterations, as --steps; changes the machine's record"},
      {"device_runs", "", "the machine's",
       "runs inside one job, of which it gives the best; changes its record"},
      {"trials", "", "the machine's", "as in the machine's record, which it changes"},
      {"alpha", "", "the machine's", "as in the machine's record, which it changes"},
      {"beta", "", "the machine's", "as in the machine's record, which it changes"},
      {"beta_decay", "", "the machine's", "as in the machine's record, which it changes"},
      {"noise_stdev", "", "the machine's", "as in the machine's record, which it changes"},
  };
  return all;
}

RemoteQuanfluenceDevice::RemoteQuanfluenceDevice(DeviceUri uri) : LocalDevice(std::move(uri)) {
  const bool tls = parsed_uri().scheme.ends_with("+https");
  const HostAddress address = parse_host_address(parsed_uri(), tls ? 443 : 80, kForm);
  const std::string device = address.path.starts_with("device/") ? address.path.substr(7) : "";
  if (!is_quanfluence_id(device)) {
    throw InputError(
        fmt::format("device '{}': no /device/ID after the host; expected {}", this->uri(), kForm));
  }
  open_line_ = !tls && address.host != "localhost" && !is_loopback(address.host);
  client_ = std::make_unique<QuanfluenceClient>(address, tls, device);
}

RemoteQuanfluenceDevice::Choices RemoteQuanfluenceDevice::choices(const JobSettings& settings) const {
  const ParameterReader read("quanfluence", settings.parameters, parameters());
  Choices c;
  c.direct = read.choice("submit", kWays[0], kWays) == kWays[1];
  c.timeout_s = read.number("timeout", c.timeout_s, 0, 86400, true);
  for (const auto& [name, field] : kFields) {
    if (!read.has(name)) continue;
    const bool count = std::string_view(name) == "iters" || std::string_view(name) == "device_runs" ||
                       std::string_view(name) == "trials";
    c.fields[field] = count ? std::to_string(read.integer(name, 1, 1, 1'000'000'000))
                            : number_text(read.number(name, 0, 0, INFINITY));
  }
  if (settings.steps) {
    if (read.has("iters")) throw InputError("quanfluence: --steps and iters say the same; give one");
    c.fields["iters"] = std::to_string(*settings.steps);
  }
  return c;
}

Capabilities RemoteQuanfluenceDevice::capabilities() const {
  Capabilities can;
  can.resumable = !choices(merged(JobSettings{})).direct;
  return can;
}

RemoteQuanfluenceDevice::Prepared RemoteQuanfluenceDevice::prepare(const Job& job) const {
  Prepared p;
  p.adapted.original = p.adapted.problem = job.problem;
  QuboModel qubo = to_qubo(job.problem->ising);
  double largest = 0;
  for (const QuboTerm& term : qubo.terms) largest = std::max(largest, std::abs(term.q));
  for (const double value : qubo.linear) largest = std::max(largest, std::abs(value));
  // Well inside the range of a 32-bit float, where none is lost to overflow and few to underflow.
  const bool odd = largest > 0 && (largest > 1e30 || largest < 1e-20);
  const double scale = odd ? 1 / largest : 1;
  std::vector<bool> coupled(static_cast<std::size_t>(qubo.n), false);
  std::int64_t rounded = 0;
  const auto add = [&](std::int32_t i, std::int32_t j, double q) {
    const auto sent = static_cast<float>(q * scale);
    if (static_cast<double>(sent) != q * scale) ++rounded;
    if (sent == 0) return;
    p.terms.push_back({i, j, sent});
    p.magnitude += std::abs(static_cast<double>(sent));
    coupled[static_cast<std::size_t>(i)] = coupled[static_cast<std::size_t>(j)] = true;
  };
  for (std::int32_t i = 0; i < qubo.n; ++i) add(i, i, qubo.linear[static_cast<std::size_t>(i)]);
  for (const QuboTerm& term : qubo.terms) add(term.i, term.j, term.q);
  std::int64_t lonely = 0;
  for (std::int32_t i = 0; i < qubo.n; ++i) {
    if (coupled[static_cast<std::size_t>(i)]) continue;
    const float weight = largest > 0 ? static_cast<float>(largest * scale) : 1.0F;
    p.terms.push_back({i, i, weight});
    p.magnitude += static_cast<double>(weight);
    ++lonely;
  }
  auto& said = p.adapted.adaptations;
  if (odd) said.push_back(fmt::format("QUBO coefficients multiplied by {:.6g} to fit 32-bit floats", scale));
  if (rounded > 0) said.push_back(fmt::format("{} QUBO coefficients rounded to 32-bit floats", rounded));
  if (lonely > 0) {
    said.push_back(
        fmt::format("{} spins without couplings and field got a weight, which the service wants", lonely));
  }
  return p;
}

void RemoteQuanfluenceDevice::validate(const Job& job) const {
  choices(job.settings);
  const int runs = job.settings.runs.value_or(1);
  if (runs > kMostRuns) throw_parameter_error("runs", runs, fmt::format("at most {} jobs", kMostRuns));
  client_->device();  // is it there, and are we let in?
}

std::string RemoteQuanfluenceDevice::hand_over(const Job& job) {
  const Choices c = choices(job.settings);
  if (!c.fields.empty()) client_->update_device(c.fields);
  const auto now = Clock::now();
  const auto known = [&](std::string id) {
    const std::lock_guard lock(mutex_);
    begun_[id] = now;
    return id;
  };
  if (c.direct) return known(random_id());
  const std::string file = client_->upload(prepare(job).qubo_file());
  std::vector<std::string> ids;
  for (int run = 0; run < job.settings.runs.value_or(1); ++run) {
    // Those that are there are known by their ids; the service cannot take one back.
    if (interrupted()) {
      if (ids.empty()) throw Error("interrupted");
      break;
    }
    try {
      ids.push_back(client_->create_job(file));
    } catch (const Error& error) {
      if (ids.empty()) throw;
      throw Error(fmt::format("{} (after {} of {} jobs; those are {})", error.what(), ids.size(),
                              job.settings.runs.value_or(1), fmt::join(ids, ",")));
    }
  }
  return known(fmt::format("{}", fmt::join(ids, ",")));
}

void RemoteQuanfluenceDevice::attach(const std::string& id, const Job& job) {
  check(job);
  Job whole = merged(job);
  if (choices(whole.settings).direct) {
    throw InputError(fmt::format("device '{}': submit=direct keeps no jobs that could be resumed", uri()));
  }
  const std::vector<std::string> ids = split(id);
  for (const std::string& one : ids) {
    if (!is_quanfluence_id(one)) throw InputError("'" + id + "' is not the id of a job");
    client_->job(one);  // throws where there is none
  }
  if (whole.settings.runs && static_cast<std::size_t>(*whole.settings.runs) != ids.size()) {
    throw InputError(
        fmt::format("job {} is another one: it has {} runs, not {}", id, ids.size(), *whole.settings.runs));
  }
  begin(id, std::move(whole));
}

Result RemoteQuanfluenceDevice::execute(const Job& job, JobControl& control) {
  const StopClock clock(job.settings.time_limit_s, control.cancel);
  const Choices c = choices(job.settings);
  const Prepared prepared = prepare(job);
  const auto spins = static_cast<std::size_t>(job.problem->ising.size());
  const std::vector<std::string> ids = split(control.id);
  const int runs = c.direct ? job.settings.runs.value_or(1) : static_cast<int>(ids.size());
  bool attached = true;
  auto begun = Clock::now();
  {
    const std::lock_guard lock(mutex_);
    const auto found = begun_.find(control.id);
    if (found != begun_.end()) {
      attached = false;
      begun = found->second;
      begun_.erase(found);
    }
  }
  control.total = runs;

  SpinSets solutions;
  std::vector<std::string> warnings;
  const auto take = [&](const std::string& data, const std::string& where) {
    QuanfluenceSolution solution = parse_quanfluence_solution(data, spins, where);
    const double here = prepared.energy(solution.spins);
    if (solution.energy && !prepared.agrees(*solution.energy, here)) {
      const std::string what = fmt::format("{}: the service says energy {}, its spins have {}", where,
                                           number_text(*solution.energy), number_text(here));
      if (attached) throw InputError(what + ": is this the job's problem?");
      if (warnings.empty()) warnings.push_back(what);
    }
    control.offer_energy(job.problem->ising.energy(solution.spins));
    control.progress.fetch_add(1);
    solutions.push_back(std::move(solution.spins));
  };
  std::size_t left = 0;
  for (int run = 0; run < runs && !clock.stop(); ++run) {
    const std::string where =
        c.direct ? "quanfluence: answer" : "quanfluence: job " + ids[static_cast<std::size_t>(run)];
    if (c.direct) {
      try {
        take(client_->execute(prepared.data_zip(), c.timeout_s), where);
      } catch (const Error& error) {
        // Nobody keeps the answers that have come but this process.
        if (solutions.empty()) throw;
        warnings.push_back(
            fmt::format("{}; {} of {} answers had come", error.what(), solutions.size(), runs));
        break;
      }
      continue;
    }
    std::chrono::duration<double> pause{0.005};
    for (;;) {
      const QuanfluenceClient::JobState state = client_->job(ids[static_cast<std::size_t>(run)]);
      if (state.status == "SUCCEEDED") {
        take(state.data, where);
        break;
      }
      if (state.status == "FAILED" || state.status == "CANCELLED") {
        throw Error(fmt::format("{} {}{}", where, state.status == "FAILED" ? "failed" : "was cancelled there",
                                state.message.empty() ? "" : ": " + state.message));
      }
      if (clock.stop()) break;
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 2, kLongestPause);
    }
  }
  left = static_cast<std::size_t>(runs) - solutions.size();

  JobSettings asked = job.settings;
  asked.steps.reset();  // they went into the machine's record
  // More than there are jobs where an interrupt came between the submissions.
  asked.runs = attached ? runs : std::max(runs, job.settings.runs.value_or(1));
  Result result = result_of_solutions(prepared.adapted, solutions, asked);
  result.interrupted = clock.cancelled() || *asked.runs > runs;
  result.time_limited = clock.time_over();
  result.timing.wall_s = seconds_since(begun);
  try {
    for (const auto& [name, value] : client_->device()) result.parameters["device_" + name] = {value, ""};
  } catch (const Error& error) {
    warnings.push_back(fmt::format("{}; the record of the machine is not in the run file", error.what()));
  }
  result.parameters["device"] = {client_->device_id(), ""};
  result.parameters["submit"] = {kWays[c.direct ? 1 : 0], ""};
  result.parameters["runs"] = {std::to_string(runs), ""};
  result.warnings.insert(result.warnings.end(), warnings.begin(), warnings.end());
  if (!c.direct && left > 0) {
    result.warnings.push_back(fmt::format(
        "quanfluence: the service cannot cancel: {} jobs go on there; --resume-job {} takes their answers",
        left, control.id));
  }
  if (open_line_) {
    result.warnings.push_back(
        "quanfluence: the password went over a line that is not encrypted (quanfluence+https:// where the "
        "service "
        "has it)");
  }
  return result;
}

}  // namespace opoloop
