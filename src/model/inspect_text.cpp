#include <nlohmann/json.hpp>

#include "lockstep/core/error.h"
#include "lockstep/core/text.h"
#include "lockstep/model/inspect.h"

namespace lockstep::model {
namespace {

using nlohmann::ordered_json;

/// 10300 -> "1.3.0"
std::string version_text(int version) { return cat(version / 10000, ".", version / 100 % 100, ".", version % 100); }

std::string preprocessing_text(const Card& card) {
  std::string text = card.resize > 0 ? cat("shorter side ", card.resize, ", ") : "";
  text += card.stretch ? "stretched to the input size" : "centre crop";
  if (card.mean.empty() && card.std.empty()) return text + ", raw 0..255";
  const auto list = [](const std::vector<double>& values) {
    std::vector<std::string> numbers;
    for (const double value : values) numbers.push_back(format("%g", value));
    return join(numbers, " ");
  };
  if (!card.mean.empty()) text += ", minus " + list(card.mean);
  if (!card.std.empty()) text += ", over " + list(card.std);
  return text;
}

std::string network_of(const Inspection& found) {
  if (!found.card || found.card->network.empty()) return "";
  return found.card->num_layers > 0 ? cat(found.card->network, " with ", found.card->num_layers, " layers")
                                    : found.card->network;
}

ordered_json card_json(const Card& card) {
  ordered_json object;
  object["network"] = card.network;
  object["num_layers"] = card.num_layers;
  object["image_shape"] = {card.channels, card.height, card.width};
  object["classes"] = card.classes;
  object["multi_label"] = card.multi_label;
  object["preprocessing"] = preprocessing_text(card);
  object["origin"] = card.origin;
  return object;
}

}  // namespace

std::string to_text(const Inspection& found, bool with_arrays) {
  std::string text;
  const auto line = [&](const char* name, const std::string& value) {
    if (!value.empty()) text += format("%-14s", name) + value + "\n";
  };
  line("source", found.source);
  line("form", found.form);
  line("network", found.graph ? (network_of(found).empty() ? "of no row of networks.def" : network_of(found)) : "");
  if (found.graph) {
    line("symbol", cat(found.graph->nodes.size(), " nodes, MXNet ", version_text(found.graph->version)));
    if (found.output)
      line("output", cat("\"", found.graph->nodes[static_cast<size_t>(found.output->logits)].name, "\", ",
                         found.output->classes, found.output->multi_label ? " labels" : " classes"));
  }
  if (found.card) {
    const Card& card = *found.card;
    line("input", cat(card.channels, " x ", card.height, " x ", card.width, ", ", preprocessing_text(card)));
    line("classes", join(card.classes, ", "));
    line("epoch", cat(found.epoch));
    for (const auto& [key, value] : card.origin) line(key.c_str(), " " + value);
  }
  line("parameters", cat(found.parameters));
  if (found.flops > 0) line("cost", format("%.3g GFLOP a picture forward", static_cast<double>(found.flops) / 1e9));
  line("train here", found.cannot_train.empty() ? "yes" : "no: " + found.cannot_train);
  const bool for_the_same_reason = found.cannot_continue == found.cannot_train;
  line("SageMaker", found.cannot_continue.empty() ? "can continue it"
                    : for_the_same_reason         ? "cannot continue it either"
                                                  : "cannot continue it: " + found.cannot_continue);
  line("arrays", cat(found.arrays.size()));
  if (with_arrays)
    for (const Array& array : found.arrays)
      text += cat("  ", array.name.empty() ? "(unnamed)" : array.name, " ", shape_text(array.shape), " ",
                  name_of(array.type), "\n");
  return text;
}

std::string to_json(const Inspection& found, bool with_arrays) {
  ordered_json object;
  object["source"] = found.source;
  object["form"] = found.form;
  if (found.card) object["card"] = card_json(*found.card);
  if (found.graph)
    object["symbol"] = {{"nodes", found.graph->nodes.size()}, {"mxnet", version_text(found.graph->version)}};
  if (found.output)
    object["output"] = {{"node", found.graph->nodes[static_cast<size_t>(found.output->logits)].name},
                        {"classes", found.output->classes},
                        {"multi_label", found.output->multi_label}};
  object["epoch"] = found.epoch;
  object["parameters"] = found.parameters;
  object["flops"] = found.flops;
  object["can_train"] = found.cannot_train.empty();
  object["cannot_train"] = found.cannot_train;
  object["sagemaker_can_continue"] = found.cannot_continue.empty();
  object["cannot_continue"] = found.cannot_continue;
  if (with_arrays)
    for (const Array& array : found.arrays)
      object["arrays"].push_back({{"name", array.name}, {"shape", array.shape}, {"type", name_of(array.type)}});
  return object.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace lockstep::model
