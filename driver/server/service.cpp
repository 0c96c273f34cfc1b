#include "driver/server/service.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>

#include "cim_model/presets.h"
#include "driver/server/native_api.h"
#include "driver/server/page.h"
#include "driver/server/quanfluence_api.h"
#include "driver/server/sapi_api.h"

namespace opoloop {
namespace {

/// One line a request: when, what, how it went. Neither headers nor bodies nor queries come here, so no
/// secret can.
class RequestLog {
 public:
  explicit RequestLog(std::ostream* out) : out_(out) {}

  void write(const RequestRecord& record) {
    if (out_ == nullptr) return;
    const auto now =
        std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
    const auto second = std::chrono::time_point_cast<std::chrono::seconds>(now);
    nlohmann::ordered_json line;
    line["time"] =
        fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(second)),
                    (now - second).count());
    line["method"] = record.method;
    line["path"] = record.path;
    line["status"] = record.status;
    if (!record.code.empty()) line["code"] = record.code;
    line["ms"] = std::round(record.seconds * 1e5) / 100;
    line["bytes_in"] = record.bytes_in;
    line["remote"] = record.remote;
    const std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    const std::lock_guard lock(mutex_);
    *out_ << text << std::flush;
  }

 private:
  std::ostream* out_;
  std::mutex mutex_;
};

}  // namespace

std::vector<std::string> offered_devices() {
  std::vector<std::string> devices = {"emulator:"};
  for (const MachinePreset& machine : machine_presets()) devices.push_back("emulator:" + machine.name);
  for (const char* baseline : {"annealing:", "dsb:", "bsb:", "exact:"}) devices.emplace_back(baseline);
  return devices;
}

struct Service::Impl {
  double grace_s = 0;
  RequestLog log;
  RequestCounter counter;
  JobEngine engine;
  HttpServer http;

  static HttpOptions logged(HttpOptions options, Impl* self) {
    options.log = [self](const RequestRecord& record) {
      self->counter.add(record);
      self->log.write(record);
    };
    return options;
  }

  static std::vector<Route> all_routes(JobEngine& engine, const RequestCounter& counter,
                                       const ServiceOptions& options) {
    std::vector<Route> routes = native_routes(engine, counter);
    QuanfluenceOptions quanfluence;
    quanfluence.token = options.http.token;
    quanfluence.max_inflated_bytes = options.http.max_body_bytes;
    for (Route& route : quanfluence_routes(engine, quanfluence)) routes.push_back(std::move(route));
    for (Route& route : page_routes()) routes.push_back(std::move(route));
    if (options.sapi_qubits == 0) return routes;
    for (Route& route : sapi_routes(engine, {options.sapi_qubits})) routes.push_back(std::move(route));
    return routes;
  }

  explicit Impl(ServiceOptions options)
      : grace_s(options.grace_s),
        log(options.log),
        engine(std::move(options.engine)),
        http(logged(options.http, this), all_routes(engine, counter, options)) {}
};

Service::Service(ServiceOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {
  impl_->engine.start();
  impl_->http.start();
}

Service::~Service() {
  stop();
}

std::string Service::url() const {
  return impl_->http.url();
}

int Service::port() const {
  return impl_->http.port();
}

JobEngine& Service::engine() {
  return impl_->engine;
}

void Service::stop() {
  impl_->engine.stop(impl_->grace_s);
  impl_->http.stop();
}

}  // namespace opoloop
