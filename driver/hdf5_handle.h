#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace opoloop {

/// Owns one HDF5 identifier. Kept free of hdf5.h (whose hid_t is int64_t, checked in hdf5_handle.cpp) so
/// that HDF5 stays a private matter of this folder.
class Hdf5Handle {
 public:
  using Closer = int (*)(std::int64_t);

  Hdf5Handle() = default;
  /// Throws Error with `what` and HDF5's own reason where `id` is negative (the call failed).
  Hdf5Handle(std::int64_t id, Closer closer, const std::string& what);
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), closer_(other.closer_) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(closer_, other.closer_);
    return *this;
  }
  ~Hdf5Handle();

  operator std::int64_t() const { return id_; }  // NOLINT: passed straight to the C calls
  /// Closes now and reports failure, which a destructor cannot: closing a file writes it.
  void close(const std::string& what);

 private:
  std::int64_t id_ = -1;
  Closer closer_ = nullptr;
};

/// HDF5's C library is not safe to enter from two threads: every function that calls it holds this.
std::mutex& hdf5_mutex();

/// Throws Error where an HDF5 call returned a negative number: "what: HDF5's reason".
void hdf5_check(long long status, const std::string& what);

// Small typed layer over the calls the run file needs. `location` is a file, group or dataset.
namespace hdf5 {

/// truncate: creates or empties the file. Otherwise opens it to be written to.
Hdf5Handle create_file(const std::string& path);
Hdf5Handle open_file(const std::string& path, bool writable);
Hdf5Handle create_group(std::int64_t location, const std::string& name);
Hdf5Handle open_group(std::int64_t location, const std::string& name);
Hdf5Handle open_dataset(std::int64_t location, const std::string& name);
bool exists(std::int64_t location, const std::string& name);
bool has_attribute(std::int64_t location, const std::string& name);

/// Variable-length UTF-8 text, 64-bit integers and doubles: what h5py shows as str, int and float.
/// An attribute that exists already is replaced (numbers in place).
void write_attribute(std::int64_t location, const std::string& name, const std::string& value);
void write_attribute(std::int64_t location, const std::string& name, std::int64_t value);
void write_attribute(std::int64_t location, const std::string& name, std::uint64_t value);
void write_attribute(std::int64_t location, const std::string& name, double value);

std::string read_text_attribute(std::int64_t location, const std::string& name);
std::int64_t read_integer_attribute(std::int64_t location, const std::string& name);
std::uint64_t read_unsigned_attribute(std::int64_t location, const std::string& name);
double read_number_attribute(std::int64_t location, const std::string& name);
/// Any scalar attribute as text.
std::string read_attribute_as_text(std::int64_t location, const std::string& name);
/// In the order they were written.
std::vector<std::string> attribute_names(std::int64_t location);
std::vector<std::string> member_names(std::int64_t group);

enum class Packing {
  none,    ///< contiguous
  packed,  ///< chunked, shuffle + deflate + fletcher32
};

/// What a dataset is, stored beside it: units (UDUNITS style, "1" = dimensionless) and one sentence.
struct Description {
  std::string units;
  std::string text;
};

/// Creates a dataset of `dims` (empty: scalar) and writes `data` (row-major). T is one of double, float,
/// int64, int32, uint32, uint8, int8.
template <class T>
Hdf5Handle write_dataset(std::int64_t location, const std::string& name,
                         const std::vector<std::uint64_t>& dims, const T* data,
                         const Description& description, Packing packing = Packing::none);
Hdf5Handle write_text_dataset(std::int64_t location, const std::string& name,
                              const std::vector<std::string>& lines, const std::string& text,
                              bool scalar = false);

/// Creates a chunked dataset without writing it. early: every chunk gets its place in the file at once,
/// nothing is filled in, no filters; otherwise packed. whole_chunks: every write is one, so none is kept in
/// memory.
template <class T>
Hdf5Handle create_chunked(std::int64_t location, const std::string& name,
                          const std::vector<std::uint64_t>& dims, const std::vector<std::uint64_t>& chunk,
                          const Description& description, bool early, bool whole_chunks = false);

/// The same for text, in one dimension, written in whole chunks.
Hdf5Handle create_text_chunked(std::int64_t location, const std::string& name, std::uint64_t lines,
                               std::uint64_t chunk, const std::string& text);
/// Writes lines `start`, `start` + 1, …
void write_text_block(std::int64_t dataset, std::uint64_t start, const std::vector<std::string>& lines);

/// Writes or reads the block of shape `count` that starts at `start`.
template <class T>
void write_block(std::int64_t dataset, const std::vector<std::uint64_t>& start,
                 const std::vector<std::uint64_t>& count, const T* data);
template <class T>
void read_block(std::int64_t dataset, const std::vector<std::uint64_t>& start,
                const std::vector<std::uint64_t>& count, T* data);
template <class T>
std::vector<T> read_all(std::int64_t location, const std::string& name);
std::vector<std::string> read_text_all(std::int64_t location, const std::string& name);
std::vector<std::uint64_t> dimensions(std::int64_t dataset);
/// True where the elements are text, false where they are numbers.
bool holds_text(std::int64_t dataset);
/// A scalar dataset of text or of a number, as text.
std::string read_scalar_as_text(std::int64_t location, const std::string& name);

/// Makes `scale` a dimension scale (once) and attaches it to axis `axis` of `dataset`.
void attach_scale(std::int64_t dataset, std::int64_t scale, unsigned axis, const std::string& scale_name);

/// Whether `path` is an HDF5 file whose root attribute `schema` is this one; false where it is none at all.
/// Takes hdf5_mutex() itself.
bool file_has_schema(const std::string& path, const std::string& schema);

}  // namespace hdf5
}  // namespace opoloop
