#include "experiments/accuracy/torch/trainer.h"

#include <dlfcn.h>

#include "core/clock.h"
#include "experiments/accuracy/torch/encoder.h"
// encoder.h first: it begins with what clang has to read before the rest of torch.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>
#include <torch/optim/adam.h>
#include <torch/serialize/archive.h>

#include <chrono>
#include <cmath>
#include <exception>
#include <filesystem>
#include <limits>
#include <mutex>
#include <numbers>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "experiments/accuracy/torch/batches.h"
#include "hamiltonian/formats/file_bytes.h"

namespace opoloop {
namespace {

constexpr double kSaveEvery = 20;        // seconds of work a kill may cost
constexpr std::size_t kTestBatch = 200;  // examples in one pass without gradients

at::Tensor tensor_of(const std::vector<double>& values) {
  return at::tensor(values, at::kDouble);
}
std::vector<double> values_of(const at::Tensor& tensor) {
  const auto* data = tensor.data_ptr<double>();
  return {data, data + tensor.numel()};
}

class Training {
 public:
  Training(const TrainingTask& task, const PointContext& context)
      : task_(task),
        context_(context),
        vocabulary_(task.data->train.texts),
        train_(task.data->train, words(), static_cast<std::size_t>(task.budget.longest)),
        test_(task.data->test, words(), static_cast<std::size_t>(task.budget.longest)),
        model_(make_model()),
        adam_(model_->parameters(), torch::optim::AdamOptions(task.budget.learning_rate)) {
    for (const at::Tensor& parameter : model_->parameters()) {
      result_.parameters += static_cast<double>(parameter.numel());
    }
  }

  std::optional<TrainedModel> run() {
    load();
    for (; epoch_ < task_.budget.epochs; ++epoch_) {
      if (!train_epoch()) {
        save(epoch_, next_);
        return std::nullopt;
      }
      const auto begin = Clock::now();
      const Tested tested = test();
      if (tested.stopped) {
        save(epoch_, next_);
        return std::nullopt;
      }
      result_.train_loss.push_back(loss_ / static_cast<double>(train_.count()));
      result_.accuracy.push_back(tested.accuracy);
      result_.selected = tested.selected;
      result_.test_s += seconds_since(begin);
      next_ = 0;
      loss_ = 0;
      if (seconds_since(saved_) > kSaveEvery) save(epoch_ + 1, 0);
    }
    if (!move()) {
      save(epoch_, next_);
      return std::nullopt;
    }
    result_.tokens =
        task_.data->is_text() ? test_.mean_words() : std::pow(task_.data->train.side / task_.budget.patch, 2);
    return result_;
  }

 private:
  struct Tested {
    bool stopped = false;
    at::Tensor logits, labels;
    double accuracy = 0, selected = std::numeric_limits<double>::quiet_NaN();
  };

  const Vocabulary* words() const { return task_.data->is_text() ? &vocabulary_ : nullptr; }
  bool stop() const { return context_.stop && context_.stop(); }

  Encoder make_model() const {
    EncoderShape shape;
    shape.classes = task_.data->classes;
    shape.side = task_.data->train.side;
    shape.channels = task_.data->train.channels;
    shape.patch = task_.budget.patch;
    shape.vocabulary = vocabulary_.size();
    shape.longest = task_.budget.longest;
    QamaOptions qama;
    qama.device = training_device();
    qama.runs = task_.budget.runs;
    qama.steps = task_.budget.steps;
    if (qama.device != task_.budget.device) qama.runs = std::nullopt, qama.steps = std::nullopt;
    qama.seed = task_.seed;
    // Weights come from torch's one generator.
    static std::mutex generator;
    const std::lock_guard lock(generator);
    at::manual_seed(task_.seed);
    return Encoder(shape, task_.attention, qama);
  }
  const std::string& training_device() const {
    return task_.attention.device.empty() ? task_.budget.device : task_.attention.device;
  }

  std::size_t batches() const {
    const auto size = static_cast<std::size_t>(task_.budget.batch);
    return (train_.count() + size - 1) / size;
  }

  void set_rate() {
    const TrainingBudget& budget = task_.budget;
    if (!budget.decay) return;
    const double done =
        (static_cast<double>(epoch_) + static_cast<double>(next_) / static_cast<double>(batches())) /
        budget.epochs;
    for (auto& group : adam_.param_groups()) {
      static_cast<torch::optim::AdamOptions&>(group.options())
          .lr(budget.learning_rate * 0.5 * (1 + std::cos(std::numbers::pi * done)));
    }
  }

  /// The batches of the epoch from next_ on; false where it was stopped.
  bool train_epoch() {
    const std::vector<std::int64_t> order = epoch_order(train_.count(), task_.seed, epoch_);
    const auto size = static_cast<std::size_t>(task_.budget.batch);
    model_->train();
    for (; next_ < batches(); ++next_) {
      if (stop()) return false;
      if (context_.progress) {
        const double done =
            static_cast<double>(epoch_) + static_cast<double>(next_) / static_cast<double>(batches());
        context_.progress(done / task_.budget.epochs, "training");
      }
      const auto begin = Clock::now();
      const double attention_before = model_->attention_s;
      const std::size_t from = next_ * size, count = std::min(size, train_.count() - from);
      const Batch batch = train_.batch(std::span(order).subspan(from, count));
      set_rate();
      adam_.zero_grad();
      const at::Tensor loss =
          at::cross_entropy_loss(model_->forward(batch.input, batch.padding), batch.labels);
      const double attention = model_->attention_s - attention_before;
      const auto forward = Clock::now();
      loss.backward();
      adam_.step();
      const double value = loss.item<double>();
      if (!std::isfinite(value)) throw Error("training diverged: the loss is not a finite number");
      loss_ += value * static_cast<double>(count);
      result_.attention_s += attention;
      result_.gradient_s += seconds_since(forward);
      result_.other_s += std::chrono::duration<double>(forward - begin).count() - attention;
      if (seconds_since(saved_) > kSaveEvery) save(epoch_, next_ + 1);
    }
    return true;
  }

  /// Logits of the test part on the device the model has now.
  Tested test() {
    const c10::NoGradGuard no_gradient;
    model_->eval();
    std::vector<std::int64_t> numbers(test_.count());
    std::iota(numbers.begin(), numbers.end(), 0);
    std::vector<at::Tensor> logits, labels;
    double selected = 0, live = 0;
    for (std::size_t from = 0; from < numbers.size(); from += kTestBatch) {
      if (stop()) return {true, {}, {}};
      const Batch batch =
          test_.batch(std::span(numbers).subspan(from, std::min(kTestBatch, numbers.size() - from)));
      logits.push_back(model_->forward(batch.input, batch.padding));
      labels.push_back(batch.labels);
      if (!model_->selects()) continue;
      const at::Tensor x = model_->selection();
      selected += (x != 0).to(at::kFloat).sum().item<double>();
      const double tokens = batch.padding.defined() ? batch.padding.logical_not().sum().item<double>()
                                                    : static_cast<double>(x.size(0) * x.size(2));
      live += tokens * static_cast<double>(x.size(1) * x.size(3));
    }
    Tested tested;
    tested.logits = at::cat(logits);
    tested.labels = at::cat(labels);
    tested.accuracy = percent(tested.logits.argmax(1), tested.labels);
    if (live > 0) tested.selected = selected / live;
    return tested;
  }

  static double percent(const at::Tensor& a, const at::Tensor& b) {
    return 100 * (a == b).to(at::kDouble).mean().item<double>();
  }

  /// Inference on the other devices; false where it was stopped.
  bool move() {
    if (task_.inference_devices.empty()) return true;
    const auto begin = Clock::now();
    const Tested here = test();
    if (here.stopped) return false;
    std::vector<MovedModel> moved;
    for (const std::string& device : task_.inference_devices) {
      if (context_.progress) context_.progress(1, "on " + device);
      model_->set_device(device, std::nullopt, std::nullopt);
      const Tested there = test();
      if (there.stopped) return false;
      const double difference = (there.logits - here.logits).square().mean().item<double>();
      moved.push_back({there.accuracy, percent(there.logits.argmax(1), here.logits.argmax(1)),
                       std::sqrt(difference / here.logits.var().item<double>())});
    }
    result_.moved = std::move(moved);
    result_.test_s += seconds_since(begin);
    return true;
  }

  std::filesystem::path checkpoint() const { return context_.scratch / "checkpoint.pt"; }

  /// What a later call goes on with: batch `next` of `epoch`.
  void save(int epoch, std::size_t next) {
    saved_ = Clock::now();
    if (context_.scratch.empty()) return;
    torch::serialize::OutputArchive archive, model, adam;
    model_->save(model);
    adam_.save(adam);
    archive.write("model", model);
    archive.write("adam", adam);
    archive.write("identity", c10::IValue(task_.identity));
    archive.write(
        "at", tensor_of({static_cast<double>(epoch), static_cast<double>(next), loss_, result_.attention_s,
                         result_.gradient_s, result_.other_s, result_.test_s, result_.selected}));
    archive.write("train_loss", tensor_of(result_.train_loss));
    archive.write("accuracy", tensor_of(result_.accuracy));
    std::filesystem::create_directories(context_.scratch);
    write_atomically(checkpoint().string(), [&](const std::string& file) { archive.save_to(file); });
  }

  void load() {
    saved_ = Clock::now();
    if (context_.scratch.empty() || !std::filesystem::exists(checkpoint())) return;
    torch::serialize::InputArchive archive, model, adam;
    archive.load_from(checkpoint().string());
    c10::IValue identity;
    archive.read("identity", identity);
    if (identity.toStringRef() != task_.identity) return;  // of another plan: begin again
    archive.read("model", model);
    archive.read("adam", adam);
    model_->load(model);
    adam_.load(adam);
    at::Tensor at, train_loss, accuracy;
    archive.read("at", at);
    archive.read("train_loss", train_loss);
    archive.read("accuracy", accuracy);
    const std::vector<double> numbers = values_of(at);
    epoch_ = static_cast<int>(numbers.at(0));
    next_ = static_cast<std::size_t>(numbers.at(1));
    loss_ = numbers.at(2);
    result_.attention_s = numbers.at(3);
    result_.gradient_s = numbers.at(4);
    result_.other_s = numbers.at(5);
    result_.test_s = numbers.at(6);
    result_.selected = numbers.at(7);
    result_.train_loss = values_of(train_loss);
    result_.accuracy = values_of(accuracy);
  }

  const TrainingTask& task_;
  const PointContext& context_;
  Vocabulary vocabulary_;
  BatchSource train_, test_;
  Encoder model_;
  torch::optim::Adam adam_;
  TrainedModel result_;
  int epoch_ = 0;
  std::size_t next_ = 0;  ///< batch of the epoch
  double loss_ = 0;       ///< summed over the epoch's examples so far
  Clock::time_point saved_;
};

}  // namespace

std::optional<TrainedModel> train_model(const TrainingTask& task, const PointContext& context) {
  at::set_num_threads(1);  // torch keeps the number for each thread
  try {
    return Training(task, context).run();
  } catch (const std::exception&) {
    // Ctrl-C also stops a device in the middle of a batch: the last checkpoint is where it goes on.
    if (context.stop && context.stop()) return std::nullopt;
    throw;
  }
}

void use_one_thread_a_model() {
  at::set_num_threads(1);
  // OpenBLAS has threads of its own, and no header of LibTorch speaks of it.
  void* symbol = ::dlsym(RTLD_DEFAULT, "openblas_set_num_threads");
  if (symbol != nullptr) reinterpret_cast<void (*)(int)>(symbol)(1);
}

}  // namespace opoloop
