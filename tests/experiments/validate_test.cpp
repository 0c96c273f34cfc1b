#include "experiments/validate.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

#include "experiments/closed_forms/replicas.h"

using namespace opoloop;

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr bool kSlow = true;  // an error estimate needs more replicas than the sanitizers leave time for
#else
constexpr bool kSlow = false;
#endif

}  // namespace

TEST_CASE("opoloop validate, quick form: every closed form holds") {
  ValidationSettings settings;
  settings.threads = 2;
  if (kSlow) settings.replicas = 2;
  const Validation validation = validate_physics(settings);
  REQUIRE(validation.rows.size() > 80);
  std::set<std::pair<std::string, std::string>> seen;
  for (const ClosedForm& row : validation.rows) {
    INFO(row.group << ": " << row.quantity << " [" << row.model << "]: predicted " << row.predicted
                   << ", measured " << row.measured << ", unit " << row.unit);
    CHECK(std::isfinite(row.measured));
    if (!kSlow) CHECK(row.holds());
    // A statement said twice of one model would hide that one of the two is not measured.
    CHECK(seen.insert({row.quantity, row.model}).second);
  }
  CHECK((kSlow || validation.failed() == 0));

  std::ostringstream text;
  print_validation(validation, text);
  CHECK(text.str().find("statements hold") != std::string::npos);
  std::ostringstream json;
  print_validation_json(validation, json);
  CHECK(nlohmann::json::parse(json.str())["rows"].size() == validation.rows.size());
}

TEST_CASE("a closed form fails where it should") {
  const auto row = [](double predicted, double measured, ClosedForm::Judged judged, double unit) {
    return ClosedForm{"group", "quantity", "model", predicted, measured, judged, unit};
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(row(1, 1.049, ClosedForm::Judged::sampling, 0.01).holds());
  CHECK_FALSE(row(1, 1.051, ClosedForm::Judged::sampling, 0.01).holds());
  CHECK(row(1, 1.009, ClosedForm::Judged::bound, 0.01).holds());
  CHECK_FALSE(row(1, 0.989, ClosedForm::Judged::bound, 0.01).holds());
  CHECK_FALSE(row(1, nan, ClosedForm::Judged::sampling, 0.01).holds());
  CHECK_FALSE(row(1, 1, ClosedForm::Judged::sampling, nan).holds());
  CHECK_FALSE(row(1, 1, ClosedForm::Judged::bound, 0).holds());
}

TEST_CASE("the jackknife's error is that of a mean, and its ratio has no leading bias") {
  Replicas replicas(4, 2);
  const double numerators[] = {1, 2, 3, 6};
  const double denominators[] = {1, 1, 1, 1};
  for (std::size_t r = 0; r < 4; ++r) {
    replicas.of(r)[0] = numerators[r];
    replicas.of(r)[1] = denominators[r];
  }
  const Estimate mean = replicas.estimate([](std::span<const double> s) { return s[0] / s[1]; });
  CHECK(mean.value == Approx(3));
  CHECK(mean.error == Approx(std::sqrt((4 + 1 + 0 + 9) / 3.0 / 4.0)));

  // E(x̄²) = μ² + σ²/n: the jackknife takes the second term away exactly.
  const Estimate square =
      replicas.estimate([](std::span<const double> s) { return std::pow(s[0] / s[1], 2); });
  CHECK(square.value == Approx(9 - 14.0 / 3 / 4));
}

TEST_CASE("replicas do not depend on the number of threads, and an interruption keeps what is done") {
  ValidationSettings settings;
  settings.replicas = 6;
  const auto sums = [&](int threads) {
    settings.threads = threads;
    LoopParameters parameters;
    parameters.model = ModelKind::truncated_wigner;
    parameters.law = LawKind::linear;
    parameters.rounds = 20;
    Replicas replicas =
        run_replicas(uncoupled_pulses(5), parameters, settings, 1, [](std::span<double> s) -> LoopObserver {
          return [s](const LoopObservation& seen) { s[0] += seen.model.amplitude()[2]; };
        });
    std::vector<double> all;
    for (std::size_t r = 0; r < replicas.count(); ++r) all.push_back(replicas.of(r)[0]);
    return all;
  };
  const auto one = sums(1);
  CHECK(one == sums(3));
  CHECK(std::set<double>(one.begin(), one.end()).size() == one.size());

  int asked = 0;
  settings.replicas = 2;
  settings.stop = [&] { return asked++ == 1; };
  const Validation validation = validate_physics(settings);
  CHECK(validation.interrupted);
  CHECK(!validation.rows.empty());
  CHECK(validation.rows.back().group == validation.rows.front().group);
}
