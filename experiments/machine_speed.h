#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace opoloop {

/// What one thread of this computer can do, measured, to hold the engine against. Rates are the best of
/// several repetitions, because a shared computer only ever makes them worse.
struct MachineSpeed {
  std::string instruction_set;  ///< of the vector loop: "AVX2", "AVX3_DL", …
  double fma_peak_gflops = 0;   ///< float32 fused multiply-adds out of registers, two operations each
  std::string blas;             ///< what sgemm ran: "OpenBLAS 0.3.21", "Eigen 3.4.0"
  struct Sgemm {
    int n;
    double gflops;  ///< N × N times N × 128, 2N²·128 operations
  };
  std::vector<Sgemm> sgemm;
  std::size_t cache_bytes = 0;  ///< size of the buffer read for the next line
  double cache_gb_per_s = 0;    ///< streaming reads from the last-level cache, 10⁹ bytes a second
  std::size_t memory_bytes = 0;
  double memory_gb_per_s = 0;  ///< streaming reads of a buffer beyond the caches
};

/// Takes about `seconds` for each of its numbers.
MachineSpeed measure_machine_speed(double seconds = 0.2);

namespace kernels {

/// Runs a loop of independent fused multiply-adds; returns the number of floating-point operations done and
/// leaves something that depends on all of them in *sink.
double fma_loop(long iterations, float* sink);
/// Sum of `count` floats (64-byte aligned, count a multiple of 256), as fast as they arrive.
float read_all(const float* data, std::size_t count);
const char* speed_instruction_set();

}  // namespace kernels

}  // namespace opoloop
