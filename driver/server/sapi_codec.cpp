#include "driver/server/sapi_codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>

#include "core/error.h"
#include "hamiltonian/formats/dimod_bias.h"

namespace opoloop {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers travel as they lie in memory");

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> digit_values() {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t k = 0; k < kDigits.size(); ++k) {
    values[static_cast<unsigned char>(kDigits[k])] = static_cast<std::int8_t>(k);
  }
  return values;
}

std::vector<double> doubles_of(std::string_view text, const char* what) {
  const std::string bytes = base64_decode(text, what);
  if (bytes.size() % sizeof(double) != 0) {
    throw InputError(fmt::format("{}: {} bytes are not a list of doubles", what, bytes.size()));
  }
  std::vector<double> numbers(bytes.size() / sizeof(double));
  // An empty vector has no memory to copy to.
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

template <class T>
void append(std::string& bytes, T number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

/// The bits of a state, most significant first, padded to whole bytes.
std::string packed(const std::vector<std::int8_t>& spins) {
  std::string row((spins.size() + 7) / 8, '\0');
  for (std::size_t k = 0; k < spins.size(); ++k) {
    if (spins[k] > 0)
      row[k / 8] = static_cast<char>(static_cast<unsigned char>(row[k / 8]) | (0x80U >> (k % 8)));
  }
  return row;
}

struct Row {
  double energy;
  std::int32_t times;
  std::string bits;
};

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < have ? static_cast<unsigned char>(bytes[at + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += k <= have ? kDigits[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return text;
}

std::string base64_decode(std::string_view text, const char* what) {
  static constexpr std::array<std::int8_t, 256> kValues = digit_values();
  const auto refuse = [&] { throw InputError(fmt::format("{}: not base64", what)); };
  if (text.size() % 4 != 0) refuse();
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const bool last = at + 4 == text.size();
    std::size_t padding = 0;
    if (last && text[at + 3] == '=') padding = text[at + 2] == '=' ? 2 : 1;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const int value = k + padding >= 4 ? 0 : kValues[static_cast<unsigned char>(text[at + k])];
      if (value < 0) refuse();
      group = group << 6 | static_cast<std::uint32_t>(value);
    }
    for (std::size_t k = 0; k < 3 - padding; ++k) bytes += static_cast<char>(group >> (16 - 8 * k) & 255);
  }
  return bytes;
}

QpProblem decode_qp(bool binary, std::string_view lin, std::string_view quad, std::int32_t qubits) {
  const std::vector<double> biases = doubles_of(lin, "lin");
  if (biases.size() != static_cast<std::size_t>(qubits)) {
    throw InputError(fmt::format("lin: {} biases, this solver has {} qubits", biases.size(), qubits));
  }
  QpProblem decoded;
  DimodModel model;
  model.binary = binary;
  for (std::int32_t i = 0; i < qubits; ++i) {
    const double bias = biases[static_cast<std::size_t>(i)];
    if (std::isnan(bias)) continue;
    if (!std::isfinite(bias)) throw InputError(fmt::format("lin[{}]: must be finite, or NaN", i));
    decoded.active.push_back(i);
    model.linear.push_back(bias);
  }
  const std::size_t n = decoded.active.size();
  if (n == 0) throw InputError("lin: no qubit takes part, all are NaN");
  const std::vector<double> couplings = doubles_of(quad, "quad");
  if (couplings.size() != n * (n - 1) / 2) {
    throw InputError(fmt::format("quad: {} couplings, {} active qubits of a clique have {}", couplings.size(),
                                 n, n * (n - 1) / 2));
  }
  std::size_t at = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i + 1; j < n; ++j, ++at) {
      if (!std::isfinite(couplings[at])) throw InputError(fmt::format("quad[{}]: must be finite", at));
      if (couplings[at] == 0) continue;
      model.quadratic.push_back({static_cast<std::int32_t>(i), static_cast<std::int32_t>(j), couplings[at]});
    }
  }
  decoded.problem = problem_from_dimod(std::move(model));
  decoded.problem.name = "problem";
  decoded.problem.source = "request";
  return decoded;
}

QpAnswer encode_qp(const Result& result, const std::vector<std::int32_t>& active, bool histogram,
                   std::size_t max_answers) {
  std::vector<Row> rows;
  std::map<std::string, std::size_t> seen;
  for (const Sample& sample : result.samples) {
    std::string bits = packed(sample.spins_best);
    const auto [place, fresh] = seen.emplace(bits, rows.size());
    if (histogram && !fresh) {
      ++rows[place->second].times;
    } else {
      rows.push_back({sample.energy_best, 1, std::move(bits)});
    }
  }
  if (histogram) {
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
      return std::tie(a.energy, a.bits) < std::tie(b.energy, b.bits);
    });
  }
  if (rows.size() > max_answers) rows.resize(max_answers);
  std::string variables, energies, occurrences, solutions;
  for (const std::int32_t variable : active) append(variables, variable);
  for (const Row& row : rows) {
    append(energies, row.energy);
    append(occurrences, row.times);
    solutions += row.bits;
  }
  return {base64_encode(variables), base64_encode(energies), base64_encode(occurrences),
          base64_encode(solutions)};
}

}  // namespace opoloop
