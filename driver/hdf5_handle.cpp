#include "driver/hdf5_handle.h"

#include <hdf5.h>
#include <hdf5_hl.h>
#include <filesystem>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <type_traits>

#include <fmt/format.h>

#include "core/error.h"

namespace opoloop {

static_assert(std::is_same_v<hid_t, std::int64_t>, "Hdf5Handle keeps identifiers as int64_t");

namespace {

// At exit HDF5 flushes what it still holds. After a full disk that is a file it could not close, and flushing
// it again ends in a crash; every file here is closed by hand, so the hook is not needed. It has to be
// declined before the library's first call.
[[maybe_unused]] const bool exit_hook_declined = H5dont_atexit() >= 0;

std::string last_reason() {
  std::string reason;
  // From the call that failed up to ours: the first entry is the closest to the cause.
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned depth, const H5E_error2_t* error, void* out) -> herr_t {
        if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(out) = error->desc;
        return 0;
      },
      &reason);
  H5Eclear2(H5E_DEFAULT);
  return reason.empty() ? "HDF5 gave no reason" : reason;
}

template <class T>
hid_t native();
template <>
hid_t native<double>() {
  return H5T_NATIVE_DOUBLE;
}
template <>
hid_t native<float>() {
  return H5T_NATIVE_FLOAT;
}
template <>
hid_t native<std::int64_t>() {
  return H5T_NATIVE_INT64;
}
template <>
hid_t native<std::uint64_t>() {
  return H5T_NATIVE_UINT64;
}
template <>
hid_t native<std::int32_t>() {
  return H5T_NATIVE_INT32;
}
template <>
hid_t native<std::uint32_t>() {
  return H5T_NATIVE_UINT32;
}
template <>
hid_t native<std::uint8_t>() {
  return H5T_NATIVE_UINT8;
}
template <>
hid_t native<std::int8_t>() {
  return H5T_NATIVE_INT8;
}

/// Little-endian in the file whatever the machine, as the schema says.
template <class T>
hid_t stored();
template <>
hid_t stored<double>() {
  return H5T_IEEE_F64LE;
}
template <>
hid_t stored<float>() {
  return H5T_IEEE_F32LE;
}
template <>
hid_t stored<std::int64_t>() {
  return H5T_STD_I64LE;
}
template <>
hid_t stored<std::uint64_t>() {
  return H5T_STD_U64LE;
}
template <>
hid_t stored<std::int32_t>() {
  return H5T_STD_I32LE;
}
template <>
hid_t stored<std::uint32_t>() {
  return H5T_STD_U32LE;
}
template <>
hid_t stored<std::uint8_t>() {
  return H5T_STD_U8LE;
}
template <>
hid_t stored<std::int8_t>() {
  return H5T_STD_I8LE;
}

Hdf5Handle text_type() {
  Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "text type");
  hdf5_check(H5Tset_size(type, H5T_VARIABLE), "text type");
  hdf5_check(H5Tset_cset(type, H5T_CSET_UTF8), "text type");
  return type;
}

Hdf5Handle space_of(const std::vector<std::uint64_t>& dims) {
  if (dims.empty()) return {H5Screate(H5S_SCALAR), H5Sclose, "dataspace"};
  const std::vector<hsize_t> d(dims.begin(), dims.end());
  return {H5Screate_simple(static_cast<int>(d.size()), d.data(), nullptr), H5Sclose, "dataspace"};
}

void remove_attribute(std::int64_t location, const std::string& name) {
  if (hdf5::has_attribute(location, name)) hdf5_check(H5Adelete(location, name.c_str()), "attribute " + name);
}

void describe(std::int64_t dataset, const hdf5::Description& description) {
  hdf5::write_attribute(dataset, "units", description.units);
  if (!description.text.empty()) hdf5::write_attribute(dataset, "description", description.text);
}

/// Chunks of about 128 KiB: whole rows of the last axes, as many of the first as fit.
std::vector<hsize_t> default_chunk(const std::vector<std::uint64_t>& dims, std::size_t element) {
  std::vector<hsize_t> chunk(dims.begin(), dims.end());
  hsize_t bytes = element;
  for (std::size_t k = dims.size(); k-- > 0;) {
    const hsize_t most = std::max<hsize_t>(1, (128U << 10) / std::max<hsize_t>(1, bytes));
    chunk[k] = std::clamp<hsize_t>(chunk[k], 1, most);
    bytes *= chunk[k];
  }
  return chunk;
}

/// File access: chunks of a log start on a page of their own, so that no page is shared by two writes. No
/// advisory lock: somebody reading the file of a running job must not make its end fail. HDF5 prints its
/// error stack to stderr by default (per thread); here the reason goes into the exception instead.
Hdf5Handle file_access(const std::string& path) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, path);
  hdf5_check(H5Pset_alignment(access, 64U << 10, 4096), path);
  hdf5_check(H5Pset_file_locking(access, false, true), path);
  return access;
}

/// Access to a dataset of which no chunk is kept in memory: those who write whole ones gain nothing by it.
Hdf5Handle uncached() {
  Hdf5Handle access(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose, "chunk cache");
  hdf5_check(H5Pset_chunk_cache(access, 1, 0, 1.0), "chunk cache");
  return access;
}

void set_packed(std::int64_t creation) {
  hdf5_check(H5Pset_shuffle(creation), "shuffle filter");
  hdf5_check(H5Pset_deflate(creation, 1), "deflate filter");
  hdf5_check(H5Pset_fletcher32(creation), "fletcher32 filter");
}

}  // namespace

Hdf5Handle::Hdf5Handle(std::int64_t id, Closer closer, const std::string& what) : id_(id), closer_(closer) {
  hdf5_check(id, what);
}

Hdf5Handle::~Hdf5Handle() {
  if (id_ >= 0) closer_(id_);
}

void Hdf5Handle::close(const std::string& what) {
  if (id_ < 0) return;
  hdf5_check(closer_(std::exchange(id_, -1)), what);
}

std::mutex& hdf5_mutex() {
  static std::mutex mutex;
  return mutex;
}

void hdf5_check(long long status, const std::string& what) {
  if (status < 0) throw Error(fmt::format("{}: {}", what, last_reason()));
}

namespace hdf5 {

Hdf5Handle create_file(const std::string& path) {
  return {H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, file_access(path)), H5Fclose, path};
}

Hdf5Handle open_file(const std::string& path, bool writable) {
  return {H5Fopen(path.c_str(), writable ? H5F_ACC_RDWR : H5F_ACC_RDONLY, file_access(path)), H5Fclose, path};
}

Hdf5Handle create_group(std::int64_t location, const std::string& name) {
  return {H5Gcreate2(location, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose,
          "group " + name};
}

Hdf5Handle open_group(std::int64_t location, const std::string& name) {
  return {H5Gopen2(location, name.c_str(), H5P_DEFAULT), H5Gclose, "group " + name};
}

Hdf5Handle open_dataset(std::int64_t location, const std::string& name) {
  return {H5Dopen2(location, name.c_str(), H5P_DEFAULT), H5Dclose, "dataset " + name};
}

bool exists(std::int64_t location, const std::string& name) {
  return H5Lexists(location, name.c_str(), H5P_DEFAULT) > 0;
}

bool has_attribute(std::int64_t location, const std::string& name) {
  return H5Aexists(location, name.c_str()) > 0;
}

void write_attribute(std::int64_t location, const std::string& name, const std::string& value) {
  remove_attribute(location, name);
  const Hdf5Handle type = text_type();
  const Hdf5Handle space = space_of({});
  const Hdf5Handle attribute(H5Acreate2(location, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT),
                             H5Aclose, "attribute " + name);
  const char* text = value.c_str();
  hdf5_check(H5Awrite(attribute, type, &text), "attribute " + name);
}

template <class T>
void write_number(std::int64_t location, const std::string& name, T value) {
  const Hdf5Handle attribute =
      has_attribute(location, name)
          ? Hdf5Handle(H5Aopen(location, name.c_str(), H5P_DEFAULT), H5Aclose, "attribute " + name)
          : Hdf5Handle(
                H5Acreate2(location, name.c_str(), stored<T>(), space_of({}), H5P_DEFAULT, H5P_DEFAULT),
                H5Aclose, "attribute " + name);
  hdf5_check(H5Awrite(attribute, native<T>(), &value), "attribute " + name);
}

void write_attribute(std::int64_t location, const std::string& name, std::int64_t value) {
  write_number(location, name, value);
}
void write_attribute(std::int64_t location, const std::string& name, std::uint64_t value) {
  write_number(location, name, value);
}
void write_attribute(std::int64_t location, const std::string& name, double value) {
  write_number(location, name, value);
}

namespace {

/// Text of one scalar of `type`, wherever `read` gets it from: files of other writers may hold text of
/// fixed length.
template <class Read>
std::string scalar_text(std::int64_t type, const std::string& what, const Read& read) {
  switch (H5Tget_class(type)) {
    case H5T_STRING: {
      if (H5Tis_variable_str(type) > 0) {
        char* text = nullptr;
        const Hdf5Handle memory = text_type();
        hdf5_check(read(memory, &text), what);
        const std::string value = text == nullptr ? "" : text;
        H5free_memory(text);
        return value;
      }
      std::string value(H5Tget_size(type), '\0');
      hdf5_check(read(type, value.data()), what);
      return value.substr(0, value.find('\0'));
    }
    case H5T_INTEGER: {
      if (H5Tget_sign(type) == H5T_SGN_NONE) {
        std::uint64_t value = 0;
        hdf5_check(read(H5T_NATIVE_UINT64, &value), what);
        return fmt::format("{}", value);
      }
      std::int64_t value = 0;
      hdf5_check(read(H5T_NATIVE_INT64, &value), what);
      return fmt::format("{}", value);
    }
    case H5T_FLOAT: {
      double value = 0;
      hdf5_check(read(H5T_NATIVE_DOUBLE, &value), what);
      return fmt::format("{}", value);
    }
    default:
      throw Error(what + ": neither text nor a number");
  }
}

Hdf5Handle open_attribute(std::int64_t location, const std::string& name) {
  Hdf5Handle attribute(H5Aopen(location, name.c_str(), H5P_DEFAULT), H5Aclose, "attribute " + name);
  const Hdf5Handle space(H5Aget_space(attribute), H5Sclose, "attribute " + name);
  if (H5Sget_simple_extent_npoints(space) != 1) throw Error("attribute " + name + ": not a single value");
  return attribute;
}

template <class T>
T read_number(std::int64_t location, const std::string& name) {
  const Hdf5Handle attribute = open_attribute(location, name);
  T value{};
  hdf5_check(H5Aread(attribute, native<T>(), &value), "attribute " + name);
  return value;
}

}  // namespace

std::string read_attribute_as_text(std::int64_t location, const std::string& name) {
  const Hdf5Handle attribute = open_attribute(location, name);
  const Hdf5Handle type(H5Aget_type(attribute), H5Tclose, "attribute " + name);
  return scalar_text(type, "attribute " + name,
                     [&](hid_t memory, void* out) { return H5Aread(attribute, memory, out); });
}

std::string read_text_attribute(std::int64_t location, const std::string& name) {
  return read_attribute_as_text(location, name);
}
std::int64_t read_integer_attribute(std::int64_t location, const std::string& name) {
  return read_number<std::int64_t>(location, name);
}
std::uint64_t read_unsigned_attribute(std::int64_t location, const std::string& name) {
  return read_number<std::uint64_t>(location, name);
}
double read_number_attribute(std::int64_t location, const std::string& name) {
  return read_number<double>(location, name);
}

std::vector<std::string> attribute_names(std::int64_t location) {
  std::vector<std::string> names;
  hsize_t index = 0;
  hdf5_check(H5Aiterate2(
                 location, H5_INDEX_NAME, H5_ITER_NATIVE, &index,
                 [](hid_t, const char* name, const H5A_info_t*, void* out) -> herr_t {
                   static_cast<std::vector<std::string>*>(out)->push_back(name);
                   return 0;
                 },
                 &names),
             "attributes");
  return names;
}

std::vector<std::string> member_names(std::int64_t group) {
  std::vector<std::string> names;
  hsize_t index = 0;
  hdf5_check(H5Literate(
                 group, H5_INDEX_NAME, H5_ITER_INC, &index,
                 [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
                   static_cast<std::vector<std::string>*>(out)->push_back(name);
                   return 0;
                 },
                 &names),
             "group members");
  return names;
}

template <class T>
Hdf5Handle write_dataset(std::int64_t location, const std::string& name,
                         const std::vector<std::uint64_t>& dims, const T* data,
                         const Description& description, Packing packing) {
  const Hdf5Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "dataset " + name);
  const bool empty = std::find(dims.begin(), dims.end(), 0U) != dims.end();
  if (packing == Packing::packed && !dims.empty() && !empty) {
    const std::vector<hsize_t> chunk = default_chunk(dims, sizeof(T));
    hdf5_check(H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data()), "dataset " + name);
    set_packed(creation);
  }
  Hdf5Handle dataset(
      H5Dcreate2(location, name.c_str(), stored<T>(), space_of(dims), H5P_DEFAULT, creation, H5P_DEFAULT),
      H5Dclose, "dataset " + name);
  if (!empty)
    hdf5_check(H5Dwrite(dataset, native<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, data), "dataset " + name);
  describe(dataset, description);
  return dataset;
}

Hdf5Handle write_text_dataset(std::int64_t location, const std::string& name,
                              const std::vector<std::string>& lines, const std::string& text, bool scalar) {
  const Hdf5Handle type = text_type();
  const Hdf5Handle space = scalar ? space_of({}) : space_of({lines.size()});
  Hdf5Handle dataset(H5Dcreate2(location, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                     H5Dclose, "dataset " + name);
  std::vector<const char*> pointers;
  for (const std::string& line : lines) pointers.push_back(line.c_str());
  if (!lines.empty()) {
    hdf5_check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), "dataset " + name);
  }
  describe(dataset, {"1", text});
  return dataset;
}

template <class T>
Hdf5Handle create_chunked(std::int64_t location, const std::string& name,
                          const std::vector<std::uint64_t>& dims, const std::vector<std::uint64_t>& chunk,
                          const Description& description, bool early, bool whole_chunks) {
  const Hdf5Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "dataset " + name);
  const std::vector<hsize_t> shape(chunk.begin(), chunk.end());
  hdf5_check(H5Pset_chunk(creation, static_cast<int>(shape.size()), shape.data()), "dataset " + name);
  if (early) {
    hdf5_check(H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY), "dataset " + name);
    hdf5_check(H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER), "dataset " + name);
  } else {
    set_packed(creation);
  }
  const Hdf5Handle access = whole_chunks ? uncached() : Hdf5Handle();
  Hdf5Handle dataset(H5Dcreate2(location, name.c_str(), stored<T>(), space_of(dims), H5P_DEFAULT, creation,
                                whole_chunks ? hid_t{access} : H5P_DEFAULT),
                     H5Dclose, "dataset " + name);
  describe(dataset, description);
  return dataset;
}

namespace {

/// The file's dataspace with one block selected, and the memory's to match.
std::pair<Hdf5Handle, Hdf5Handle> select(std::int64_t dataset, const std::vector<std::uint64_t>& start,
                                         const std::vector<std::uint64_t>& count) {
  Hdf5Handle file(H5Dget_space(dataset), H5Sclose, "dataspace");
  const std::vector<hsize_t> s(start.begin(), start.end());
  const std::vector<hsize_t> c(count.begin(), count.end());
  hdf5_check(H5Sselect_hyperslab(file, H5S_SELECT_SET, s.data(), nullptr, c.data(), nullptr), "selection");
  return {std::move(file), space_of(count)};
}

}  // namespace

template <class T>
void write_block(std::int64_t dataset, const std::vector<std::uint64_t>& start,
                 const std::vector<std::uint64_t>& count, const T* data) {
  const auto [file, memory] = select(dataset, start, count);
  hdf5_check(H5Dwrite(dataset, native<T>(), memory, file, H5P_DEFAULT, data), "writing a dataset");
}

template <class T>
void read_block(std::int64_t dataset, const std::vector<std::uint64_t>& start,
                const std::vector<std::uint64_t>& count, T* data) {
  const auto [file, memory] = select(dataset, start, count);
  hdf5_check(H5Dread(dataset, native<T>(), memory, file, H5P_DEFAULT, data), "reading a dataset");
}

Hdf5Handle create_text_chunked(std::int64_t location, const std::string& name, std::uint64_t lines,
                               std::uint64_t chunk, const std::string& text) {
  const Hdf5Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "dataset " + name);
  const hsize_t shape = chunk;
  hdf5_check(H5Pset_chunk(creation, 1, &shape), "dataset " + name);
  Hdf5Handle dataset(
      H5Dcreate2(location, name.c_str(), text_type(), space_of({lines}), H5P_DEFAULT, creation, uncached()),
      H5Dclose, "dataset " + name);
  describe(dataset, {"1", text});
  return dataset;
}

void write_text_block(std::int64_t dataset, std::uint64_t start, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  const auto [file, memory] = select(dataset, {start}, {lines.size()});
  std::vector<const char*> pointers;
  pointers.reserve(lines.size());
  for (const std::string& line : lines) pointers.push_back(line.c_str());
  hdf5_check(H5Dwrite(dataset, text_type(), memory, file, H5P_DEFAULT, pointers.data()), "writing text");
}

std::vector<std::uint64_t> dimensions(std::int64_t dataset) {
  const Hdf5Handle space(H5Dget_space(dataset), H5Sclose, "dataspace");
  const int rank = H5Sget_simple_extent_ndims(space);
  hdf5_check(rank, "dataspace");
  std::vector<hsize_t> dims(static_cast<std::size_t>(rank));
  hdf5_check(H5Sget_simple_extent_dims(space, dims.data(), nullptr), "dataspace");
  return {dims.begin(), dims.end()};
}

template <class T>
std::vector<T> read_all(std::int64_t location, const std::string& name) {
  const Hdf5Handle dataset = open_dataset(location, name);
  std::uint64_t count = 1;
  for (const std::uint64_t d : dimensions(dataset)) count *= d;
  std::vector<T> values(count);
  if (count > 0) {
    hdf5_check(H5Dread(dataset, native<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
               "dataset " + name);
  }
  return values;
}

std::vector<std::string> read_text_all(std::int64_t location, const std::string& name) {
  const Hdf5Handle dataset = open_dataset(location, name);
  const Hdf5Handle space(H5Dget_space(dataset), H5Sclose, name);
  const auto count = H5Sget_simple_extent_npoints(space);
  std::vector<std::string> lines;
  if (count <= 0) return lines;
  std::vector<char*> pointers(static_cast<std::size_t>(count), nullptr);
  const Hdf5Handle type = text_type();
  hdf5_check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), "dataset " + name);
  for (char* p : pointers) lines.emplace_back(p == nullptr ? "" : p);
  for (char* p : pointers) H5free_memory(p);
  return lines;
}

bool holds_text(std::int64_t dataset) {
  const Hdf5Handle type(H5Dget_type(dataset), H5Tclose, "type of a dataset");
  return H5Tget_class(type) == H5T_STRING;
}

std::string read_scalar_as_text(std::int64_t location, const std::string& name) {
  const Hdf5Handle dataset = open_dataset(location, name);
  const Hdf5Handle space(H5Dget_space(dataset), H5Sclose, name);
  if (H5Sget_simple_extent_npoints(space) != 1) throw Error("dataset " + name + ": not a single value");
  const Hdf5Handle type(H5Dget_type(dataset), H5Tclose, name);
  return scalar_text(type, "dataset " + name, [&](hid_t memory, void* out) {
    return H5Dread(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, out);
  });
}

void attach_scale(std::int64_t dataset, std::int64_t scale, unsigned axis, const std::string& scale_name) {
  if (H5DSis_scale(scale) <= 0) hdf5_check(H5DSset_scale(scale, scale_name.c_str()), "scale " + scale_name);
  hdf5_check(H5DSattach_scale(dataset, scale, axis), "scale " + scale_name);
}

#define OPOLOOP_HDF5_TYPE(T)                                                                                 \
  template Hdf5Handle write_dataset<T>(std::int64_t, const std::string&, const std::vector<std::uint64_t>&,  \
                                       const T*, const Description&, Packing);                               \
  template Hdf5Handle create_chunked<T>(std::int64_t, const std::string&, const std::vector<std::uint64_t>&, \
                                        const std::vector<std::uint64_t>&, const Description&, bool, bool);  \
  template void write_block<T>(std::int64_t, const std::vector<std::uint64_t>&,                              \
                               const std::vector<std::uint64_t>&, const T*);                                 \
  template void read_block<T>(std::int64_t, const std::vector<std::uint64_t>&,                               \
                              const std::vector<std::uint64_t>&, T*);                                        \
  template std::vector<T> read_all<T>(std::int64_t, const std::string&);
OPOLOOP_HDF5_TYPE(double)
OPOLOOP_HDF5_TYPE(float)
OPOLOOP_HDF5_TYPE(std::int64_t)
OPOLOOP_HDF5_TYPE(std::int32_t)
OPOLOOP_HDF5_TYPE(std::uint32_t)
OPOLOOP_HDF5_TYPE(std::uint8_t)
OPOLOOP_HDF5_TYPE(std::int8_t)
#undef OPOLOOP_HDF5_TYPE

bool file_has_schema(const std::string& path, const std::string& schema) {
  if (!std::filesystem::is_regular_file(path)) return false;
  const std::lock_guard lock(hdf5_mutex());
  try {
    const Hdf5Handle file = open_file(path, false);
    return has_attribute(file, "schema") && read_attribute_as_text(file, "schema") == schema;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace hdf5
}  // namespace opoloop
