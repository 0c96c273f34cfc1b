#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "driver/server/http_server.h"
#include "driver/server/job_engine.h"

namespace opoloop {

struct ServiceOptions {
  JobEngineOptions engine;
  HttpOptions http;
  int sapi_qubits = 512;        ///< on offer through D-Wave's interface; 0: it is left out
  std::ostream* log = nullptr;  ///< one line of JSON a request; null: none
  double grace_s = 10;          ///< what stop() gives the jobs that run
};

/// The devices a server offers where nothing else is said: the emulator alone and as every published machine,
/// and the baselines. None reads a file of the server.
std::vector<std::string> offered_devices();

/// `opoloop serve`: a job engine and the interfaces to it.
class Service {
 public:
  /// Opens the journal, listens, and begins to run jobs. Throws InputError.
  explicit Service(ServiceOptions options);
  /// stop().
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  std::string url() const;
  int port() const;
  JobEngine& engine();
  /// Takes no more jobs, lets those that run end for grace_s while their answers can be fetched, then closes.
  /// What has not ended stays in the journal.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace opoloop
