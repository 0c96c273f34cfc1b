#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "experiments/accuracy/labelled_data.h"
#include "experiments/points/point_plan.h"

namespace opoloop {

// What the experiment `accuracy` asks of its trainer. This header knows nothing of LibTorch: the plan, the
// report and the command are built without it, and the program opoloop-accuracy brings the trainer.

/// The attention of a model: one of the forms that are compared, or one of them with something changed.
struct AttentionVariant {
  std::string name;         ///< "v2", "v2 q=3"
  std::string form;         ///< "softmax", "v2", "gated", "v1"; "none": x + MLP alone
  std::optional<int> bits;  ///< q; unset here and below: as published for the form
  std::optional<double> c_q, c_l, c_m;
  bool out_proj = false;     ///< a linear layer behind the heads
  bool mean_scores = false;  ///< the scores of the read-out divided by the number of tokens
  std::string device;        ///< solves in training; empty: that of the budget
  bool everywhere = false;   ///< an ablation of every data set; else of the first alone
};

/// How long and with what all models are trained: the same for every form.
struct TrainingBudget {
  int epochs = 1;
  int batch = 128;
  double learning_rate = 1e-3;
  bool decay = false;  ///< the learning rate falls to 0 as a half cosine; false: constant, as published
  std::string device = "annealing:";
  std::optional<int> runs;            ///< reads a problem
  std::optional<std::int64_t> steps;  ///< sweeps a read
  int patch = 4;                      ///< pixels a side of an image's token
  int longest = 512;                  ///< tokens of a text
};

struct TrainingTask {
  std::shared_ptr<const LabelledData> data;
  AttentionVariant attention;
  TrainingBudget budget;
  std::uint64_t seed = 1;
  std::vector<std::string> inference_devices;  ///< the trained model is moved to each
  std::string identity;                        ///< a checkpoint of another identity is not gone on with
};

/// A trained model on another device.
struct MovedModel {
  double accuracy = 0;          ///< %
  double agreement = 0;         ///< % of predictions that are those of the training device
  double logit_difference = 0;  ///< root mean square, relative to the standard deviation of the logits
};

struct TrainedModel {
  std::vector<double> train_loss;  ///< mean cross-entropy of each epoch, nats
  std::vector<double> accuracy;    ///< of the test part after each epoch, %
  double parameters = 0;
  double tokens = 0;    ///< mean tokens of a test example
  double selected = 0;  ///< share of tokens that a head selects, test part; NaN for softmax
  std::vector<MovedModel> moved;
  double attention_s = 0;  ///< seconds: forward passes of attention in training
  double gradient_s = 0;   ///< all gradients and steps of the optimiser
  double other_s = 0;      ///< the rest of training
  double test_s = 0;       ///< tests, and inference on other devices

  double best_accuracy() const;
  int best_epoch() const;  ///< from 1
};

/// Trains one model and tests it; nothing where context.stop asked to give up, after writing a checkpoint to
/// context.scratch. Results are a function of the task alone. Throws InputError where a device cannot take
/// the problems, Error where one fails.
using Trainer = std::function<std::optional<TrainedModel>(const TrainingTask&, const PointContext&)>;

}  // namespace opoloop
