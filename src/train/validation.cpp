#include "validation.h"

#include <cmath>

#include <ATen/core/Tensor.h>

#include "feed.h"
#include "lockstep/core/error.h"

namespace lockstep::train {
namespace {

void add_batch(const at::Tensor& logits, const data::HostBatch& batch, track::Metrics& metrics) {
  const at::Tensor rows = logits.cpu().contiguous();
  const auto classes = static_cast<size_t>(rows.size(1));
  const auto width = static_cast<size_t>(batch.label_width);
  for (int64_t i = 0; i < batch.count; ++i) {
    const std::span row(rows.const_data_ptr<float>() + i * rows.size(1), classes);
    for (const float logit : row)
      require(std::isfinite(logit), ErrorKind::kData, "the network's output for sample ",
              batch.ids[static_cast<size_t>(i)],
              " is not a finite number: the weights have diverged; train with a smaller learning_rate");
    metrics.add(row, batch.labels.subspan(static_cast<size_t>(i) * width, width));
  }
}

}  // namespace

data::SamplerOptions validation_order(const data::Dataset& dataset, int64_t global_batch, data::Shards shards) {
  return {.samples = static_cast<int64_t>(dataset.size()),
          .global_batch = global_batch,
          .seed = 0,
          .order = data::Order::kSequential,
          .drop_last = false,
          .labels = {},
          .shards = std::move(shards)};
}

std::optional<int64_t> validate(nn::Network& network, data::Loader& loader, comm::Communicator& communicator,
                                const model::Card& card, track::Metrics& metrics,
                                const std::function<bool()>& wants_stop) {
  Feed feed(card, network.multi_label(), network.parameters().device());
  while (const auto batch = loader.next()) {
    if (batch->count > 0) add_batch(network.forward(feed.take(*batch).images, nn::Mode::kEvaluate), *batch, metrics);
    if (!wants_stop) continue;
    std::vector<int32_t> votes{wants_stop() ? 1 : 0};
    communicator.allreduce(comm::buffer(votes));
    if (votes.front() > 0) return std::nullopt;
  }

  std::vector<double> sums = metrics.sums();
  communicator.allreduce(comm::buffer(sums));
  metrics.load_sums(sums);
  std::vector<int64_t> skipped{loader.skipped()};
  communicator.allreduce(comm::buffer(skipped));
  return skipped.front();
}

}  // namespace lockstep::train
