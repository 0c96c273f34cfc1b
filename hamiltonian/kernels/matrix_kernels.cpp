// Products with J for tiles of 16 trajectories, once per instruction set (Highway, run-time dispatch).
//
// Why this shape. A tile is N rows of 16 floats: 16 trajectories of one pulse fill one cache line. The
// product F = J X is then, for every row i, a sum over k of (scalar J_ik) × (row k of X). The micro-kernel
// keeps a few rows of F in registers and walks k once, so each X row is loaded once per group of rows and
// every J_ik is a broadcast from a packed panel that streams from cache. Rows of F never share a register
// with another trajectory and every sum runs over k in increasing order with one fused multiply-add a term.
// Splitting k into blocks only stores and reloads the exact float, so the bits do not depend on block sizes,
// on the number of tiles, on threads, or on the register width.
//
// Energies. E = −½ σᵀJσ needs only the part of J right of the diagonal. For a panel of 16 rows starting at
// row a, columns a … a+15 hold both triangles of the diagonal block (symmetric, so half of it counts) and
// columns beyond a+15 count fully: E = −Σ_i σ_i (½ D_i + R_i). That halves the work of a second product.
// In 8 bits a copy of J holds only the triangle right of the diagonal, the spins become bits b = (1−σ)/2 ∈
// {0,1}, and Σ_k J_ik σ_k = Σ_k J_ik − 2 Σ_k J_ik b_k is what the unsigned × signed byte dot products of x86
// compute, four k at a time, exactly.

#include "hamiltonian/kernels/matrix_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "hamiltonian/kernels/matrix_kernels.cpp"
#define HWY_DISABLED_TARGETS HWY_SSE4
#define HWY_WANT_AVX3_DL 1       // byte dot products (VNNI)
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h:
#include "core/lanes-inl.h"
#include "hwy/highway.h"

#if HWY_ARCH_X86
#include <immintrin.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

HWY_BEFORE_NAMESPACE();
namespace opoloop::HWY_NAMESPACE {
namespace {

// Rows of F held in registers at once: 16 registers leave room for 12–14 accumulators, 32 for all 16 rows.
constexpr int kMicroRows = kVecs == 1 ? 16 : kVecs == 2 ? 6 : 3;
// Columns per block: a 16 × 256 panel block (16 KiB) stays in L1 while the tiles pass over it.
constexpr int kBlockColumns = 256;

std::int64_t panel_count(int n) {
  return (n + 15) / 16;
}

/// field rows 0 … Rows−1 (+)= Σ_{k=begin}^{end−1} panel[k][row] · x[k].
template <int Rows>
HWY_INLINE void micro_kernel(const float* HWY_RESTRICT panel, const float* HWY_RESTRICT x,
                             float* HWY_RESTRICT field, int begin, int end, bool continued) {
  Lanes sum[Rows];
  for (int r = 0; r < Rows; ++r) sum[r] = continued ? Lanes::load(field + r * 16) : Lanes::all(0.0F);
  for (int k = begin; k < end; ++k) {
    const Lanes xk = Lanes::load(x + static_cast<std::ptrdiff_t>(k) * 16);
    const float* a = panel + static_cast<std::ptrdiff_t>(k - begin) * 16;
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) sum[r] = mul_add(Lanes::all(a[r]), xk, sum[r]);
  }
  for (int r = 0; r < Rows; ++r) sum[r].store(field + r * 16);
}

/// The same for 1 … kMicroRows rows.
HWY_INLINE void micro_rows(int rows, const float* panel, const float* x, float* field, int begin, int end,
                           bool continued) {
  switch (rows) {
#define OPOLOOP_CASE(R)                                                                     \
  case R:                                                                                   \
    if constexpr (R <= kMicroRows) micro_kernel<R>(panel, x, field, begin, end, continued); \
    break;
    OPOLOOP_CASE(1)
    OPOLOOP_CASE(2)
    OPOLOOP_CASE(3)
    OPOLOOP_CASE(4)
    OPOLOOP_CASE(5)
    OPOLOOP_CASE(6)
    OPOLOOP_CASE(7)
    OPOLOOP_CASE(8)
    OPOLOOP_CASE(9)
    OPOLOOP_CASE(10)
    OPOLOOP_CASE(11)
    OPOLOOP_CASE(12)
    OPOLOOP_CASE(13)
    OPOLOOP_CASE(14)
    OPOLOOP_CASE(15)
    OPOLOOP_CASE(16)
#undef OPOLOOP_CASE
    default:
      break;
  }
}

/// All rows of one panel over columns begin … end−1; `panel` points at column `begin`.
HWY_INLINE void panel_times_tile(const float* panel, int rows, const float* x, float* field, int begin,
                                 int end, bool continued) {
  for (int done = 0; done < rows;) {
    // Equal shares (6+5+5 rather than 6+6+4) keep every group long enough to hide the latency of a sum.
    const int groups = (rows - done + kMicroRows - 1) / kMicroRows;
    const int take = (rows - done + groups - 1) / groups;
    micro_rows(take, panel + done, x, field + done * 16, begin, end, continued);
    done += take;
  }
}

void dense_apply_impl(const float* panels, int n, const float* x, float* field, int tiles) {
  const std::ptrdiff_t tile_size = static_cast<std::ptrdiff_t>(n) * 16;
  for (int begin = 0; begin < n; begin += kBlockColumns) {
    const int end = std::min(n, begin + kBlockColumns);
    for (std::int64_t p = 0; p < panel_count(n); ++p) {
      const int first = static_cast<int>(p) * 16;
      const int rows = std::min(16, n - first);
      const float* panel = panels + (p * n + begin) * 16;
      for (int t = 0; t < tiles; ++t) {
        panel_times_tile(panel, rows, x + t * tile_size, field + t * tile_size + first * 16, begin, end,
                         begin > 0);
      }
    }
  }
}

/// sum[lane] += Σ_r spin[r][lane] · (½ diagonal[r][lane] + right[r][lane]), in double.
HWY_INLINE void add_rows_to_energy(const float* spins, const float* diagonal, const float* right, int rows,
                                   double* sum) {
  const hn::CappedTag<double, 8> dd;
  const hn::Rebind<float, decltype(dd)> df;
  constexpr int width = static_cast<int>(hn::MaxLanes(hn::CappedTag<double, 8>()));
  for (int lane = 0; lane < 16; lane += width) {
    auto total = hn::LoadU(dd, sum + lane);
    for (int r = 0; r < rows; ++r) {
      const auto d = hn::PromoteTo(dd, hn::Load(df, diagonal + r * 16 + lane));
      const auto s = hn::PromoteTo(dd, hn::Load(df, spins + r * 16 + lane));
      const auto right_sum = hn::PromoteTo(dd, hn::Load(df, right + r * 16 + lane));
      total = hn::MulAdd(s, hn::MulAdd(d, hn::Set(dd, 0.5), right_sum), total);
    }
    hn::StoreU(total, dd, sum + lane);
  }
}

void dense_energies_impl(const float* panels, int n, const float* x, double* energy, int tiles) {
  thread_local kernels::AlignedArray<float> spins;
  const std::size_t need = static_cast<std::size_t>(n) * 16 * static_cast<std::size_t>(tiles);
  if (spins.size() < need) spins = kernels::AlignedArray<float>(need);
  for (std::size_t i = 0; i < need; i += 16) spin_of(Lanes::load(x + i)).store(spins.data() + i);
  for (int lane = 0; lane < tiles * 16; ++lane) energy[lane] = 0.0;
  const std::ptrdiff_t tile_size = static_cast<std::ptrdiff_t>(n) * 16;
  HWY_ALIGN float diagonal[256];
  HWY_ALIGN float right[256];
  for (std::int64_t p = 0; p < panel_count(n); ++p) {
    const int first = static_cast<int>(p) * 16;
    const int rows = std::min(16, n - first);
    const int beyond = std::min(n, first + 16);
    const float* panel = panels + (p * n + first) * 16;
    for (int t = 0; t < tiles; ++t) {
      const float* s = spins.data() + t * tile_size;
      panel_times_tile(panel, rows, s, diagonal, first, beyond, false);
      panel_times_tile(panel + (beyond - first) * 16, rows, s, right, beyond, n, false);
      add_rows_to_energy(s + first * 16, diagonal, right, rows, energy + t * 16);
    }
  }
  for (int lane = 0; lane < tiles * 16; ++lane) energy[lane] = -energy[lane];
}

/// One trajectory: lanes are rows of J (symmetric, so column k of the panel is row k restricted to it).
void dense_apply_one_impl(const float* panels, int n, const float* x, float* field, double* energy) {
  double total = 0;
  constexpr int kTogether = kVecs == 1 ? 4 : 2;  // panels walked together, to hide the latency of a sum
  for (std::int64_t p0 = 0; p0 < panel_count(n); p0 += kTogether) {
    const int together = static_cast<int>(std::min<std::int64_t>(kTogether, panel_count(n) - p0));
    HWY_ALIGN float product[kTogether * 16];
    HWY_ALIGN float diagonal[kTogether * 16] = {};
    HWY_ALIGN float right[kTogether * 16];
    Lanes sum[kTogether];
    Lanes spin_sum[kTogether];
    const float* panel[kTogether];
    for (int q = 0; q < kTogether; ++q) {
      sum[q] = spin_sum[q] = Lanes::all(0.0F);
      panel[q] = panels + std::min<std::int64_t>(p0 + q, panel_count(n) - 1) * n * 16;
    }
    const int first = static_cast<int>(p0) * 16;
    const int square = std::min(n, first + kTogether * 16);
    for (int k = 0; k < first; ++k) {
      const Lanes xk = Lanes::all(x[k]);
      for (int q = 0; q < kTogether; ++q)
        sum[q] = mul_add(Lanes::load(panel[q] + static_cast<std::ptrdiff_t>(k) * 16), xk, sum[q]);
    }
    for (int k = first; k < square; ++k) {
      const Lanes xk = Lanes::all(x[k]);
      const Lanes sk = spin_of(xk);
      const int inside = (k - first) / 16;  // panel whose diagonal block holds column k
      for (int q = 0; q < kTogether; ++q) {
        const Lanes a = Lanes::load(panel[q] + static_cast<std::ptrdiff_t>(k) * 16);
        sum[q] = mul_add(a, xk, sum[q]);
        if (q > inside) continue;  // left of the diagonal block: the other triangle
        spin_sum[q] = mul_add(a, sk, spin_sum[q]);
        if (q == inside && ((k + 1) % 16 == 0 || k + 1 == square)) {
          spin_sum[q].store(diagonal + q * 16);
          spin_sum[q] = Lanes::all(0.0F);
        }
      }
    }
    if (energy != nullptr) {
      for (int k = square; k < n; ++k) {
        const Lanes xk = Lanes::all(x[k]);
        const Lanes sk = spin_of(xk);
        for (int q = 0; q < kTogether; ++q) {
          const Lanes a = Lanes::load(panel[q] + static_cast<std::ptrdiff_t>(k) * 16);
          sum[q] = mul_add(a, xk, sum[q]);
          spin_sum[q] = mul_add(a, sk, spin_sum[q]);
        }
      }
    } else {
      for (int k = square; k < n; ++k) {
        const Lanes xk = Lanes::all(x[k]);
        for (int q = 0; q < kTogether; ++q)
          sum[q] = mul_add(Lanes::load(panel[q] + static_cast<std::ptrdiff_t>(k) * 16), xk, sum[q]);
      }
    }
    for (int q = 0; q < kTogether; ++q) {
      sum[q].store(product + q * 16);
      spin_sum[q].store(right + q * 16);
    }
    for (int i = first; i < square; ++i) field[i] = product[i - first];
    if (energy != nullptr) {
      for (int i = first; i < square; ++i) {
        const double s = std::signbit(x[i]) ? -1.0 : 1.0;
        total += s * (0.5 * static_cast<double>(diagonal[i - first]) + static_cast<double>(right[i - first]));
      }
    }
    (void)together;
  }
  if (energy != nullptr) *energy = -total;
}

// ---- 8-bit couplings ------------------------------------------------------------------------------------

std::int64_t group_count(int n) {
  return (n + 3) / 4;
}

/// Four columns of a panel, [row][4] int8, to floats [4][16].
HWY_INLINE void expand_group(const std::int8_t* group, float* out) {
  const hn::CappedTag<std::int32_t, 16> di;
  for (int v = 0; v < kVecs; ++v) {
    const auto packed =
        hn::BitCast(di, hn::LoadU(hn::CappedTag<std::int8_t, 64>(), group + v * kVecLanes * 4));
    const auto b0 = hn::ShiftRight<24>(hn::ShiftLeft<24>(packed));
    const auto b1 = hn::ShiftRight<24>(hn::ShiftLeft<16>(packed));
    const auto b2 = hn::ShiftRight<24>(hn::ShiftLeft<8>(packed));
    const auto b3 = hn::ShiftRight<24>(packed);
    const FloatTag df;
    hn::Store(hn::ConvertTo(df, b0), df, out + v * kVecLanes);
    hn::Store(hn::ConvertTo(df, b1), df, out + 16 + v * kVecLanes);
    hn::Store(hn::ConvertTo(df, b2), df, out + 32 + v * kVecLanes);
    hn::Store(hn::ConvertTo(df, b3), df, out + 48 + v * kVecLanes);
  }
}

void int8_apply_impl(const std::int8_t* panels8, int n, const float* x, float* field, int tiles) {
  const std::ptrdiff_t tile_size = static_cast<std::ptrdiff_t>(n) * 16;
  HWY_ALIGN float panel[kBlockColumns * 16];
  for (int begin = 0; begin < n; begin += kBlockColumns) {
    const int end = std::min(n, begin + kBlockColumns);
    for (std::int64_t p = 0; p < panel_count(n); ++p) {
      const int first = static_cast<int>(p) * 16;
      const int rows = std::min(16, n - first);
      const std::int8_t* packed = panels8 + (p * group_count(n) + begin / 4) * 64;
      for (int k = begin; k < end; k += 4) expand_group(packed + (k - begin) * 16, panel + (k - begin) * 16);
      for (int t = 0; t < tiles; ++t) {
        panel_times_tile(panel, rows, x + t * tile_size, field + t * tile_size + first * 16, begin, end,
                         begin > 0);
      }
    }
  }
}

/// Spins of a tile as bits b = 1 where the sign bit is set, bytes [⌈N/4⌉][16 lanes][4 k].
HWY_INLINE void pack_spin_bytes(const float* x, int n, std::uint8_t* bytes) {
  const IntTag di;
  for (int k = 0; k < n; k += 4) {
    for (int v = 0; v < kVecs; ++v) {
      auto word = hn::Zero(di);
      // Row k+q gives byte q of every lane's 32-bit word.
      const auto row = [&](int q) HWY_ATTR {
        const int i = k + q;
        if (i >= n) return hn::Zero(di);
        const auto sign =
            hn::BitCast(hn::RebindToUnsigned<IntTag>(),
                        hn::Load(FloatTag(), x + static_cast<std::ptrdiff_t>(i) * 16 + v * kVecLanes));
        return hn::BitCast(di, hn::ShiftRight<31>(sign));
      };
      word = hn::Or(row(0), hn::ShiftLeft<8>(row(1)));
      word = hn::Or(word, hn::Or(hn::ShiftLeft<16>(row(2)), hn::ShiftLeft<24>(row(3))));
      hn::Store(word, di,
                reinterpret_cast<std::int32_t*>(bytes + static_cast<std::ptrdiff_t>(k) * 16) + v * kVecLanes);
    }
  }
}

#if HWY_TARGET == HWY_AVX3_DL
// Every processor of this group has the byte dot product, but Highway 1.0.3 does not tell the compiler.
#define OPOLOOP_VNNI __attribute__((target("avx512vnni")))
#else
#define OPOLOOP_VNNI
#endif

/// sum[row][lane] = Σ over groups begin … end−1 of J[row][k] b[k][lane], exactly, in int32.
template <int Rows>
OPOLOOP_VNNI HWY_NOINLINE void int8_micro_kernel(const std::int8_t* panel, const std::uint8_t* bytes,
                                                 int begin, int end, std::int32_t* sums) {
#if HWY_TARGET == HWY_AVX3_DL
  __m512i sum[Rows];
  for (int r = 0; r < Rows; ++r) sum[r] = _mm512_setzero_si512();
  for (int g = begin; g < end; ++g) {
    const __m512i b = _mm512_load_si512(bytes + static_cast<std::ptrdiff_t>(g) * 64);
    const auto* words = reinterpret_cast<const std::int32_t*>(panel + static_cast<std::ptrdiff_t>(g) * 64);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) sum[r] = _mm512_dpbusd_epi32(sum[r], b, _mm512_set1_epi32(words[r]));
  }
  for (int r = 0; r < Rows; ++r) _mm512_storeu_si512(sums + r * 16, sum[r]);
#elif HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  // Pairs of products are added in 16 bits: at most 2·127 each, so 128 groups cannot overflow before the
  // sums are widened to 32 bits.
  constexpr int kGroupsBeforeWidening = 128;
  __m256i wide[Rows][2];
  for (int r = 0; r < Rows; ++r) wide[r][0] = wide[r][1] = _mm256_setzero_si256();
  const __m256i ones = _mm256_set1_epi16(1);
  for (int g0 = begin; g0 < end; g0 += kGroupsBeforeWidening) {
    const int g1 = std::min(end, g0 + kGroupsBeforeWidening);
    __m256i narrow[Rows][2];
    for (int r = 0; r < Rows; ++r) narrow[r][0] = narrow[r][1] = _mm256_setzero_si256();
    for (int g = g0; g < g1; ++g) {
      const auto* b = reinterpret_cast<const __m256i*>(bytes + static_cast<std::ptrdiff_t>(g) * 64);
      const __m256i b0 = _mm256_load_si256(b);
      const __m256i b1 = _mm256_load_si256(b + 1);
      const auto* words = reinterpret_cast<const std::int32_t*>(panel + static_cast<std::ptrdiff_t>(g) * 64);
#pragma GCC unroll 4
      for (int r = 0; r < Rows; ++r) {
        const __m256i a = _mm256_set1_epi32(words[r]);
        narrow[r][0] = _mm256_add_epi16(narrow[r][0], _mm256_maddubs_epi16(b0, a));
        narrow[r][1] = _mm256_add_epi16(narrow[r][1], _mm256_maddubs_epi16(b1, a));
      }
    }
    for (int r = 0; r < Rows; ++r) {
      for (int v = 0; v < 2; ++v)
        wide[r][v] = _mm256_add_epi32(wide[r][v], _mm256_madd_epi16(narrow[r][v], ones));
    }
  }
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < 2; ++v)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + r * 16 + v * 8), wide[r][v]);
  }
#else
  for (int r = 0; r < Rows; ++r) {
    for (int lane = 0; lane < 16; ++lane) {
      std::int32_t sum = 0;
      for (int g = begin; g < end; ++g) {
        for (int q = 0; q < 4; ++q) sum += panel[(g * 16 + r) * 4 + q] * bytes[(g * 16 + lane) * 4 + q];
      }
      sums[r * 16 + lane] = sum;
    }
  }
#endif
}

#undef OPOLOOP_VNNI

HWY_INLINE void int8_panel_times_tile(const std::int8_t* panel, const std::uint8_t* bytes, int begin, int end,
                                      std::int32_t* sums) {
#if HWY_TARGET == HWY_AVX3_DL
  int8_micro_kernel<16>(panel, bytes, begin, end, sums);
#else
  for (int r = 0; r < 16; r += 4) int8_micro_kernel<4>(panel + r * 4, bytes, begin, end, sums + r * 16);
#endif
}

void int8_energies_impl(const std::int8_t* upper8, const std::int32_t* upper_sums, int n, const float* x,
                        double* energy, int tiles) {
  thread_local kernels::AlignedArray<std::uint8_t> bytes;
  const std::ptrdiff_t tile_bytes = group_count(n) * 64;
  const std::size_t need = static_cast<std::size_t>(tile_bytes) * static_cast<std::size_t>(tiles);
  if (bytes.size() < need) bytes = kernels::AlignedArray<std::uint8_t>(need);
  const std::ptrdiff_t tile_size = static_cast<std::ptrdiff_t>(n) * 16;
  for (int t = 0; t < tiles; ++t) pack_spin_bytes(x + t * tile_size, n, bytes.data() + t * tile_bytes);
  for (int lane = 0; lane < tiles * 16; ++lane) energy[lane] = 0.0;

  HWY_ALIGN std::int32_t sums[256];
  const auto groups = static_cast<int>(group_count(n));
  for (std::int64_t p = 0; p < panel_count(n); ++p) {
    const int first = static_cast<int>(p) * 16;
    const int rows = std::min(16, n - first);
    const std::int8_t* panel = upper8 + p * group_count(n) * 64;
    for (int t = 0; t < tiles; ++t) {
      int8_panel_times_tile(panel, bytes.data() + t * tile_bytes, first / 4, groups, sums);
      // Σ_{k>i} J_ik σ_k = Σ_{k>i} J_ik − 2 Σ_{k>i} J_ik b_k, negated where σ_i = −1.
      const IntTag di;
      const float* spins = x + t * tile_size + static_cast<std::ptrdiff_t>(first) * 16;
      for (int v = 0; v < kVecs; ++v) {
        auto total = hn::Zero(di);
        for (int r = 0; r < rows; ++r) {
          const auto bits = hn::Load(di, sums + r * 16 + v * kVecLanes);
          const auto row = hn::Sub(hn::Set(di, upper_sums[first + r]), hn::Add(bits, bits));
          const auto sign =
              hn::BroadcastSignBit(hn::BitCast(di, hn::Load(FloatTag(), spins + r * 16 + v * kVecLanes)));
          total = hn::Add(total, hn::Sub(hn::Xor(row, sign), sign));
        }
        HWY_ALIGN std::int32_t lanes[kVecLanes];
        hn::Store(total, di, lanes);
        for (int lane = 0; lane < kVecLanes; ++lane) energy[t * 16 + v * kVecLanes + lane] -= lanes[lane];
      }
    }
  }
}

void int8_apply_one_impl(const std::int8_t* panels8, int n, const float* x, float* field, double* energy) {
  double total = 0;
  const auto groups = static_cast<int>(group_count(n));
  for (std::int64_t p = 0; p < panel_count(n); ++p) {
    const int first = static_cast<int>(p) * 16;
    const int rows = std::min(16, n - first);
    const std::int8_t* panel = panels8 + p * group_count(n) * 64;
    Lanes sum = Lanes::all(0.0F);
    Lanes spins = Lanes::all(0.0F);  // exact: integers below 2^24
    HWY_ALIGN float a[64];
    for (int g = 0; g < groups; ++g) {
      expand_group(panel + static_cast<std::ptrdiff_t>(g) * 64, a);
      const int last = std::min(4, n - 4 * g);
      for (int q = 0; q < last; ++q) {
        const Lanes xk = Lanes::all(x[4 * g + q]);
        const Lanes aq = Lanes::load(a + q * 16);
        sum = mul_add(aq, xk, sum);
        spins = mul_add(aq, spin_of(xk), spins);
      }
    }
    HWY_ALIGN float product[16];
    HWY_ALIGN float spin_sum[16];
    sum.store(product);
    spins.store(spin_sum);
    for (int r = 0; r < rows; ++r) {
      field[first + r] = product[r];
      total += (std::signbit(x[first + r]) ? -1.0 : 1.0) * static_cast<double>(spin_sum[r]);
    }
  }
  if (energy != nullptr) *energy = -0.5 * total;
}

// ---- Sparse couplings -----------------------------------------------------------------------------------

void sparse_apply_impl(const kernels::SparseView& J, const float* x, float* field, int tiles) {
  const std::ptrdiff_t tile_size = static_cast<std::ptrdiff_t>(J.n) * 16;
  for (int t = 0; t < tiles; ++t) {
    const float* xt = x + t * tile_size;
    float* ft = field + t * tile_size;
    for (int i = 0; i < J.n; ++i) {
      Lanes sum = Lanes::all(0.0F);
      for (std::int64_t e = J.row_start[i]; e < J.row_start[i + 1]; ++e) {
        sum = mul_add(Lanes::all(J.value[e]), Lanes::load(xt + static_cast<std::ptrdiff_t>(J.column[e]) * 16),
                      sum);
      }
      sum.store(ft + static_cast<std::ptrdiff_t>(i) * 16);
    }
  }
}

void sparse_energies_impl(const kernels::SparseView& J, const float* x, double* energy, int tiles) {
  const std::ptrdiff_t tile_size = static_cast<std::ptrdiff_t>(J.n) * 16;
  for (int lane = 0; lane < tiles * 16; ++lane) energy[lane] = 0.0;
  HWY_ALIGN const float none[16] = {};
  for (int t = 0; t < tiles; ++t) {
    const float* xt = x + t * tile_size;
    for (int i = 0; i < J.n; ++i) {
      if (J.upper_start[i] == J.row_start[i + 1]) continue;
      Lanes sum = Lanes::all(0.0F);
      for (std::int64_t e = J.upper_start[i]; e < J.row_start[i + 1]; ++e) {
        sum = mul_add(Lanes::all(J.value[e]),
                      spin_of(Lanes::load(xt + static_cast<std::ptrdiff_t>(J.column[e]) * 16)), sum);
      }
      HWY_ALIGN float right[16];
      HWY_ALIGN float spin[16];
      sum.store(right);
      spin_of(Lanes::load(xt + static_cast<std::ptrdiff_t>(i) * 16)).store(spin);
      add_rows_to_energy(spin, none, right, 1, energy + t * 16);
    }
  }
  for (int lane = 0; lane < tiles * 16; ++lane) energy[lane] = -energy[lane];
}

void sparse_apply_one_impl(const kernels::SparseView& J, const float* x, float* field, double* energy) {
  const hn::CappedTag<float, 1> d1;
  double total = 0;
  for (int i = 0; i < J.n; ++i) {
    auto sum = hn::Zero(d1);
    for (std::int64_t e = J.row_start[i]; e < J.row_start[i + 1]; ++e) {
      sum = hn::MulAdd(hn::Set(d1, J.value[e]), hn::Set(d1, x[J.column[e]]), sum);
    }
    field[i] = hn::GetLane(sum);
    if (energy == nullptr) continue;
    auto right = hn::Zero(d1);
    for (std::int64_t e = J.upper_start[i]; e < J.row_start[i + 1]; ++e) {
      right = hn::MulAdd(hn::Set(d1, J.value[e]), hn::Set(d1, std::signbit(x[J.column[e]]) ? -1.0F : 1.0F),
                         right);
    }
    total += (std::signbit(x[i]) ? -1.0 : 1.0) * static_cast<double>(hn::GetLane(right));
  }
  if (energy != nullptr) *energy = -total;
}

const char* target_name_impl() {
  return hwy::TargetName(HWY_TARGET);
}

}  // namespace
}  // namespace opoloop::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opoloop {

HWY_EXPORT(dense_apply_impl);
HWY_EXPORT(dense_energies_impl);
HWY_EXPORT(dense_apply_one_impl);
HWY_EXPORT(int8_apply_impl);
HWY_EXPORT(int8_energies_impl);
HWY_EXPORT(int8_apply_one_impl);
HWY_EXPORT(sparse_apply_impl);
HWY_EXPORT(sparse_energies_impl);
HWY_EXPORT(sparse_apply_one_impl);
HWY_EXPORT(target_name_impl);

namespace kernels {

void dense_apply(const float* panels, int n, const float* x, float* field, int tiles) {
  HWY_DYNAMIC_DISPATCH(dense_apply_impl)(panels, n, x, field, tiles);
}
void dense_energies(const float* panels, int n, const float* x, double* energy, int tiles) {
  HWY_DYNAMIC_DISPATCH(dense_energies_impl)(panels, n, x, energy, tiles);
}
void dense_apply_one(const float* panels, int n, const float* x, float* field, double* energy) {
  HWY_DYNAMIC_DISPATCH(dense_apply_one_impl)(panels, n, x, field, energy);
}
void int8_apply(const std::int8_t* panels8, int n, const float* x, float* field, int tiles) {
  HWY_DYNAMIC_DISPATCH(int8_apply_impl)(panels8, n, x, field, tiles);
}
void int8_energies(const std::int8_t* upper8, const std::int32_t* upper_sums, int n, const float* x,
                   double* energy, int tiles) {
  HWY_DYNAMIC_DISPATCH(int8_energies_impl)(upper8, upper_sums, n, x, energy, tiles);
}
void int8_apply_one(const std::int8_t* panels8, int n, const float* x, float* field, double* energy) {
  HWY_DYNAMIC_DISPATCH(int8_apply_one_impl)(panels8, n, x, field, energy);
}
void sparse_apply(const SparseView& J, const float* x, float* field, int tiles) {
  HWY_DYNAMIC_DISPATCH(sparse_apply_impl)(J, x, field, tiles);
}
void sparse_energies(const SparseView& J, const float* x, double* energy, int tiles) {
  HWY_DYNAMIC_DISPATCH(sparse_energies_impl)(J, x, energy, tiles);
}
void sparse_apply_one(const SparseView& J, const float* x, float* field, double* energy) {
  HWY_DYNAMIC_DISPATCH(sparse_apply_one_impl)(J, x, field, energy);
}
const char* instruction_set() {
  return HWY_DYNAMIC_DISPATCH(target_name_impl)();
}

}  // namespace kernels
}  // namespace opoloop
#endif  // HWY_ONCE
