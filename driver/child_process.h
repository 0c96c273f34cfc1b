#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace opoloop {

/// A program that runs beside this one and is spoken to line by line over its standard input and output; its
/// standard error goes to a file. It never outlives the object nor the thread that started it, and leaves no
/// zombie. For one thread at a time.
class ChildProcess {
 public:
  /// command[0] is the path of the program; `environment` is added to that of this process. Throws Error
  /// where it cannot be started.
  ChildProcess(const std::vector<std::string>& command, const std::string& stderr_path,
               const std::map<std::string, std::string>& environment = {});
  /// stop(), without patience.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Writes the line and a newline. False where the child takes no more input (it ended): read_line() and
  /// ending() say why. A child that does not read for `timeout_s` is given up in the same way.
  bool send_line(std::string_view line, double timeout_s);
  /// The next line of its output, without the newline; unset where none came for `timeout_s` or its output
  /// ended, which ended() tells apart. Throws Error on a line above `longest` bytes.
  std::optional<std::string> read_line(double timeout_s, std::size_t longest);
  bool ended() const { return output_ended_; }

  /// Asks the child to end (SIGTERM), after `patience_s` makes it (SIGKILL), with its own children; reaps it.
  void stop(double patience_s);
  /// "exit code 3", "killed by signal 9": how it ended; waits for that up to a second.
  std::string ending();

  pid_t pid() const { return pid_; }

 private:
  /// Whether it has ended, having waited for that up to `timeout_s`.
  bool reaped(double timeout_s);

  pid_t pid_ = -1;
  int channel_ = -1;
  bool output_ended_ = false;
  bool reaped_ = false;
  int status_ = 0;
  std::string pending_;
};

/// The first executable of this name in PATH; empty where there is none. A name with a slash is itself.
std::string find_program(const std::string& name);

}  // namespace opoloop
