#include "step.h"

#include <cmath>

#include <ATen/ops/empty.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/topk.h>

#include "feed.h"

namespace lockstep::train {
namespace {

// The trailer behind gradients and statistics: sums that every rank needs once a step travel with the last bucket.
enum Trailer { kCount, kLoss, kCorrect, kCorrectTopK, kNotFinite, kStopVotes };

/// Right labels of each sample as a share of the labels, added up.
double correct_labels(const at::Tensor& logits, const at::Tensor& labels) {
  return logits.ge(0).eq(labels.ge(0.5)).sum().item<double>() / static_cast<double>(logits.size(1));
}

double correct_top_k(const at::Tensor& logits, const at::Tensor& labels, int64_t k) {
  const at::Tensor best = std::get<1>(at::topk(logits, std::min(k, logits.size(1)), 1));  // [N, k] int64
  return best.eq(labels.unsqueeze(1)).sum().item<double>();
}

}  // namespace

Step::Step(nn::Network& network, optim::Optimizer& optimizer, comm::Communicator& communicator, StepOptions options)
    : network_(network),
      optimizer_(optimizer),
      communicator_(communicator),
      options_(std::move(options)),
      reducer_(communicator, network.gradients().data_ptr<float>(), network.gradients().numel(),
               options_.bucket_bytes) {}

StepResult Step::run(const data::HostBatch& batch, double learning_rate, bool vote_stop) {
  at::Tensor trailer =
      network_.gradients().narrow(0, network_.gradients().numel() - nn::Network::kTrailer, nn::Network::kTrailer);
  trailer.zero_();
  trailer.data_ptr<float>()[kStopVotes] = vote_stop ? 1.0f : 0.0f;
  compute(batch);
  reducer_.finish();

  const StepResult result = read_trailer();
  if (!result.finite || result.count == 0) return result;
  if (options_.mode == nn::Mode::kTrain && communicator_.size() > 1) {
    const at::Tensor sum = network_.gradients().narrow(0, network_.parameter_count(), network_.statistics_count());
    at::Tensor statistics = network_.statistics();
    statistics.copy_(sum).div_(communicator_.size());
  }
  const double rescale = static_cast<double>(options_.global_batch) / static_cast<double>(result.count);
  optimizer_.step(network_.parameters(), network_.gradients(), learning_rate, rescale);
  return result;
}

void Step::compute(const data::HostBatch& batch) {
  const auto on_slice = [this](int64_t end) { reducer_.on_slice(end); };
  if (batch.count == 0) {  // the others need this rank's statistics and its word in every collective
    const int64_t trailer = network_.gradients().numel() - nn::Network::kTrailer;
    network_.gradients().narrow(0, 0, trailer).zero_();
    network_.gradients()
        .narrow(0, network_.parameter_count(), network_.statistics_count())
        .copy_(network_.statistics());
    return on_slice(network_.gradients().numel());
  }
  const at::Tensor labels = labels_of(batch, options_.multi_label);
  const at::Tensor logits = network_.forward(feed(batch, options_.card), options_.mode);  // [N, K] float
  at::Tensor gradient;
  const auto nominal = static_cast<double>(options_.global_batch);
  const double loss = options_.multi_label ? nn::sigmoid_loss(logits, labels, nominal, options_.weights.positive,
                                                              options_.weights.negative, gradient)
                                           : nn::softmax_loss(logits, labels, nominal, gradient);
  set_trailer(batch, logits, labels, loss);
  network_.backward(gradient, on_slice);
}

void Step::set_trailer(const data::HostBatch& batch, const at::Tensor& logits, const at::Tensor& labels, double loss) {
  float* trailer = network_.gradients().data_ptr<float>() + network_.gradients().numel() - nn::Network::kTrailer;
  trailer[kCount] = static_cast<float>(batch.count);
  trailer[kLoss] = static_cast<float>(loss);
  trailer[kNotFinite] = std::isfinite(loss) ? 0.0f : 1.0f;
  if (options_.multi_label) {
    trailer[kCorrect] = static_cast<float>(correct_labels(logits, labels));
  } else {
    trailer[kCorrect] = static_cast<float>(correct_top_k(logits, labels, 1));
    if (options_.top_k > 1) trailer[kCorrectTopK] = static_cast<float>(correct_top_k(logits, labels, options_.top_k));
  }
}

StepResult Step::read_trailer() const {
  const float* trailer = network_.gradients().data_ptr<float>() + network_.gradients().numel() - nn::Network::kTrailer;
  return {.count = std::lround(trailer[kCount]),
          .loss = trailer[kLoss],
          .correct = trailer[kCorrect],
          .correct_top_k = trailer[kCorrectTopK],
          .finite = trailer[kNotFinite] == 0.0f && std::isfinite(trailer[kLoss]),
          .stop_votes = std::lround(trailer[kStopVotes])};
}

}  // namespace lockstep::train
