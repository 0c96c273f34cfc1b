#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace opoloop {

/// Texts and the name of the class of each, as a file has them.
struct NamedTexts {
  std::vector<std::string> texts;
  std::vector<std::string> classes;
};

// Text sets as their publishers give them. All take the bytes of a file (unpacked) and its name for messages,
// and throw InputError of one line.

/// A table with a line of column names, one of them text or sentence, one of them label, category or intent;
/// other columns are ignored. Separated by commas with quoted fields (RFC 4180; banking77), or by tabs
/// without quotes (SST-2, the UCI sentences).
NamedTexts parse_text_table(std::string_view bytes, const std::string& file, char separator);

/// JSON object of lists of [text, class] (clinc150): its member `part`, "train" or "val" for instance.
NamedTexts parse_text_json(std::string_view bytes, const std::string& file, const std::string& part);

}  // namespace opoloop
