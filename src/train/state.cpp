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
  at::Tensor values = flat.narrow(0, segment.begin, segment.end - segment.begin);
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

std::string to_text(const State& state, int64_t applied) {
  return nlohmann::ordered_json{{"format", 1},
                                {"epoch", state.epoch},
                                {"batch", state.sums.batches},
                                {"samples", state.sums.count},
                                {"loss", state.sums.loss},
                                {"correct", state.sums.correct},
                                {"correct_top_k", state.sums.correct_top_k},
                                {"step", state.step},
                                {"applied", applied},
                                {"best_accuracy", state.best_accuracy},
                                {"best_epoch", state.best_epoch},
                                {"stalled", state.stalled},
                                {"seconds", state.seconds}}
      .dump(2);
}

State from_text(const std::string& text, int64_t& applied) {
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
    json.at("applied").get_to(applied);
    json.at("best_accuracy").get_to(state.best_accuracy);
    json.at("best_epoch").get_to(state.best_epoch);
    json.at("stalled").get_to(state.stalled);
    json.at("seconds").get_to(state.seconds);
    return state;
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::kData, "checkpoint: state.json cannot be read: ", error.what());
  }
}

void broadcast(comm::Communicator& communicator, const at::Tensor& tensor) {
  communicator.broadcast({tensor.data_ptr(), static_cast<size_t>(tensor.numel()), comm::DType::kFloat32}, 0);
}

}  // namespace

model::checkpoint::Content to_checkpoint(const State& state, const nn::Network& network, optim::Optimizer& optimizer,
                                         const std::string& config_yaml, const std::string& card) {
  model::checkpoint::Content content;
  content.tensors = network.arrays();
  for (size_t k = 0; k < optimizer.moments().size(); ++k)
    for (const nn::Segment& segment : network.segments())
      content.tensors.push_back(named_segment(moment_prefix(k), segment, optimizer.moments()[k]));
  content.texts["state.json"] = to_text(state, optimizer.applied());
  content.texts["symbol.json"] = model::symbol_text(network.graph());
  content.texts["card.json"] = card;
  content.texts["config.yaml"] = config_yaml;
  return content;
}

State from_checkpoint(const model::checkpoint::Content& content, nn::Network& network, optim::Optimizer& optimizer) {
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
  const auto text = content.texts.find("state.json");
  require(text != content.texts.end(), ErrorKind::kData, "checkpoint: state.json is missing");
  return from_text(text->second, optimizer.applied());
}

void share_state(State& state, nn::Network& network, optim::Optimizer& optimizer, comm::Communicator& communicator) {
  if (communicator.size() == 1) return;
  broadcast(communicator, network.parameters());
  broadcast(communicator, network.statistics());
  for (const at::Tensor& moment : optimizer.moments()) broadcast(communicator, moment);
  // Rank 0's own text, so that each number is written and read in one place.
  const std::vector<std::string> texts = comm::gather_texts(communicator, to_text(state, optimizer.applied()));
  state = from_text(texts[0], optimizer.applied());
}

}  // namespace lockstep::train
