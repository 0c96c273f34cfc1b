#include "experiments/plot.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include <fmt/format.h>

extern char** environ;  // NOLINT: POSIX names it so

namespace opoloop {

namespace {

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

void remove_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    const std::size_t end = text.find(to, at);
    if (end == std::string::npos) return;
    text.erase(at, end + to.size() - at);
  }
}

/// gnuplot's output for `script`; empty with `problem` set where it could not run or found fault.
std::string run_gnuplot(const std::string& script, std::string* problem) {
  // The script goes through a nameless file, so that neither side waits for the other.
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> input(std::tmpfile(), std::fclose);
  int output[2];
  if (!input || ::pipe(output) != 0) {
    *problem = std::strerror(errno);
    return {};
  }
  std::fwrite(script.data(), 1, script.size(), input.get());
  std::fflush(input.get());
  ::lseek(::fileno(input.get()), 0, SEEK_SET);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ::fileno(input.get()), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_addclose(&actions, output[0]);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 1, 0);
  std::string program = "gnuplot";
  std::string no_startup = "-d";  // a user's ~/.gnuplot must not change the report
  char* arguments[] = {program.data(), no_startup.data(), nullptr};
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, "gnuplot", &actions, nullptr, arguments, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(output[1]);
  std::string text;
  if (failed == 0) {
    char buffer[65536];
    for (;;) {
      const ssize_t got = ::read(output[0], buffer, sizeof buffer);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      text.append(buffer, static_cast<std::size_t>(got));
    }
  }
  ::close(output[0]);
  if (failed != 0) {
    *problem = failed == ENOENT ? "gnuplot is not installed" : std::strerror(failed);
    return {};
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    *problem =
        WIFEXITED(status) && WEXITSTATUS(status) == 127 ? "gnuplot is not installed" : "gnuplot failed";
    return {};
  }
  return text;
}

}  // namespace

std::optional<std::string> figure_svg(const std::string& script, const std::string& name,
                                      const std::string& label, int width, int height, std::string* problem) {
  const std::string head = fmt::format(
      "set terminal svg size {},{} dynamic noenhanced name '{}' font 'sans-serif,14'\n"
      "set encoding utf8\nset border 3 linecolor rgb '{ink}' linewidth 0.8\n"
      "set tics nomirror out scale 0.5 textcolor rgb '{ink}'\nset grid linecolor rgb '{faint}' linetype 1 "
      "linewidth 0.6\n"
      "set key textcolor rgb '{ink}'\nset format x '%.6g'\nset format y '%.6g'\nset samples 2\n",
      width, height, name, fmt::arg("ink", kInk), fmt::arg("faint", kFaint));
  std::string svg = run_gnuplot(head + script, problem);
  const std::size_t start = svg.find("<svg");
  const std::size_t end = svg.rfind("</svg>");
  if (start == std::string::npos || end == std::string::npos) {
    if (problem->empty()) *problem = "gnuplot drew nothing";
    return std::nullopt;
  }
  svg = svg.substr(start, end + 6 - start);
  // Marks become CSS variables, in both of the spellings gnuplot uses.
  const std::pair<const char*, const char*> marks[] = {
      {"rgb(  1,   2,   3)", "ink"},    {"rgb(1,2,3)", "ink"},           {"rgb(  4,   5,   6)", "faint"},
      {"rgb(4,5,6)", "faint"},          {"rgb(  7,   8,   9)", "first"}, {"rgb(7,8,9)", "first"},
      {"rgb( 10,  11,  12)", "second"}, {"rgb(10,11,12)", "second"}};
  for (const auto& [mark, variable] : marks) replace_all(svg, mark, fmt::format("var(--{})", variable));
  replace_all(svg, " color=\"black\"", "");
  replace_all(svg, "stroke=\"black\"", "stroke=\"var(--ink)\"");
  // Point symbols, whose identifiers would repeat in a page of several figures; titles of its own making,
  // which would be read out and pop up: the label of the figure says it better.
  if (svg.find("#gpPt") == std::string::npos) {
    remove_all(svg, "<defs>", "</defs>");
  } else {
    replace_all(svg, "gpPt", name + "Pt");
  }
  remove_all(svg, "<title>", "</title>");
  remove_all(svg, "<desc>", "</desc>");
  replace_all(svg, "id=\"gnuplot_canvas\"", "");
  // Our own first tag: gnuplot's carries a fixed pixel size and no words.
  const std::size_t tag_end = svg.find('>');
  const std::string tag = fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' viewBox='0 0 {} "
      "{}' "
      "role='img' aria-label='{}'>",
      width, height, html_escape(label));
  svg.replace(0, tag_end + 1, tag);
  return svg;
}

std::string html_escape(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        // Control characters are not allowed in HTML, whatever the file held.
        safe += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? '?' : c;
    }
  }
  return safe;
}

}  // namespace opoloop
