#include "lockstep/nn/network.h"

#include <algorithm>

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include "layout.h"
#include "lockstep/core/error.h"
#include "lockstep/model/operator.h"
#include "operators.h"

namespace lockstep::nn {
namespace {

/// No autograd inside: neither graph nor version counters.
struct WithoutAutograd {
  at::NoGradGuard no_grad;
  at::AutoDispatchBelowADInplaceOrView below;
};

/// A node between `data` and the logits.
struct Stage {
  int node = 0;
  const Kernel* kernel = nullptr;
  std::vector<int> inputs;   ///< nodes whose outputs it reads
  int64_t finished_end = 0;  ///< the flat gradient is final up to here once this node's backward is done
  NodeRun run;
};

}  // namespace

struct Network::State {
  model::Graph graph;
  model::Facts facts;
  model::Output output;
  Layout layout;
  at::Tensor parameters, gradients, statistics;
  std::vector<Stage> stages;   // in node order
  std::vector<int> consumers;  // of each node, among the stages
  std::vector<bool> is_taken;  // of each segment: a stage owns it
  int data = 0;                // the node of the pictures

  void connect();
  void add_stage(int node, std::vector<bool>& trained_below);
  void initialise(uint64_t seed);
  bool owns_output(int node) const;
};

/// Whether the tensor that this node gives out is its own, so that its only reader may overwrite it.
bool Network::State::owns_output(int node) const {
  const std::string& op = graph.nodes[static_cast<size_t>(node)].op;
  return consumers[static_cast<size_t>(node)] == 1 &&
         (op == "BatchNorm" || op == "Convolution" || op == "FullyConnected" || op == "elemwise_add" || op == "_Plus" ||
          op == "_plus");
}

void Network::State::add_stage(int node, std::vector<bool>& trained_below) {
  const model::Node& here = graph.nodes[static_cast<size_t>(node)];
  const auto names = model::operator_of(here).parameters(here);
  Stage stage{.node = node, .kernel = &kernel_of(here)};
  stage.run.node = &here;
  for (size_t i = 0; i < here.inputs.size(); ++i) {
    const int input = here.inputs[i].node;
    const model::Node& source = graph.nodes[static_cast<size_t>(input)];
    if (const auto found = layout.parameter.find(source.name); source.op == "null" && found != layout.parameter.end()) {
      const Segment& segment = layout.segments[found->second];
      require(!is_taken[found->second], ErrorKind::kData, "node ", here.name, ": its parameter ", source.name,
              " is shared with another node, which is not supported");
      is_taken[found->second] = true;
      stage.run.parameters.push_back(view(parameters, segment));
      stage.run.parameter_gradients.push_back(view(gradients, segment));
      stage.run.trainable.push_back(!segment.fixed);
      stage.finished_end = std::max(stage.finished_end, segment.end);
      trained_below[static_cast<size_t>(node)] = trained_below[static_cast<size_t>(node)] || !segment.fixed;
    } else if (const auto known = layout.statistic.find(source.name);
               source.op == "null" && known != layout.statistic.end()) {
      stage.run.statistics.push_back(view(statistics, layout.statistics[known->second]));
    } else {
      stage.inputs.push_back(input);
      stage.run.wants_gradient.push_back(trained_below[static_cast<size_t>(input)]);
      ++consumers[static_cast<size_t>(input)];
      if (trained_below[static_cast<size_t>(input)]) trained_below[static_cast<size_t>(node)] = true;
    }
  }
  stages.push_back(std::move(stage));
}

void Network::State::connect() {
  consumers.assign(graph.nodes.size(), 0);
  is_taken.assign(layout.segments.size(), false);
  data = graph.find("data");
  require(data >= 0, ErrorKind::kData, "the network has no input called data");
  std::vector<bool> needed(graph.nodes.size()), trained_below(graph.nodes.size());
  needed[static_cast<size_t>(output.logits)] = true;
  for (size_t node = graph.nodes.size(); node-- > 0;)
    if (needed[node])
      for (const auto& input : graph.nodes[node].inputs) needed[static_cast<size_t>(input.node)] = true;
  for (size_t node = 0; node < graph.nodes.size(); ++node)
    if (needed[node] && graph.nodes[node].op != "null") add_stage(static_cast<int>(node), trained_below);
  ++consumers[static_cast<size_t>(output.logits)];
  for (Stage& stage : stages) stage.run.may_overwrite = owns_output(stage.inputs[0]);
}

void Network::State::initialise(uint64_t seed) {
  for (size_t position = 0; position < facts.parameters.size(); ++position) {
    const model::Parameter& parameter = facts.parameters[position];
    std::vector<float> values(static_cast<size_t>(model::count(parameter.shape)));
    model::initialise(parameter, seed, position, values);
    const bool auxiliary = parameter.auxiliary;
    const Segment& segment = auxiliary ? layout.statistics[layout.statistic.at(parameter.name)]
                                       : layout.segments[layout.parameter.at(parameter.name)];
    view(auxiliary ? statistics : parameters, segment).copy_(at::from_blob(values.data(), parameter.shape));
  }
}

Network::Network(model::Graph graph, const model::Shape& data, uint64_t seed) : state_(std::make_unique<State>()) {
  const WithoutAutograd guard;
  State& s = *state_;
  s.graph = std::move(graph);
  s.facts = model::infer(s.graph, data);
  s.output = model::find_output(s.graph);
  s.layout = make_layout(s.graph, s.facts);
  s.parameters = at::zeros({s.layout.parameter_count});
  s.statistics = at::zeros({s.layout.statistics_count});
  s.gradients = at::zeros({s.layout.parameter_count + s.layout.statistics_count + kTrailer});
  s.connect();
  s.initialise(seed);
}

Network::~Network() = default;
Network::Network(Network&&) noexcept = default;

at::Tensor Network::forward(const at::Tensor& images, Mode mode) {
  const WithoutAutograd guard;
  State& s = *state_;
  const model::Shape shape = images.sizes().vec(), &built_for = s.facts.outputs[static_cast<size_t>(s.data)][0];
  require(shape.size() == 4 && shape[0] >= 1 && std::equal(shape.begin() + 1, shape.end(), built_for.begin() + 1),
          ErrorKind::kData, "the network was built for images of the shape ", model::shape_text(built_for), " and got ",
          model::shape_text(shape));
  std::vector<at::Tensor> values(s.graph.nodes.size());
  std::vector<int> readers = s.consumers;
  values[static_cast<size_t>(s.data)] = images;
  for (Stage& stage : s.stages) {
    stage.run.mode = mode;
    stage.run.kept.clear();
    for (const int input : stage.inputs) {
      at::Tensor& value = values[static_cast<size_t>(input)];
      stage.run.inputs.push_back(value);
      if (--readers[static_cast<size_t>(input)] == 0) value.reset();
    }
    values[static_cast<size_t>(stage.node)] = stage.kernel->forward(stage.run);
    stage.run.inputs.clear();
  }
  return values[static_cast<size_t>(s.output.logits)];
}

namespace {

/// Whether nobody else holds this tensor or a view of it.
bool is_sole(const at::Tensor& tensor) { return tensor.use_count() == 1 && tensor.storage().use_count() == 1; }

/// Adds what another reader of the same output contributes; in place where nobody else holds either tensor.
void add_gradient(at::Tensor& sum, at::Tensor more) {
  if (!more.defined()) return;
  if (!sum.defined())
    sum = std::move(more);
  else if (is_sole(more))
    sum = more.add_(sum);
  else if (is_sole(sum))
    sum.add_(more);
  else
    sum = at::add(sum, more);
}

}  // namespace

void Network::backward(const at::Tensor& gradient, const OnSlice& on_slice, bool accumulate) {
  const WithoutAutograd guard;
  State& s = *state_;
  std::vector<at::Tensor> gradients(s.graph.nodes.size());
  gradients[static_cast<size_t>(s.output.logits)] = gradient;
  int64_t finished = 0;
  for (auto stage = s.stages.rbegin(); stage != s.stages.rend(); ++stage) {
    const at::Tensor here = std::move(gradients[static_cast<size_t>(stage->node)]);
    if (!here.defined()) continue;
    stage->run.accumulate = accumulate;
    auto below = stage->kernel->backward(stage->run, here);
    stage->run.kept.clear();
    for (size_t i = 0; i < stage->inputs.size(); ++i)
      if (stage->run.wants_gradient[i])
        add_gradient(gradients[static_cast<size_t>(stage->inputs[i])], std::move(below[i]));
    if (stage->finished_end > finished) {
      finished = stage->finished_end;
      if (on_slice) on_slice(finished);
    }
  }
  s.gradients.narrow(0, s.layout.parameter_count, s.layout.statistics_count).copy_(s.statistics);
  if (on_slice) on_slice(s.gradients.numel());
}

const std::vector<Segment>& Network::segments() const { return state_->layout.segments; }
int64_t Network::parameter_count() const { return state_->layout.parameter_count; }
int64_t Network::statistics_count() const { return state_->layout.statistics_count; }
at::Tensor& Network::parameters() { return state_->parameters; }
at::Tensor& Network::gradients() { return state_->gradients; }
at::Tensor& Network::statistics() { return state_->statistics; }

void Network::clear_gradients() {
  const WithoutAutograd guard;
  State& s = *state_;
  s.gradients.zero_();
  s.gradients.narrow(0, s.layout.parameter_count, s.layout.statistics_count).copy_(s.statistics);
}

model::Arrays Network::arrays() const {
  const WithoutAutograd guard;
  model::Arrays arrays;
  for (const bool auxiliary : {false, true})
    for (const model::Parameter& parameter : state_->facts.parameters) {
      if (parameter.auxiliary != auxiliary) continue;
      const Layout& layout = state_->layout;
      const at::Tensor values = auxiliary
                                    ? view(state_->statistics, layout.statistics[layout.statistic.at(parameter.name)])
                                    : view(state_->parameters, layout.segments[layout.parameter.at(parameter.name)]);
      arrays.push_back(model::float_array((auxiliary ? "aux:" : "arg:") + parameter.name, parameter.shape,
                                          values.contiguous().const_data_ptr<float>()));
    }
  return arrays;
}

std::vector<std::string> Network::load(const model::Arrays& arrays) {
  const WithoutAutograd guard;
  std::vector<std::string> missing;
  for (const model::Parameter& parameter : state_->facts.parameters) {
    const std::string name = (parameter.auxiliary ? "aux:" : "arg:") + parameter.name;
    const model::Array* array = model::find_array(arrays, name);
    if (parameter.fixed) continue;  // ones, whatever the file says
    if (!array) {
      missing.push_back(name + " is absent");
    } else if (array->shape != parameter.shape) {
      missing.push_back(cat(name, " has the shape ", model::shape_text(array->shape), " instead of ",
                            model::shape_text(parameter.shape)));
    } else {
      std::vector<float> values = model::to_floats(*array);
      const Layout& layout = state_->layout;
      const at::Tensor target = parameter.auxiliary
                                    ? view(state_->statistics, layout.statistics[layout.statistic.at(parameter.name)])
                                    : view(state_->parameters, layout.segments[layout.parameter.at(parameter.name)]);
      target.copy_(at::from_blob(values.data(), parameter.shape));
    }
  }
  return missing;
}

const model::Graph& Network::graph() const { return state_->graph; }
const model::Facts& Network::facts() const { return state_->facts; }
int Network::classes() const { return state_->output.classes; }
bool Network::multi_label() const { return state_->output.multi_label; }

}  // namespace lockstep::nn
