#include "experiments/report.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/error.h"
#include "experiments/figure.h"
#include "experiments/plot.h"
#include "tests/driver/temporary_folder.h"
#include "tests/driver/toy_run.h"

using namespace opoloop;
using test::TemporaryFolder;
using test::ToyRun;

namespace {

/// A finished run of the toy, read back.
RunFileContents toy_contents(const ToyRun& toy, const std::string& path, bool best_known = true) {
  Problem problem = test::toy_problem(toy);
  const Result result = test::play(toy, problem, nullptr);
  if (best_known) problem.best_known_energy = solve_statistics(result, std::nullopt).target_energy;
  RunFile file(path, problem, {"opoloop solve toy", 1, "toy:"});
  if (toy.logged > 0) test::play(toy, problem, &file);
  file.finish(result, solve_statistics(result, problem.best_known_energy));
  return read_run_file(path);
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

bool have_gnuplot() {
  return std::system("gnuplot -V >/dev/null 2>&1") == 0;
}

}  // namespace

TEST_CASE("a report is one page with its pictures, numbers and explanations inside") {
  const TemporaryFolder folder;
  ToyRun toy;
  toy.max_cut = GENERATE(false, true);
  const RunFileContents c = toy_contents(toy, folder.file("run.h5"));
  write_report(c, folder.file("report.html"));
  std::ostringstream page;
  page << std::ifstream(folder.file("report.html")).rdbuf();
  const std::string html = page.str();
  CHECK(html.find("Success, ever") != std::string::npos);
  CHECK(html.find("Time to solution") != std::string::npos);
  CHECK((html.find("Best cut") != std::string::npos) == toy.max_cut);
  CHECK(html.find("equals the best known") != std::string::npos);
  CHECK(html.find("signal amplitude lifetimes") != std::string::npos);
  // Self-contained: nothing is fetched.
  CHECK(html.find("<script") == std::string::npos);
  CHECK(html.find("src=") == std::string::npos);
  CHECK(html.find("<link") == std::string::npos);
  CHECK(html.find("@import") == std::string::npos);
  if (!have_gnuplot()) {
    WARN("gnuplot not found: pictures not checked");
    return;
  }
  CHECK(count(html, "<svg ") == 3);
  CHECK(count(html, "role='img' aria-label=") == 3);
  // Colours follow the page's scheme: none of gnuplot's own black is left.
  CHECK(html.find("rgb(") == std::string::npos);
  CHECK(html.find("'black'") == std::string::npos);
  CHECK(html.find("\"black\"") == std::string::npos);
}

TEST_CASE("without trajectories the report says so and still shows every run") {
  const TemporaryFolder folder;
  ToyRun toy;
  toy.logged = 0;
  const std::string html = report_html(toy_contents(toy, folder.file("run.h5"), false));
  CHECK(html.find("No trajectories were logged") != std::string::npos);
  CHECK(html.find("No amplitudes were logged") != std::string::npos);
  CHECK(html.find("the best of this very job is the target") != std::string::npos);
  if (have_gnuplot()) CHECK(count(html, "<svg ") == 1);
}

TEST_CASE("a run that was cut off is reported as such") {
  const TemporaryFolder folder;
  ToyRun toy;
  const Problem problem = test::toy_problem(toy);
  {
    RunFile file(folder.file("run.h5"), problem, {});
    test::play(toy, problem, &file);
  }
  const std::string html = report_html(read_run_file(folder.file("run.h5")));
  CHECK(html.find("cut off") != std::string::npos);
  CHECK(html.find("statistics are written when a job ends") != std::string::npos);
}

TEST_CASE("text from a file cannot become markup") {
  const TemporaryFolder folder;
  RunFileContents c = toy_contents({}, folder.file("run.h5"));
  const std::string evil = "<script>alert('x')</script>\"&\x01";
  c.problem_name = c.device_uri = c.path = evil;
  c.adaptations = c.warnings = {evil};
  c.attributes.emplace_back(evil, evil);
  c.device_parameters[evil] = {evil, evil};
  for (auto& [name, s] : c.statistic) s.units = s.units == "s" ? s.units : evil;
  const std::string html = report_html(c);
  CHECK(html.find("<script") == std::string::npos);
  CHECK(html.find("&lt;script&gt;") != std::string::npos);
  CHECK(html_escape("a<b>\"'&\x01") == "a&lt;b&gt;&quot;&#39;&amp;?");
}

TEST_CASE("a figure that cannot be drawn says why") {
  std::string problem;
  CHECK_FALSE(figure_svg("this is no gnuplot command\n", "x", "x", 100, 100, &problem));
  CHECK_FALSE(problem.empty());
}

TEST_CASE("a name in a figure is text to gnuplot, whatever it holds") {
  CHECK(plot_string("it's") == "'it''s'");
  const TemporaryFolder folder;
  const std::string evil = "a `touch " + folder / "ran" + "` \"b\\\" 'c'\n%s {d}_e";
  std::string problem;
  const auto svg = figure_svg(axis_labels(evil, evil) + "set xtics (" + plot_string(evil) +
                                  " 1)\nplot [0:2] x title " + plot_string(evil) + "\n",
                              "x", "x", 200, 200, &problem);
  if (!svg && problem == "gnuplot is not installed") {
    WARN("skipped: " << problem);
    return;
  }
  CHECK(problem.empty());
  REQUIRE(svg);
  CHECK(svg->find("a `touch") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder / "ran"));
}

TEST_CASE("a report that cannot be written is an error and leaves nothing") {
  const TemporaryFolder folder;
  const RunFileContents c = toy_contents({}, folder.file("run.h5"));
  CHECK_THROWS_AS(write_report(c, folder.file("missing/report.html")), Error);
  CHECK_THROWS_AS(write_report(c, folder.path()), Error);
  CHECK_FALSE(std::filesystem::exists(folder.path() + ".part"));
}
