#pragma once

#include <string_view>
#include <vector>

#include "driver/server/http_server.h"

namespace opoloop {

/// A file of driver/server/page, as it was when the program was built.
struct PageFile {
  std::string_view name;
  std::string_view sha256;  ///< of its text, hexadecimal
  std::string_view text;
};

/// All of them (cmake/embed_files.cmake).
const std::vector<PageFile>& page_files();

/// The page for people, docs/server.md: index.html at "/", everything it needs at "/page/NAME". Answered
/// without a token, since a browser asks for pages without one; they hold nothing that is not in the sources.
std::vector<Route> page_routes();

}  // namespace opoloop
