#include "step.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include "lockstep/core/error.h"
#include "lockstep/optim/norm.h"
#include "micro_batch.h"

namespace lockstep::train {
namespace {

// What the host gives to a step, in memory of the device.
enum Number { kRate, kVote, kNumbers };
// The trailer behind gradients and statistics: sums that every rank needs once a step travel with the last bucket.
enum Trailer { kCount, kLoss, kStopVotes, kCorrect, kCorrectTopK };
// The figures of a step on their way to the host: control, norm, scale, trailer.
constexpr int64_t kNorm = optim::kControls, kScale = kNorm + 1, kTrailer = kScale + 1;
constexpr int64_t kFigures = kTrailer + nn::Network::kTrailer;
// The same for every order of additions, but for rounding: not so the samples that were right, where two classes are
// equally likely.
constexpr int64_t kComparable = kTrailer + kCorrect;

/// Right labels of each sample as a share of the labels, added up.
at::Tensor correct_labels(const at::Tensor& logits, const at::Tensor& labels) {
  return logits.ge(0).eq(labels.ge(0.5)).sum().to(at::kFloat).div(logits.size(1));
}

at::Tensor correct_top_k(const at::Tensor& logits, const at::Tensor& labels, int64_t k) {
  const at::Tensor best = std::get<1>(at::topk(logits, std::min(k, logits.size(1)), 1));  // [N, k] int64
  return best.eq(labels.unsqueeze(1)).sum().to(at::kFloat);
}

/// Samples begin..end of a batch; shares its memory.
data::HostBatch part_of(const data::HostBatch& batch, int64_t begin, int64_t end) {
  data::HostBatch part = batch;
  const auto first = static_cast<size_t>(begin), count = static_cast<size_t>(end - begin);
  const size_t picture = size_t{1} * batch.channels * batch.height * batch.width;
  const auto width = static_cast<size_t>(batch.label_width);
  part.count = end - begin;
  part.pixels = batch.pixels.subspan(first * picture, count * picture);
  part.labels = batch.labels.subspan(first * width, count * width);
  part.ids = batch.ids.subspan(first, count);
  return part;
}

/// On GPUs all ranks update by the kernel, or none does: operators may round otherwise.
void agree_on_update(Learner& learner, comm::Communicator& communicator) {
  if (!learner.network->parameters().is_cuda()) return;
  std::vector<int32_t> has_kernel{learner.optimizer->prepare(learner.network->parameters()) ? 1 : 0};
  communicator.allreduce(comm::buffer(has_kernel), comm::Op::kMin);
  if (has_kernel[0] == 0) learner.optimizer->use_operators();
}

bool draws(const model::Graph& graph) {
  return std::ranges::any_of(graph.nodes, [](const model::Node& node) { return node.op == "Dropout"; });
}

}  // namespace

Step::Step(Learner& learner, comm::Communicator& communicator, StepOptions options)
    : learner_(learner),
      network_(*learner.network),
      communicator_(communicator),
      options_(std::move(options)),
      feed_(options_.card, options_.multi_label, network_.parameters().device()),
      reducer_(communicator, flat_buffer(network_.gradients()), options_.bucket_bytes),
      statistics_before_(network_.statistics().clone()),
      numbers_(at::zeros({kNumbers}, network_.parameters().options().dtype(at::kDouble))),
      figures_(at::zeros({kFigures}, network_.parameters().options())) {
  options_.loss.nominal = static_cast<double>(options_.global_batch);
  agree_on_update(learner_, communicator_);
  nn::place_weights(options_.loss, network_.parameters().device());
  if (options_.record && !draws(network_.graph()))
    graph_.emplace(options_.record, learner_, communicator_, figures_.narrow(0, 0, kComparable));
}

int64_t Step::depth() const { return network_.parameters().is_cuda() ? 1 : 0; }

void Step::start(const data::HostBatch& batch, double learning_rate, bool vote_stop) {
  numbers_[kRate].fill_(learning_rate);
  numbers_[kVote].fill_(vote_stop ? 1 : 0);
  if (graph_) {
    const int64_t ranks = communicator_.size(), most = (options_.global_batch + ranks - 1) / ranks;
    if (batch.count > 0) feed_.load(batch, most);
    graph_->run(replays_ && batch.global_count == options_.global_batch, [this, batch] { perform(batch); });
  } else {
    perform(batch);
  }
  StepResult result;
  result.batch = batch;
  result.learning_rate = learning_rate;
  running_.push_back({std::move(result), Readback(figures_)});
}

void Step::perform(const data::HostBatch& batch) try {
  network_.trailer().zero_();
  network_.trailer()[kStopVotes].copy_(numbers_[kVote]);
  statistics_before_.copy_(network_.statistics());
  compute(batch);
  reducer_.finish();
  finish();
} catch (...) {  // a recording that fails is followed by other steps
  network_.forget();
  reducer_.forget();
  throw;
}

void Step::compute(const data::HostBatch& batch) {
  if (batch.count == 0) {  // the others need this rank's statistics and its word in every collective
    network_.clear_gradients();
    return reducer_.on_slice(network_.gradients().numel());
  }
  const int64_t most = options_.micro_batch > 0 ? options_.micro_batch : batch.count;
  for (int64_t begin = 0; begin < batch.count; begin += most) {
    const int64_t end = std::min(begin + most, batch.count);
    try {
      compute_part(batch, begin, end);
    } catch (const c10::Error& error) {
      explain_out_of_memory(error, network_, communicator_.launch(), end - begin);
      throw;
    }
  }
}

Feed::Batch Step::input(const data::HostBatch& batch, int64_t begin, int64_t end) {
  if (graph_) return feed_.loaded(begin, end);
  const data::HostBatch part = part_of(batch, begin, end);
  Feed::Batch input = feed_.take(part);
  network_.begin_step(part.epoch, part.index, part.ids);
  return input;
}

void Step::compute_part(const data::HostBatch& batch, int64_t begin, int64_t end) {
  const auto [images, labels] = input(batch, begin, end);
  const at::Tensor logits = network_.forward(images, options_.mode);  // [N, K] float
  at::Tensor gradient;
  const at::Tensor loss = options_.multi_label ? nn::sigmoid_loss(logits, labels, options_.loss, gradient)
                                               : nn::softmax_loss(logits, labels, options_.loss, gradient);
  if (learner_.scaler) gradient.mul_(learner_.scaler->scale());

  at::Tensor trailer = network_.trailer();
  trailer[kCount].add_(end - begin);
  trailer[kLoss].add_(loss);
  trailer[kCorrect].add_(options_.multi_label ? correct_labels(logits, labels) : correct_top_k(logits, labels, 1));
  if (!options_.multi_label && options_.top_k > 1)
    trailer[kCorrectTopK].add_(correct_top_k(logits, labels, options_.top_k));

  const auto on_slice = [this](int64_t slice_end) { reducer_.on_slice(slice_end); };
  network_.backward(gradient, end == batch.count ? nn::OnSlice(on_slice) : nn::OnSlice(), begin > 0);
}

/// All of it on the device: the host of a GPU waits for nothing here.
void Step::finish() {
  const at::Tensor trailer = network_.trailer().to(at::kDouble);
  const at::Tensor norm = optim::norm(network_.parameter_gradients());  // 0-d double, of the scaled sum
  const at::Tensor scale = learner_.scaler ? learner_.scaler->scale()[0].to(at::kDouble) : at::ones_like(norm);
  // A short batch is divided by its real count. A factor that depends on no gradient comes first: full batches of
  // float32 keep the bits of nominal / count.
  at::Tensor rescale = trailer[kCount].reciprocal().mul(options_.loss.nominal).div(scale);
  const at::Tensor length = norm.mul(rescale);
  if (options_.clip_gradient_norm > 0)
    rescale = rescale.mul(length.reciprocal().mul(options_.clip_gradient_norm).clamp_max(1));
  const at::Tensor apply = norm.isfinite().logical_and(trailer[kLoss].isfinite()).logical_and(trailer[kCount].gt(0));
  const at::Tensor control = at::stack({numbers_[kRate], rescale, apply.to(at::kDouble)}).to(at::kFloat);

  at::cat_out(figures_,
              {control, length.reshape({1}).to(at::kFloat), scale.reshape({1}).to(at::kFloat), network_.trailer()});
  keep_statistics(apply);
  learner_.optimizer->step(network_.parameters(), network_.gradients(), control, network_.working_copy());
  const at::Tensor applied = control[optim::kApply];
  if (learner_.scaler) learner_.scaler->update(applied);
  if (learner_.average_parameters) {
    learner_.average_parameters->update(network_.parameters(), applied);
    learner_.average_statistics->update(network_.statistics(), applied);
  }
}

/// The mean over ranks, or those before the step where it is not applied.
void Step::keep_statistics(const at::Tensor& apply) {
  at::Tensor& statistics = network_.statistics();
  const bool shared = options_.mode == nn::Mode::kTrain && communicator_.size() > 1;
  const at::Tensor now = shared ? network_.summed_statistics().div(communicator_.size()) : statistics;
  statistics.copy_(at::where(apply, now, statistics_before_));
}

StepResult Step::take() {
  require(!running_.empty(), ErrorKind::kBug, "no step is in flight");
  StepResult result = std::move(running_.front().result);
  const float* figures = running_.front().figures.take().const_data_ptr<float>();
  const float* sums = figures + kTrailer;
  result.count = std::lround(sums[kCount]);
  result.loss = sums[kLoss];
  result.correct = sums[kCorrect];
  result.correct_top_k = sums[kCorrectTopK];
  result.stop_votes = std::lround(sums[kStopVotes]);
  result.applied = figures[optim::kApply] != 0;
  result.gradient_norm = figures[kNorm];
  result.loss_scale = figures[kScale];
  running_.pop_front();
  return result;
}

}  // namespace lockstep::train
