#include "lockstep/train/evaluate.h"

#include <chrono>
#include <numeric>

#include <ATen/Parallel.h>

#include "gpu.h"
#include "job.h"
#include "lockstep/comm/gpu.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "lockstep/model/artefact.h"
#include "lockstep/nn/memory.h"
#include "validation.h"

namespace lockstep::train {
namespace {

/// What the model's card says about its input, with the user's word on top.
image::PlanOptions plan_of(const model::Card& card, const std::string& inference_resize) {
  require(inference_resize.empty() || inference_resize == "stretch" || inference_resize == "crop", ErrorKind::kUsage,
          "--inference-resize: ", inference_resize, " is neither stretch nor crop");
  return {.channels = static_cast<int>(card.channels),
          .height = static_cast<int>(card.height),
          .width = static_cast<int>(card.width),
          .resize = static_cast<int>(card.resize),
          .stretch = inference_resize.empty() ? card.stretch : inference_resize == "stretch",
          .interpolation = image::parse_interpolation(card.interpolation)};
}

std::vector<int> top_k_of(const model::Card& card) {
  std::vector<int> top_k(5);
  std::iota(top_k.begin(), top_k.end(), 1);
  if (card.top_k > 5) top_k.push_back(static_cast<int>(card.top_k));
  return top_k;
}

/// All ranks' scores on every rank, for the figures that cannot be added up.
void share_scores(track::Metrics& metrics, comm::Communicator& communicator) {
  if (communicator.size() == 1 || metrics.scores().empty()) return;
  std::vector<int64_t> mine{static_cast<int64_t>(metrics.scores().size())};
  std::vector<int64_t> sizes(static_cast<size_t>(communicator.size()));
  communicator.allgather(comm::buffer(mine), comm::buffer(sizes));
  const auto longest = static_cast<size_t>(*std::max_element(sizes.begin(), sizes.end()));
  const auto gather = [&](std::vector<float> values) {
    values.resize(longest);
    std::vector<float> all(longest * sizes.size());
    communicator.allgather(comm::buffer(values), comm::buffer(all));
    std::vector<float> joined;
    for (size_t rank = 0; rank < sizes.size(); ++rank)
      joined.insert(joined.end(), all.begin() + static_cast<long>(rank * longest),
                    all.begin() + static_cast<long>(rank * longest) + sizes[rank]);
    return joined;
  };
  std::vector<float> scores = gather(metrics.scores());
  metrics.load_scores(std::move(scores), gather(metrics.score_labels()));
}

Evaluation evaluate_rank(const EvaluateOptions& options, comm::Communicator& communicator) {
  const int threads = options.threads > 0 ? static_cast<int>(options.threads) : cores_of_rank(communicator.launch());
  at::set_num_threads(threads);
  model::Artefact artefact = model::read_artefact(options.model);
  const model::Card& card = artefact.card;
  const auto output = model::find_output(artefact.graph);

  data::DatasetOptions dataset_options{.channel = {.paths = options.data, .content_type = options.content_type},
                                       .multi_label = output.multi_label,
                                       .classes = output.classes,
                                       .role = "validation",
                                       .class_names = card.classes,
                                       .s3_root = options.s3_root,
                                       .drop_without_category = options.drop_without_category};
  if (!options.list.empty()) dataset_options.list.paths = {options.list};
  const auto dataset = data::open_dataset(dataset_options);
  const auto label_map = data::map_classes(dataset->class_names(), card.classes);
  const DatasetFacts facts = data::survey(*dataset, output.multi_label, threads, options.skip_bad);
  require(!label_map.empty() || facts.classes <= output.classes, ErrorKind::kData, join(options.data, " "), ": has ",
          facts.classes, " classes, the model knows ", output.classes);

  nn::Compute compute;
  if (comm::visible_gpus() > 0) {
    compute.gpu = comm::choose_gpu(communicator.launch(), communicator);
    use_gpu(compute.gpu, false);
  }
  nn::Network network(artefact.graph, {1, card.channels, card.height, card.width}, 0, compute);
  const auto missing = network.load(artefact.arrays);
  require(missing.empty(), ErrorKind::kData, artefact.source, ": weights are missing: ", join(missing, "; "));
  data::Loader loader(*dataset, validation_order(*dataset, options.batch * communicator.size()),
                      {.rank = communicator.rank(),
                       .size = communicator.size(),
                       .plan = plan_of(card, options.inference_resize),
                       .threads = threads,
                       .skip_bad = options.skip_bad,
                       .label_map = label_map});
  track::Metrics metrics(output.classes, output.multi_label, output.multi_label ? std::vector<int>() : top_k_of(card),
                         options.threshold, output.multi_label);
  const auto start = std::chrono::steady_clock::now();
  const int64_t skipped = validate(network, loader, communicator, card, metrics).value();
  share_scores(metrics, communicator);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return {.report = metrics.report(),
          .classes = card.classes.empty() ? dataset->class_names() : card.classes,
          .skipped = skipped,
          .images_per_second = static_cast<double>(metrics.count()) / seconds};
}

}  // namespace

Evaluation evaluate_model(const EvaluateOptions& options) {
  nn::keep_memory();
  const auto communicator = comm::make_communicator("auto", comm::discover_launch(), Run().collective_timeout);
  log::start(communicator->rank(), communicator->size(), "");
  try {
    return evaluate_rank(options, *communicator);
  } catch (const std::exception& error) {
    communicator->abort(error.what());
    throw;
  }
}

}  // namespace lockstep::train
