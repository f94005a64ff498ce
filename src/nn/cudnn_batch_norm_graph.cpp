#ifdef LOCKSTEP_CUDA

#include <optional>

#include "cudnn_batch_norm_ways.h"
#include "lockstep/core/error.h"
#include "stored_plan.h"

namespace lockstep::nn {
namespace {

using backend::Descriptor;
using backend::finalize;
using backend::make;
using backend::set;
using Sizes = std::array<int64_t, 4>;

constexpr int64_t kAlignment = 16;

/// The tensors of the graphs. What has no memory of its own, from kNormalised on, passes between two operations.
enum Id : int64_t {
  kX = 1,
  kShortcut,
  kScale,
  kOffset,
  kRunningMean,
  kRunningVariance,
  kMovedMean,
  kMovedVariance,
  kMean,
  kInverseDeviation,
  kEpsilon,
  kWeight,
  kOutput,
  kZero,
  kMask,
  kGradient,
  kPassedGradient,
  kXGradient,
  kScaleGradient,
  kOffsetGradient,
  kNormalised,
  kSum,
};

/// An operation graph in the making.
class Drawing {
 public:
  explicit Drawing(const BatchNormProblem& problem) : sizes_(problem.sizes), type_(cudnn_type(problem.type)) {}

  Descriptor full(Id id) const { return tensor(id, sizes_, type_); }
  Descriptor mask() const { return tensor(kMask, sizes_, CUDNN_DATA_BOOLEAN); }
  Descriptor channels(Id id) const { return tensor(id, {1, sizes_[1], 1, 1}, CUDNN_DATA_FLOAT); }
  Descriptor number(Id id) const { return tensor(id, {1, 1, 1, 1}, CUDNN_DATA_FLOAT, CUDNN_ATTR_TENSOR_IS_BY_VALUE); }
  Descriptor passing(Id id, std::optional<cudnnDataType_t> type = {}) const {
    return tensor(id, sizes_, type.value_or(CUDNN_DATA_FLOAT), CUDNN_ATTR_TENSOR_IS_VIRTUAL);
  }
  cudnnDataType_t type() const { return type_; }

  Descriptor& add(cudnnBackendDescriptorType_t operation) { return operations_.emplace_back(make(operation)); }
  /// y = mode(x) or mode(x, b).
  void add_pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Descriptor& b, const Descriptor& y);

  /// The graph's plan: of the first engine that cuDNN recommends and can build.
  Descriptor compile(const PlanPlace& place) const;

 private:
  static Descriptor tensor(Id id, const Sizes& sizes, cudnnDataType_t type,
                           std::optional<cudnnBackendAttributeName_t> trait = {});

  Sizes sizes_;
  cudnnDataType_t type_;
  std::vector<Descriptor> operations_;
};

Descriptor Drawing::tensor(Id id, const Sizes& sizes, cudnnDataType_t type,
                           std::optional<cudnnBackendAttributeName_t> trait) {
  const Sizes strides{sizes[1] * sizes[2] * sizes[3], 1, sizes[1] * sizes[3], sizes[1]};
  Descriptor tensor = make(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  set(tensor, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, type);
  set(tensor, CUDNN_ATTR_TENSOR_DIMENSIONS, sizes);
  set(tensor, CUDNN_ATTR_TENSOR_STRIDES, strides);
  set(tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, static_cast<int64_t>(id));
  set(tensor, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, kAlignment);
  if (trait) set(tensor, *trait, CUDNN_TYPE_BOOLEAN, true);
  finalize(tensor);
  return tensor;
}

void Drawing::add_pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Descriptor& b, const Descriptor& y) {
  const Descriptor function = make(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  set(function, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, mode);
  set(function, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  finalize(function);
  const Descriptor& operation = add(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  set(operation, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, function);
  set(operation, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
  if (b) set(operation, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
  set(operation, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  finalize(operation);
}

Descriptor Drawing::compile(const PlanPlace& place) const {
  const Descriptor graph = make(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  set(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, std::span<const Descriptor>(operations_));
  if (place.handle) set(graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, place.handle);
  finalize(graph);
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
    for (const Descriptor& config : backend::engine_configs(graph, mode, place.device)) {
      if (place.deterministic && backend::is_nondeterministic(config)) continue;
      const Descriptor plan = make(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      set(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
      if (cudnnBackendFinalize(plan.get()) == CUDNN_STATUS_SUCCESS) return plan;
    }
  fail(ErrorKind::kDevice, "cuDNN ", cudnnGetVersion(), " has no engine for it");
}

/// Nothing where cuDNN does not take it back.
Descriptor restore(const std::string& text, const PlanPlace& place) {
  Descriptor plan = make(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  if (place.handle) set(plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, place.handle);
  if (place.device) set(plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, place.device);
  const cudnnStatus_t status =
      cudnnBackendSetAttribute(plan.get(), CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                               static_cast<int64_t>(text.size()), text.data());
  if (status != CUDNN_STATUS_SUCCESS || cudnnBackendFinalize(plan.get()) != CUDNN_STATUS_SUCCESS) return {};
  return plan;
}

std::string text_of(const Descriptor& plan) {
  const auto read = [&](int64_t room, char* text) {
    int64_t bytes = 0;
    require_cudnn(cudnnBackendGetAttribute(plan.get(), CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                                           room, &bytes, text),
                  "cudnnBackendGetAttribute");
    return bytes;
  };
  std::string text(static_cast<size_t>(read(0, nullptr)), '\0');
  read(static_cast<int64_t>(text.size()), text.data());
  return text;
}

/// The plan of an earlier process, or a new one.
Descriptor find_plan(const Drawing& drawing, const std::string& title, const PlanPlace& place) {
  if (const auto stored = read_plan(place.folder, title))
    if (Descriptor plan = restore(*stored, place)) return plan;
  Descriptor plan = drawing.compile(place);
  if (!place.folder.empty()) store_plan(place.folder, title, text_of(plan));
  return plan;
}

/// x normalised, then the shortcut added, then cut off at 0; the mask has a bit for each element of the output above 0.
void draw_forward(Drawing& drawing, BatchNormOperation operation) {
  const bool relu = operation != BatchNormOperation::kNorm, adds = operation == BatchNormOperation::kNormAddRelu;
  const Descriptor output = drawing.full(kOutput), normalised = relu ? drawing.passing(kNormalised) : output;
  const Descriptor& norm = drawing.add(CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR);
  set(norm, CUDNN_ATTR_OPERATION_NORM_FWD_MODE, CUDNN_TYPE_NORM_MODE, CUDNN_BATCH_NORM);
  set(norm, CUDNN_ATTR_OPERATION_NORM_FWD_PHASE, CUDNN_TYPE_NORM_FWD_PHASE, CUDNN_NORM_FWD_TRAINING);
  set(norm, CUDNN_ATTR_OPERATION_NORM_FWD_XDESC, drawing.full(kX));
  set(norm, CUDNN_ATTR_OPERATION_NORM_FWD_SCALE_DESC, drawing.channels(kScale));
  set(norm, CUDNN_ATTR_OPERATION_NORM_FWD_BIAS_DESC, drawing.channels(kOffset));
  set(norm, CUDNN_ATTR_OPERATION_NORM_FWD_EPSILON_DESC, drawing.number(kEpsilon));
  set(norm, CUDNN_ATTR_OPERATION_NORM_FWD_EXP_AVG_FACTOR_DESC, drawing.number(kWeight));
  set(norm, CUDNN_ATTR_OPERATION_NORM_FWD_INPUT_RUNNING_MEAN_DESC, drawing.channels(kRunningMean));
  set(norm, CUDNN_ATTR_OPERATION_NORM_FWD_INPUT_RUNNING_VAR_DESC, drawing.channels(kRunningVariance));
  set(norm, CUDNN_ATTR_OPERATION_NORM_FWD_OUTPUT_RUNNING_MEAN_DESC, drawing.channels(kMovedMean));
  set(norm, CUDNN_ATTR_OPERATION_NORM_FWD_OUTPUT_RUNNING_VAR_DESC, drawing.channels(kMovedVariance));
  set(norm, CUDNN_ATTR_OPERATION_NORM_FWD_MEAN_DESC, drawing.channels(kMean));
  set(norm, CUDNN_ATTR_OPERATION_NORM_FWD_INV_VARIANCE_DESC, drawing.channels(kInverseDeviation));
  set(norm, CUDNN_ATTR_OPERATION_NORM_FWD_YDESC, normalised);
  finalize(norm);
  if (!relu) return;
  const Descriptor sum = adds ? drawing.passing(kSum) : normalised;
  if (adds) drawing.add_pointwise(CUDNN_POINTWISE_ADD, normalised, drawing.full(kShortcut), sum);
  drawing.add_pointwise(CUDNN_POINTWISE_RELU_FWD, sum, {}, output);
  drawing.add_pointwise(CUDNN_POINTWISE_CMP_GT, output, drawing.number(kZero), drawing.mask());
}

void draw_backward(Drawing& drawing, BatchNormOperation operation) {
  const bool relu = operation != BatchNormOperation::kNorm, adds = operation == BatchNormOperation::kNormAddRelu;
  Descriptor passed = drawing.full(kGradient);
  if (relu) {
    const Descriptor masked = adds ? drawing.full(kPassedGradient) : drawing.passing(kPassedGradient, drawing.type());
    drawing.add_pointwise(CUDNN_POINTWISE_MUL, passed, drawing.mask(), masked);
    passed = masked;
  }
  const Descriptor& norm = drawing.add(CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR);
  set(norm, CUDNN_ATTR_OPERATION_NORM_BWD_MODE, CUDNN_TYPE_NORM_MODE, CUDNN_BATCH_NORM);
  set(norm, CUDNN_ATTR_OPERATION_NORM_BWD_XDESC, drawing.full(kX));
  set(norm, CUDNN_ATTR_OPERATION_NORM_BWD_DYDESC, passed);
  set(norm, CUDNN_ATTR_OPERATION_NORM_BWD_SCALE_DESC, drawing.channels(kScale));
  set(norm, CUDNN_ATTR_OPERATION_NORM_BWD_MEAN_DESC, drawing.channels(kMean));
  set(norm, CUDNN_ATTR_OPERATION_NORM_BWD_INV_VARIANCE_DESC, drawing.channels(kInverseDeviation));
  set(norm, CUDNN_ATTR_OPERATION_NORM_BWD_DSCALE_DESC, drawing.channels(kScaleGradient));
  set(norm, CUDNN_ATTR_OPERATION_NORM_BWD_DBIAS_DESC, drawing.channels(kOffsetGradient));
  set(norm, CUDNN_ATTR_OPERATION_NORM_BWD_DXDESC, drawing.full(kXGradient));
  finalize(norm);
}

size_t workspace_bytes(const Descriptor& plan) {
  return static_cast<size_t>(backend::get<int64_t>(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64));
}

/// The memory behind the tensors of a graph.
class Memory {
 public:
  void add(Id id, const at::Tensor& tensor) { add(id, tensor.data_ptr()); }
  void add(Id id, void* address) {
    ids_.push_back(id);
    addresses_.push_back(address);
  }
  void run(const Descriptor& plan, const at::Tensor& workspace) const {
    const Descriptor pack = make(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    set(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, static_cast<int64_t>(ids_.size()), ids_.data());
    set(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, static_cast<int64_t>(addresses_.size()),
        addresses_.data());
    set(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace.data_ptr());
    finalize(pack);
    require_cudnn(cudnnBackendExecute(cudnn_handle(), plan.get(), pack.get()), "cudnnBackendExecute");
  }

 private:
  std::vector<int64_t> ids_;
  std::vector<void*> addresses_;
};

}  // namespace

GraphBatchNorm::GraphBatchNorm(const BatchNormProblem& problem, const PlanPlace& place) {
  const auto& [n, c, h, w] = problem.sizes;
  const std::string title = cat(place.machine, ", cuDNN ", cudnnGetVersion(), ", ", name_of(problem), " of ", n, "x", c,
                                "x", h, "x", w, place.deterministic ? ", deterministic" : "");
  Drawing forward(problem), backward(problem);
  draw_forward(forward, problem.operation);
  forward_ = find_plan(forward, title + ", forward", place);
  draw_backward(backward, problem.operation);
  backward_ = find_plan(backward, title + ", backward", place);
  forward_bytes_ = workspace_bytes(forward_);
  backward_bytes_ = workspace_bytes(backward_);
  if (problem.operation != BatchNormOperation::kNorm) reserve_bytes_ = static_cast<size_t>((n * c * h * w + 7) / 8);
}

void GraphBatchNorm::forward(const BatchNormTensors& t, double epsilon, double new_weight) const {
  auto small = static_cast<float>(epsilon), weight = static_cast<float>(new_weight), zero = 0.0F;
  Memory memory;
  memory.add(kX, t.x);
  memory.add(kScale, t.scale);
  memory.add(kOffset, t.offset);
  memory.add(kEpsilon, &small);
  memory.add(kWeight, &weight);
  memory.add(kRunningMean, t.running_mean);
  memory.add(kRunningVariance, t.running_variance);
  memory.add(kMovedMean, t.running_mean);
  memory.add(kMovedVariance, t.running_variance);
  memory.add(kMean, t.mean);
  memory.add(kInverseDeviation, t.inverse_deviation);
  memory.add(kOutput, t.output);
  if (t.shortcut.defined()) memory.add(kShortcut, t.shortcut);
  if (reserve_bytes_ > 0) {
    memory.add(kZero, &zero);
    memory.add(kMask, t.reserve);
  }
  memory.run(forward_, device_bytes(forward_bytes_, t.x));
}

void GraphBatchNorm::backward(const BatchNormTensors& t, double /*epsilon*/) const {
  Memory memory;
  memory.add(kX, t.x);
  memory.add(kGradient, t.gradient);
  memory.add(kScale, t.scale);
  memory.add(kMean, t.mean);
  memory.add(kInverseDeviation, t.inverse_deviation);
  memory.add(kScaleGradient, t.scale_gradient);
  memory.add(kOffsetGradient, t.offset_gradient);
  memory.add(kXGradient, t.x_gradient);
  if (t.shortcut_gradient.defined()) memory.add(kPassedGradient, t.shortcut_gradient);
  if (reserve_bytes_ > 0) memory.add(kMask, t.reserve);
  memory.run(backward_, device_bytes(backward_bytes_, t.x));
}

}  // namespace lockstep::nn

#endif
