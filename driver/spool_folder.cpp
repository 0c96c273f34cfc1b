#include "driver/spool_folder.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "hamiltonian/formats/file_bytes.h"

namespace opoloop {
namespace {

using Json = nlohmann::json;

constexpr const char* kMatrix = ".csv";
constexpr const char* kManifest = ".job.json";
constexpr const char* kSchema = "opoloop-spool";
/// Far above any answer; a machine of 10 000 spins gives 100 000 solutions in 2 GB of text.
constexpr std::uint64_t kAnswerBytes = std::uint64_t{4} << 30;
constexpr std::uint64_t kManifestBytes = std::uint64_t{1} << 20;
constexpr auto kSettled = std::chrono::seconds(2);

Json to_json(const SpoolManifest& m) {
  const bool ising = m.form == "ising";
  Json json = {
      {"schema", kSchema},
      {"schema_version", 1},
      {"id", m.id},
      {"created_utc", m.created_utc},
      {"problem", m.problem},
      {"form", m.form},
      {"minimise", ising ? "-sum_ij M_ij s_i s_j, s = -1 or +1" : "sum_ij Q_ij x_i x_j, x = 0 or 1"},
      {"matrix", m.id + kMatrix},
      {"matrix_sha256", m.matrix_sha256},
      {"size", m.size},
      {"bits", m.bits},
      {"last_row_is_ancilla", m.ancilla},
      {"runs", m.runs ? Json(*m.runs) : Json(nullptr)},
      {"answer", {m.id + ".answer.json", m.id + ".answer.csv"}},
      {"adaptations", m.adaptations},
      {"fingerprint", m.fingerprint},
      {"cancelled", m.cancelled},
  };
  return json;
}

}  // namespace

void SpoolFolder::write(const SpoolManifest& manifest, const std::string& matrix_csv) const {
  std::error_code failure;
  std::filesystem::create_directories(path_, failure);
  if (!std::filesystem::is_directory(path_)) {
    throw InputError(fmt::format("spool: {} is no folder, and cannot be made one{}", path_,
                                 failure ? ": " + failure.message() : ""));
  }
  write_file_bytes(file(manifest.id, kMatrix), matrix_csv);
  write_file_bytes(file(manifest.id, kManifest),
                   to_json(manifest).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::optional<SpoolManifest> SpoolFolder::read(const std::string& id) const {
  const std::string path = file(id, kManifest);
  if (!std::filesystem::exists(path)) return std::nullopt;
  const std::string text = read_file_bytes(path, kManifestBytes);
  try {
    const Json json = Json::parse(text);
    if (json.at("schema") != kSchema || json.at("schema_version") != 1) {
      throw InputError(path + ": is not a manifest of this version");
    }
    SpoolManifest m;
    m.id = id;
    m.created_utc = json.at("created_utc");
    m.problem = json.at("problem");
    m.form = json.at("form");
    m.matrix_sha256 = json.at("matrix_sha256");
    m.size = json.at("size");
    m.bits = json.at("bits");
    m.ancilla = json.at("last_row_is_ancilla");
    if (!json.at("runs").is_null()) m.runs = json.at("runs").get<int>();
    m.adaptations = json.at("adaptations").get<std::vector<std::string>>();
    m.fingerprint = json.at("fingerprint");
    m.cancelled = json.at("cancelled");
    return m;
  } catch (const Json::exception&) {
    throw InputError(path + ": is not the manifest of a job");
  }
}

void SpoolFolder::mark_cancelled(const std::string& id) const {
  std::optional<SpoolManifest> manifest = read(id);
  if (!manifest) return;
  manifest->cancelled = true;
  write_file_bytes(file(id, kManifest),
                   to_json(*manifest).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::optional<SpinSets> SpoolFolder::answer(const std::string& id, std::size_t spins,
                                            std::optional<int> runs) const {
  for (const bool is_json : {true, false}) {
    const std::string path = file(id, is_json ? ".answer.json" : ".answer.csv");
    std::error_code missing;
    const auto changed = std::filesystem::last_write_time(path, missing);
    if (missing) continue;
    // The clock of another computer may run ahead: what was written "in the future" has settled.
    const auto age = std::filesystem::file_time_type::clock::now() - changed;
    const bool settled = age >= kSettled || age < -kSettled;
    try {
      const std::string text = read_file_bytes(path, kAnswerBytes);
      SpinSets solutions =
          is_json ? parse_solution_json(text, spins, path) : parse_solution_csv(text, spins, path);
      // Half a list in JSON is not read; of a CSV file any number of lines is.
      const bool fewer = runs ? solutions.size() < static_cast<std::size_t>(*runs) : !is_json;
      if (!settled && fewer) return std::nullopt;
      return solutions;
    } catch (const InputError&) {
      if (settled) throw;
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace opoloop
