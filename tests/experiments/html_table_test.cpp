#include "experiments/html_table.h"

#include <catch2/catch.hpp>

using namespace opoloop;

TEST_CASE("HTML table: titles, row heads and every kind of cell") {
  HtmlTable table({"Class", "Spins"});
  table.title("Device");
  table.row("SK").head("small").number("60").text("a note").wide("emulator:?dt=0.1");
  table.row().cell("plain").cell("both", "colspan='2'");
  CHECK(table.html() ==
        "<div class='table'><table><thead><tr><th scope='col'>Class</th><th scope='col'>Spins</th>"
        "<th scope='col'>Device</th></tr></thead><tbody>\n"
        "<tr><th scope='row'>SK</th><th scope='row'>small</th><td class='num'>60</td>"
        "<td class='text'>a note</td><td class='wide'>emulator:?dt=0.1</td></tr>\n"
        "<tr><td>plain</td><td colspan='2'>both</td></tr>\n"
        "</tbody></table></div>\n");
}

TEST_CASE("HTML table: no titles, no head; no rows, no half row") {
  CHECK(HtmlTable().html() == "<div class='table'><table><tbody>\n</tbody></table></div>\n");
  HtmlTable table;
  table.row("group", "scope='rowgroup' colspan='2'");
  CHECK(table.html() ==
        "<div class='table'><table><tbody>\n<tr><th scope='rowgroup' colspan='2'>group</th></tr>\n"
        "</tbody></table></div>\n");
}

TEST_CASE("HTML table: cells are HTML and come out as given") {
  HtmlTable table({"<i>n</i>"});
  table.row("{}").number("a<br><small>{b}</small> &lt; c");
  CHECK(table.html() ==
        "<div class='table'><table><thead><tr><th scope='col'><i>n</i></th></tr></thead><tbody>\n"
        "<tr><th scope='row'>{}</th><td class='num'>a<br><small>{b}</small> &lt; c</td></tr>\n"
        "</tbody></table></div>\n");
}
