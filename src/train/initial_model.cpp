#include "initial_model.h"

#include <algorithm>

#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "lockstep/model/pretrained.h"
#include "lockstep/model/torch_names.h"

namespace lockstep::train {
namespace {

/// The parameters of the layer that has a row for each class.
std::vector<std::string> last_layer(const model::Graph& graph) {
  const model::Node& layer = graph.nodes[static_cast<size_t>(model::find_output(graph).layer)];
  std::vector<std::string> names;
  for (const auto& input : layer.inputs)
    if (const model::Node& variable = graph.nodes[static_cast<size_t>(input.node)]; variable.op == "null")
      names.push_back("arg:" + variable.name);
  return names;
}

/// Row k of the result is row rows[k] of `models`, or where that is -1 row k of `own`.
model::Array pick_rows(const model::Array& models, const model::Array& own, const std::vector<int>& rows) {
  const std::vector<float> from = model::to_floats(models);
  std::vector<float> values = model::to_floats(own);
  const size_t width = values.size() / rows.size();
  for (size_t k = 0; k < rows.size(); ++k)
    if (rows[k] >= 0)
      std::copy_n(from.begin() + static_cast<long>(static_cast<size_t>(rows[k]) * width), width,
                  values.begin() + static_cast<long>(k * width));
  return model::float_array(own.name, own.shape, values.data());
}

bool has_same_names(std::vector<std::string> a, std::vector<std::string> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  return a == b;
}

/// "all 21 arrays", "19 of 21 arrays, not a, b".
std::string taken_text(const model::Arrays& given, const model::Arrays& used) {
  std::vector<std::string> left;
  for (const model::Array& array : given)
    if (!model::find_array(used, array.name)) left.push_back(array.name);
  if (left.empty()) return cat("all ", given.size(), " arrays");
  return cat(given.size() - left.size(), " of ", given.size(), " arrays, not ", join(left, ", "));
}

std::string last_layer_text(const std::vector<int>& rows) {
  const auto known = std::count_if(rows.begin(), rows.end(), [](int row) { return row >= 0; });
  if (known == 0) return "the last layer is new";
  if (known == static_cast<long>(rows.size())) return "the last layer too";
  return cat("of the last layer the rows of ", known, " classes; ", static_cast<long>(rows.size()) - known, " are new");
}

}  // namespace

ModelFacts facts_of(const model::Card& card) {
  ModelFacts facts;
  facts.network = card.network.empty() ? "symbol" : card.network;
  if (card.num_layers > 0) facts.num_layers = card.num_layers;
  facts.image_shape =
      ImageShape{static_cast<int>(card.channels), static_cast<int>(card.height), static_cast<int>(card.width)};
  if (card.resize > 0) facts.resize = card.resize;
  facts.mean = card.mean;
  facts.std = card.std;
  facts.interpolation = card.interpolation;
  return facts;
}

ModelFacts InitialModel::facts() const {
  ModelFacts facts = facts_of(artefact_.card);
  facts.name = artefact_.source;
  facts.num_classes = model::find_output(artefact_.graph).classes;
  facts.is_pretrained = is_pretrained_;
  return facts;
}

std::vector<std::string> InitialModel::classes(const Run& run, const std::vector<std::string>& data) const {
  const auto& known = artefact_.card.classes;
  if (is_pretrained_) return data;
  if (data.empty()) return known;
  if (!run.grow_classes || known.empty()) return data;
  std::vector<std::string> grown = known;
  for (const std::string& name : data)
    if (std::find(known.begin(), known.end(), name) == known.end()) grown.push_back(name);
  return grown;
}

model::Graph InitialModel::graph(const Config& config) const {
  const auto& h = config.hyperparameters;
  return model::with_classes(artefact_.graph, h.num_classes.value(), h.multi_label);
}

std::vector<int> InitialModel::rows(const Run& run, int64_t count, const std::vector<std::string>& classes) const {
  const auto& known = artefact_.card.classes;
  const int models = model::find_output(artefact_.graph).classes;
  const bool named = !known.empty() && !classes.empty();
  const bool same = named ? has_same_names(known, classes) : count == models;
  std::vector<int> rows(static_cast<size_t>(count), -1);
  if (is_pretrained_ || !(same || run.grow_classes)) return rows;
  for (size_t k = 0; k < rows.size(); ++k) {
    const auto found = named ? std::find(known.begin(), known.end(), classes[k]) - known.begin() : static_cast<long>(k);
    if (found < models) rows[k] = static_cast<int>(found);
  }
  return rows;
}

void InitialModel::load_into(nn::Network& network, const Run& run, const std::vector<std::string>& classes,
                             std::vector<std::string>& notes) const {
  const model::Arrays own = network.arrays();
  const std::vector<int> rows = this->rows(run, network.classes(), classes);
  model::Arrays arrays = artefact_.arrays;
  for (const std::string& name : last_layer(network.graph())) {
    const model::Array* const mine = model::find_array(own, name);
    const auto theirs =
        std::find_if(arrays.begin(), arrays.end(), [&](const auto& array) { return array.name == name; });
    if (mine && theirs != arrays.end()) *theirs = pick_rows(*theirs, *mine, rows);
  }
  const auto missing = network.load(arrays);
  require(missing.empty(), ErrorKind::kData, artefact_.source,
          ": does not fit the network of this run: ", join(missing, "; "));
  const model::Card& card = artefact_.card;
  const std::string network_name =
      card.network.empty() ? "" : " of " + model::network_text(card.network, card.num_layers);
  notes.push_back(cat("weights and statistics", network_name, " come from ", artefact_.source, ": ",
                      taken_text(artefact_.arrays, own), ", ", last_layer_text(rows),
                      "; optimizer, epochs, rates and best accuracy start anew"));
}

std::optional<InitialModel> open_initial_model(const Config& config) {
  const bool wants_pretrained = config.hyperparameters.use_pretrained_model;
  if (config.channels.model.given()) {
    if (wants_pretrained) log::warning("use_pretrained_model is ignored: the run begins with channels.model");
    return InitialModel(model::read_artefact(config.channels.model.paths.front()), false);
  }
  if (!wants_pretrained) return std::nullopt;
  const Path file = config.run.pretrained.empty()
                        ? model::find_pretrained(config.run.network, config.hyperparameters.num_layers)
                        : Path(config.run.pretrained);
  return InitialModel(model::read_artefact(file), true);
}

}  // namespace lockstep::train
