#include "cli/run_command.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <new>
#include <vector>

#include "cli/command_bench.h"
#include "cli/command_calibrate.h"
#include "cli/command_check.h"
#include "cli/command_compare_devices.h"
#include "cli/command_convert.h"
#include "cli/command_decode.h"
#include "cli/command_devices.h"
#include "cli/command_experiment.h"
#include "cli/command_generate.h"
#include "cli/command_help.h"
#include "cli/command_hil.h"
#include "cli/command_info.h"
#include "cli/command_qama.h"
#include "cli/command_report.h"
#include "cli/command_serve.h"
#include "cli/command_solve.h"
#include "cli/command_spectrum.h"
#include "cli/command_tune.h"
#include "cli/command_validate.h"
#include "cli/config_file.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/version.h"
#include "driver/device.h"

namespace opoloop {
namespace {

constexpr int kFailed = 1;
constexpr int kBadInput = 2;
constexpr int kNotAnswered = 75;  // EX_TEMPFAIL of sysexits.h: ask again later

/// Errors are one line, whoever worded them.
std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string names_of(const std::vector<Verb>& verbs) {
  std::string names;
  for (const Verb& verb : verbs) names += (names.empty() ? "" : ", ") + verb.app->get_name();
  return names;
}

/// "generate sk": the verb and the inner verb that was given.
std::string full_name(const CLI::App& verb) {
  std::string name = verb.get_name();
  for (const CLI::App* inner : verb.get_subcommands()) name += ' ' + full_name(*inner);
  return name;
}

int dispatch(std::span<const std::string> arguments, const Streams& streams) {
  std::string command_line = "opoloop";
  for (const std::string& argument : arguments) command_line += ' ' + argument;

  CLI::App program(
      "opoloop: simulates a coherent Ising machine and solves Ising, QUBO and max-cut problems with it",
      "opoloop");
  program.set_version_flag("--version", std::string("opoloop ") + kVersion);
  program.get_formatter()->column_width(34);
  program.require_subcommand(0, 1);
  // A flag of the program, such as --version, is not an option of each verb.
  program.fallthrough(false);
  std::vector<Verb> verbs;
  verbs.push_back(add_solve(program, command_line));
  verbs.push_back(add_info(program));
  verbs.push_back(add_convert(program));
  verbs.push_back(add_generate(program));
  verbs.push_back(add_decode(program));
  verbs.push_back(add_devices(program));
  verbs.push_back(add_check(program));
  verbs.push_back(add_report(program, command_line));
  verbs.push_back(add_spectrum(program));
  verbs.push_back(add_qama(program, command_line));
  verbs.push_back(add_validate(program));
  verbs.push_back(add_bench(program));
  verbs.push_back(add_experiment(program, command_line));
  verbs.push_back(add_tune(program, command_line));
  verbs.push_back(add_hil(program, command_line));
  verbs.push_back(add_calibrate(program, command_line));
  verbs.push_back(add_compare_devices(program, command_line));
  verbs.push_back(add_serve(program));
  verbs.push_back(add_help(program));

  if (arguments.empty()) {
    streams.err << program.help();
    return kBadInput;
  }
  const std::string& first = arguments.front();
  if (!first.starts_with('-') &&
      std::none_of(verbs.begin(), verbs.end(), [&](const Verb& v) { return v.app->get_name() == first; })) {
    throw InputError("unknown verb '" + first + "'; the verbs are " + names_of(verbs));
  }

  const auto chosen = [&]() -> const Verb* {
    for (const Verb& verb : verbs) {
      if (verb.app->parsed()) return &verb;
    }
    return nullptr;
  };
  ConfigParameters parameters;
  try {
    // CLI11 takes the arguments last first.
    program.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    if (const Verb* verb = chosen()) parameters = apply_config_file(*verb->app);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.exit(error, streams.out, streams.err);
    const Verb* verb = chosen();
    const std::string name = verb ? full_name(*verb->app) : "";
    throw InputError((name.empty() ? "" : name + ": ") + error.what() + " (see: opoloop help" +
                     (name.empty() ? "" : " " + name) + ")");
  }
  const Verb* verb = chosen();
  if (!verb) throw InputError("a verb is missing; the verbs are " + names_of(verbs));
  try {
    return verb->run(streams);
  } catch (const InputError& error) {
    if (const auto located = parameters.located(error)) throw *located;
    throw;
  }
}

}  // namespace

int run_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err) {
  const Streams streams{out, err, &err == &std::cerr && isatty(STDERR_FILENO) == 1};
  int code = 0;
  try {
    code = dispatch(arguments, streams);
  } catch (const InputError& error) {
    err << "opoloop: " << one_line(error.what()) << '\n';
    return kBadInput;
  } catch (const NotAnswered& error) {
    err << "opoloop: " << one_line(error.what()) << '\n';
    return kNotAnswered;
  } catch (const std::bad_alloc&) {
    err << "opoloop: out of memory\n";
    return kFailed;
  } catch (const std::exception& error) {
    err << "opoloop: " << one_line(error.what()) << '\n';
    return kFailed;
  }
  out.flush();
  if (!out) {
    err << "opoloop: cannot write the results (standard output is closed or full)\n";
    return kFailed;
  }
  return code;
}

}  // namespace opoloop
