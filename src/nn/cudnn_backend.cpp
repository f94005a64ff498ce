#ifdef LOCKSTEP_CUDA

#include "cudnn_backend.h"

#include <algorithm>

namespace lockstep::nn::backend {

Descriptor make(cudnnBackendDescriptorType_t type) {
  cudnnBackendDescriptor_t raw = nullptr;
  require_cudnn(cudnnBackendCreateDescriptor(type, &raw), "cudnnBackendCreateDescriptor");
  return {raw, [](void* descriptor) { cudnnBackendDestroyDescriptor(descriptor); }};
}

void finalize(const Descriptor& descriptor) {
  require_cudnn(cudnnBackendFinalize(descriptor.get()), "cudnnBackendFinalize");
}

void set(const Descriptor& descriptor, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
         int64_t count, const void* values) {
  require_cudnn(cudnnBackendSetAttribute(descriptor.get(), name, type, count, values), "cudnnBackendSetAttribute");
}

void set(const Descriptor& descriptor, cudnnBackendAttributeName_t name, std::span<const Descriptor> parts) {
  std::vector<cudnnBackendDescriptor_t> raw;
  for (const Descriptor& part : parts) raw.push_back(part.get());
  set(descriptor, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<int64_t>(raw.size()), raw.data());
}

void set(const Descriptor& descriptor, cudnnBackendAttributeName_t name, const Descriptor& part) {
  set(descriptor, name, std::span(&part, 1));
}

std::vector<Descriptor> parts_of(const Descriptor& whole, cudnnBackendAttributeName_t name,
                                 cudnnBackendDescriptorType_t type, int64_t at_most) {
  std::vector<Descriptor> parts;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (int64_t i = 0; i < at_most; ++i) raw.push_back(parts.emplace_back(make(type)).get());
  int64_t count = 0;
  require_cudnn(cudnnBackendGetAttribute(whole.get(), name, CUDNN_TYPE_BACKEND_DESCRIPTOR, at_most, &count, raw.data()),
                "cudnnBackendGetAttribute");
  parts.resize(static_cast<size_t>(std::clamp<int64_t>(count, 0, at_most)));
  return parts;
}

std::vector<Descriptor> engine_configs(const Descriptor& graph, cudnnBackendHeurMode_t mode, const Descriptor& device) {
  const Descriptor heuristics = make(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  set(heuristics, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  set(heuristics, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
  if (device) set(heuristics, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, device);
  if (cudnnBackendFinalize(heuristics.get()) != CUDNN_STATUS_SUCCESS) return {};
  int64_t count = 0;
  require_cudnn(cudnnBackendGetAttribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                         0, &count, nullptr),
                "cudnnBackendGetAttribute");
  return parts_of(heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, count);
}

bool is_nondeterministic(const Descriptor& engine_config) {
  const Descriptor engine =
      parts_of(engine_config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR, 1).at(0);
  std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> notes{};
  int64_t count = 0;
  require_cudnn(cudnnBackendGetAttribute(engine.get(), CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                         notes.size(), &count, notes.data()),
                "cudnnBackendGetAttribute");
  return std::find(notes.begin(), notes.begin() + count, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC) !=
         notes.begin() + count;
}

}  // namespace lockstep::nn::backend

#endif
