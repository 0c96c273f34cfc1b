#include "cli/command_serve.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "cli/number_options.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/threads.h"
#include "driver/credentials.h"
#include "driver/server/service.h"

namespace opoloop {
namespace {

struct ServeOptions {
  std::string bind = "127.0.0.1";
  int port = 8700;
  std::string journal = "opoloop-journal";
  std::optional<std::string> token_file, log, tls_certificate, tls_key;
  std::vector<std::string> devices;
  bool list_jobs = false;
  std::optional<int> threads;
  int workers = 0;
  int max_queue = 1000, max_finished = 10000, max_spins = 20000, max_connections = 512;
  int sapi_qubits = 512;
  double max_job_s = 3600, max_body_mib = 64, max_memory_mib = 1024, max_log_mib = 1024, request_s = 30,
         grace_s = 10;
};

std::uint64_t bytes_of(const char* option, double mib) {
  constexpr double kMost = 1 << 20;
  if (!(mib > 0 && mib <= kMost)) throw_parameter_error(option, mib, "above 0 and at most 2^20 MiB");
  return static_cast<std::uint64_t>(mib * (1 << 20));
}

CLI::Validator number_for(const int& value) {
  return any_integer(value);
}
CLI::Validator number_for(const double& /*value*/) {
  return any_number();
}

void check_ranges(const ServeOptions& o) {
  const auto range = [](const char* name, double value, double low, double high) {
    if (!(value >= low && value <= high)) {
      throw_parameter_error(name, value, fmt::format("from {} to {}", low, high));
    }
  };
  range("--port", o.port, 0, 65535);
  if (o.threads) range("--threads", *o.threads, 1, 4096);
  range("--workers", o.workers, 0, 4096);
  range("--max-queue", o.max_queue, 1, 1e6);
  range("--max-finished", o.max_finished, 1, 1e7);
  range("--max-spins", o.max_spins, 1, 1e6);
  range("--sapi-qubits", o.sapi_qubits, 0, 4096);
  range("--max-connections", o.max_connections, 1, 10000);
  range("--max-job-seconds", o.max_job_s, 0.001, 1e7);
  range("--request-seconds", o.request_s, 0.1, 3600);
  range("--grace", o.grace_s, 0, 86400);
}

ServiceOptions service_options(const ServeOptions& o) {
  const int threads = o.threads.value_or(available_threads());
  ServiceOptions s;
  s.grace_s = o.grace_s;
  s.engine.journal = o.journal;
  s.engine.devices = o.devices;
  for (const std::string& device : offered_devices()) {
    const auto& have = s.engine.devices;
    if (std::find(have.begin(), have.end(), device) == have.end()) s.engine.devices.push_back(device);
  }
  s.engine.workers = o.workers > 0 ? o.workers : threads;
  s.engine.threads_per_job = std::max(1, threads / s.engine.workers);
  s.engine.max_queue = o.max_queue;
  s.engine.max_finished = o.max_finished;
  s.engine.max_job_s = o.max_job_s;
  s.engine.list_jobs = o.list_jobs;
  s.engine.max_log_bytes = bytes_of("--max-log", o.max_log_mib);
  s.engine.limits.max_spins = o.max_spins;
  s.engine.limits.memory_bytes = bytes_of("--max-problem", o.max_memory_mib);
  s.sapi_qubits = o.sapi_qubits;
  s.http.bind = o.bind;
  s.http.port = o.port;
  if (o.tls_certificate.has_value() != o.tls_key.has_value()) {
    throw InputError("--tls-cert and --tls-key belong together: give both or none");
  }
  s.http.tls_certificate = o.tls_certificate.value_or("");
  s.http.tls_key = o.tls_key.value_or("");
  s.http.token = o.token_file ? secret_from_file(*o.token_file) : secret_from_environment("OPOLOOP_TOKEN");
  s.http.max_body_bytes = bytes_of("--max-body", o.max_body_mib);
  s.http.request_s = o.request_s;
  s.http.max_connections = o.max_connections;
  return s;
}

int serve(const ServeOptions& options, const Streams& streams) {
  check_ranges(options);
  catch_interrupts();
  // A client that has gone is an error of a write, not the end of the program.
  std::signal(SIGPIPE, SIG_IGN);
  ServiceOptions service_of = service_options(options);
  std::ofstream log_file;
  if (options.log && *options.log != "-") {
    log_file.open(*options.log, std::ios::app);
    if (!log_file) throw InputError("--log " + *options.log + ": cannot be written");
    service_of.log = &log_file;
  } else if (options.log || streams.live) {
    service_of.log = &streams.err;
  }
  Service service(std::move(service_of));
  // The one line on standard output: what a script waits for.
  streams.out << service.url() << std::endl;
  if (streams.live) {
    streams.err << fmt::format(
        "journal {}; stop with Ctrl-C; try: opoloop solve FILE --device opoloop{}://{}:{}\n", options.journal,
        options.tls_certificate ? "+https" : "", options.bind, service.port());
  }
  while (!interrupted()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  if (streams.live) streams.err << "stopping; what does not end in time is in the journal\n";
  service.stop();
  return 0;
}

}  // namespace

Verb add_serve(CLI::App& program) {
  CLI::App* app = program.add_subcommand("serve", "Offer the devices of this computer to others, over HTTP");
  auto options = std::make_shared<ServeOptions>();
  ServeOptions& o = *options;
  const char* where = "Where";
  app->add_option("--port", o.port, "Port; 0 takes any free one, which is printed")
      ->type_name("N")
      ->capture_default_str()
      ->transform(any_integer(o.port))
      ->group(where);
  app->add_option("--bind", o.bind, "Address; one that others can reach needs a token in OPOLOOP_TOKEN")
      ->type_name("ADDRESS")
      ->capture_default_str()
      ->group(where);
  app->add_option("--token-file", o.token_file,
                  "File that holds the token; nobody else may read it (mode 0600)")
      ->type_name("FILE")
      ->group(where);
  app->add_option("--tls-cert", o.tls_certificate, "Certificate (PEM): what travels is encrypted, https")
      ->type_name("FILE")
      ->group(where);
  app->add_option("--tls-key", o.tls_key, "Its private key (PEM); a file that others may not read")
      ->type_name("FILE")
      ->group(where);
  app->add_option("--journal", o.journal, "Folder of accepted jobs and their answers; they survive a restart")
      ->type_name("DIR")
      ->capture_default_str()
      ->group(where);
  app->add_option("--device", o.devices,
                  "Offer this device too, the first as the default (emulator:twin.toml); may be repeated")
      ->type_name("URI")
      ->allow_extra_args(false)
      ->group(where);
  app->add_flag("--list-jobs", o.list_jobs,
                "The page, and /v1/jobs, list all jobs; without it only who knows the id of one sees it")
      ->group(where);
  app->add_option("--log", o.log,
                  "Append one line of JSON a request; - is standard error, the default on a terminal")
      ->type_name("FILE")
      ->group(where);

  app->add_option("--sapi-qubits", o.sapi_qubits,
                  "Qubits offered through D-Wave's interface, all coupled to all; 0 leaves it out")
      ->type_name("N")
      ->capture_default_str()
      ->transform(any_integer(o.sapi_qubits))
      ->group(where);

  const char* work = "Work";
  app->add_option("--threads", o.threads, "Threads that compute; all of this computer's where left out")
      ->type_name("T")
      ->transform(any_integer(o.threads))
      ->group(work);
  app->add_option("--workers", o.workers,
                  "Jobs that run at the same time and share the threads (default: one a thread)")
      ->type_name("W")
      ->transform(any_integer(o.workers))
      ->group(work);
  app->add_option("--grace", o.grace_s, "Seconds that jobs have to end when the server is stopped")
      ->type_name("SECONDS")
      ->capture_default_str()
      ->transform(any_number())
      ->group(work);

  const char* limits = "Limits";
  const auto limit = [&](const char* name, auto& value, const char* help, const char* type) {
    app->add_option(name, value, help)
        ->type_name(type)
        ->capture_default_str()
        ->transform(number_for(value))
        ->group(limits);
  };
  limit("--max-queue", o.max_queue, "Jobs that wait; more are told to come again (429)", "N");
  limit("--max-finished", o.max_finished, "Answers that are kept; the oldest are forgotten", "N");
  limit("--max-spins", o.max_spins, "Spins of a problem", "N");
  limit("--max-job-seconds", o.max_job_s, "A job is stopped after this and answers with what is done",
        "SECONDS");
  limit("--max-body", o.max_body_mib, "Body of a request, also inflated", "MIB");
  limit("--max-problem", o.max_memory_mib, "Memory to read a problem in", "MIB");
  limit("--max-log", o.max_log_mib, "Amplitudes that one job may log", "MIB");
  limit("--max-connections", o.max_connections, "Connections at the same time", "N");
  limit("--request-seconds", o.request_s, "For a request to arrive whole", "SECONDS");
  return {app, [options](const Streams& streams) { return serve(*options, streams); }};
}

}  // namespace opoloop
