#include "lockstep/nn/network.h"

#include <algorithm>

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "cudnn_batch_norm.h"
#include "cudnn_convolution.h"
#include "fuse.h"
#include "layout.h"
#include "lockstep/core/error.h"
#include "node_timer.h"
#include "operators.h"
#include "sample_keys.h"

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
  std::vector<int> inputs;       ///< nodes whose outputs it reads
  std::vector<size_t> segments;  ///< whose gradients its backward finishes
  int64_t finished_end = 0;      ///< the flat gradient is final up to here once this node's backward is done
  bool has_backward = false;     ///< a parameter here or below is trained
  NodeRun run;
};

at::ScalarType type_of(Precision precision) {
  switch (precision) {
    case Precision::kFloat32:
      return at::kFloat;
    case Precision::kBfloat16:
      return at::kBFloat16;
    case Precision::kFloat16:
      return at::kHalf;
  }
  fail(ErrorKind::kBug, "no such precision: ", static_cast<int>(precision));
}

}  // namespace

bool has_bfloat16() { return __builtin_cpu_supports("avx512bf16") || __builtin_cpu_supports("amx-bf16"); }

struct Network::State {
  model::Graph graph;                // as it was given: names, parameters, what is exported
  model::Graph executed;             // the same function in fewer nodes
  model::Facts facts;                // of graph
  model::Output output;              // of executed
  at::ScalarType type = at::kFloat;  // of what flows between the nodes
  Layout layout;
  at::Tensor parameters, gradients, statistics, working_copy;
  std::vector<Stage> stages;   // in node order
  std::vector<int> consumers;  // of each node, among the stages
  std::vector<bool> is_taken;  // of each segment: a stage owns it
  int data = 0;                // the node of the pictures
  uint64_t seed = 0;
  bool draws = false;  // a stage does
  SampleKeys sample_keys;
  std::unique_ptr<NodeTimer> timer;
  model::Shape prepared;  // batches of this shape have met all that has to be compiled for them

  void connect();
  void add_stage(int node, std::vector<bool>& trained_below);
  void initialise();
  bool owns_output(int node) const;
#ifdef LOCKSTEP_CUDA
  void prepare(const model::Shape& shape);
#endif
};

/// Whether the tensor that this node gives out is its own, so that its only reader may overwrite it.
bool Network::State::owns_output(int node) const {
  const std::string& op = executed.nodes[static_cast<size_t>(node)].op;
  return consumers[static_cast<size_t>(node)] == 1 &&
         (op == "BatchNorm" || op == "Convolution" || op == "FullyConnected" || op == "elemwise_add" || op == "_Plus" ||
          op == "_plus");
}

void Network::State::add_stage(int node, std::vector<bool>& trained_below) {
  const model::Node& here = executed.nodes[static_cast<size_t>(node)];
  Stage stage{.node = node, .kernel = &kernel_of(here)};
  stage.run.node = &here;
  for (size_t i = 0; i < here.inputs.size(); ++i) {
    const int input = here.inputs[i].node;
    const model::Node& source = executed.nodes[static_cast<size_t>(input)];
    if (const auto found = layout.parameter.find(source.name); source.op == "null" && found != layout.parameter.end()) {
      const Segment& segment = layout.segments[found->second];
      require(!is_taken[found->second], ErrorKind::kData, "node ", here.name, ": its parameter ", source.name,
              " is shared with another node, which is not supported");
      is_taken[found->second] = true;
      stage.run.parameters.push_back(view(parameters, segment));
      stage.run.working.push_back(view(working_copy.defined() ? working_copy : parameters, segment));
      stage.run.parameter_gradients.push_back(view(gradients, segment));
      const bool is_trained = !segment.fixed && segment.rate_factor != 0;
      stage.run.trainable.push_back(is_trained);
      stage.segments.push_back(found->second);
      if (is_trained) trained_below[static_cast<size_t>(node)] = true;
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
  stage.has_backward = trained_below[static_cast<size_t>(node)];
  stages.push_back(std::move(stage));
}

void Network::State::connect() {
  consumers.assign(executed.nodes.size(), 0);
  is_taken.assign(layout.segments.size(), false);
  data = executed.find("data");
  require(data >= 0, ErrorKind::kData, "the network has no input called data");
  std::vector<bool> needed(executed.nodes.size()), trained_below(executed.nodes.size());
  needed[static_cast<size_t>(output.logits)] = true;
  for (size_t node = executed.nodes.size(); node-- > 0;)
    if (needed[node])
      for (const auto& input : executed.nodes[node].inputs) needed[static_cast<size_t>(input.node)] = true;
  for (size_t node = 0; node < executed.nodes.size(); ++node)
    if (needed[node] && executed.nodes[node].op != "null") add_stage(static_cast<int>(node), trained_below);
  ++consumers[static_cast<size_t>(output.logits)];
  for (Stage& stage : stages) stage.run.may_overwrite = owns_output(stage.inputs[0]);

  // A fused node may finish a gradient earlier than the nodes in whose place it stands.
  std::vector<bool> is_open = is_taken;
  size_t closed = 0;
  for (auto stage = stages.rbegin(); stage != stages.rend(); ++stage) {
    for (const size_t segment : stage->segments) is_open[segment] = false;
    while (closed < is_open.size() && !is_open[closed]) ++closed;
    if (closed > 0) stage->finished_end = layout.segments[closed - 1].end;
  }
}

void Network::State::initialise() {
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

#ifdef LOCKSTEP_CUDA

void Network::State::prepare(const model::Shape& shape) {
  const model::Facts met = model::infer(graph, shape);
  std::vector<BatchNormProblem> problems;
  for (const Stage& stage : stages) {
    const auto operation = batch_norm_operation(*stage.run.node);
    if (!operation || stage.run.plain) continue;
    const model::Shape& input = met.outputs[static_cast<size_t>(stage.inputs[0])][0];
    problems.push_back({*operation, type, {input[0], input[1], input[2], input[3]}});
  }
  prepare_cudnn_batch_norms(problems, parameters.device());
  prepared = shape;
}

#endif

Network::Network(model::Graph graph, const model::Shape& data, uint64_t seed, Compute compute,
                 const RateFactor& rate_factor)
    : state_(std::make_unique<State>()) {
  const WithoutAutograd guard;
  State& s = *state_;
  s.graph = std::move(graph);
  s.facts = model::infer(s.graph, data);
  s.executed = fuse(s.graph);
  s.output = model::find_output(s.executed);
  model::require_logits(s.graph, s.facts, s.output);
  s.layout = make_layout(s.graph, s.facts);
  if (rate_factor)
    for (Segment& segment : s.layout.segments) segment.rate_factor = rate_factor(segment.name);
  s.type = type_of(compute.precision);
  const at::TensorOptions options(compute.gpu < 0 ? at::Device(at::kCPU)
                                                  : at::Device(at::kCUDA, static_cast<at::DeviceIndex>(compute.gpu)));
  s.parameters = at::zeros({s.layout.parameter_size}, options);
  s.statistics = at::zeros({s.layout.statistics_size}, options);
  s.gradients = at::zeros({s.layout.parameter_size + s.layout.statistics_size + kTrailer}, options);
  if (s.type != at::kFloat) s.working_copy = at::zeros_like(s.parameters, s.type);
  s.connect();
  for (Stage& stage : s.stages) stage.run.plain = compute.plain;
  s.timer = std::make_unique<NodeTimer>(options.device());
  s.seed = seed;
  s.sample_keys = SampleKeys(seed, options.device());
  s.draws =
      std::any_of(s.stages.begin(), s.stages.end(), [](const Stage& stage) { return stage.run.node->op == "Dropout"; });
  s.initialise();
  refresh_working_copy();
}

Network::~Network() = default;
Network::Network(Network&&) noexcept = default;

void Network::begin_step(int64_t epoch, int64_t batch, std::span<const int64_t> samples) {
  const WithoutAutograd guard;
  State& s = *state_;
  if (!s.draws || samples.empty()) return;
  s.sample_keys.begin(epoch, batch, samples);
}

at::Tensor Network::forward(const at::Tensor& images, Mode mode) {
  const WithoutAutograd guard;
  State& s = *state_;
  const model::Shape shape = images.sizes().vec(),
                     &built_for = s.facts.outputs[static_cast<size_t>(s.graph.find("data"))][0];
  require(shape.size() == 4 && shape[0] >= 1 && std::equal(shape.begin() + 1, shape.end(), built_for.begin() + 1),
          ErrorKind::kData, "the network was built for images of the shape ", model::shape_text(built_for), " and got ",
          model::shape_text(shape));
  const at::Tensor keys = s.draws && mode != Mode::kEvaluate ? s.sample_keys.of(shape[0]) : at::Tensor();
#ifdef LOCKSTEP_CUDA
  if (mode == Mode::kTrain && s.parameters.is_cuda() && s.prepared != shape) s.prepare(shape);
#endif
  std::vector<at::Tensor> values(s.executed.nodes.size());
  std::vector<int> readers = s.consumers;
  values[static_cast<size_t>(s.data)] =
      images.to(s.parameters.device(), s.type, false, false, at::MemoryFormat::ChannelsLast);
  for (Stage& stage : s.stages) {
    const NodeTimer::Span span(*s.timer, *stage.run.node, false);
    stage.run.mode = mode;
    stage.run.kept.clear();
    stage.run.sample_keys = keys;
    for (const int input : stage.inputs) {
      at::Tensor& value = values[static_cast<size_t>(input)];
      stage.run.inputs.push_back(value);
      if (--readers[static_cast<size_t>(input)] == 0) value.reset();
    }
    at::Tensor& output = values[static_cast<size_t>(stage.node)];
    output = stage.kernel->forward(stage.run);
    require_channels_last(output, *stage.run.node, "output");
    stage.run.inputs.clear();
    if (!stage.has_backward) stage.run.kept.clear();
  }
  s.timer->tell();
  return values[static_cast<size_t>(s.output.logits)].to(at::kFloat);
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
  std::vector<at::Tensor> gradients(s.executed.nodes.size());
  gradients[static_cast<size_t>(s.output.logits)] = gradient.to(s.type);
  int64_t finished = 0;
  const auto run_back = [&](Stage& stage, const at::Tensor& here) {
    const NodeTimer::Span span(*s.timer, *stage.run.node, true);
    require_channels_last(here, *stage.run.node, "gradient");
    stage.run.accumulate = accumulate;
    auto below = stage.kernel->backward(stage.run, here);
    stage.run.kept.clear();
    for (size_t i = 0; i < stage.inputs.size(); ++i)
      if (stage.run.wants_gradient[i])
        add_gradient(gradients[static_cast<size_t>(stage.inputs[i])], std::move(below[i]));
  };
  for (auto stage = s.stages.rbegin(); stage != s.stages.rend(); ++stage) {
    const at::Tensor here = std::move(gradients[static_cast<size_t>(stage->node)]);
    if (!here.defined() || !stage->has_backward) continue;
    run_back(*stage, here);
    if (stage->finished_end > finished) {
      finished = stage->finished_end;
      if (on_slice) on_slice(finished);
    }
  }
  s.timer->tell();
  summed_statistics().copy_(s.statistics);
  if (on_slice) on_slice(s.gradients.numel());
#ifdef LOCKSTEP_CUDA
  store_convolution_plans();
#endif
}

void Network::forget() {
  for (Stage& stage : state_->stages) {
    stage.run.inputs.clear();
    stage.run.kept.clear();
  }
}

const std::vector<Segment>& Network::segments() const { return state_->layout.segments; }

int64_t Network::parameter_count() const {
  int64_t count = 0;
  for (const Segment& segment : segments()) count += segment.end - segment.begin;
  return count;
}

at::Tensor& Network::parameters() { return state_->parameters; }
at::Tensor& Network::gradients() { return state_->gradients; }
at::Tensor& Network::statistics() { return state_->statistics; }
at::Tensor& Network::working_copy() { return state_->working_copy; }
at::Tensor Network::parameter_gradients() { return state_->gradients.narrow(0, 0, state_->layout.parameter_size); }
at::Tensor Network::summed_statistics() {
  return state_->gradients.narrow(0, state_->layout.parameter_size, state_->layout.statistics_size);
}
at::Tensor Network::trailer() { return state_->gradients.narrow(0, state_->gradients.numel() - kTrailer, kTrailer); }

void Network::refresh_working_copy() {
  const WithoutAutograd guard;
  if (state_->working_copy.defined()) state_->working_copy.copy_(state_->parameters);
}

void Network::clear_gradients() {
  const WithoutAutograd guard;
  parameter_gradients().zero_();
  summed_statistics().copy_(state_->statistics);
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
                                          values.cpu().contiguous().const_data_ptr<float>()));
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
  refresh_working_copy();
  return missing;
}

void Network::time_nodes(OnNode on_node) { state_->timer->listen(std::move(on_node)); }

const model::Graph& Network::graph() const { return state_->graph; }
const model::Facts& Network::facts() const { return state_->facts; }
int Network::classes() const { return state_->output.classes; }
bool Network::multi_label() const { return state_->output.multi_label; }

}  // namespace lockstep::nn
