#include "driver/server/job_records.h"

#include <fmt/format.h>

#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

namespace opoloop {
namespace {

using Json = nlohmann::ordered_json;

std::string joined(const Json& meta, std::string_view payload) {
  const std::string text = meta.dump(-1, ' ', false, Json::error_handler_t::replace);
  const auto length = static_cast<std::uint32_t>(text.size());
  std::string body(reinterpret_cast<const char*>(&length), sizeof length);
  body += text;
  body += payload;
  return body;
}

Json meta_of(const std::string& body) {
  const std::size_t end = payload_of(body);
  try {
    return Json::parse(body.begin() + sizeof(std::uint32_t), body.begin() + static_cast<std::ptrdiff_t>(end));
  } catch (const Json::exception& error) {
    throw InputError(fmt::format("the journal holds a record that is not JSON: {}", error.what()));
  }
}

}  // namespace

std::size_t payload_of(const std::string& body) {
  std::uint32_t length = 0;
  if (body.size() < sizeof length) throw InputError("the journal holds a record without its head");
  std::memcpy(&length, body.data(), sizeof length);
  if (length > body.size() - sizeof length) throw InputError("the journal holds a record without its head");
  return sizeof length + length;
}

std::string accepted_body(const StoredJob& job, std::string_view problem) {
  const Json meta = {{"id", job.view.id},
                     {"key", job.key},
                     {"fingerprint", job.view.fingerprint},
                     {"created", job.view.created_unix_s},
                     {"spins", job.view.spins},
                     {"name", job.view.problem_name},
                     {"note", job.view.note},
                     {"source", job.problem_source},
                     {"sha256", job.problem_sha256},
                     {"job", Json::parse(description_json(job.description))}};
  return joined(meta, problem);
}

JobPointer accepted_job(const std::string& body, const std::string& journal) {
  const Json meta = meta_of(body);
  auto job = std::make_shared<StoredJob>();
  try {
    job->view.id = meta.at("id");
    job->key = meta.at("key");
    job->view.fingerprint = meta.at("fingerprint");
    job->view.created_unix_s = meta.at("created");
    job->view.spins = meta.at("spins");
    job->view.problem_name = meta.at("name");
    job->view.note = meta.value("note", "");  // journals of earlier versions have none
    job->problem_source = meta.at("source");
    job->problem_sha256 = meta.at("sha256");
    JobLimits any;
    any.max_runs = std::numeric_limits<int>::max();
    job->description = parse_description(meta.at("job").dump(), any);
  } catch (const Json::exception& error) {
    throw InputError(fmt::format("{}: a job that this version does not read: {}", journal, error.what()));
  }
  job->view.device = job->description.device;
  job->view.label = job->description.label;
  job->view.settings = job->description.settings;
  job->view.logged = job->description.settings.log_trajectories > 0;
  return job;
}

std::string finished_body(const FinishedRecord& record, std::string_view answer) {
  const Json meta = {{"id", record.id},
                     {"state", status_name(record.status)},
                     {"error", record.error},
                     {"finished", record.ended_unix_s}};
  return joined(meta, answer);
}

FinishedRecord finished_record(const std::string& body, const std::string& journal) {
  const Json meta = meta_of(body);
  try {
    return {meta.at("id"), parse_status(meta.at("state")), meta.at("error"), meta.at("finished")};
  } catch (const Json::exception& error) {
    throw InputError(fmt::format("{}: an answer that this version does not read: {}", journal, error.what()));
  }
}

}  // namespace opoloop
