#pragma once

#ifdef LOCKSTEP_CUDA

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "cudnn_calls.h"

// cuDNN's backend: descriptors made of attributes, of which operation graphs and plans are built. All of it throws
// device Errors.
namespace lockstep::nn::backend {

/// Owns a descriptor. Shared, since descriptors hold on to others in ways that cuDNN does not state.
using Descriptor = std::shared_ptr<void>;

Descriptor make(cudnnBackendDescriptorType_t type);
/// Attributes are set between make() and this.
void finalize(const Descriptor& descriptor);

void set(const Descriptor& descriptor, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
         int64_t count, const void* values);
template <class T>
void set(const Descriptor& descriptor, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
         const T& value) {
  set(descriptor, name, type, 1, &value);
}
template <size_t n>
void set(const Descriptor& descriptor, cudnnBackendAttributeName_t name, const std::array<int64_t, n>& values) {
  set(descriptor, name, CUDNN_TYPE_INT64, n, values.data());
}
void set(const Descriptor& descriptor, cudnnBackendAttributeName_t name, std::span<const Descriptor> parts);
void set(const Descriptor& descriptor, cudnnBackendAttributeName_t name, const Descriptor& part);

template <class T>
T get(const Descriptor& descriptor, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type) {
  T value{};
  int64_t count = 0;
  require_cudnn(cudnnBackendGetAttribute(descriptor.get(), name, type, 1, &count, &value), "cudnnBackendGetAttribute");
  return value;
}

/// Descriptors that are part of another one, at most so many.
std::vector<Descriptor> parts_of(const Descriptor& whole, cudnnBackendAttributeName_t name,
                                 cudnnBackendDescriptorType_t type, int64_t at_most);

/// How cuDNN would run an operation graph, best first; none where the mode knows no way. `device`: of the GPU that is
/// meant where the graph has no handle.
std::vector<Descriptor> engine_configs(const Descriptor& graph, cudnnBackendHeurMode_t mode,
                                       const Descriptor& device = {});

/// Whether what this engine computes may differ from time to time in its last bits.
bool is_nondeterministic(const Descriptor& engine_config);

}  // namespace lockstep::nn::backend

#endif
