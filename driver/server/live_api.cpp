#include "driver/server/live_api.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

namespace opoloop {
namespace {

using Json = nlohmann::ordered_json;
using Write = std::function<bool(std::string_view)>;

constexpr double kFrame_s = 0.04;  // between two looks at amplitudes
constexpr double kLook_s = 0.5;    // without them: changes wake us
constexpr double kQuiet_s = 10;    // then a comment, which shows that the other side is still there

void append_number(std::string& text, double value, int digits) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(text), "{:.{}g}", value, digits);
  } else {
    text += "null";
  }
}

/// "stride": …, "rows": […]
std::string rows_members(const LivePicture::Rows& rows) {
  std::string text = fmt::format("\"stride\":{},\"rows\":[", rows.stride);
  const std::size_t wide = rows.size() == 0 ? 0 : rows.amplitude.size() / rows.size();
  for (std::size_t k = 0; k < rows.size(); ++k) {
    text += k == 0 ? "[" : ",[";
    text += fmt::format("{},", rows.round[k]);
    append_number(text, static_cast<double>(rows.pump[k]), 6);
    text += ',';
    append_number(text, rows.energy[k], 17);
    text += ",[";
    for (std::size_t i = 0; i < wide; ++i) {
      if (i > 0) text += ',';
      append_number(text, static_cast<double>(rows.amplitude[k * wide + i]), 4);
    }
    text += "]]";
  }
  return text + "]";
}

/// "run": …, "runs": …, …, "dt": …
std::string shape_members(const LivePicture::Shape& shape, int run) {
  const Json shown = {{"run", run},
                      {"runs", shape.runs},
                      {"spins", shape.n},
                      {"pulses", shape.pulses},
                      {"rounds", shape.rounds},
                      {"dt", shape.dt}};
  const std::string text = shown.dump();
  return text.substr(1, text.size() - 2);
}

std::string event(const char* name, const std::string& data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, data);
}

/// What one watcher has seen so far.
class Watch {
 public:
  Watch(const JobEngine& engine, std::string id, std::optional<int> run)
      : engine_(engine), id_(std::move(id)), run_(run) {}

  /// Writes what is new; false when the stream is over.
  bool look(const Write& write) {
    const double pause_s = run_ ? kFrame_s : kLook_s;
    const auto view = seen_ ? engine_.wait(id_, pause_s, seen_) : engine_.find(id_);
    if (!view) return false;
    const bool over = view->status != JobStatus::queued && view->status != JobStatus::running;
    quiet_s_ += pause_s;
    // Amplitudes before the end, which is the last event.
    if (run_ && !write_rows(write)) return false;
    if (!seen_ || view->version != *seen_ || over) {
      seen_ = view->version;
      const Json data = {{"id", view->id},
                         {"state", status_name(view->status)},
                         {"progress", progress_json(view->progress)},
                         {"error", view->error.empty() ? Json(nullptr) : Json(view->error)}};
      if (!say(write,
               event(over ? "end" : "progress", data.dump(-1, ' ', false, Json::error_handler_t::replace)))) {
        return false;
      }
    } else if (quiet_s_ > kQuiet_s && !say(write, ": still here\n\n")) {
      return false;
    }
    return !over && !engine_.stopped();
  }

 private:
  bool say(const Write& write, const std::string& text) {
    quiet_s_ = 0;
    return write(text);
  }

  bool write_rows(const Write& write) {
    if (!picture_) picture_ = engine_.picture(id_);
    if (!picture_ || !picture_->begun() || *run_ >= picture_->shape().runs) return true;
    if (!told_) {
      told_ = true;
      if (!say(write, event("run", "{" + shape_members(picture_->shape(), *run_) + "}"))) return false;
    }
    const LivePicture::Rows rows = picture_->read(*run_, last_round_);
    if (rows.size() == 0) return true;
    last_round_ = rows.round.back();
    return say(write, event("rows", "{" + rows_members(rows) + "}"));
  }

  const JobEngine& engine_;
  std::string id_;
  std::optional<int> run_;
  std::optional<std::uint64_t> seen_;
  double quiet_s_ = 0;
  std::shared_ptr<const LivePicture> picture_;
  bool told_ = false;
  std::int64_t last_round_ = -1;
};

}  // namespace

Json progress_json(const Progress& p) {
  return {
      {"fraction", p.fraction},
      {"rate_per_s", p.rate_per_s},
      {"best_energy", p.best_energy && std::isfinite(*p.best_energy) ? Json(*p.best_energy) : Json(nullptr)}};
}

std::string amplitudes_json(const LivePicture& picture, int run) {
  return "{" + shape_members(picture.shape(), run) + "," + rows_members(picture.read(run)) + "}\n";
}

HttpResponse event_stream(const JobEngine& engine, const std::string& id, std::optional<int> run) {
  HttpResponse response;
  response.content_type = "text/event-stream";
  response.stream = [watch = std::make_shared<Watch>(engine, id, run)](const Write& write) {
    return watch->look(write);
  };
  return response;
}

}  // namespace opoloop
