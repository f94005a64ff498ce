#ifdef LOCKSTEP_CUDA

#include "convolution_plan.h"

#include <algorithm>
#include <array>
#include <span>

#include "lockstep/core/error.h"

namespace lockstep::nn {
namespace {

using backend::Descriptor, backend::finalize, backend::get, backend::make, backend::parts_of, backend::set;
using Sizes = std::array<int64_t, 4>;

constexpr int64_t kX = 'x', kW = 'w', kY = 'y';
constexpr int64_t kAlignment = 16;

cudnnDataType_t type_of(Number number) {
  switch (number) {
    case Number::kFloat32:
    case Number::kTf32:
      return CUDNN_DATA_FLOAT;
    case Number::kBfloat16:
      return CUDNN_DATA_BFLOAT16;
    case Number::kFloat16:
      return CUDNN_DATA_HALF;
  }
  fail(ErrorKind::kBug, "no such type of numbers: ", static_cast<int64_t>(number));
}

Descriptor describe_tensor(int64_t id, const Sizes& sizes, Number number) {
  const Sizes strides{sizes[1] * sizes[2] * sizes[3], 1, sizes[1] * sizes[3], sizes[1]};
  Descriptor tensor = make(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  set(tensor, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, type_of(number));
  set(tensor, CUDNN_ATTR_TENSOR_DIMENSIONS, sizes);
  set(tensor, CUDNN_ATTR_TENSOR_STRIDES, strides);
  set(tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, id);
  set(tensor, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, kAlignment);
  finalize(tensor);
  return tensor;
}

Descriptor describe_geometry(const ConvolutionProblem& problem) {
  Descriptor geometry = make(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  set(geometry, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  set(geometry, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, CUDNN_CROSS_CORRELATION);
  set(geometry, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, int64_t{2});
  set(geometry, CUDNN_ATTR_CONVOLUTION_DILATIONS, problem.dilation);
  set(geometry, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, problem.stride);
  set(geometry, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, problem.pad);
  set(geometry, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, problem.pad);
  finalize(geometry);
  return geometry;
}

/// What cuDNN calls the pieces of each part's operation.
struct PartNames {
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t x, w, y, geometry, alpha, beta;
};

PartNames names_of(ConvolutionPart part) {
  switch (part) {
    case ConvolutionPart::kForward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case ConvolutionPart::kDataGradient:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    case ConvolutionPart::kWeightGradient:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
  }
  fail(ErrorKind::kBug, "no such part of a convolution: ", static_cast<int64_t>(part));
}

Descriptor describe_operation(const ConvolutionProblem& problem) {
  const PartNames names = names_of(problem.part);
  Descriptor operation = make(names.operation);
  set(operation, names.x, describe_tensor(kX, problem.input, problem.number));
  set(operation, names.w, describe_tensor(kW, problem.weight, problem.number));
  set(operation, names.y, describe_tensor(kY, problem.output(), problem.number));
  set(operation, names.geometry, describe_geometry(problem));
  set(operation, names.alpha, CUDNN_TYPE_FLOAT, 1.0F);
  set(operation, names.beta, CUDNN_TYPE_FLOAT, 0.0F);
  finalize(operation);
  return operation;
}

Descriptor engine_of(const Descriptor& config) {
  return parts_of(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR, 1).at(0);
}

PlanChoice read_choice(const Descriptor& config, const Descriptor& engine) {
  PlanChoice choice{.engine = get<int64_t>(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64)};
  for (const Descriptor& knob : parts_of(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
                                         CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, CUDNN_KNOB_TYPE_COUNTS))
    choice.knobs.emplace_back(get<cudnnBackendKnobType_t>(knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE),
                              get<int64_t>(knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64));
  return choice;
}

}  // namespace

ConvolutionPlan::ConvolutionPlan(Descriptor plan, Descriptor config)
    : plan_(std::move(plan)), config_(std::move(config)) {
  workspace_bytes_ = static_cast<size_t>(
      std::max<int64_t>(0, get<int64_t>(plan_, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64)));
}

void ConvolutionPlan::run(cudnnHandle_t handle, const ConvolutionMemory& memory) const {
  const Descriptor pack = make(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  const std::array<void*, 3> pointers{memory.x, memory.w, memory.y};
  set(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::array{kX, kW, kY});
  set(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, pointers.size(), pointers.data());
  set(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, memory.workspace);
  finalize(pack);
  require_cudnn(cudnnBackendExecute(handle, plan_.get(), pack.get()), "cudnnBackendExecute");
}

ConvolutionGraph::ConvolutionGraph(const ConvolutionProblem& problem, cudnnHandle_t handle, Descriptor device)
    : problem_(problem), device_(std::move(device)), graph_(make(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR)) {
  set(graph_, CUDNN_ATTR_OPERATIONGRAPH_OPS, describe_operation(problem));
  if (handle) set(graph_, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle);
  finalize(graph_);
}

bool ConvolutionGraph::allows(const Descriptor& engine) const {
  std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> notes{};
  int64_t count = 0;
  require_cudnn(cudnnBackendGetAttribute(engine.get(), CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                         notes.size(), &count, notes.data()),
                "cudnnBackendGetAttribute");
  return std::none_of(notes.begin(), notes.begin() + count, [&](cudnnBackendNumericalNote_t note) {
    return (note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC && problem_.deterministic) ||
           (note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE && problem_.number == Number::kFloat32) ||
           (note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS && type_of(problem_.number) == CUDNN_DATA_FLOAT);
  });
}

std::vector<PlanChoice> ConvolutionGraph::candidates(cudnnBackendHeurMode_t mode) const {
  std::vector<PlanChoice> choices;
  for (const Descriptor& config : backend::engine_configs(graph_, mode, device_)) {
    const Descriptor engine = engine_of(config);
    if (allows(engine)) choices.push_back(read_choice(config, engine));
  }
  return choices;
}

Descriptor ConvolutionGraph::configure(const PlanChoice& choice) const {
  const Descriptor engine = make(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  set(engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, graph_);
  set(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, choice.engine);
  if (device_) set(engine, CUDNN_ATTR_ENGINE_DEVICEPROP, device_);
  finalize(engine);

  std::vector<Descriptor> knobs;
  for (const auto& [type, value] : choice.knobs) {
    const Descriptor& knob = knobs.emplace_back(make(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR));
    set(knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, static_cast<cudnnBackendKnobType_t>(type));
    set(knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, value);
    finalize(knob);
  }

  const Descriptor config = make(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
  set(config, CUDNN_ATTR_ENGINECFG_ENGINE, engine);
  if (!knobs.empty()) set(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, std::span<const Descriptor>(knobs));
  finalize(config);
  return config;
}

std::optional<ConvolutionPlan> ConvolutionGraph::build(const PlanChoice& choice, size_t workspace_limit) const {
  try {
    const Descriptor plan = make(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    const Descriptor config = configure(choice);
    set(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
    finalize(plan);
    ConvolutionPlan built(plan, config);
    return built.workspace_bytes() <= workspace_limit ? std::optional(built) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace lockstep::nn

#endif
