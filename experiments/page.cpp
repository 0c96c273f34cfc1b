#include "experiments/page.h"

#include <cmath>

#include <fmt/format.h>

#include "experiments/plot.h"
#include "hamiltonian/formats/file_bytes.h"

namespace opoloop {
namespace {

constexpr const char* kStyle = R"(
:root{--page:#f7f7f5;--card:#fff;--ink:#1d2126;--soft:#5c6570;--faint:#e4e4e0;--first:#2466b8;--second:#c9601a;--good:#1d7a46;--warn:#9a5b00;--warnbg:#fff5e0;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--page:#14171a;--card:#1c2024;--ink:#e6e8ea;--soft:#9aa4ae;--faint:#31373d;--first:#6ea8f0;--second:#f0944d;--good:#5cc48a;--warn:#f0b757;--warnbg:#33291a}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:1020px;margin:0 auto;padding:36px 24px 64px}
h1{font-size:1.9rem;line-height:1.2;margin:.1em 0 .2em;overflow-wrap:anywhere;letter-spacing:-.01em}
h2{font-size:1.2rem;margin:2.4em 0 .6em}
p{margin:.5em 0;max-width:72ch}
.over{color:var(--soft);font-size:.85rem;letter-spacing:.04em;text-transform:uppercase}
.sub{color:var(--soft)}
.state{display:inline-block;border:1px solid currentColor;border-radius:99px;padding:0 .7em;font-size:.85rem;color:var(--good)}
.state.open{color:var(--warn)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:14px;margin:1.6em 0}
.tile,figure,.table{background:var(--card);border:1px solid var(--faint);border-radius:10px}
.tile{padding:14px 18px}
.tile .name{color:var(--soft);font-size:.85rem}
.tile .value{font-size:1.55rem;line-height:1.3;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.tile .note{color:var(--soft);font-size:.85rem}
figure{margin:1em 0;padding:18px 18px 14px}
figure svg{display:block;width:100%;height:auto}
figure svg text,figure svg tspan{font-family:inherit}
figcaption{color:var(--soft);font-size:.9rem;margin-top:10px;max-width:90ch}
.none{color:var(--soft);margin:0}
.note-box{background:var(--warnbg);border-left:4px solid var(--warn);border-radius:6px;padding:10px 16px;margin:1em 0}
.note-box ul{margin:.3em 0;padding-left:1.2em}
.table{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.93rem}
th,td{text-align:left;vertical-align:top;padding:8px 16px;border-top:1px solid var(--faint)}
thead th{border-top:0;color:var(--soft);font-weight:500;font-size:.85rem}
tbody th{font-weight:500;white-space:nowrap}
td.num{font-variant-numeric:tabular-nums;white-space:nowrap}
td.text{color:var(--soft);min-width:18em}
td.wide{overflow-wrap:anywhere;font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.85rem}
.keep{white-space:nowrap}
code{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.9em}
footer{color:var(--soft);font-size:.85rem;margin-top:3em}
@media(max-width:640px){main{padding:20px 14px}tbody th{white-space:normal}figure{padding:10px}}
@media print{:root{--page:#fff}.tile,figure,.table{break-inside:avoid}}
)";

}  // namespace

std::string html_page(const std::string& title, const std::string& body, const std::string& footer) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>\n<meta name='viewport' "
      "content='width=device-width,initial-scale=1'>\n<title>{}</title>\n<style>{}</style></head>\n"
      "<body><main>\n{}<footer>{}</footer>\n</main></body></html>\n",
      html_escape(title), kStyle, body, footer);
}

void write_page(const std::string& html, const std::string& path) {
  write_file_bytes(path, html);
}

std::string readable_number(double v, int digits) {
  if (std::isnan(v)) return "–";
  if (std::isinf(v)) return v > 0 ? "∞" : "−∞";
  std::string text;
  if (std::abs(v) < 1e15 && std::abs(v - std::round(v)) < 1e-9 * std::max(1.0, std::abs(v)) &&
      (std::abs(v) >= 1 || v == 0)) {
    text = fmt::format("{:.0f}", std::abs(v));
    if (text.size() >= 5) {
      for (std::size_t at = text.size() - 3; at > 0 && at < text.size(); at = at > 3 ? at - 3 : 0)
        text.insert(at, "\u202f");
    }
  } else {
    text = fmt::format("{:.{}g}", std::abs(v), digits);
  }
  return v < 0 ? fmt::format("−{}", text) : text;
}

std::string short_quantity(double v, const std::string& unit) {
  if (std::isnan(v)) return "-";
  if (std::isinf(v)) return v > 0 ? "inf" : "-inf";
  if (unit == "s") {
    if (v < 1e-3) return fmt::format("{:.3g} µs", v * 1e6);
    return v < 1 ? fmt::format("{:.3g} ms", v * 1e3) : fmt::format("{:.3g} s", v);
  }
  if (v >= 1e4) return fmt::format("{:.3g}", v);
  return v >= 100 ? fmt::format("{:.0f}", v) : fmt::format("{:.3g}", v);
}

}  // namespace opoloop
