#include "experiments/machine_speed.h"

#include <dlfcn.h>
#include <unistd.h>

#include <Eigen/Core>
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <new>
#include <sstream>

namespace opoloop {
namespace {

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Best rate of `work`, which returns how much it did, over repetitions that fill `seconds`; at least three.
double best_rate(double seconds, const std::function<double()>& work) {
  work();  // touches memory and wakes the clock
  double best = 0;
  const double end = now_s() + seconds;
  for (int repetition = 0; repetition < 3 || now_s() < end; ++repetition) {
    const double start = now_s();
    const double done = work();
    best = std::max(best, done / (now_s() - start));
  }
  return best;
}

/// The system's OpenBLAS, if it is there when the program runs: bench is the only user, so the program does
/// not depend on it. One thread.
class OpenBlas {
 public:
  OpenBlas() : library_(dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL)) {
    if (!library_) return;
    sgemm_ = symbol<Sgemm>("cblas_sgemm");
    const auto set_threads = symbol<void (*)(int)>("openblas_set_num_threads");
    const auto config = symbol<char* (*)()>("openblas_get_config");
    if (!sgemm_ || !set_threads || !config) {
      sgemm_ = nullptr;
      return;
    }
    set_threads(1);
    std::istringstream words(config());
    std::string product, version;
    words >> product >> version;
    name_ = product + " " + version;
  }
  // Its threads would outlive an unloaded library: left open.

  bool found() const { return sgemm_ != nullptr; }
  const std::string& name() const { return name_; }

  /// C = A B, row-major, A n × n, B and C n × width.
  void multiply(int n, int width, const float* a, const float* b, float* c) const {
    constexpr int kRowMajor = 101, kNoTranspose = 111;
    sgemm_(kRowMajor, kNoTranspose, kNoTranspose, n, width, n, 1.0F, a, n, b, width, 0.0F, c, width);
  }

 private:
  using Sgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float,
                         float*, int);
  template <class F>
  F symbol(const char* name) const {
    return reinterpret_cast<F>(dlsym(library_, name));
  }

  void* library_;
  Sgemm sgemm_ = nullptr;
  std::string name_;
};

constexpr int kBatch = 128;
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

MachineSpeed::Sgemm measure_sgemm(const OpenBlas& blas, int n, double seconds) {
  const Matrix a = Matrix::Random(n, n);
  const Matrix b = Matrix::Random(n, kBatch);
  Matrix c = Matrix::Zero(n, kBatch);
  const double operations = 2.0 * n * n * kBatch;
  const int repeats = std::max(1, static_cast<int>(1e7 / operations));
  const double rate = best_rate(seconds, [&] {
    for (int i = 0; i < repeats; ++i) {
      if (blas.found()) {
        blas.multiply(n, kBatch, a.data(), b.data(), c.data());
      } else {
        c.noalias() = a * b;
      }
    }
    return operations * repeats;
  });
  return {n, rate * 1e-9};
}

double measure_reads(std::size_t bytes, double seconds) {
  constexpr std::align_val_t kAlignment{64};
  const std::size_t count = bytes / sizeof(float);
  const auto free = [](float* p) { ::operator delete[](p, kAlignment); };
  const std::unique_ptr<float[], decltype(free)> data(
      static_cast<float*>(::operator new[](count * sizeof(float), kAlignment)), free);
  std::fill_n(data.get(), count, 1.0F);
  volatile float sink = 0;
  const int repeats = std::max<int>(1, static_cast<int>((std::size_t{64} << 20) / bytes));
  const double rate = best_rate(seconds, [&] {
    for (int i = 0; i < repeats; ++i) sink = sink + kernels::read_all(data.get(), count);
    return static_cast<double>(bytes) * repeats;
  });
  return rate * 1e-9;
}

std::size_t cache_size(int name, std::size_t fallback) {
  const long bytes = sysconf(name);
  return bytes > 0 ? static_cast<std::size_t>(bytes) : fallback;
}

std::size_t round_to_kernel(std::size_t bytes) {
  return bytes & ~std::size_t{4095};
}

}  // namespace

MachineSpeed measure_machine_speed(double seconds) {
  MachineSpeed speed;
  speed.instruction_set = kernels::speed_instruction_set();
  volatile float sink = 0;
  speed.fma_peak_gflops = 1e-9 * best_rate(seconds, [&] {
                            float value = 0;
                            const double operations = kernels::fma_loop(200'000, &value);
                            sink = sink + value;
                            return operations;
                          });

  static const OpenBlas blas;
  std::ostringstream eigen;
  eigen << "Eigen " << EIGEN_WORLD_VERSION << '.' << EIGEN_MAJOR_VERSION << '.' << EIGEN_MINOR_VERSION;
  speed.blas = blas.found() ? blas.name() : eigen.str() + " (baseline instructions; no OpenBLAS found)";
  for (const int n : {100, 500, 2000}) speed.sgemm.push_back(measure_sgemm(blas, n, seconds));

  // A virtual machine may report the cache of the whole processor; beyond 8 MiB it is shared, so stay inside
  // what a neighbour leaves. The memory buffer is far beyond any cache that one thread could fill.
  const std::size_t second = cache_size(_SC_LEVEL2_CACHE_SIZE, std::size_t{1} << 20);
  speed.cache_bytes = round_to_kernel(std::max<std::size_t>(std::size_t{8} << 20, 4 * second));
  speed.cache_gb_per_s = measure_reads(speed.cache_bytes, seconds);
  const std::size_t last = cache_size(_SC_LEVEL3_CACHE_SIZE, std::size_t{32} << 20);
  speed.memory_bytes =
      round_to_kernel(std::clamp<std::size_t>(4 * last, std::size_t{256} << 20, std::size_t{512} << 20));
  speed.memory_gb_per_s = measure_reads(speed.memory_bytes, seconds);
  return speed;
}

}  // namespace opoloop
