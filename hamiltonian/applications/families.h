#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hamiltonian/applications/application.h"
#include "hamiltonian/generators.h"

namespace opoloop {

// The applications as families of `opoloop generate` and `opoloop decode`, by the same options: what a
// machine answered for a generated problem is decoded by making the application again.

const std::vector<GeneratorFamily>& application_families();

/// Makes an application of a family from options as text; its name and source are set. Throws InputError as
/// generate_problem() does.
std::unique_ptr<Application> make_application(const std::string& family,
                                              const std::map<std::string, std::string>& options);

/// Its problem, with the optimum where the reference is proven.
Problem application_problem(const Application& application);

}  // namespace opoloop
