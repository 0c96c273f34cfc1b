#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace opoloop {

/// A number with its standard error.
struct Estimate {
  double value = 0;
  double error = 0;
};

/// One statement that physics makes about a model, and what the program says.
struct ClosedForm {
  enum class Judged {
    sampling,  ///< unit = standard error of `measured`; holds within 5
    bound      ///< unit = largest deviation that rounding (or a stated order in dt) can make; holds within 1
  };
  std::string group;     ///< what it is about: "below threshold", …
  std::string quantity;  ///< the statement, as a formula
  std::string model;     ///< "mean-field", "gaussian", …; "–" where none runs
  double predicted = 0;
  double measured = 0;
  Judged judged = Judged::sampling;
  double unit = 0;  ///< > 0

  double deviation() const;  ///< (measured − predicted) / unit
  bool holds() const;        ///< false for anything that is not a number, too
};

/// Standard errors that a sampled statement may be off. With some hundred statements, each from ≥ 48
/// replicas, chance alone passes five in about one run of a thousand; seeds are fixed, so a run that passes
/// passes again.
inline constexpr double kSigmas = 5;

inline constexpr int kQuickReplicas = 48;
inline constexpr int kFullReplicas = 400;  ///< errors a third as large

/// How hard to look.
struct ValidationSettings {
  int replicas = kQuickReplicas;  ///< independent repetitions of every sampled measurement, at least 2
  int threads = 1;
  std::uint64_t seed = 1;
  std::function<void(const std::string&)> progress;  ///< told the group that starts; may be empty
  std::function<bool()> stop;                        ///< looked at between groups; may be empty
};

/// Collects the statements of one group.
class ClosedForms {
 public:
  ClosedForms(std::string group, std::vector<ClosedForm>& rows) : group_(std::move(group)), rows_(rows) {}

  void sampled(const std::string& quantity, const std::string& model, double predicted, Estimate measured);
  /// bound: see ClosedForm::Judged.
  void bounded(const std::string& quantity, const std::string& model, double predicted, double measured,
               double bound);

 private:
  std::string group_;
  std::vector<ClosedForm>& rows_;
};

}  // namespace opoloop
