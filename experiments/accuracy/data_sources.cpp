#include "experiments/accuracy/data_sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "experiments/accuracy/image_files.h"
#include "experiments/accuracy/text_files.h"
#include "hamiltonian/formats/compression.h"
#include "hamiltonian/formats/file_bytes.h"

namespace opoloop {
namespace {

using std::filesystem::path;

constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 30U;
constexpr std::size_t kTestStride = 5;  // of a set without a test part: every fifth example

constexpr std::array<DataSource, 9> kSources = {{
    {"digits", "the file digits.csv: 64 pixels 0 to 16 and a label a line", "small/attention/digits.csv.gz",
     1797},
    {"mnist", "a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, and t10k-... where there are",
     "medium/attention/mnist", 70000},
    {"fashion-mnist", "a folder of files named as those of mnist", "", 70000},
    {"cifar-10", "the folder cifar-10-batches-bin: data_batch_1.bin to data_batch_5.bin, test_batch.bin", "",
     60000},
    {"uci-sentiment", "a table of label and text, separated by tabs", "small/attention/uci_sentiment_dev.tsv",
     3000},
    {"clinc150", "the JSON file with lists train and val", "medium/attention/clinc150_train_val.json.gz",
     18000},
    {"banking77", "a CSV table of text and category", "medium/attention/banking77_train.csv.gz", 13083},
    {"sst-2", "the folder SST-2 of GLUE: train.tsv, dev.tsv", "", 68221},
    {"imdb", "the folder aclImdb: train/pos, train/neg, test/pos, test/neg", "", 50000},
}};

/// The bytes of a file, or of the same with .gz, unpacked.
std::string unpacked(const path& file) {
  path found = file;
  if (!std::filesystem::exists(found)) found += ".gz";
  if (!std::filesystem::exists(found))
    throw InputError(file.string() + ": no such file, with or without .gz");
  std::string bytes = read_file_bytes(found.string(), kLargestFile);
  return is_gzip(bytes) ? gunzip(bytes, found.string(), kLargestFile) : bytes;
}

Examples idx_pair(const path& folder, const std::string& part) {
  const path images = folder / (part + "-images-idx3-ubyte"), labels = folder / (part + "-labels-idx1-ubyte");
  Examples examples = parse_idx_images(unpacked(images), images.string());
  const std::size_t count = examples.pixels.size() / examples.image_size();
  examples.labels = parse_idx_labels(unpacked(labels), labels.string());
  if (examples.count() != count) {
    throw InputError(fmt::format("{}: {} labels for {} images", labels.string(), examples.count(), count));
  }
  return examples;
}

void add(Examples& all, Examples more) {
  all.side = more.side;
  all.channels = more.channels;
  all.labels.insert(all.labels.end(), more.labels.begin(), more.labels.end());
  all.pixels.insert(all.pixels.end(), more.pixels.begin(), more.pixels.end());
}

/// The texts of one folder a class, in the order of their names.
NamedTexts folder_texts(const path& folder) {
  NamedTexts found;
  for (const char* name : {"neg", "pos"}) {
    const path of_class = folder / name;
    if (!std::filesystem::is_directory(of_class)) throw InputError(of_class.string() + ": no such folder");
    std::vector<path> files;
    for (const auto& entry : std::filesystem::directory_iterator(of_class)) {
      if (entry.path().extension() == ".txt") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const path& file : files) {
      found.texts.push_back(read_file_bytes(file.string(), kLargestFile));
      found.classes.emplace_back(name);
    }
  }
  return found;
}

/// Numbers for the classes of the training part, in alphabetical order. The classes of a set are those.
void number_classes(const NamedTexts& train, const NamedTexts& test, const std::string& where,
                    LabelledData& data) {
  std::vector<std::string> names = train.classes;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  data.classes = static_cast<int>(names.size());
  for (const auto& [from, to] : {std::pair{&train, &data.train}, std::pair{&test, &data.test}}) {
    to->texts = from->texts;
    for (const std::string& name : from->classes) {
      const auto at = std::lower_bound(names.begin(), names.end(), name);
      if (at == names.end() || *at != name) {
        throw InputError(fmt::format("{}: class '{}' is only in the test part", where, name.substr(0, 40)));
      }
      to->labels.push_back(static_cast<int>(at - names.begin()));
    }
  }
}

/// IMDB is sorted by class and clinc150 and banking77 by intent: the first examples would all be of one
/// class, so a part of such a set is every so-manieth.
Examples spread(const Examples& all, std::uint64_t wanted) {
  if (wanted == 0 || wanted >= all.count()) return all;
  Examples chosen = all.part(0, 0);
  for (std::uint64_t k = 0; k < wanted; ++k) {
    const std::size_t at = static_cast<std::size_t>(k * all.count() / wanted);
    const Examples one = all.part(at, at + 1);
    chosen.labels.push_back(one.labels.front());
    chosen.texts.insert(chosen.texts.end(), one.texts.begin(), one.texts.end());
    chosen.pixels.insert(chosen.pixels.end(), one.pixels.begin(), one.pixels.end());
  }
  return chosen;
}

Examples first(const Examples& all, std::uint64_t wanted) {
  return wanted == 0 ? all : all.part(0, static_cast<std::size_t>(wanted));
}

NamedTexts table_of(const path& file) {
  path plain = file;
  if (plain.extension() == ".gz") plain.replace_extension();
  if (plain.extension() != ".csv" && plain.extension() != ".tsv") {
    throw InputError(file.string() +
                     ": expected a table of texts, .csv, .tsv or .json, or the name of a known set");
  }
  return parse_text_table(unpacked(file), file.string(), plain.extension() == ".csv" ? ',' : '\t');
}

/// Sets of images: train and test as their publishers part them, then as many as wanted.
LabelledData load_images_with_labels(const std::string& name, const path& where, std::uint64_t train,
                                     std::uint64_t test) {
  LabelledData data{name, 10, {}, {}};
  if (name == "digits") {
    Examples all = parse_digits(unpacked(where), where.string()), rest;
    all.split_every(kTestStride, data.test, rest);
    data.train = first(rest, train);
    data.test = first(data.test, test);
    return data;
  }
  if (name == "cifar-10") {
    for (int k = 1; k <= 5; ++k) {
      const path batch = where / fmt::format("data_batch_{}.bin", k);
      add(data.train, parse_cifar10(unpacked(batch), batch.string()));
    }
    data.test =
        first(parse_cifar10(unpacked(where / "test_batch.bin"), (where / "test_batch.bin").string()), test);
    data.train = first(data.train, train);
    return data;
  }
  const Examples all = idx_pair(where, "train");
  const bool own_test = std::filesystem::exists(where / "t10k-images-idx3-ubyte") ||
                        std::filesystem::exists(where / "t10k-images-idx3-ubyte.gz");
  if (own_test) {
    data.train = first(all, train);
    data.test = first(idx_pair(where, "t10k"), test);
    return data;
  }
  // Without a test part a sixth of the images, the last ones, are for testing where all are wanted.
  const std::size_t count = train == 0 ? all.count() - all.count() / 6
                                       : std::min<std::size_t>(static_cast<std::size_t>(train), all.count());
  data.train = all.part(0, count);
  data.test = all.part(count, test == 0 ? all.count() : count + static_cast<std::size_t>(test));
  return data;
}

LabelledData load_texts(const std::string& name, const path& where, std::uint64_t train, std::uint64_t test) {
  LabelledData data{name, 0, {}, {}};
  NamedTexts train_texts, test_texts;
  if (name == "imdb") {
    train_texts = folder_texts(where / "train");
    test_texts = folder_texts(where / "test");
  } else if (name == "sst-2") {
    train_texts = table_of(where / "train.tsv");
    test_texts = table_of(where / "dev.tsv");
  } else if (where.string().ends_with(".json") || where.string().ends_with(".json.gz")) {
    const std::string text = unpacked(where);
    train_texts = parse_text_json(text, where.string(), "train");
    test_texts = parse_text_json(text, where.string(), "val");
  } else {
    train_texts = table_of(where);
  }
  number_classes(train_texts, test_texts, where.string(), data);
  if (data.test.count() == 0) {
    const Examples all = std::move(data.train);
    all.split_every(kTestStride, data.test, data.train);
  }
  data.train = spread(data.train, train);
  data.test = spread(data.test, test);
  return data;
}

}  // namespace

std::span<const DataSource> data_sources() {
  return kSources;
}

path DataPlaces::of(const std::string& name) const {
  const auto given = own.find(name);
  if (given != own.end()) return given->second;
  std::string names;
  for (const DataSource& source : kSources) {
    names += (names.empty() ? "" : ", ") + std::string(source.name);
    if (name != source.name) continue;
    if (*source.default_path == '\0') {
      throw InputError(
          fmt::format("data set {}: say where your copy is: --data {}=PATH, {}", name, name, source.layout));
    }
    return public_data / source.default_path;
  }
  throw InputError(
      fmt::format("data set '{}': unknown; the known ones are {}; --data {}=FILE adds a table of "
                  "texts",
                  name, names, name));
}

LabelledData load_labelled_data(const std::string& name, const path& where, std::uint64_t train,
                                std::uint64_t test) {
  const bool images = name == "digits" || name == "mnist" || name == "fashion-mnist" || name == "cifar-10";
  LabelledData data =
      images ? load_images_with_labels(name, where, train, test) : load_texts(name, where, train, test);
  if (data.train.count() == 0 || data.test.count() == 0) {
    throw InputError(fmt::format("{}: {} examples to train on and {} to test on: both are needed",
                                 where.string(), data.train.count(), data.test.count()));
  }
  return data;
}

}  // namespace opoloop
