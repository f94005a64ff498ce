#include "lockstep/serve/predictor.h"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include "lockstep/core/error.h"
#include "lockstep/core/thread.h"
#include "lockstep/model/artefact.h"
#include "lockstep/nn/input.h"

namespace lockstep::serve {
namespace {

void take_shape(model::Card& card, const std::string& text) {
  const auto fields = split(text, ',');
  int64_t* const sizes[] = {&card.channels, &card.height, &card.width};
  bool good = fields.size() == 3;
  for (size_t i = 0; good && i < 3; ++i) {
    const auto size = parse_integer(trim(fields[i]));
    good = size && *size > 0;
    if (good) *sizes[i] = *size;
  }
  require(good, ErrorKind::kUsage, "--image-shape: \"", text, "\" is not channels,height,width");
}

std::vector<std::vector<float>> rows_of(const at::Tensor& values) {
  const at::Tensor dense = values.contiguous();
  std::vector<std::vector<float>> rows;
  for (int64_t i = 0; i < dense.size(0); ++i) {
    const float* row = dense.const_data_ptr<float>() + i * dense.size(1);
    rows.emplace_back(row, row + dense.size(1));
  }
  return rows;
}

void decode_into(Bytes picture, int64_t max_pixels, const image::PlanOptions& options, std::span<uint8_t> out) {
  const image::Header header = image::probe(picture, max_pixels);
  const image::Plan plan = image::plan(header, Rng(0, RngUse::kAugment), options);
  image::Image pixels;
  image::decode(picture, {}, header, plan.region, options.channels, pixels);
  image::apply(plan, pixels, options, out);
}

}  // namespace

Predictor::Predictor(const PredictorOptions& options) : max_pixels_(options.max_pixels) {
  at::set_num_threads(options.threads > 0 ? options.threads : available_cores());
  model::Artefact artefact = model::read_artefact(options.model);
  card_ = artefact.card;
  if (!options.image_shape.empty()) take_shape(card_, options.image_shape);
  const std::string& how = options.inference_resize;
  require(how.empty() || how == "stretch" || how == "crop", ErrorKind::kUsage, "--inference-resize: ", how,
          " is neither stretch nor crop");
  plan_ = {.channels = static_cast<int>(card_.channels),
           .height = static_cast<int>(card_.height),
           .width = static_cast<int>(card_.width),
           .resize = static_cast<int>(card_.resize),
           .stretch = how.empty() ? card_.stretch : how == "stretch",
           .interpolation = image::parse_interpolation(card_.interpolation)};
  network_ =
      std::make_unique<nn::Network>(artefact.graph, model::Shape{1, card_.channels, card_.height, card_.width}, 0);
  const auto missing = network_->load(artefact.arrays);
  require(missing.empty(), ErrorKind::kData, artefact.source, ": weights are missing: ", join(missing, "; "));
}

namespace {

at::Tensor forward(nn::Network& network, const std::vector<Bytes>& pictures, int64_t max_pixels,
                   const image::PlanOptions& plan, const model::Card& card) {
  const size_t size = size_t{1} * plan.height * plan.width * plan.channels;
  std::vector<uint8_t> pixels(size * pictures.size());
  for (size_t i = 0; i < pictures.size(); ++i) try {
      decode_into(pictures[i], max_pixels, plan, std::span(pixels).subspan(i * size, size));
    } catch (const Error& error) {
      fail(error.kind(), pictures.size() > 1 ? cat("picture ", i + 1, ": ") : "", error.what());
    }
  return network.forward(nn::to_input(pixels, static_cast<int64_t>(pictures.size()), plan.height, plan.width,
                                      plan.channels, card.mean, card.std),
                         nn::Mode::kEvaluate);
}

}  // namespace

std::vector<std::vector<float>> Predictor::logits(const std::vector<Bytes>& pictures) {
  return rows_of(forward(*network_, pictures, max_pixels_, plan_, card_));
}

std::vector<std::vector<float>> Predictor::probabilities(const std::vector<Bytes>& pictures) {
  return rows_of(nn::probabilities(forward(*network_, pictures, max_pixels_, plan_, card_), multi_label()));
}

std::string Predictor::class_name(int64_t k) const {
  return static_cast<size_t>(k) < card_.classes.size() ? card_.classes[static_cast<size_t>(k)] : std::to_string(k);
}

}  // namespace lockstep::serve
