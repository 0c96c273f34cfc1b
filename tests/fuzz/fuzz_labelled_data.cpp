// libFuzzer target for the files of data sets (experiments/accuracy): what is none must come out as an
// InputError of one line that names the file; what is accepted has as many labels as examples. The first byte
// says which parser reads the rest.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "experiments/accuracy/image_files.h"
#include "experiments/accuracy/text_files.h"
#include "experiments/accuracy/vocabulary.h"

namespace {

void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

void must_fit(const opoloop::Examples& examples) {
  must(examples.pixels.size() == examples.count() * examples.image_size(), "pixels");
  for (const int label : examples.labels) must(label >= 0 && label < 10, "a label");
  for (const int pixel : examples.pixels) must(pixel <= examples.white, "a pixel");
}

void must_fit(const opoloop::NamedTexts& texts) {
  must(texts.texts.size() == texts.classes.size(), "classes");
  for (const auto& name : texts.classes) must(!name.empty(), "a class without a name");
  const opoloop::Vocabulary vocabulary(texts.texts);
  for (const auto& text : texts.texts) {
    const auto words = vocabulary.encode(text, 7);
    must(!words.empty() && words.size() <= 7, "words");
    for (const auto word : words) must(word >= 1 && word < vocabulary.size(), "a word's number");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace opoloop;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0]) {
      case 'i': {
        const Examples images = parse_idx_images(bytes, "f");
        must(images.side > 0 && images.pixels.size() % images.image_size() == 0, "pixels of IDX");
        break;
      }
      case 'l':
        parse_idx_labels(bytes, "f");
        break;
      case 'c':
        must_fit(parse_cifar10(bytes, "f"));
        break;
      case 'd':
        must_fit(parse_digits(bytes, "f"));
        break;
      case ',':
        must_fit(parse_text_table(bytes, "f", ','));
        break;
      case 't':
        must_fit(parse_text_table(bytes, "f", '\t'));
        break;
      case 'j':
        must_fit(parse_text_json(bytes, "f", "train"));
        break;
      default:
        return -1;  // not of interest
    }
  } catch (const InputError& error) {
    const std::string_view message = error.what();
    must(message.find('\n') == std::string_view::npos, "a message of several lines");
    must(message.substr(0, 2) == "f:", "a message without its file");
  }
  return 0;
}
