#include "cli/command_help.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"

namespace opoloop {
namespace {

std::string option_row(const CLI::Option& option) {
  std::string name = option.get_positional() ? option.get_name(true) : option.get_name(false, true);
  for (std::size_t at = 0; (at = name.find(',', at)) != std::string::npos; at += 2) name.replace(at, 1, ", ");
  if (!option.get_positional() && !option.get_type_name().empty() && option.get_expected_min() > 0) {
    name += " " + option.get_type_name();
  }
  std::string text = option.get_description();
  if (option.get_required()) text += " (required)";
  if (!option.get_default_str().empty()) text += " (default: " + option.get_default_str() + ")";
  // A bar would end the table's cell.
  std::string escaped;
  for (const char c : name) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  return fmt::format("| `{}` | {} |\n", escaped, text);
}

std::string sentence(std::string text) {
  if (!text.empty() && text.back() != '.') text += '.';
  return text;
}

constexpr auto kAny = [](const CLI::App*) { return true; };

/// What stands for one of many inner verbs; few are spelled out.
std::string nested_name(const std::vector<const CLI::App*>& nested) {
  constexpr std::size_t kSpelledOut = 3;
  if (nested.size() > kSpelledOut) return " FAMILY";
  std::string names;
  for (const CLI::App* inner : nested) names += (names.empty() ? " " : "|") + inner->get_name();
  return names;
}

/// One verb as a Markdown section: usage line, then its options, group by group, then its families if it has.
std::string verb_reference(const CLI::App& verb, const std::string& prefix, const std::string& heading) {
  const auto nested = verb.get_subcommands(kAny);
  std::string usage = prefix + " " + verb.get_name() + (nested.empty() ? "" : nested_name(nested));
  for (const CLI::Option* option : verb.get_options()) {
    if (!option->get_positional()) continue;
    usage += option->get_required() || verb.get_option_no_throw("--config") ? " " + option->get_name()
                                                                            : " [" + option->get_name() + "]";
  }
  std::string text = fmt::format("\n{} {}\n\n{}\n\n    {} [OPTIONS]\n\n| | |\n|---|---|\n", heading,
                                 verb.get_name(), sentence(verb.get_description()), usage);
  std::vector<std::string> groups;
  for (const CLI::Option* option : verb.get_options()) {
    bool seen = false;
    for (const std::string& group : groups) seen |= group == option->get_group();
    if (!seen && !option->get_positional()) groups.push_back(option->get_group());
  }
  for (const CLI::Option* option : verb.get_options()) {
    if (option->get_positional()) text += option_row(*option);
  }
  for (const std::string& group : groups) {
    if (groups.size() > 1 && group != "Options") text += fmt::format("| **{}** | |\n", group);
    for (const CLI::Option* option : verb.get_options()) {
      if (!option->get_positional() && option->get_group() == group) text += option_row(*option);
    }
  }
  for (const CLI::App* inner : nested)
    text += verb_reference(*inner, prefix + " " + verb.get_name(), heading + "#");
  return text;
}

std::string full_reference(const CLI::App& program) {
  std::string text =
      "# Command reference\n\n"
      "Printed by `opoloop help --all`; CI compares this page with what the program prints.\n\n"
      "Exit codes: 0 done, 1 failed, 2 bad usage or bad input (one line on standard error says what and "
      "where), 75 the machine's answer is not here yet (`--resume-job` takes it later), "
      "130 stopped by Ctrl-C after saving what was done (128 + the signal's number).\n"
      "Results go to standard output, everything else to standard error.\n";
  for (const CLI::App* verb : program.get_subcommands(kAny)) text += verb_reference(*verb, "opoloop", "##");
  return text;
}

/// The page of "generate sk", words being its names from the outermost.
void print_help(const CLI::App& program, const std::vector<std::string>& words, const Streams& streams) {
  const CLI::App* verb = &program;
  std::string prefix = program.get_name(), page = "opoloop help";
  for (const std::string& word : words) {
    const auto named =
        verb->get_subcommands([&](const CLI::App* inner) { return inner->get_name() == word; });
    if (named.empty()) throw InputError(fmt::format("help: unknown verb '{}' (see: {})", word, page));
    if (verb != &program) prefix += " " + verb->get_name();
    verb = named.front();
    page += " " + word;
  }
  streams.out << verb->help(prefix, CLI::AppFormatMode::Normal);
}

}  // namespace

Verb add_help(CLI::App& program) {
  struct Options {
    std::vector<std::string> verbs;
    bool all = false;
  };
  CLI::App* app = program.add_subcommand("help", "Print the help of the program or of one verb");
  auto options = std::make_shared<Options>();
  app->add_option("VERB", options->verbs, "Verb to explain, and its inner verb if it has: generate sk");
  app->add_flag("--all", options->all, "Print the reference of all verbs as Markdown");
  return {app, [options, &program](const Streams& streams) {
            if (options->all) {
              streams.out << full_reference(program);
              return 0;
            }
            if (options->verbs.empty()) {
              // App::help() would print the help of the verb that was parsed, this one.
              streams.out << program.get_formatter()->make_help(&program, "", CLI::AppFormatMode::Normal);
              return 0;
            }
            print_help(program, options->verbs, streams);
            return 0;
          }};
}

}  // namespace opoloop
