#include "driver/spool_device.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/sha256.h"
#include "driver/batch.h"
#include "driver/server/random_id.h"
#include "driver/stop_clock.h"
#include "hamiltonian/qubo_model.h"

namespace opoloop {
namespace {

const std::array<std::string, 2> kForms = {"ising", "qubo"};
constexpr std::chrono::duration<double> kLongestPause{0.5};

/// xᵀQx with Q symmetric, as a model whose couplings are Q_ij and whose field is the diagonal: what the
/// quantiser rounds.
IsingModel qubo_matrix(const IsingModel& ising) {
  const QuboModel qubo = to_qubo(ising);
  std::vector<IsingEdge> edges;
  for (const QuboTerm& term : qubo.terms) edges.push_back({term.i, term.j, term.q / 2});
  return {qubo.n, std::move(edges), qubo.linear};
}

}  // namespace

struct SpoolDevice::Choices {
  bool qubo = false;
  int bits = 8;
  std::int64_t spins = 0;
  double wait_s = 0;
};

std::span<const ParameterHelp> SpoolDevice::parameters() {
  static const std::vector<ParameterHelp> all = {
      {"form", "", "ising",
       "what the machine takes: ising (minimise -s'Ms, a linear term as ancilla in the last row) or qubo "
       "(minimise x'Qx)"},
      {"bits", "bit", "8", "of a signed entry of the matrix"},
      {"spins", "", "0", "of the machine, an ancilla included; 0 = any number"},
      {"wait", "s", "0", "how long to wait for the answer before ending with the id of the job"},
  };
  return all;
}

SpoolDevice::SpoolDevice(DeviceUri uri) : LocalDevice(std::move(uri)), folder_(parsed_uri().rest) {
  if (folder_.path().empty()) {
    throw InputError(
        fmt::format("device '{}': no folder after the colon; expected spool:FOLDER", this->uri()));
  }
}

SpoolDevice::Choices SpoolDevice::choices(const JobSettings& settings) const {
  const ParameterReader read("spool", settings.parameters, parameters());
  Choices c;
  c.qubo = read.choice("form", kForms[0], kForms) == kForms[1];
  c.bits = static_cast<int>(read.integer("bits", c.bits, 2, 31));
  c.spins = read.integer("spins", c.spins, 0, 1'000'000);
  c.wait_s = read.number("wait", c.wait_s, 0, INFINITY);
  return c;
}

Capabilities SpoolDevice::capabilities() const {
  const Choices c = choices(merged(JobSettings{}));
  Capabilities can;
  can.max_spins = c.spins;
  can.coupling_bits = c.bits;
  can.linear_term = c.qubo;
  can.resumable = true;
  return can;
}

SpoolDevice::Prepared SpoolDevice::prepare(const Job& job) const {
  const Choices c = choices(job.settings);
  Prepared p;
  if (c.qubo) {
    const IsingModel matrix = qubo_matrix(job.problem->ising);
    p.adapted.original = p.adapted.problem = job.problem;
    const Quantisation rounded = measure_quantisation(matrix, c.bits);
    const std::string words = in_words(rounded);
    if (!words.empty()) p.adapted.adaptations.push_back("as a QUBO: " + words);
    p.matrix = integer_matrix(quantised(matrix, rounded.scale));
    note_dense(p.adapted, matrix);
  } else {
    Capabilities can;
    can.max_spins = c.spins;
    can.coupling_bits = c.bits;
    can.linear_term = false;
    p.adapted = adapt(job.problem, can);
    p.matrix = integer_matrix(p.adapted.problem->ising);
    note_dense(p.adapted, p.adapted.problem->ising);
  }
  p.fingerprint = sampled_job_fingerprint(
      *job.problem, fmt::format("spool form={} bits={} runs={}", kForms[c.qubo ? 1 : 0], c.bits,
                                job.settings.runs.value_or(0)));
  return p;
}

void SpoolDevice::validate(const Job& job) const {
  const Choices c = choices(job.settings);
  if (c.spins > 0 && job.problem->ising.size() > c.spins) {
    throw InputError(
        fmt::format("the problem has {} spins, this machine takes {}", job.problem->ising.size(), c.spins));
  }
  prepare(job);
}

void SpoolDevice::write(const std::string& id, const Job& job, const Prepared& prepared) const {
  const Choices c = choices(job.settings);
  const std::string csv = prepared.matrix.csv();
  SpoolManifest manifest;
  manifest.id = id;
  manifest.created_utc = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  manifest.form = kForms[c.qubo ? 1 : 0];
  manifest.size = prepared.matrix.n;
  manifest.ancilla = prepared.adapted.ancilla;
  manifest.bits = c.bits;
  manifest.runs = job.settings.runs;
  manifest.problem = job.problem->name;
  manifest.matrix_sha256 = sha256_of(csv);
  manifest.fingerprint = prepared.fingerprint;
  manifest.adaptations = prepared.adapted.adaptations;
  folder_.write(manifest, csv);
}

std::string SpoolDevice::hand_over(const Job& job) {
  std::string id = random_id();
  write(id, job, prepare(job));
  return id;
}

void SpoolDevice::attach(const std::string& id, const Job& job) {
  check(job);
  Job whole = merged(job);
  if (!is_job_id(id)) throw InputError("'" + id + "' is not the id of a job");
  const auto manifest = folder_.read(id);
  if (!manifest) throw InputError(fmt::format("spool: {} has no job {}", folder_.path(), id));
  if (manifest->fingerprint != prepare(whole).fingerprint) {
    throw InputError(fmt::format("job {} is another one: its problem, form, bits or runs differ", id));
  }
  begin(id, std::move(whole));
}

Result SpoolDevice::execute(const Job& job, JobControl& control) {
  const StopClock clock(job.settings.time_limit_s, control.cancel);
  const Choices c = choices(job.settings);
  const Prepared prepared = prepare(job);
  std::chrono::duration<double> pause{0.001};
  std::optional<SpinSets> solutions;
  for (;;) {
    if (clock.stop()) break;
    solutions = folder_.answer(control.id, static_cast<std::size_t>(prepared.matrix.n), job.settings.runs);
    if (solutions) break;
    if (clock.elapsed_s() >= c.wait_s && !job.settings.time_limit_s) {
      throw NotAnswered(
          fmt::format("job {0} waits for its answer in {1}: give {0}.csv ({2} matrix, {3} × {3}, signed "
                      "{4}-bit integers) "
                      "to the machine, put its solutions there as {0}.answer.json or {0}.answer.csv, then "
                      "the same command "
                      "with --resume-job {0}",
                      control.id, folder_.path(), c.qubo ? "QUBO" : "Ising", prepared.matrix.n, c.bits));
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
  Result result = result_of_solutions(prepared.adapted, solutions.value_or(SpinSets{}), job.settings);
  result.timing.wall_s = clock.elapsed_s();
  result.parameters["form"] = {kForms[c.qubo ? 1 : 0], ""};
  result.parameters["bits"] = {std::to_string(c.bits), "bit"};
  result.parameters["folder"] = {folder_.path(), ""};
  result.parameters["job"] = {control.id, ""};
  if (!solutions) {
    result.interrupted = clock.cancelled();
    result.time_limited = clock.time_over();
    // Whoever asked for the end gave the job up; a process that goes away did not.
    if (result.interrupted && !control.left) {
      folder_.mark_cancelled(control.id);
      result.warnings.push_back(
          fmt::format("spool: job {} is marked as cancelled in {}", control.id, folder_.path()));
    } else {
      result.warnings.push_back(fmt::format("spool: no answer yet; --resume-job {} takes it", control.id));
    }
  }
  return result;
}

BatchResult SpoolDevice::run_batch(std::span<const QamaProblem> problems, const JobSettings& given) {
  const JobSettings settings = merged(given);
  const Choices c = choices(settings);
  for (const QamaProblem& problem : problems) require_spins(capabilities(), problem, uri());
  struct Waiting {
    std::string id;
    Prepared prepared;
  };
  std::vector<std::optional<Waiting>> waiting(problems.size());
  std::size_t fresh = 0;
  const std::atomic<bool> never{false};
  const StopClock clock({}, never);
  for (std::size_t k = 0; k < problems.size(); ++k) {
    if (problems[k].spins() == 0) continue;
    auto problem = std::make_shared<Problem>();
    problem->ising = problems[k].to_dense();
    problem->kind = ProblemKind::qubo;
    problem->name = fmt::format("qama-{}", k);
    Job job{problem, settings, nullptr};
    Prepared prepared = prepare(job);
    const std::string id = prepared.fingerprint.substr(0, 32);
    const auto before = folder_.read(id);
    if (!before || before->fingerprint != prepared.fingerprint) {
      write(id, job, prepared);
      ++fresh;
    }
    waiting[k] = Waiting{id, std::move(prepared)};
  }
  BatchResult result;
  result.answers.resize(problems.size());
  std::size_t missing = 0;
  std::chrono::duration<double> pause{0.001};
  for (;;) {
    missing = 0;
    for (std::size_t k = 0; k < problems.size(); ++k) {
      if (result.answers[k]) continue;
      if (!waiting[k]) {
        result.answers[k] = BatchAnswer{{}, problems[k].qubo_energy({})};
        continue;
      }
      const Prepared& prepared = waiting[k]->prepared;
      const auto solutions =
          folder_.answer(waiting[k]->id, static_cast<std::size_t>(prepared.matrix.n), settings.runs);
      if (!solutions) {
        ++missing;
        continue;
      }
      const Result answer = result_of_solutions(prepared.adapted, *solutions, settings);
      const auto best =
          std::min_element(answer.samples.begin(), answer.samples.end(),
                           [](const Sample& a, const Sample& b) { return a.energy_best < b.energy_best; });
      result.answers[k] = BatchAnswer{best->spins_best, problems[k].energy(best->spins_best)};
      result.runs = answer.runs;
      if (result.adaptations.empty()) result.adaptations = answer.adaptations;
    }
    if (missing == 0 || interrupted() || clock.elapsed_s() >= c.wait_s) break;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
  if (missing > 0) {
    result.failure = fmt::format(
        "{} of {} problems have no answer yet in {} ({} matrices written now): give ID.csv to the machine, "
        "put "
        "its solutions there as ID.answer.json or ID.answer.csv, then the same command again",
        missing, problems.size(), folder_.path(), fresh);
  }
  result.steps = 1;
  result.parameters["form"] = {kForms[c.qubo ? 1 : 0], ""};
  result.parameters["bits"] = {std::to_string(c.bits), "bit"};
  result.parameters["folder"] = {folder_.path(), ""};
  result.wall_s = clock.elapsed_s();
  return result;
}

}  // namespace opoloop
