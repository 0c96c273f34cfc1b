#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "driver/device.h"
#include "driver/uri.h"

namespace opoloop {

/// What a running job and the thread that watches it say to each other.
struct JobControl {
  std::string id;                   ///< of the job, as hand_over() gave it
  std::atomic<bool> cancel{false};  ///< set from outside: stop soon, answer with what is done
  std::atomic<bool> left{false};    ///< with `cancel`: nobody waits any more, the device object goes away
  std::atomic<std::int64_t> progress{0};  ///< trajectory·steps done
  std::atomic<std::int64_t> total{0};     ///< trajectory·steps asked; 0 until known
  std::atomic<double> best_energy{std::numeric_limits<double>::infinity()};
  /// A device that works in units of its own (driver/adapt.h) says so before it offers energies: those of the
  /// problem are energy_unit · best_energy + energy_offset.
  std::atomic<double> energy_unit{1};
  std::atomic<double> energy_offset{0};

  /// Lowers best_energy to `energy` if that is lower. Any thread.
  void offer_energy(double energy);
};

/// A device that works on each job on a thread of its own: computes it, or waits there for a machine
/// elsewhere. An implementation gives execute(), validate() where it refuses jobs, hand_over() where its jobs
/// outlive this process, and a destructor that calls stop().
class LocalDevice : public Device {
 public:
  std::string uri() const final { return uri_.text; }

  void check(const Job& job) const final;
  std::string submit(const Job& job) final;
  JobStatus poll(const std::string& id, Progress* progress = nullptr) final;
  JobStatus wait(const std::string& id, double timeout_s, Progress* progress = nullptr) final;
  Result result(const std::string& id) final;
  void cancel(const std::string& id) final;

 protected:
  /// The query of the URI holds this device's parameters; those of a job go before them.
  explicit LocalDevice(DeviceUri uri) : uri_(std::move(uri)) {}
  ~LocalDevice() override;
  LocalDevice(const LocalDevice&) = delete;
  LocalDevice& operator=(const LocalDevice&) = delete;

  /// Refuses a job before it is accepted, by InputError; called by submit() with the merged parameters, after
  /// the checks that hold for all (a problem is there and not too large, positive runs, steps, threads, …).
  virtual void validate(const Job& job) const;

  /// Gives a job that was checked to the machine and returns its id; execute() then waits for the answer. By
  /// default there is no such machine, and the id is a number of this object.
  virtual std::string hand_over(const Job& job);

  /// Does the job, on a thread of its own; jobs of one device may run at the same time. Fills in everything
  /// of Result but device_uri; sets `interrupted` where it stopped because of control.cancel.
  virtual Result execute(const Job& job, JobControl& control) = 0;

  /// Starts execute() for a job with merged parameters that an earlier process handed over: for attach().
  /// A job that is already known stays as it is.
  void begin(const std::string& id, Job job);

  /// Cancels what runs and waits for it. Every derived destructor calls it, because execute() may use the
  /// derived object until then.
  void stop();

  const DeviceUri& parsed_uri() const { return uri_; }
  /// The settings with the URI's parameters added; those given go before them.
  JobSettings merged(const JobSettings& settings) const;
  Job merged(const Job& job) const;

 private:
  struct LocalJob;
  std::shared_ptr<LocalJob> find(const std::string& id);

  DeviceUri uri_;
  std::mutex mutex_;
  std::atomic<std::int64_t> next_id_{1};
  std::map<std::string, std::shared_ptr<LocalJob>> jobs_;
};

}  // namespace opoloop
