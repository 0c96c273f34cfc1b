#include "attention/qama_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <new>
#include <utility>

#include "core/error.h"
#include "core/sha256.h"
#include "hamiltonian/formats/file_bytes.h"
#include "hamiltonian/formats/npz.h"

namespace opoloop {
namespace {

constexpr const char* kHeadNames[3] = {"Q", "K", "V"};
constexpr const char* kWeightNames[3] = {"W_q", "W_k", "W_v"};
constexpr const char* kNormNames[3] = {"norm_q", "norm_k", "norm_v"};

// The archive in memory, its numbers in double, in float, and what a solver adds.
constexpr std::uint64_t kFileShare = 16;
// J as scored, in the problem, and while it is applied.
constexpr double kBytesPerScore = 16;
// Q, K and V in float, one of them as it was projected, and the output.
constexpr double kBytesPerHeadValue = 20;

struct Member {
  std::vector<std::int64_t> shape;
  std::vector<float> values;  ///< row-major
  std::string where;
};

ReadContext context_of(const std::string& file, const QamaFileOptions& options) {
  ReadContext context;
  context.file = file;
  context.memory_limit = options.memory_limit_bytes != 0 ? options.memory_limit_bytes : physical_memory();
  return context;
}

class Reader {
 public:
  Reader(std::string_view bytes, const ReadContext& context)
      : context_(context), archive_(bytes, context.file, context.memory_limit / kFileShare) {}

  bool has(const std::string& name) const { return archive_.contains(name + ".npy"); }

  /// `dimensions` names the axes, as "[B, H, N, d]".
  Member read(const std::string& name, std::size_t axes, const std::string& dimensions) {
    if (!has(name)) {
      throw_file_error(
          context_.file, 0, {},
          fmt::format("the archive has no member {} {}; it holds {}", name, dimensions, names()));
    }
    const NpzMember member(archive_, name, context_.file);
    const NpyArray& array = member.array();
    if (array.shape.size() != axes) {
      throw_file_error(array.where, 0, {},
                       fmt::format("has shape {}, expected {}", array.shape_text(), dimensions));
    }
    Member out{array.shape, {}, array.where};
    const std::vector<double> numbers = array.row_major();
    out.values.reserve(numbers.size());
    for (const double value : numbers) {
      if (std::abs(value) > static_cast<double>(std::numeric_limits<float>::max())) {
        throw_file_error(array.where, 0, fmt::format("{}", value), "is beyond the range of float32");
      }
      out.values.push_back(static_cast<float>(value));
    }
    return out;
  }

  /// The same, and each side must be `sides`; `dimensions` may say what the sides stand for.
  std::vector<float> read_of(const std::string& name, const std::vector<std::int64_t>& sides,
                             const std::string& dimensions) {
    Member member = read(name, sides.size(), dimensions);
    if (member.shape != sides) {
      throw_file_error(member.where, 0, {},
                       fmt::format("has shape [{}], expected {} = [{}]", fmt::join(member.shape, ", "),
                                   dimensions, fmt::join(sides, ", ")));
    }
    return std::move(member.values);
  }

  /// A single positive whole number.
  int count(const std::string& name) {
    const NpzMember member(archive_, name, context_.file);
    if (member.array().count() != 1) {
      throw_file_error(member.array().where, 0, {},
                       fmt::format("has shape {}, expected a single number", member.array().shape_text()));
    }
    return side(member.array().integers().front(), name, member.array().where);
  }

  /// A size as int, at least 1.
  static int side(std::int64_t size, const std::string& what, const std::string& where) {
    if (size < 1 || size > std::numeric_limits<std::int32_t>::max()) {
      throw_file_error(where, 0, {}, fmt::format("{} = {}, must be at least 1", what, size));
    }
    return static_cast<int>(size);
  }

  void require_fitting(const QamaShape& shape) const {
    // The shape is the file's: its products may be beyond any integer.
    const double rows = static_cast<double>(shape.batch) * shape.heads * shape.tokens;
    const double scores = rows * shape.tokens;
    context_.require_memory(
        kBytesPerScore * scores,
        fmt::format("the scores of {} samples, {} heads, {} tokens", shape.batch, shape.heads, shape.tokens));
    // Two narrow members, X and W_q, make wide heads.
    context_.require_memory(kBytesPerHeadValue * rows * shape.width,
                            fmt::format("Q, K and V of {} samples, {} heads, {} tokens, width {}",
                                        shape.batch, shape.heads, shape.tokens, shape.width));
    // Places are counted in int within a sample.
    if (static_cast<double>(shape.heads) * shape.tokens * shape.width > 2e9) {
      throw_file_error(context_.file, 0, {}, "a sample has more than 2·10⁹ values");
    }
  }

 private:
  std::string names() const {
    std::string text;
    for (const std::string& name : archive_.names()) {
      std::string plain = name.ends_with(".npy") ? name.substr(0, name.size() - 4) : name;
      // A name is the file's: it must not break the line.
      for (char& c : plain) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
      }
      text += (text.empty() ? "" : ", ") + plain;
      if (text.size() > 200) return text + ", …";
    }
    return text.empty() ? "nothing" : text;
  }

  const ReadContext& context_;
  ZipArchive archive_;
};

void read_heads(Reader& reader, QamaFile& file) {
  std::vector<float>* into[3] = {&file.Q, &file.K, &file.V};
  Member first = reader.read("Q", 4, "[B, H, N, d]");
  file.shape.batch = Reader::side(first.shape[0], "B", first.where);
  file.shape.heads = Reader::side(first.shape[1], "H", first.where);
  file.shape.tokens = Reader::side(first.shape[2], "N", first.where);
  file.shape.width = Reader::side(first.shape[3], "d", first.where);
  file.Q = std::move(first.values);
  for (std::size_t k = 1; k < 3; ++k) {
    *into[k] = reader.read_of(kHeadNames[k], first.shape, "the shape of Q, [B, H, N, d]");
  }
}

void read_layer(Reader& reader, const QamaFileOptions& options, QamaFile& file) {
  const Member X = reader.read("X", 3, "[B, N, d_model]");
  QamaWeights<float>& weights = file.weights;
  file.shape.batch = Reader::side(X.shape[0], "B", X.where);
  file.shape.tokens = Reader::side(X.shape[1], "N", X.where);
  weights.model_width = Reader::side(X.shape[2], "d_model", X.where);
  if (options.heads && *options.heads < 1) throw_parameter_error("--heads", *options.heads, "at least 1");
  if (!options.heads && !reader.has("heads")) {
    throw_file_error(X.where, 0, {}, "the number of heads is missing: a member heads, or --heads H");
  }
  weights.heads = reader.has("heads") ? reader.count("heads") : *options.heads;
  if (options.heads && *options.heads != weights.heads) {
    throw_file_error(file.source, 0, {},
                     fmt::format("member heads is {}, --heads says {}", weights.heads, *options.heads));
  }
  const Member W_q = reader.read("W_q", 2, "[H·d, d_model]");
  const int rows = Reader::side(W_q.shape[0], "H·d", W_q.where);
  if (rows % weights.heads != 0 || W_q.shape[1] != X.shape[2]) {
    throw_file_error(W_q.where, 0, {},
                     fmt::format("has shape [{}, {}], expected [H·d, d_model] with H = {} and d_model = {}",
                                 rows, W_q.shape[1], weights.heads, weights.model_width));
  }
  weights.width = rows / weights.heads;
  file.shape.heads = weights.heads;
  file.shape.width = weights.width;
  const auto matrix = [](const std::vector<float>& values, Eigen::Index height, Eigen::Index columns) {
    return RowMatrix<float>(Eigen::Map<const RowMatrix<float>>(values.data(), height, columns));
  };
  file.X =
      matrix(X.values, static_cast<Eigen::Index>(file.shape.batch) * file.shape.tokens, weights.model_width);
  for (std::size_t k = 0; k < 3; ++k) {
    const std::vector<float> W =
        k == 0 ? W_q.values : reader.read_of(kWeightNames[k], W_q.shape, "the shape of W_q, [H·d, d_model]");
    weights.projection[k] = matrix(W, rows, weights.model_width);
    weights.norm[k] = LayerNorm<float>(weights.model_width);
    const std::pair<const char*, RowVector<float>*> parts[] = {{"_gain", &weights.norm[k].gain},
                                                               {"_bias", &weights.norm[k].bias}};
    for (const auto& [suffix, vector] : parts) {
      const std::string name = std::string(kNormNames[k]) + suffix;
      if (!reader.has(name)) continue;
      *vector = matrix(reader.read_of(name, {weights.model_width}, "[d_model]"), 1, weights.model_width);
    }
  }
}

void read_common(Reader& reader, QamaFile& file) {
  file.u_given = reader.has("u");
  file.u = file.u_given ? reader.read_of("u", {file.shape.width}, "[d]")
                        : std::vector<float>(static_cast<std::size_t>(file.shape.width), 1.0F);
  if (!reader.has("mask")) return;
  const std::vector<float> mask = reader.read_of("mask", {file.shape.batch, file.shape.tokens}, "[B, N]");
  file.masked.reserve(mask.size());
  for (const float value : mask) file.masked.push_back(value != 0 ? 1 : 0);
}

}  // namespace

bool is_qama_file(std::string_view bytes) {
  if (!bytes.starts_with("PK")) return false;
  try {
    const ZipArchive archive(bytes, "", 0);
    const bool heads = archive.contains("Q.npy") && archive.contains("K.npy") && archive.contains("V.npy");
    return heads || archive.contains("X.npy");
  } catch (const InputError&) {
    return false;
  }
}

bool is_qama_file_at(const std::string& path) {
  if (!std::filesystem::is_regular_file(path)) return false;  // a pipe can be read but once
  try {
    return is_qama_file(read_file_bytes(path, physical_memory() / kFileShare));
  } catch (const InputError&) {
    return false;
  }
}

QamaFile parse_qama_file(std::string_view bytes, const std::string& name, const QamaFileOptions& options) {
  QamaFile file;
  file.source = name;
  file.name = std::filesystem::path(name).filename().string();
  if (!bytes.starts_with("PK")) throw_file_error(name, 0, {}, "not an .npz archive (NumPy's savez)");
  try {
    const ReadContext context = context_of(name, options);
    Reader reader(bytes, context);
    const bool heads = reader.has("Q") || reader.has("K") || reader.has("V");
    file.layer = reader.has("X");
    if (heads && file.layer) {
      throw_file_error(name, 0, {}, "holds both X and Q, K, V: give one, the layer's input or ready heads");
    }
    if (file.layer) {
      read_layer(reader, options, file);
    } else {
      read_heads(reader, file);
      if (options.heads && *options.heads != file.shape.heads) {
        throw_file_error(name, 0, {},
                         fmt::format("Q has {} heads, --heads says {}", file.shape.heads, *options.heads));
      }
    }
    reader.require_fitting(file.shape);
    read_common(reader, file);
  } catch (const std::bad_alloc&) {
    throw_file_error(name, 0, {}, "does not fit into memory");
  }
  if (file.layer) file.weights.u = Eigen::Map<const RowVector<float>>(file.u.data(), file.shape.width);
  Sha256 hash;
  hash.update(bytes.data(), bytes.size());
  file.sha256 = hash.hex_digest();
  return file;
}

QamaFile read_qama_file(const std::string& path, const QamaFileOptions& options) {
  const std::uint64_t limit =
      options.memory_limit_bytes != 0 ? options.memory_limit_bytes : physical_memory();
  return parse_qama_file(read_file_bytes(path, limit / kFileShare), path, options);
}

std::string write_qama_heads(const QamaShape& shape, const std::vector<float>& Q, const std::vector<float>& K,
                             const std::vector<float>& V, const std::vector<float>& u,
                             const std::vector<std::uint8_t>& masked) {
  const std::vector<std::int64_t> heads = {shape.batch, shape.heads, shape.tokens, shape.width};
  std::vector<std::pair<std::string, std::string>> members = {{"Q.npy", npy_of_floats(Q, heads)},
                                                              {"K.npy", npy_of_floats(K, heads)},
                                                              {"V.npy", npy_of_floats(V, heads)},
                                                              {"u.npy", npy_of_floats(u, {shape.width})}};
  if (!masked.empty()) {
    members.emplace_back("mask.npy",
                         npy_of_bytes("|b1", {masked.begin(), masked.end()}, {shape.batch, shape.tokens}));
  }
  return zip_of(members);
}

}  // namespace opoloop
