#include "experiments/tune/optimise.h"

#ifdef OPOLOOP_HAS_NLOPT
#include <nlopt.h>
#endif

#include <algorithm>
#include <exception>
#include <limits>
#include <memory>

#include <fmt/format.h>

#include "core/error.h"

namespace opoloop {

const std::vector<SearchMethod>& search_methods() {
  static const std::vector<SearchMethod> all = {
      {"crs2", "controlled random search with local mutation: a population, global"},
      {"esch", "evolutionary strategy with cross-over: global"},
      {"direct", "DIRECT-L, division of rectangles: global, deterministic"},
      {"isres", "improved stochastic ranking evolution strategy: global"},
      {"bobyqa", "quadratic models in a trust region: local"},
      {"cobyla", "linear models in a trust region: local"},
      {"nelder-mead", "simplex: local"},
      {"sbplx", "simplex on subspaces: local"}};
  return all;
}

#ifdef OPOLOOP_HAS_NLOPT

namespace {

nlopt_algorithm algorithm_of(const std::string& name) {
  if (name == "crs2") return NLOPT_GN_CRS2_LM;
  if (name == "esch") return NLOPT_GN_ESCH;
  if (name == "direct") return NLOPT_GN_DIRECT_L;
  if (name == "isres") return NLOPT_GN_ISRES;
  if (name == "bobyqa") return NLOPT_LN_BOBYQA;
  if (name == "cobyla") return NLOPT_LN_COBYLA;
  if (name == "nelder-mead") return NLOPT_LN_NELDERMEAD;
  if (name == "sbplx") return NLOPT_LN_SBPLX;
  std::string names;
  for (const SearchMethod& method : search_methods())
    names += (names.empty() ? "" : ", ") + std::string(method.name);
  throw InputError(fmt::format("--method {}: must be one of {}", name, names));
}

/// What the callback shares with minimise(): no exception may cross NLopt's C code.
struct Search {
  const Objective* objective = nullptr;
  nlopt_opt handle = nullptr;
  Found best;
  std::exception_ptr failure;
};

double evaluate(unsigned dimensions, const double* at, double* /*gradient*/, void* data) {
  Search& search = *static_cast<Search*>(data);
  try {
    std::vector<double> point(at, at + dimensions);
    const std::optional<double> value = (*search.objective)(point);
    if (value) {
      ++search.best.evaluations;
      if (search.best.point.empty() || *value < search.best.value) {
        search.best.value = *value;
        search.best.point = std::move(point);
      }
      return *value;
    }
    search.best.stopped = true;
  } catch (...) {
    search.failure = std::current_exception();
  }
  nlopt_force_stop(search.handle);
  return std::numeric_limits<double>::max();
}

}  // namespace

bool can_search() {
  return true;
}

Found minimise(const std::string& method, std::size_t dimensions, int evaluations, std::uint64_t seed,
               const Objective& objective) {
  const std::unique_ptr<nlopt_opt_s, void (*)(nlopt_opt)> handle(
      nlopt_create(algorithm_of(method), static_cast<unsigned>(dimensions)), nlopt_destroy);
  Search search;
  search.objective = &objective;
  search.handle = handle.get();
  nlopt_srand(static_cast<unsigned long>(seed));  // of this thread
  nlopt_set_min_objective(handle.get(), evaluate, &search);
  nlopt_set_lower_bounds1(handle.get(), 0);
  nlopt_set_upper_bounds1(handle.get(), 1);
  nlopt_set_initial_step1(handle.get(), 0.25);
  // Values are rounded to three digits: closer than this is the same setting.
  nlopt_set_xtol_abs1(handle.get(), 1e-3);
  nlopt_set_maxeval(handle.get(), evaluations);
  std::vector<double> point(dimensions, 0.5);
  double value = 0;
  const nlopt_result code = nlopt_optimize(handle.get(), point.data(), &value);
  if (search.failure) std::rethrow_exception(search.failure);
  // Rounding errors only mean that the method got no further.
  if (code < 0 && code != NLOPT_FORCED_STOP && code != NLOPT_ROUNDOFF_LIMITED)
    throw Error(fmt::format("NLopt {}: {}", method, nlopt_result_to_string(code)));
  return search.best;
}

#else

bool can_search() {
  return false;
}

Found minimise(const std::string&, std::size_t, int, std::uint64_t, const Objective&) {
  throw Error("this program was built without NLopt: install libnlopt-dev and build again");
}

#endif

}  // namespace opoloop
