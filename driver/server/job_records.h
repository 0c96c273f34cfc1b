#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "driver/device.h"
#include "driver/server/job_engine.h"
#include "driver/server/journal.h"

namespace opoloop {

/// A job as the engine keeps it.
struct StoredJob {
  JobView view;
  std::string key;
  JobDescription description;
  std::string problem_source;
  std::string problem_sha256;
  Journal::Place accepted_at, finished_at;
  bool journaled = false;  ///< its record is written
  bool accepted = false;   ///< and flushed: its id may be told
  bool cancel_asked = false;
  bool abandoned = false;  ///< stopped because the server stops: no answer
  Device* device = nullptr;
  std::string device_job;  ///< while it runs
  std::shared_ptr<LivePicture> picture;
  std::condition_variable changed;
};
using JobPointer = std::shared_ptr<StoredJob>;

// What the engine's journal holds, written and read. Reading throws InputError where this version does not
// understand the record; `journal` names the folder in its message.

/// Records of the journal. The first two are a u32 length, so many bytes of JSON, then a payload: the problem
/// as npz, the answer. The others are an id.
enum RecordType : std::uint32_t { kAccepted = 1, kFinished = 2, kCancelAsked = 3, kForgotten = 4 };

/// How a job ended.
struct FinishedRecord {
  std::string id;
  JobStatus status = JobStatus::done;
  std::string error;
  double ended_unix_s = 0;
};

std::string accepted_body(const StoredJob& job, std::string_view problem);
JobPointer accepted_job(const std::string& body, const std::string& journal);

std::string finished_body(const FinishedRecord& record, std::string_view answer);
FinishedRecord finished_record(const std::string& body, const std::string& journal);

/// Where the payload of such a body begins.
std::size_t payload_of(const std::string& body);

}  // namespace opoloop
