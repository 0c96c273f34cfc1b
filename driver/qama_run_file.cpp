#include "driver/qama_run_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <mutex>
#include <utility>

#include "core/error.h"
#include "driver/hdf5_handle.h"
#include "driver/run_file_parts.h"
#include "hamiltonian/formats/file_bytes.h"
#include "hamiltonian/qama/qama_decoder.h"

namespace opoloop {
namespace {

using hdf5::Description;
using hdf5::Packing;
using Dims = std::vector<std::uint64_t>;

constexpr const char* kSchema = "opoloop-qama";
constexpr const char* kEnergy = "problem energy";

std::uint64_t dim(int size) {
  return static_cast<std::uint64_t>(size);
}

/// The coefficients of the Hamiltonian by the names of docs/qama.md.
std::vector<std::pair<const char*, double QamaSpec::*>> coefficients() {
  return {{"c_q", &QamaSpec::c_q},
          {"c_l", &QamaSpec::c_l},
          {"c_m", &QamaSpec::c_m},
          {"sparsity", &QamaSpec::sparsity},
          {"sparsity_target", &QamaSpec::sparsity_target},
          {"long_range", &QamaSpec::long_range}};
}

void write_group(std::int64_t file, const QamaRun& run) {
  const Hdf5Handle group = hdf5::create_group(file, "qama");
  hdf5::write_attribute(group, "name", run.name);
  hdf5::write_attribute(group, "source", run.source);
  hdf5::write_attribute(group, "sha256", run.sha256);
  hdf5::write_attribute(group, "form", name_of(run.spec.form));
  hdf5::write_attribute(group, "bits", std::int64_t{run.spec.bits});
  for (const auto& [name, coefficient] : coefficients()) {
    hdf5::write_attribute(group, name, run.spec.*coefficient);
  }
  hdf5::write_attribute(group, "scale", run.scale);
  hdf5::write_attribute(group, "runs", std::int64_t{run.runs});
  hdf5::write_attribute(group, "steps", run.steps);
  hdf5::write_attribute(group, "only", std::int64_t{run.only});
  hdf5::write_attribute(group, "failure", run.failure);
  const QamaShape& s = run.shape;
  const std::uint64_t B = dim(s.batch), H = dim(s.heads), N = dim(s.tokens), d = dim(s.width);
  hdf5::write_dataset<std::int8_t>(
      group, "x", {B, H, N, dim(run.spec.bits)}, run.x.data(),
      {"1", "Selection [sample][head][token][bit], 0 or 1, bit 0 the least; 0 where masked or not answered."},
      Packing::packed);
  hdf5::write_dataset<double>(
      group, "energy", {B}, run.energy.data(),
      {kEnergy, "Energy of x in QUBO form, nothing dropped (docs/qama.md, eq. 3); NaN where not answered."});
  hdf5::write_dataset<std::uint8_t>(group, "answered", {B}, run.answered.data(),
                                    {"1", "1: the device solved this problem."});
  hdf5::write_dataset<float>(group, "output", {B, N, H * d}, run.output.data(),
                             {"1", "What the attention operator passes on; NaN where not answered."},
                             Packing::packed);
  hdf5::write_dataset<float>(group, "J", {B, H, N, N}, run.J.data(),
                             {kEnergy, "Interaction of tokens, without the coefficients."}, Packing::packed);
  hdf5::write_dataset<float>(group, "h", {B, H, N}, run.h.data(),
                             {kEnergy, "Importance of tokens, without the coefficients."}, Packing::packed);
  hdf5::write_dataset<float>(group, "u", {d}, run.u.data(), {"1", "The vector shared by the heads."});
  if (!run.masked.empty()) {
    hdf5::write_dataset<std::uint8_t>(group, "mask", {B, N}, run.masked.data(), {"1", "1: masked token."});
  }
  const std::pair<const char*, double> times[] = {
      {"scores_s", run.scores_s}, {"solve_s", run.solve_s}, {"read_out_s", run.read_out_s}};
  for (const auto& [name, seconds] : times) {
    hdf5::write_dataset<double>(group, name, {}, &seconds, {"s", "Wall time of this stage."});
  }
  hdf5::write_text_dataset(group, "adaptations", run.adaptations,
                           "What was changed so that the device could take the first problem.");
}

void write_contents(const std::string& path, const QamaRun& run) {
  Hdf5Handle file = hdf5::create_file(path);
  run_file::write_provenance(file, kSchema, kQamaRunSchemaVersion, run.command_line, run.seed);
  hdf5::write_attribute(file, "complete", std::int64_t{run.failure.empty() ? 1 : 0});
  {
    const Hdf5Handle device = hdf5::create_group(file, "device");
    hdf5::write_attribute(device, "uri", run.device_uri);
    run_file::write_parameters(device, run.parameters);
  }
  write_group(file, run);
  file.close(path);
}

std::vector<std::uint64_t> shape_of(std::int64_t group, const char* name, std::size_t axes) {
  const Dims dims = hdf5::dimensions(hdf5::open_dataset(group, name));
  if (dims.size() != axes)
    throw Error(fmt::format("/qama/{} has {} dimensions, not {}", name, dims.size(), axes));
  return dims;
}

void require_shape(std::int64_t group, const char* name, const Dims& want) {
  const Dims have = shape_of(group, name, want.size());
  if (have != want) {
    throw Error(
        fmt::format("/qama/{} is [{}], not [{}]", name, fmt::join(have, ", "), fmt::join(want, ", ")));
  }
}

QamaSpec read_spec(std::int64_t group) {
  QamaSpec spec;
  spec.form = parse_qama_form(hdf5::read_text_attribute(group, "form"));
  spec.bits = static_cast<int>(hdf5::read_integer_attribute(group, "bits"));
  for (const auto& [name, coefficient] : coefficients()) {
    spec.*coefficient = hdf5::read_number_attribute(group, name);
  }
  spec.validate();
  return spec;
}

/// Every answered problem's x must have the energy the file says.
void check_energies(std::int64_t group, RunFileCheck& check) {
  const QamaSpec spec = read_spec(group);
  const Dims dims = shape_of(group, "x", 4);
  const std::size_t B = dims[0], H = dims[1], N = dims[2], q = dims[3];
  if (q != static_cast<std::size_t>(spec.bits)) throw Error("/qama/x: the last dimension is not bits");
  require_shape(group, "energy", {B});
  require_shape(group, "answered", {B});
  require_shape(group, "J", {B, H, N, N});
  require_shape(group, "h", {B, H, N});
  const Dims u = shape_of(group, "u", 1);
  require_shape(group, "output", {B, N, H * u[0]});
  const auto x = hdf5::read_all<std::int8_t>(group, "x");
  const auto energy = hdf5::read_all<double>(group, "energy");
  const auto answered = hdf5::read_all<std::uint8_t>(group, "answered");
  const auto J = hdf5::read_all<float>(group, "J");
  const auto h = hdf5::read_all<float>(group, "h");
  std::vector<std::uint8_t> masked;
  if (hdf5::exists(group, "mask")) {
    require_shape(group, "mask", {B, N});
    masked = hdf5::read_all<std::uint8_t>(group, "mask");
  }
  std::size_t done = 0, wrong = 0;
  for (std::size_t b = 0; b < B; ++b) {
    if (answered[b] == 0) continue;
    ++done;
    std::span<const std::uint8_t> gone;
    if (!masked.empty()) gone = std::span(masked).subspan(b * N, N);
    const QamaProblem problem(spec, static_cast<int>(H), static_cast<int>(N),
                              std::span(J).subspan(b * H * N * N, H * N * N),
                              std::span(h).subspan(b * H * N, H * N), gone);
    const double recomputed =
        problem.energy(encode_selection(problem, std::span(x).subspan(b * H * N * q, H * N * q)));
    if (!(std::abs(recomputed - energy[b]) <= 1e-6 * std::max(1.0, std::abs(recomputed)))) ++wrong;
  }
  check.lines.push_back(
      fmt::format("batch: problems {}, heads {}, tokens {}, bits {}; {} answered", B, H, N, q, done));
  if (wrong > 0) throw Error(fmt::format("/qama: {} selections do not have the energy stated", wrong));
  check.lines.emplace_back("energies recomputed from scores and selections agree");
  const std::size_t asked = hdf5::read_integer_attribute(group, "only") < 0 ? B : 1;
  if (check.complete && done < asked) throw Error("complete, but not every problem is answered");
}

}  // namespace

void write_qama_run(const std::string& path, const QamaRun& run) {
  const std::lock_guard lock(hdf5_mutex());
  write_atomically(path, [&](const std::string& temporary) { write_contents(temporary, run); });
}

bool is_qama_run(const std::string& path) {
  return hdf5::file_has_schema(path, kSchema);
}

RunFileCheck check_qama_run(const std::string& path) {
  RunFileCheck check;
  try {
    const std::lock_guard lock(hdf5_mutex());
    const Hdf5Handle file = hdf5::open_file(path, false);
    const std::int64_t version = hdf5::read_integer_attribute(file, "schema_version");
    if (version != kQamaRunSchemaVersion) {
      throw Error(
          fmt::format("schema version {}, this program reads version {}", version, kQamaRunSchemaVersion));
    }
    for (const char* name :
         {"created_utc", "opoloop_version", "git_commit", "command_line", "seed", "host", "complete"}) {
      if (!hdf5::has_attribute(file, name)) throw Error(fmt::format("attribute {} is missing", name));
    }
    check.complete = hdf5::read_integer_attribute(file, "complete") != 0;
    check.lines.push_back(fmt::format("schema: {} version {}", kSchema, version));
    const Hdf5Handle group = hdf5::open_group(file, "qama");
    check.lines.push_back(check.complete ? "complete: yes"
                                         : "complete: no: " + hdf5::read_text_attribute(group, "failure"));
    check.lines.push_back("device: " + hdf5::read_text_attribute(hdf5::open_group(file, "device"), "uri"));
    check_energies(group, check);
    check.ok = true;
  } catch (const Error& error) {
    check.lines.push_back(fmt::format("broken: {}", error.what()));
  }
  return check;
}

}  // namespace opoloop
