#include "driver/calibration/record_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>

#include "core/error.h"
#include "driver/device_parameters.h"
#include "driver/hdf5_handle.h"
#include "driver/run_file_parts.h"
#include "hamiltonian/formats/file_bytes.h"
#include "hamiltonian/formats/npz.h"
#include "hamiltonian/formats/read_context.h"
#include "hamiltonian/formats/text_scanner.h"

namespace opoloop::calibration {
namespace {

constexpr const char* kSchema = "opoloop-calibration-records";
constexpr std::int64_t kSchemaVersion = 1;
/// Names and numbers that a description may hold before it is a mistake.
constexpr std::int64_t kMostRows = std::int64_t{1} << 40;

int line_of(const toml::node& node) {
  return static_cast<int>(node.source().begin.line);
}

/// Reads keys of one table and complains about the rest.
class Table {
 public:
  Table(const toml::table& table, const std::string& path) : table_(table), path_(path) {}

  const toml::node* find(const std::string& key) {
    known_.insert(key);
    return table_.get(key);
  }
  std::string text(const std::string& key, const std::string& fallback) {
    const toml::node* node = find(key);
    if (node == nullptr) return fallback;
    const auto value = node->value_exact<std::string>();
    if (!value) fail(*node, key, "expected a string");
    return *value;
  }
  void end() const {
    for (const auto& [key, node] : table_) {
      if (!known_.contains(std::string(key.str()))) fail(node, std::string(key.str()), "is not known here");
    }
  }
  [[noreturn]] void fail(const toml::node& node, const std::string& key, const std::string& what) const {
    throw_file_error(path_, line_of(node), key, what);
  }
  [[noreturn]] void missing(const std::string& key) const {
    throw_file_error(path_, line_of(table_), key, "is missing in this record");
  }

 private:
  const toml::table& table_;
  const std::string& path_;
  std::set<std::string> known_;
};

std::vector<IsingEdge> parse_couplings(const toml::node& node, const Table& table) {
  const char* expected = "expected a list of [pulse, pulse, coupling]";
  const toml::array* list = node.as_array();
  if (list == nullptr) table.fail(node, "couplings", expected);
  std::vector<IsingEdge> edges;
  for (const toml::node& element : *list) {
    const toml::array* three = element.as_array();
    if (three == nullptr || three->size() != 3) table.fail(element, "couplings", expected);
    const auto i = (*three)[0].value_exact<std::int64_t>();
    const auto j = (*three)[1].value_exact<std::int64_t>();
    const auto J = (*three)[2].value<double>();
    constexpr std::int64_t kMost = 1 << 24;
    if (!i || !j || !J || *i < 0 || *j < 0 || *i > kMost || *j > kMost)
      table.fail(element, "couplings", expected);
    edges.push_back({static_cast<std::int32_t>(*i), static_cast<std::int32_t>(*j), *J});
  }
  return edges;
}

RecordDescription parse_record(const toml::table& entry, const std::string& path, std::size_t number) {
  Table table(entry, path);
  RecordDescription d;
  d.line = line_of(entry);
  CalibrationRecord& r = d.record;
  const toml::node* kind = table.find("kind");
  if (kind == nullptr) table.missing("kind");
  try {
    r.kind = parse_kind_of_record(table.text("kind", ""));
  } catch (const InputError& error) {
    table.fail(*kind, "kind", error.what());
  }
  r.name = table.text("name", fmt::format("{}-{}", name_of(r.kind), number + 1));

  const toml::node* pump = table.find("pump");
  if (pump == nullptr) table.missing("pump");
  const auto setting = pump->value<double>();
  d.pump_text = pump->is_number() && setting ? number_text(*setting) : table.text("pump", "");
  try {
    r.pump = Schedule::parse(d.pump_text, "pump");
  } catch (const InputError& error) {
    table.fail(*pump, "pump", error.what());
  }

  if (const toml::node* settled = table.find("settled")) {
    const auto row = settled->value_exact<std::int64_t>();
    if (!row || *row < 0 || *row > kMostRows) table.fail(*settled, "settled", "expected a row, from 0");
    r.settled = *row;
  }
  if (const toml::node* couplings = table.find("couplings")) r.couplings = parse_couplings(*couplings, table);

  const toml::node* samples = table.find("samples");
  if (samples == nullptr) table.missing("samples");
  const std::string place = table.text("samples", "");
  const std::size_t colon = place.rfind(':');
  d.file = place.substr(0, colon);
  if (colon != std::string::npos) d.dataset = place.substr(colon + 1);
  const bool csv = d.file.ends_with(".csv");
  if (d.file.empty() || csv != d.dataset.empty())
    table.fail(*samples, "samples", "expected FILE.csv, FILE.h5:DATASET or FILE.npz:ARRAY");
  table.end();
  return d;
}

SampleArray shaped(const std::vector<std::int64_t>& shape, std::vector<float> values,
                   const std::string& where) {
  SampleArray a;
  if (shape.size() == 3) {
    a.runs = shape[0];
    a.rows = shape[1];
    a.pulses = shape[2];
  } else if (shape.size() == 2) {
    a.runs = 1;
    a.rows = shape[0];
    a.pulses = shape[1];
  } else {
    throw InputError(
        fmt::format("{}: expected an array [run][row][pulse] or [row][pulse], it has {} dimensions", where,
                    shape.size()));
  }
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  if (a.runs < 1 || a.rows < 2 || a.pulses < 1 || a.runs >= kMost || a.pulses >= kMost)
    throw InputError(fmt::format("{}: its shape is no runs × rows × pulses, with two rows at least", where));
  a.values = std::move(values);
  return a;
}

SampleArray read_samples_hdf5(const std::string& path, const std::string& dataset) {
  const std::lock_guard lock(hdf5_mutex());
  try {
    const Hdf5Handle file = hdf5::open_file(path, false);
    std::vector<std::int64_t> shape;
    double count = 1;
    {
      const Hdf5Handle set = hdf5::open_dataset(file, dataset);
      if (hdf5::holds_text(set))
        throw InputError(fmt::format("{}:{}: holds text, not samples", path, dataset));
      for (const std::uint64_t d : hdf5::dimensions(set)) {
        shape.push_back(static_cast<std::int64_t>(d));
        count *= static_cast<double>(d);
      }
    }
    if (count * 4 > static_cast<double>(physical_memory()))
      throw InputError(fmt::format("{}:{}: needs {} of memory", path, dataset, bytes_text(count * 4)));
    return shaped(shape, hdf5::read_all<float>(file, dataset), path + ":" + dataset);
  } catch (const InputError&) {
    throw;
  } catch (const Error& error) {
    throw InputError(fmt::format("{}:{}: {}", path, dataset, error.what()));
  }
}

SampleArray read_samples(const RecordDescription& d, const std::filesystem::path& folder) {
  const std::string path = (folder / d.file).string();
  if (!std::filesystem::is_regular_file(path))
    throw InputError(fmt::format("{}: no such file (samples of record '{}')", path, d.record.name));
  if (d.file.ends_with(".csv")) return parse_samples_csv(read_file_bytes(path, physical_memory()), path);
  if (d.file.ends_with(".npz"))
    return parse_samples_npz(read_file_bytes(path, physical_memory()), d.dataset, path);
  return read_samples_hdf5(path, d.dataset);
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  out += '"';
  return out;
}

std::string description_of(const RecordSet& set, const std::string& data_name) {
  std::string out = "# Records of opoloop calibrate; docs/calibration.md has the format.\nformat = 1\n";
  out += fmt::format("description = {}\nsource = {}\n", quoted(set.description), quoted(set.source));
  if (set.round_trip_time_s)
    out += fmt::format("round_trip_time_s = {}\n", number_text(*set.round_trip_time_s));
  for (std::size_t i = 0; i < set.records.size(); ++i) {
    const CalibrationRecord& r = set.records[i];
    out += fmt::format("\n[[record]]\nkind = \"{}\"\nname = {}\npump = {}\nsettled = {}\nsamples = {}\n",
                       name_of(r.kind), quoted(r.name), quoted(r.pump.text()), r.settled,
                       quoted(fmt::format("{}:record_{:02}", data_name, i + 1)));
    if (r.couplings.empty()) continue;
    std::string list;
    for (const IsingEdge& edge : r.couplings)
      list += fmt::format("{}[{}, {}, {}]", list.empty() ? "" : ", ", edge.i, edge.j, number_text(edge.J));
    out += "couplings = [" + list + "]\n";
  }
  return out;
}

}  // namespace

SetDescription parse_description(const std::string& text, const std::string& path) {
  SetDescription out;
  // toml++ 3 stops the program (an assertion, or undefined behaviour without them) at some control characters
  // within keys, found by fuzzing: none of them belongs into a description.
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t' && c != '\r') || byte == 0x7f)
      throw_file_error(path, 0, "", "holds a control character, so it is no text");
  }
  try {
    const toml::table root = toml::parse(text, path);
    Table table(root, path);
    if (const toml::node* format = table.find("format");
        format != nullptr && format->value_exact<std::int64_t>() != 1)
      table.fail(*format, "format", "this program reads format 1");
    out.set.description = table.text("description", "");
    out.set.source = table.text("source", path);
    if (const toml::node* time = table.find("round_trip_time_s")) {
      const auto seconds = time->value<double>();
      if (!seconds || !(*seconds > 0) || !std::isfinite(*seconds))
        table.fail(*time, "round_trip_time_s", "expected a time above 0 [s]");
      out.set.round_trip_time_s = seconds;
    }
    const toml::node* records = table.find("record");
    const toml::array* list = records == nullptr ? nullptr : records->as_array();
    if (list == nullptr || list->empty()) throw_file_error(path, 0, "", "has no [[record]]");
    for (std::size_t i = 0; i < list->size(); ++i) {
      const toml::table* entry = (*list)[i].as_table();
      if (entry == nullptr) table.fail((*list)[i], "record", "expected [[record]]");
      out.records.push_back(parse_record(*entry, path, i));
    }
    table.end();
  } catch (const toml::parse_error& error) {
    throw_file_error(path, static_cast<std::int64_t>(error.source().begin.line), "",
                     std::string(error.description()));
  }
  return out;
}

SampleArray parse_samples_csv(std::string_view text, const std::string& file) {
  TextScanner scanner(text, file, ',');
  SampleArray a;
  bool first = true;
  while (scanner.next_data_line("#")) {
    if (first && scanner.line_text().find_first_of("0123456789") != 0) {
      first = false;  // names of the columns
      continue;
    }
    first = false;
    const std::int64_t run = scanner.integer("the number of the run");
    const std::int64_t round = scanner.integer("the round trip");
    const bool next_run = a.runs > 0 && run == a.runs && round == 0;
    const auto lines =
        static_cast<std::int64_t>(a.pulses == 0 ? 0 : static_cast<std::int64_t>(a.values.size()) / a.pulses);
    const std::int64_t before = a.runs == 0 ? 0 : lines - (a.runs - 1) * a.rows;  // rows of the present run
    if (a.runs == 0) {
      if (run != 0 || round != 0) scanner.fail("run 0 and round trip 0 in the first line");
      a.runs = 1;
    } else if (next_run) {
      if (a.runs == 1) a.rows = before;
      if (before != a.rows) scanner.fail("as many round trips in every run");
      ++a.runs;
    } else if (run != a.runs - 1 || round != before || (a.runs > 1 && round >= a.rows)) {
      scanner.fail("runs and round trips counted up, one line each");
    }
    std::int64_t pulses = 0;
    while (!scanner.at_line_end()) {
      a.values.push_back(static_cast<float>(scanner.number("a sample")));
      if (!std::isfinite(a.values.back())) scanner.fail("samples in the range of floats");
      ++pulses;
    }
    if (pulses == 0) scanner.fail("a sample of every pulse behind run and round trip");
    if (a.pulses == 0) a.pulses = pulses;
    if (pulses != a.pulses) scanner.fail(fmt::format("{} samples, as in the first line", a.pulses));
  }
  if (a.runs == 0) throw_file_error(file, 0, "", "holds no samples");
  if (a.runs == 1) a.rows = static_cast<std::int64_t>(a.values.size()) / a.pulses;
  if (static_cast<std::int64_t>(a.values.size()) != a.runs * a.rows * a.pulses)
    throw_file_error(file, scanner.line_number(), "", "the last run has fewer round trips than the others");
  if (a.rows < 2) throw_file_error(file, scanner.line_number(), "", "needs two round trips at least");
  return a;
}

SampleArray parse_samples_npz(std::string_view bytes, const std::string& dataset, const std::string& file) {
  ZipArchive archive(bytes, file, physical_memory());
  if (!archive.contains(dataset + ".npy"))
    throw InputError(fmt::format("{}: has no array '{}'", file, dataset));
  const NpzMember member(archive, dataset, file);
  const std::vector<double> numbers = member.array().row_major();
  return shaped(member.array().shape, std::vector<float>(numbers.begin(), numbers.end()),
                file + "(" + dataset + ")");
}

RecordSet read_records(const std::string& path) {
  constexpr std::uint64_t kMostText = 16 << 20;
  SetDescription description = parse_description(read_file_bytes(path, kMostText), path);
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  RecordSet set = std::move(description.set);
  for (RecordDescription& d : description.records) {
    SampleArray samples = read_samples(d, folder);
    CalibrationRecord& r = d.record;
    r.runs = static_cast<int>(samples.runs);
    r.pulses = static_cast<int>(samples.pulses);
    r.rounds = samples.rows - 1;
    r.samples = std::move(samples.values);
    try {
      r.validate();
    } catch (const InputError& error) {
      throw_file_error(path, d.line, "", error.what());
    }
    set.records.push_back(std::move(r));
  }
  return set;
}

void write_records(const RecordSet& set, const std::string& path, const std::string& command_line) {
  std::filesystem::path data = path;
  data.replace_extension(".h5");
  write_atomically(data.string(), [&](const std::string& part) {
    const std::lock_guard lock(hdf5_mutex());
    Hdf5Handle file = hdf5::create_file(part);
    run_file::write_provenance(file, kSchema, kSchemaVersion, command_line, 0);
    for (std::size_t i = 0; i < set.records.size(); ++i) {
      const CalibrationRecord& r = set.records[i];
      const std::vector<std::uint64_t> shape = {static_cast<std::uint64_t>(r.runs),
                                                static_cast<std::uint64_t>(r.rows()),
                                                static_cast<std::uint64_t>(r.pulses)};
      hdf5::write_dataset(file, fmt::format("record_{:02}", i + 1), shape, r.samples.data(),
                          {"record", fmt::format("samples [run][round trip][pulse] of record '{}'", r.name)},
                          hdf5::Packing::packed);
    }
    file.close(part);
  });
  write_file_bytes(path, description_of(set, data.filename().string()));
}

}  // namespace opoloop::calibration
