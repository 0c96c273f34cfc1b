#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "driver/device.h"

namespace opoloop {

/// What a job may ask for.
struct JobLimits {
  std::int32_t max_spins = 20000;
  /// Of a problem while it is read, inflated data included.
  std::uint64_t memory_bytes = std::uint64_t{1} << 30;
  int max_runs = 100000;
};

/// A job as it travels: to whom, with what settings. `threads` of the settings does not travel: whoever
/// computes decides it, and it never changes an answer.
struct JobDescription {
  std::string device;  ///< empty: what the server has as its default
  std::string label;   ///< the user's own, up to 200 bytes
  JobSettings settings;
};

struct JobRequest {
  JobDescription description;
  Problem problem;
  /// What the interface that took the job wants back with it (JobView); nobody outside reads or writes it.
  std::string note;
};

// JSON of the native interface (docs/server.md). The readers face bytes from outside: they throw InputError
// of one line that names the key, and refuse keys they do not know and texts nested deeper than
// JsonSize::kDeepest.

/// {"device": …, "label": …, "settings": {…}}; an empty text is an empty object.
JobDescription parse_description(std::string_view text, const JobLimits& limits);
/// The same with "problem": {"n", "couplings": [[i, j, J], …], "h", "offset", "kind", "name"}, or
/// {"text": a problem file, "name", "format"}, or a dimod BinaryQuadraticModel.
JobRequest parse_job(std::string_view text, const JobLimits& limits);
/// A problem file of any format, HDF5 in a process of its own (hdf5_upload.h); `name` helps where two formats
/// share a grammar.
Problem parse_problem_bytes(std::string_view bytes, const std::string& name, const std::string& format,
                            const JobLimits& limits);

std::string description_json(const JobDescription& description);

/// A whole answer. Spins as a text of '+' and '-' a sample; numbers that are not finite as "nan", "inf",
/// "-inf". Reading gives back the same bits.
std::string result_json(const Result& result);
/// Throws InputError where the text is not such an answer.
Result parse_result(std::string_view text);

/// "queued", "running", "done", "failed", "cancelled".
std::string status_name(JobStatus status);
/// The inverse. Throws InputError.
JobStatus parse_status(const std::string& name);

}  // namespace opoloop
