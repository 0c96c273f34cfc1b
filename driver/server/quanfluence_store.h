#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "hamiltonian/problem.h"

namespace opoloop {

/// A device as a client of Quanfluence's service makes and changes it. What the vendor's machine does with
/// alpha, beta, beta_decay and noise_stdev is not published: they are kept and given back, nothing more.
struct QuanfluenceDevice {
  std::int64_t id = 0;
  std::string title, description, type;
  std::string public_ipv4_address, private_ipv4_address;
  std::int64_t iters = 100;  ///< round trips (sweeps, steps) of a trajectory
  std::int64_t runs = 5;     ///< trajectories of a trial
  std::int64_t trials = 1;
  double alpha = 1, beta = 1, beta_decay = 0.99, noise_stdev = 0.1;  // defaults of the vendor's client
  double runtime = 0;                                                ///< seconds; 0: no limit
};

/// Its members by the names that the service has for them.
nlohmann::ordered_json quanfluence_device_json(const QuanfluenceDevice& device);
/// Takes over the members that `changes`, an object, has; others that it has are not looked at. Throws
/// InputError naming the member that is wrong.
void change_quanfluence_device(QuanfluenceDevice& device, const nlohmann::ordered_json& changes);

/// What outlives the server beside jobs: device records in one file, uploaded problems in one file each, in a
/// folder of their own. Whatever was answered is on the disk. Any thread.
class QuanfluenceStore {
 public:
  /// Opens or makes the folder; device 1 exists from the beginning. Throws InputError where a file of it is
  /// not what this program wrote. When the problems have more than `max_files` files or `max_bytes`, the
  /// oldest go.
  QuanfluenceStore(const std::string& folder, std::size_t max_files, std::uint64_t max_bytes);

  /// Gives the record the next id and keeps it. Throws HttpError 409 where there are too many.
  QuanfluenceDevice add(QuanfluenceDevice device);
  /// Throws HttpError 404, also below.
  QuanfluenceDevice find(const std::string& id) const;
  QuanfluenceDevice change(const std::string& id, const nlohmann::ordered_json& changes);

  /// Keeps a problem for a device and returns the name to ask for it by.
  std::string upload(const QuanfluenceDevice& device, const Problem& problem);
  Problem uploaded(const QuanfluenceDevice& device, const std::string& name) const;

 private:
  std::string path_of(std::int64_t device, const std::string& name) const;
  void save(const std::map<std::int64_t, QuanfluenceDevice>& devices) const;

  struct Upload {
    std::string path;
    std::uint64_t bytes = 0;
  };

  std::string folder_;
  std::size_t max_files_;
  std::uint64_t max_bytes_;
  mutable std::mutex mutex_;
  std::map<std::int64_t, QuanfluenceDevice> devices_;
  std::vector<Upload> uploads_;  ///< the oldest first
};

}  // namespace opoloop
