#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "driver/host_address.h"
#include "driver/http_client.h"

namespace opoloop {

/// One machine of a service with Quanfluence's REST interface, as the public client speaks to it
/// (python-quanfluence-sdk 0.0.6): sign-in, envelopes {"status", "data", "message"}. Any thread.
///
/// Requests that are safe to repeat are, with growing pauses, for half a minute. A refusal (4xx) throws
/// InputError with the service's words, anything else Error.
class QuanfluenceClient {
 public:
  QuanfluenceClient(const HostAddress& address, bool tls, std::string device);

  /// Where the machine's record says so: iters, runs, alpha, beta, … as text.
  std::map<std::string, std::string> device();
  /// Changes fields of the record, for everybody who uses the machine, until the next change.
  void update_device(const std::map<std::string, std::string>& numbers);
  /// Takes a .qubo file and returns the name the service gives it.
  std::string upload(const std::string& qubo_text);
  /// Begins a job on an uploaded file and returns its id. Never repeated once it may have arrived.
  std::string create_job(const std::string& file_name);
  /// SUBMITTED, …, SUCCEEDED, FAILED, CANCELLED, and `data` as JSON.
  struct JobState {
    std::string status;
    std::string data;
    std::string message;
  };
  JobState job(const std::string& id);
  /// Runs data.zip and waits for the answer, `data` as JSON. Never repeated once it may have arrived.
  std::string execute(const std::string& zip, double timeout_s);

  const std::string& device_id() const { return device_; }

 private:
  /// The `data` of the answer, as text.
  std::string ask(OutgoingRequest request);
  void sign_in();

  std::string device_;
  std::unique_ptr<HttpClient> client_;
  std::mutex mutex_;
  std::string token_;
};

/// Whether a text may stand in an address as the id of a job or a device: letters, digits, '-', '_', '.'.
bool is_quanfluence_id(std::string_view text);

}  // namespace opoloop
