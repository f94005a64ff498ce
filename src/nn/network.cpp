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
#include "lockstep/core/error.h"
#include "node_timer.h"
#include "sample_keys.h"
#include "stages.h"

namespace lockstep::nn {
namespace {

/// No autograd inside: neither graph nor version counters.
struct WithoutAutograd {
  at::NoGradGuard no_grad;
  at::AutoDispatchBelowADInplaceOrView below;
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
  Buffers buffers;
  Stages wired;
  uint64_t seed = 0;
  bool draws = false;  // a stage does
  SampleKeys sample_keys;
  std::unique_ptr<NodeTimer> timer;
  model::Shape prepared;  // batches of this shape have met all that has to be compiled for them

  void initialise();
  at::Tensor values_of(const model::Parameter& parameter) const;
#ifdef LOCKSTEP_CUDA
  void prepare(const model::Shape& shape);
#endif
};

at::Tensor Network::State::values_of(const model::Parameter& parameter) const {
  return parameter.auxiliary ? view(buffers.statistics, layout.statistics[layout.statistic.at(parameter.name)])
                             : view(buffers.parameters, layout.segments[layout.parameter.at(parameter.name)]);
}

void Network::State::initialise() {
  for (size_t position = 0; position < facts.parameters.size(); ++position) {
    const model::Parameter& parameter = facts.parameters[position];
    std::vector<float> values(static_cast<size_t>(model::count(parameter.shape)));
    model::initialise(parameter, seed, position, values);
    values_of(parameter).copy_(at::from_blob(values.data(), parameter.shape));
  }
}

#ifdef LOCKSTEP_CUDA

void Network::State::prepare(const model::Shape& shape) {
  const model::Facts met = model::infer(graph, shape);
  std::vector<BatchNormProblem> problems;
  for (const Stage& stage : wired.stages) {
    const auto operation = batch_norm_operation(*stage.run.node);
    if (!operation || stage.run.plain) continue;
    const model::Shape& input = met.outputs[static_cast<size_t>(stage.inputs[0])][0];
    problems.push_back({*operation, type, {input[0], input[1], input[2], input[3]}});
  }
  prepare_cudnn_batch_norms(problems, buffers.parameters.device());
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
  s.buffers.parameters = at::zeros({s.layout.parameter_size}, options);
  s.buffers.statistics = at::zeros({s.layout.statistics_size}, options);
  s.buffers.gradients = at::zeros({s.layout.parameter_size + s.layout.statistics_size + kTrailer}, options);
  if (s.type != at::kFloat) s.buffers.working_copy = at::zeros_like(s.buffers.parameters, s.type);
  s.wired = connect(s.executed, s.output, s.layout, s.buffers);
  for (Stage& stage : s.wired.stages) stage.run.plain = compute.plain;
  s.timer = std::make_unique<NodeTimer>(options.device());
  s.seed = seed;
  s.sample_keys = SampleKeys(seed, options.device());
  s.draws = std::any_of(s.wired.stages.begin(), s.wired.stages.end(),
                        [](const Stage& stage) { return stage.run.node->op == "Dropout"; });
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
  if (mode == Mode::kTrain && s.buffers.parameters.is_cuda() && s.prepared != shape) s.prepare(shape);
#endif
  std::vector<at::Tensor> values(s.executed.nodes.size());
  std::vector<int> readers = s.wired.readers;
  values[static_cast<size_t>(s.wired.data)] =
      images.to(s.buffers.parameters.device(), s.type, false, false, at::MemoryFormat::ChannelsLast);
  for (Stage& stage : s.wired.stages) {
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
  for (auto stage = s.wired.stages.rbegin(); stage != s.wired.stages.rend(); ++stage) {
    const at::Tensor here = std::move(gradients[static_cast<size_t>(stage->node)]);
    if (!here.defined() || !stage->has_backward) continue;
    run_back(*stage, here);
    if (stage->finished_end > finished) {
      finished = stage->finished_end;
      if (on_slice) on_slice(finished);
    }
  }
  s.timer->tell();
  summed_statistics().copy_(s.buffers.statistics);
  if (on_slice) on_slice(s.buffers.gradients.numel());
#ifdef LOCKSTEP_CUDA
  store_convolution_plans();
#endif
}

void Network::forget() {
  for (Stage& stage : state_->wired.stages) {
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

at::Tensor& Network::parameters() { return state_->buffers.parameters; }
at::Tensor& Network::gradients() { return state_->buffers.gradients; }
at::Tensor& Network::statistics() { return state_->buffers.statistics; }
at::Tensor& Network::working_copy() { return state_->buffers.working_copy; }
at::Tensor Network::parameter_gradients() {
  return state_->buffers.gradients.narrow(0, 0, state_->layout.parameter_size);
}
at::Tensor Network::summed_statistics() {
  return state_->buffers.gradients.narrow(0, state_->layout.parameter_size, state_->layout.statistics_size);
}
at::Tensor Network::trailer() {
  return state_->buffers.gradients.narrow(0, state_->buffers.gradients.numel() - kTrailer, kTrailer);
}

void Network::refresh_working_copy() {
  const WithoutAutograd guard;
  if (state_->buffers.working_copy.defined()) state_->buffers.working_copy.copy_(state_->buffers.parameters);
}

void Network::clear_gradients() {
  const WithoutAutograd guard;
  parameter_gradients().zero_();
  summed_statistics().copy_(state_->buffers.statistics);
}

model::Arrays Network::arrays() const {
  const WithoutAutograd guard;
  model::Arrays arrays;
  for (const bool auxiliary : {false, true})
    for (const model::Parameter& parameter : state_->facts.parameters) {
      if (parameter.auxiliary != auxiliary) continue;
      arrays.push_back(model::float_array((auxiliary ? "aux:" : "arg:") + parameter.name, parameter.shape,
                                          state_->values_of(parameter).cpu().contiguous().const_data_ptr<float>()));
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
      state_->values_of(parameter).copy_(at::from_blob(values.data(), parameter.shape));
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
