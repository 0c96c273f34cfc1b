#pragma once

#include <string>
#include <vector>

#include "driver/sweep_file.h"
#include "experiments/sparsity_report.h"

namespace opoloop {

// What the file of `opoloop experiment accuracy` says: functions of its rows alone.

/// Best validation accuracies of arXiv 2504.11083, %; NaN where the paper gives none.
struct PublishedAccuracy {
  const char* data;
  double qama, softmax;
  const char* remark;
};
/// Nothing for sets that the paper does not have.
const PublishedAccuracy* published_accuracy(const std::string& data);

/// One variant on one data set.
struct AccuracyLine {
  std::string data, variant, form;
  std::size_t seeds = 0;
  SparsityMean best, final;      ///< test accuracy after the best and the last epoch, %
  SparsityMean deviation;        ///< best, minus that of softmax with the same seed, points
  SparsityMean final_deviation;  ///< the same after the last epoch
  SparsityMean from_v2;          ///< best, minus that of v2 with the same seed
  SparsityMean selected, loss;   ///< share of tokens; cross-entropy of the last epoch
  double parameters = 0, tokens = 0, train = 0, test = 0, epochs = 0;
  double attention_s = 0, gradient_s = 0, other_s = 0, test_s = 0;  ///< means over seeds
  std::vector<double> accuracy_curve, loss_curve;                   ///< means over seeds, an entry an epoch
  bool ablation() const { return variant != form; }
};

/// A trained model on another device.
struct MovedLine {
  std::string data, variant, device;
  SparsityMean agreement, accuracy_change, logit_difference;  ///< %, points, relative
  double least_agreement = 0;                                 ///< of the seeds
};

struct AccuracyAnswer {
  std::vector<AccuracyLine> lines;  ///< in the order of the plan: forms, then ablations
  std::vector<MovedLine> moved;
  std::vector<std::string> devices;
  std::vector<std::string> sentences;  ///< the first: does QAMA reach softmax within 2.7 points?

  const AccuracyLine* line(const std::string& data, const std::string& variant) const;
  std::vector<std::string> data() const;  ///< the sets, in order
};

/// Bounds of the paper and of our own form, points; and of the machine in the loop, %.
inline constexpr double kPublishedBound = 2.7;
inline constexpr double kGatedBound = 1.0;
inline constexpr double kAgreementBound = 95;

/// devices: of the columns moved_accuracy_1, … of the file.
AccuracyAnswer accuracy_answer(const Sweep& sweep, const std::vector<std::string>& devices);

}  // namespace opoloop
