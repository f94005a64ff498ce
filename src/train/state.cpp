#include "state.h"

#include <cstring>
#include <vector>

#include <ATen/ops/from_blob.h>
#include <nlohmann/json.hpp>

#include "lockstep/core/error.h"
#include "lockstep/model/mxnet.h"

namespace lockstep::train {
namespace {

/// The segment's values of a flat buffer, in MXNet's order (a convolution's channels stand first again).
model::Array named_segment(const std::string& prefix, const nn::Segment& segment, const at::Tensor& flat) {
  at::Tensor values = flat.narrow(0, segment.begin, segment.end - segment.begin).cpu();
  if (segment.channels_last) {
    const auto& s = segment.shape;
    values = values.view({s[0], s[2], s[3], s[1]}).permute({0, 3, 1, 2}).contiguous();
  }
  return model::float_array(prefix + segment.name, segment.shape, values.const_data_ptr<float>());
}

void take_segment(const model::Array& array, const nn::Segment& segment, at::Tensor& flat) {
  require(array.shape == segment.shape, ErrorKind::kData, "checkpoint: ", array.name, " has the shape ",
          model::shape_text(array.shape), ", the network needs ", model::shape_text(segment.shape));
  std::vector<float> values = model::to_floats(array);
  at::Tensor source = at::from_blob(values.data(), segment.shape);
  at::Tensor target = flat.narrow(0, segment.begin, segment.end - segment.begin);
  const auto& s = segment.shape;
  if (segment.channels_last)
    target.view({s[0], s[2], s[3], s[1]}).copy_(source.permute({0, 2, 3, 1}));
  else
    target.view(segment.shape).copy_(source);
}

std::string moment_prefix(size_t k) { return cat("moment", k, ":"); }

std::string to_text(const State& state, const Learner& learner) {
  const auto scaler = learner.scaler ? learner.scaler->saved() : optim::LossScaler::Saved{};
  return nlohmann::ordered_json{{"format", 1},
                                {"epoch", state.epoch},
                                {"batch", state.sums.batches},
                                {"samples", state.sums.count},
                                {"loss", state.sums.loss},
                                {"correct", state.sums.correct},
                                {"correct_top_k", state.sums.correct_top_k},
                                {"step", state.step},
                                {"evaluation_due", state.evaluation_due},
                                {"global_batch", state.global_batch},
                                {"first_global_batch", state.first_global_batch},
                                {"applied", learner.optimizer->applied()},
                                {"skipped", state.skipped},
                                {"skipped_in_a_row", state.skipped_in_a_row},
                                {"loss_scale", scaler.scale},
                                {"loss_scale_applied_in_a_row", scaler.applied_in_a_row},
                                {"best_accuracy", state.best_accuracy},
                                {"best_epoch", state.best_epoch},
                                {"best_step", state.best_step},
                                {"stalled", state.stalled},
                                {"seconds", state.seconds}}
      .dump(2);
}

State from_text(const std::string& text, Learner& learner) {
  try {
    const auto json = nlohmann::json::parse(text);
    State state;
    json.at("epoch").get_to(state.epoch);
    json.at("batch").get_to(state.sums.batches);
    json.at("samples").get_to(state.sums.count);
    json.at("loss").get_to(state.sums.loss);
    json.at("correct").get_to(state.sums.correct);
    json.at("correct_top_k").get_to(state.sums.correct_top_k);
    json.at("step").get_to(state.step);
    learner.optimizer->set_applied(json.at("applied"));
    json.at("evaluation_due").get_to(state.evaluation_due);
    json.at("global_batch").get_to(state.global_batch);
    json.at("first_global_batch").get_to(state.first_global_batch);
    state.skipped = json.at("skipped");
    state.skipped_in_a_row = json.at("skipped_in_a_row");
    if (learner.scaler)
      learner.scaler->restore(
          {.scale = json.at("loss_scale"), .applied_in_a_row = json.at("loss_scale_applied_in_a_row")});
    json.at("best_accuracy").get_to(state.best_accuracy);
    json.at("best_epoch").get_to(state.best_epoch);
    json.at("best_step").get_to(state.best_step);
    json.at("stalled").get_to(state.stalled);
    json.at("seconds").get_to(state.seconds);
    return state;
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::kData, "checkpoint: state.json cannot be read: ", error.what());
  }
}

/// By host memory, which every backend moves.
void broadcast(comm::Communicator& communicator, at::Tensor& tensor) {
  const at::Tensor host = tensor.cpu();
  communicator.broadcast({host.data_ptr(), static_cast<size_t>(host.numel()), comm::DType::kFloat32}, 0);
  if (!tensor.is_cpu()) tensor.copy_(host);
}

constexpr const char* kAverage = "average:";

void load_averages(const model::checkpoint::Content& content, Learner& learner) {
  model::Arrays averages;
  for (const model::Array& array : content.tensors)
    if (array.name.starts_with(kAverage)) {
      averages.push_back(array);
      averages.back().name.erase(0, std::strlen(kAverage));
    }
  const UseAverages guard(learner);
  const auto missing = learner.network->load(averages);
  require(missing.empty(), ErrorKind::kData, "checkpoint: the averaged weights are incomplete: ", join(missing, "; "));
}

}  // namespace

model::checkpoint::Content to_checkpoint(const State& state, Learner& learner, const std::string& config_yaml,
                                         const std::string& card) {
  nn::Network& network = *learner.network;
  optim::Optimizer& optimizer = *learner.optimizer;
  model::checkpoint::Content content;
  content.tensors = network.arrays();
  if (learner.average_parameters) {
    const UseAverages guard(learner);
    for (model::Array& array : network.arrays()) {
      array.name = kAverage + array.name;
      content.tensors.push_back(std::move(array));
    }
  }
  for (size_t k = 0; k < optimizer.moments().size(); ++k)
    for (const nn::Segment& segment : network.segments())
      content.tensors.push_back(named_segment(moment_prefix(k), segment, optimizer.moments()[k]));
  content.texts["state.json"] = to_text(state, learner);
  content.texts["symbol.json"] = model::symbol_text(network.graph());
  content.texts["card.json"] = card;
  content.texts["config.yaml"] = config_yaml;
  return content;
}

State from_checkpoint(const model::checkpoint::Content& content, Learner& learner) {
  nn::Network& network = *learner.network;
  optim::Optimizer& optimizer = *learner.optimizer;
  const auto missing = network.load(content.tensors);
  require(missing.empty(), ErrorKind::kData, "checkpoint does not hold this network: ", join(missing, "; "));
  std::map<std::string, const model::Array*> arrays;
  for (const model::Array& array : content.tensors) arrays[array.name] = &array;
  for (size_t k = 0; k < optimizer.moments().size(); ++k)
    for (const nn::Segment& segment : network.segments()) {
      const auto found = arrays.find(moment_prefix(k) + segment.name);
      require(found != arrays.end(), ErrorKind::kData, "checkpoint: ", moment_prefix(k), segment.name, " is missing");
      take_segment(*found->second, segment, optimizer.moments()[k]);
    }
  if (learner.average_parameters) load_averages(content, learner);
  const auto text = content.texts.find("state.json");
  require(text != content.texts.end(), ErrorKind::kData, "checkpoint: state.json is missing");
  return from_text(text->second, learner);
}

void share_state(State& state, Learner& learner, comm::Communicator& communicator) {
  if (communicator.size() == 1) return;
  broadcast(communicator, learner.network->parameters());
  broadcast(communicator, learner.network->statistics());
  learner.network->refresh_working_copy();
  for (at::Tensor& moment : learner.optimizer->moments()) broadcast(communicator, moment);
  if (learner.average_parameters) {
    broadcast(communicator, learner.average_parameters->values());
    broadcast(communicator, learner.average_statistics->values());
  }
  // Rank 0's own text, so that each number is written and read in one place.
  const std::vector<std::string> texts = comm::gather_texts(communicator, to_text(state, learner));
  state = from_text(texts[0], learner);
}

}  // namespace lockstep::train
