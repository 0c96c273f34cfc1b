// libFuzzer target for a shard of finished points: a header line, then points. Only InputError of one line
// may come out; what is read keeps its meaning when it is written and read again.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "experiments/points/point_shard.h"
#include "tests/fuzz/must.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace opoloop;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  // Points that follow a header which cannot be read are read as those of this plan.
  std::vector<PointColumn> columns = {{"word", "1", "", true}, {"value", "1", "", false}};
  std::int64_t number = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    try {
      if (++number == 1) {
        const ShardHeader header = parse_header(line, "shard");
        must(header.points <= kMostPoints, "too many points");
        const std::string once = header_line(header);
        must(header_line(parse_header(once, "shard")) == once, "a header changes on its way");
        columns = header.columns;
        continue;
      }
      const PointRecord record = parse_record(line, columns, "shard", number);
      must(record.failures > 0 || record.values.size() == columns.size(), "values");
      const std::string once = record_line(record);
      must(record_line(parse_record(once, columns, "shard", number)) == once, "a point changes on its way");
    } catch (const InputError& error) {
      must(std::string_view(error.what()).find('\n') == std::string_view::npos, "a message of several lines");
    }
  }
  return 0;
}
