#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "core/error.h"
#include "core/public_data.h"
#include "experiments/accuracy/data_sources.h"
#include "experiments/accuracy/image_files.h"
#include "experiments/accuracy/text_files.h"
#include "experiments/accuracy/vocabulary.h"
#include "hamiltonian/formats/compression.h"
#include "hamiltonian/formats/file_bytes.h"
#include "tests/driver/temporary_folder.h"

using namespace opoloop;
using Catch::Matchers::Contains;
using opoloop::test::TemporaryFolder;

namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

/// `count` images of 2 × 2, pixel p of image k is 10k + p.
std::string idx_images(int count) {
  std::string text = bytes({0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 2, 0, 0, 0, 2});
  for (int k = 0; k < count; ++k) text += bytes({10 * k, 10 * k + 1, 10 * k + 2, 10 * k + 3});
  return text;
}

std::string idx_labels(int count) {
  std::string text = bytes({0, 0, 8, 1, 0, 0, 0, count});
  for (int k = 0; k < count; ++k) text += bytes({k % 10});
  return text;
}

std::string digit_line(int first, int label) {
  std::string line = std::to_string(first);
  for (int k = 1; k < 64; ++k) line += ",16";
  return line + "," + std::to_string(label) + "\n";
}

}  // namespace

TEST_CASE("accuracy data: IDX images and labels") {
  const Examples images = parse_idx_images(idx_images(3), "f");
  CHECK(images.side == 2);
  CHECK(images.channels == 1);
  REQUIRE(images.pixels.size() == 12);
  CHECK(images.pixels[9] == 21);
  CHECK(parse_idx_labels(idx_labels(12), "f") == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1});
  const std::string good = idx_images(3);
  for (const std::string& bad :
       {std::string(), good.substr(0, 15), good.substr(0, good.size() - 1), good + "x", idx_labels(3),
        bytes({0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 7, 7})}) {
    CHECK_THROWS_WITH(parse_idx_images(bad, "f"), "f: not an IDX file of square grey images");
  }
  CHECK_THROWS_WITH(parse_idx_labels(idx_images(1), "f"), "f: not an IDX file of labels");
  CHECK_THROWS_WITH(parse_idx_labels(bytes({0, 0, 8, 1, 0, 0, 0, 2, 3, 10}), "f"),
                    "f: label 1 is 10, expected 0 to 9");
}

TEST_CASE("accuracy data: CIFAR-10 and digits") {
  std::string record(3073, '\7');
  record[0] = 4;
  record[1] = '\xFF';
  const Examples colour = parse_cifar10(record + record, "f");
  CHECK(colour.labels == std::vector<int>{4, 4});
  CHECK(colour.image_size() == 3072);
  CHECK(colour.pixels[3072] == 255);
  CHECK(colour.pixels[3073] == 7);
  CHECK_THROWS_WITH(parse_cifar10(record + "x", "f"), Contains("3074 bytes are no CIFAR-10 batch"));
  record[0] = 10;
  CHECK_THROWS_WITH(parse_cifar10(record, "f"), "f: label 0 is 10, expected 0 to 9");

  const Examples digits = parse_digits(digit_line(3, 9) + "\n" + digit_line(0, 1), "f");
  CHECK(digits.labels == std::vector<int>{9, 1});
  CHECK(digits.white == 16);
  CHECK(digits.pixels[0] == 3);
  CHECK(digits.pixels[64] == 0);
  CHECK_THROWS_WITH(parse_digits(digit_line(3, 9) + digit_line(17, 1), "f"),
                    Contains("f:2") && Contains("17"));
  CHECK_THROWS_WITH(parse_digits(digit_line(3, 10), "f"), Contains("a label from 0 to 9"));
  CHECK_THROWS_AS(parse_digits("1,2,3\n", "f"), InputError);
  CHECK_THROWS_AS(parse_digits(digit_line(3, 1).insert(131 + 63 * 0, ",5"), "f"), InputError);
}

TEST_CASE("accuracy data: tables of texts") {
  const NamedTexts commas = parse_text_table(
      "\xEF\xBB\xBFtext,category\r\nplain,a\r\n\"with, comma and \"\"quotes\"\"\nand a line\",b\r\n\r\n,a",
      "f", ',');
  CHECK(commas.texts == std::vector<std::string>{"plain", "with, comma and \"quotes\"\nand a line", ""});
  CHECK(commas.classes == std::vector<std::string>{"a", "b", "a"});
  // Quotes mean nothing between tabs.
  const NamedTexts tabs =
      parse_text_table("label\tsource\ttext\n1\timdb\t\"Oh, well\n0\tyelp\tno\n", "f", '\t');
  CHECK(tabs.texts == std::vector<std::string>{"\"Oh, well", "no"});
  CHECK(tabs.classes == std::vector<std::string>{"1", "0"});
  CHECK(parse_text_table("sentence\tlabel\n", "f", '\t').texts.empty());

  CHECK_THROWS_WITH(parse_text_table("", "f", ','), Contains("the file is empty"));
  CHECK_THROWS_WITH(parse_text_table("a,label\n", "f", ','), Contains("text or sentence"));
  CHECK_THROWS_WITH(parse_text_table("text,b\n", "f", ','), Contains("label, category or intent"));
  CHECK_THROWS_WITH(parse_text_table("text,label\nx,1\n\"a\nb\",1\ny\n", "f", ','),
                    Contains("f:5") && Contains("2 fields as in the first line, not 1"));
  CHECK_THROWS_WITH(parse_text_table("text,label\nx,\n", "f", ','), Contains("f:2") && Contains("a class"));
  CHECK_THROWS_WITH(parse_text_table("text,label\n\"x,1\n", "f", ','), Contains("inside a quoted field"));
  CHECK_THROWS_WITH(parse_text_table("text,label\n\"x\"y,1\n", "f", ','), Contains("after a closing quote"));
}

TEST_CASE("accuracy data: lists of texts in JSON") {
  const std::string text = R"({"train": [["a b", "x"], ["c", "y"]], "val": [["d", "x"]], "oos_val": 3})";
  CHECK(parse_text_json(text, "f", "train").texts == std::vector<std::string>{"a b", "c"});
  CHECK(parse_text_json(text, "f", "val").classes == std::vector<std::string>{"x"});
  for (const char* bad : {"", "[]", "{\"train\": 3}", "{\"train\": [[\"a\"]]}", "{\"train\": [[\"a\", 3]]}",
                          "{\"train\": [[\"a\", \"\"]]}", "{\"train\": [[\"a\", \"b\"]"}) {
    CHECK_THROWS_AS(parse_text_json(bad, "f", "train"), InputError);
  }
}

TEST_CASE("accuracy data: words and their numbers") {
  CHECK(words_of("It's GREAT, isn't it?! n\xC3\xA4he 42-7") ==
        std::vector<std::string>{"it's", "great", "isn't", "it", "?", "!", "n\xC3\xA4he", "42", "7"});
  // b three times, a and c twice, d once: b 2, a 3, c 4, d unknown.
  const Vocabulary vocabulary({"a b c d", "B b A", "c"});
  CHECK(vocabulary.size() == 5);
  CHECK(vocabulary.encode("c b a d e", 512) == std::vector<std::int64_t>{4, 2, 3, 1, 1});
  CHECK(vocabulary.encode("c b a d e", 2) == std::vector<std::int64_t>{4, 2});
  CHECK(vocabulary.encode("...", 512) == std::vector<std::int64_t>{Vocabulary::kUnknown});
}

TEST_CASE("accuracy data: folders as their publishers give them") {
  const TemporaryFolder folder;
  const auto write = [&](const std::string& name, const std::string& content) {
    std::filesystem::create_directories(std::filesystem::path(folder / name).parent_path());
    write_file_bytes(folder / name, content);
  };
  write("mnist/train-images-idx3-ubyte", idx_images(12));
  write("mnist/train-labels-idx1-ubyte.gz", gzip(idx_labels(12)));
  LabelledData data = load_labelled_data("mnist", folder / "mnist", 5, 3);
  CHECK(data.classes == 10);
  CHECK(data.train.labels == std::vector<int>{0, 1, 2, 3, 4});
  CHECK(data.test.labels == std::vector<int>{5, 6, 7});  // those after the training part
  CHECK(data.test.pixels.front() == 50);
  data = load_labelled_data("fashion-mnist", folder / "mnist", 0, 0);
  CHECK(data.train.count() == 10);
  CHECK(data.test.count() == 2);
  CHECK_THROWS_WITH(load_labelled_data("mnist", folder / "mnist", 12, 1), Contains("both are needed"));
  write("mnist/t10k-images-idx3-ubyte", idx_images(2));
  write("mnist/t10k-labels-idx1-ubyte", idx_labels(3));
  CHECK_THROWS_WITH(load_labelled_data("mnist", folder / "mnist", 5, 0), Contains("3 labels for 2 images"));
  write("mnist/t10k-labels-idx1-ubyte", idx_labels(2));
  CHECK(load_labelled_data("mnist", folder / "mnist", 0, 0).test.labels == std::vector<int>{0, 1});

  for (const char* part : {"train", "test"}) {
    for (const char* name : {"pos", "neg"}) {
      for (const char* file : {"1", "2"}) {
        write(std::string("imdb/") + part + "/" + name + "/" + file + ".txt", std::string(name) + file);
      }
    }
  }
  data = load_labelled_data("imdb", folder / "imdb", 0, 2);
  CHECK(data.train.texts == std::vector<std::string>{"neg1", "neg2", "pos1", "pos2"});
  CHECK(data.train.labels == std::vector<int>{0, 0, 1, 1});
  CHECK(data.test.texts == std::vector<std::string>{"neg1", "pos1"});  // a part is spread over the classes
  CHECK(data.is_text());

  write("SST-2/train.tsv", "sentence\tlabel\ngood\t1\nbad\t0\n");
  write("SST-2/dev.tsv", "sentence\tlabel\nfine\t1\n");
  data = load_labelled_data("sst-2", folder / "SST-2", 0, 0);
  CHECK(data.train.labels == std::vector<int>{1, 0});
  CHECK(data.test.labels == std::vector<int>{1});
  write("SST-2/dev.tsv", "sentence\tlabel\nfine\t2\n");
  CHECK_THROWS_WITH(load_labelled_data("sst-2", folder / "SST-2", 0, 0),
                    Contains("class '2' is only in the test"));

  write("own.csv", "text,label\na,x\nb,y\nc,x\nd,y\ne,x\nf,y\n");
  data = load_labelled_data("own", folder / "own.csv", 0, 0);
  CHECK(data.test.texts == std::vector<std::string>{"a", "f"});  // every fifth
  CHECK(data.train.texts == std::vector<std::string>{"b", "c", "d", "e"});
  CHECK_THROWS_WITH(load_labelled_data("own", folder / "own.txt", 0, 0),
                    Contains("expected a table of texts"));

  std::string batch(2 * 3073, '\1');
  for (const char* name :
       {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"}) {
    write(std::string("cifar/") + name + ".bin", batch);
  }
  data = load_labelled_data("cifar-10", folder / "cifar", 0, 0);
  CHECK(data.train.count() == 10);
  CHECK(data.train.channels == 3);
  CHECK(data.test.pixels.size() == 2 * 3072);
}

TEST_CASE("accuracy data: where a set lies") {
  DataPlaces places;
  places.public_data = "/data";
  CHECK(places.of("digits") == "/data/small/attention/digits.csv.gz");
  CHECK_THROWS_WITH(places.of("sst-2"), Contains("--data sst-2=PATH") && Contains("train.tsv"));
  CHECK_THROWS_WITH(places.of("nonsense"), Contains("unknown") && Contains("clinc150"));
  places.own["sst-2"] = "/mine";
  places.own["digits"] = "/other";
  CHECK(places.of("sst-2") == "/mine");
  CHECK(places.of("digits") == "/other");
}

TEST_CASE("accuracy data: the public sets") {
  DataPlaces places;
  places.public_data = public_data_folder();
  struct Known {
    const char* name;
    std::size_t train, test;
    int classes;
  };
  for (const Known& known : {Known{"digits", 1437, 360, 10}, Known{"uci-sentiment", 1920, 480, 2}}) {
    const auto path = places.of(known.name);
    if (!std::filesystem::exists(path)) {
      WARN(path.string() + " is missing");
      continue;
    }
    const LabelledData data = load_labelled_data(known.name, path, 0, 0);
    CHECK(data.train.count() == known.train);
    CHECK(data.test.count() == known.test);
    CHECK(data.classes == known.classes);
  }
}
