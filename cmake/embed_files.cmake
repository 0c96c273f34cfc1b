# cmake -DOUTPUT=FILE.cpp -DFOLDER=DIR -DFILES=a,b -P embed_files.cmake: files as a table in a C++ source
# (driver/server/page.h), text as raw strings, each with its SHA-256.
string(REPLACE "," ";" FILES "${FILES}")
set(table "")
foreach(file ${FILES})
  file(READ "${FOLDER}/${file}" text)
  file(SHA256 "${FOLDER}/${file}" hash)
  # Compilers bound the length of one literal, not of several side by side.
  string(LENGTH "${text}" length)
  string(FIND "${text}" ")page\"" ends_early)
  if(NOT ends_early EQUAL -1 OR length GREATER 60000)
    message(FATAL_ERROR "${file}: cannot be embedded as one raw string")
  endif()
  string(APPEND table "    {\"${file}\", \"${hash}\", R\"page(${text})page\"},\n")
endforeach()
file(WRITE "${OUTPUT}" "// Made by cmake/embed_files.cmake.
#include \"driver/server/page.h\"

namespace opoloop {

const std::vector<PageFile>& page_files() {
  static const std::vector<PageFile> files = {
${table}  };
  return files;
}

}  // namespace opoloop
")
