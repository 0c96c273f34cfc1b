#include <iostream>
#include <string>
#include <vector>

#include "cli/run_command.h"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return opoloop::run_command(arguments, std::cout, std::cerr);
}
