#pragma once

#include <memory>
#include <span>
#include <vector>

namespace opoloop {

/// Two-sided periodogram by FFTW: P(ω_m) = (dt/L) |Σ_k x_k e^{−iω_m k dt}|², ω_m = 2πm/(L dt), m = 0 … L/2;
/// ∫ P dω/2π over all ω is the mean of x². One plan for all calls; call from any thread.
class Periodogram {
 public:
  Periodogram(int length, double dt);
  ~Periodogram();
  Periodogram(const Periodogram&) = delete;
  Periodogram& operator=(const Periodogram&) = delete;

  int bins() const { return length_ / 2 + 1; }
  double omega(int bin) const;
  /// power[m] += P(ω_m) of a record of `length` samples.
  void add(std::span<const double> record, std::span<double> power) const;

  /// What a periodogram of this length is on average for a process whose autocovariance is c[0 … length−1]:
  /// dt Σ_{|m|<L} (1 − |m|/L) c_m e^{−iωm dt}; leakage and all.
  double expected(int bin, std::span<const double> autocovariance) const;

 private:
  struct Plan;
  int length_;
  double dt_;
  std::unique_ptr<Plan> plan_;
};

}  // namespace opoloop
