#include "driver/server/journal.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "core/error.h"
#include "tests/driver/temporary_folder.h"

using namespace opoloop;
using Catch::Matchers::Contains;
using test::TemporaryFolder;

namespace {

struct Record {
  std::uint32_t type;
  std::string body;
  bool operator==(const Record&) const = default;
};

std::vector<Record> records_of(const std::string& folder, std::uint64_t segment = 1 << 20) {
  std::vector<Record> records;
  const Journal journal(
      folder, 1 << 20,
      [&](std::uint32_t type, const std::string& body, const Journal::Place&) {
        records.push_back({type, body});
      },
      segment);
  return records;
}

const Journal::Replay kNothing = [](std::uint32_t, const std::string&, const Journal::Place&) {};

}  // namespace

TEST_CASE("a journal gives back its records in order, over segments") {
  const TemporaryFolder folder;
  std::vector<Record> written;
  std::vector<Journal::Place> places;
  {
    Journal journal(folder.path(), 1 << 20, kNothing, 1000);
    for (std::uint32_t k = 0; k < 100; ++k) {
      written.push_back({k % 7, std::string(k, static_cast<char>('a' + k % 26))});
      places.emplace_back();
      const std::uint64_t ticket = journal.append(written.back().type, written.back().body, &places.back());
      if (k % 16 == 0) journal.sync(ticket);
    }
    CHECK(journal.current_segment() > 3);
    for (std::size_t k = 0; k < 100; ++k) CHECK(journal.read(places[k]) == written[k].body);
  }
  CHECK(records_of(folder.path(), 1000) == written);
  // What is dropped is the beginning, and only the beginning.
  {
    Journal journal(folder.path(), 1 << 20, kNothing, 1000);
    journal.drop_before(places[50].segment);
  }
  const std::vector<Record> rest = records_of(folder.path(), 1000);
  REQUIRE(rest.size() >= 50);
  CHECK(std::equal(rest.rbegin(), rest.rend(), written.rbegin()));
}

TEST_CASE("an unfinished record at the end is cut off, whatever its length") {
  const TemporaryFolder folder;
  {
    Journal journal(folder.path(), 1 << 20, kNothing);
    journal.append(1, "first");
    journal.append(2, "second");
  }
  const std::string segment = folder.file("segment-00000001.log");
  const auto whole = std::filesystem::file_size(segment);
  for (auto size = whole - 1; size > 29; size -= 2) {  // 24 + 5 bytes hold the first
    std::filesystem::resize_file(segment, size);
    CHECK(records_of(folder.path()) == std::vector<Record>{{1, "first"}});
    CHECK(std::filesystem::file_size(segment) == 29);
    Journal journal(folder.path(), 1 << 20, kNothing);
    journal.append(2, "second");
  }
  CHECK(records_of(folder.path()).size() == 2);
}

TEST_CASE("damage before the end is an error, not a shorter story") {
  const TemporaryFolder folder;
  {
    Journal journal(folder.path(), 1 << 20, kNothing);
    for (const char* body : {"first", "second", "third"}) journal.sync(journal.append(1, body));
  }
  std::fstream file(folder.file("segment-00000001.log"), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(24 + 5 + 24 + 2);
  file.put('X');
  file.close();
  CHECK_THROWS_AS(records_of(folder.path()), InputError);
  CHECK_THROWS_WITH(records_of(folder.path()), Contains("damaged at byte 29"));
}

TEST_CASE("a journal has one owner") {
  const TemporaryFolder folder;
  const Journal journal(folder.path(), 1 << 20, kNothing);
  CHECK_THROWS_AS(records_of(folder.path()), InputError);
  CHECK_THROWS_WITH(records_of(folder.path()),
                    Contains("in use by another server") && Contains(std::to_string(::getpid())));
}

TEST_CASE("a full disk takes no half record, and the journal goes on when there is room") {
  const TemporaryFolder folder;
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  {
    Journal journal(folder.path(), 1 << 20, kNothing);
    journal.sync(journal.append(1, "kept"));
    const rlimit small{100, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    std::string message;
    try {
      journal.append(1, std::string(5000, 'x'));
    } catch (const Error& error) {
      message = error.what();
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
    CHECK_THAT(message, Contains("cannot write the journal"));
    journal.sync(journal.append(1, "after"));
  }
  ::signal(SIGXFSZ, old_handler);
  CHECK(records_of(folder.path()) == std::vector<Record>{{1, "kept"}, {1, "after"}});
}

TEST_CASE("a journal that could not be flushed before its next segment takes nothing more") {
  const TemporaryFolder folder;
  Journal journal(folder.path(), 1 << 20, kNothing, 100);
  const std::uint64_t ticket = journal.append(1, std::string(200, 'x'));
  const auto path = std::filesystem::canonical(folder.file("segment-00000001.log"));
  int file = -1;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    if (std::filesystem::read_symlink(entry.path(), ignored) == path)
      file = std::stoi(entry.path().filename().string());
  }
  REQUIRE(file >= 0);
  // A pipe in the segment's place cannot be flushed; then the segment is back, and could be.
  const int segment = ::dup(file);
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  REQUIRE(::dup2(ends[1], file) == file);
  CHECK_THROWS_WITH(journal.append(1, "next"), Contains("cannot flush the journal"));
  REQUIRE(::dup2(segment, file) == file);
  for (const int fd : {segment, ends[0], ends[1]}) ::close(fd);
  CHECK_THROWS_WITH(journal.append(1, "next"), Contains("cannot flush the journal"));
  CHECK_THROWS_WITH(journal.sync(ticket), Contains("cannot flush the journal"));
}

TEST_CASE("many threads append and flush together") {
  const TemporaryFolder folder;
  {
    Journal journal(folder.path(), 1 << 20, kNothing, 2000);
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&journal, t] {
        for (int k = 0; k < 20; ++k)
          journal.sync(journal.append(static_cast<std::uint32_t>(t), std::to_string(k)));
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  const auto records = records_of(folder.path(), 2000);
  REQUIRE(records.size() == 160);
  std::vector<int> next(8, 0);
  for (const Record& record : records) CHECK(record.body == std::to_string(next[record.type]++));
}
