#include "gpu.h"

#include <algorithm>
#include <climits>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lockstep/comm/gpu.h"
#include "lockstep/core/error.h"
#include "lockstep/core/file.h"

#ifdef LOCKSTEP_CUDA
#include <ATen/Context.h>
#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#endif

namespace lockstep::train {
namespace {

#ifndef LOCKSTEP_CUDA
[[noreturn]] void refuse() {
  fail(ErrorKind::kDevice, "this program was built without CUDA: run launch/setup --cuda, or use run.device=cpu");
}
#endif

/// A limit in a cgroup's file; none where there is no such file or it says "max".
size_t cgroup_limit() {
  for (const char* file : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::error_code error;
    if (!std::filesystem::exists(file, error)) continue;
    if (const auto bytes = parse_integer(trim(read_text(file))); bytes && *bytes > 0)
      return static_cast<size_t>(*bytes);
  }
  return SIZE_MAX;
}

size_t memory_of_host() {
  rlimit limit{};
  const bool limited = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  const auto physical = static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return std::min({physical, cgroup_limit(), limited ? static_cast<size_t>(limit.rlim_cur) : SIZE_MAX});
}

}  // namespace

size_t memory_of_device(int gpu) { return gpu < 0 ? memory_of_host() : comm::memory_of_gpu(gpu); }

comm::Buffer flat_buffer(const at::Tensor& flat) {
  comm::Buffer buffer{flat.data_ptr(), static_cast<size_t>(flat.numel()), comm::DType::kFloat32};
#ifdef LOCKSTEP_CUDA
  if (flat.is_cuda()) {
    buffer.where = comm::Device::kCuda;
    buffer.stream = c10::cuda::getCurrentCUDAStream(flat.device().index()).stream();
  }
#endif
  return buffer;
}

#ifdef LOCKSTEP_CUDA

void use_gpu(int index, bool deterministic) {
  c10::cuda::set_device(static_cast<c10::DeviceIndex>(index));
  at::globalContext().setBenchmarkCuDNN(!deterministic);
  at::globalContext().setDeterministicCuDNN(deterministic);
  at::globalContext().setDeterministicAlgorithms(deterministic, false);
  const c10::cuda::CUDAStream now = c10::cuda::getCurrentCUDAStream();
  if (now == c10::cuda::getDefaultCUDAStream()) c10::cuda::setCurrentCUDAStream(c10::cuda::getStreamFromPool());
}

namespace {

size_t free_memory() {
  size_t available = 0, total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&available, &total));
  return available;
}

/// Whether it came to its end.
template <class Action>
bool attempt(Action action) {
  try {
    action();
    return true;
  } catch (const std::exception&) {  // what broke the capture is told instead
    return false;
  }
}

/// LibTorch leaves both of its allocators waiting for the end of a capture that cannot be ended.
void end_broken_capture(at::cuda::CUDAGraph& graph, c10::MempoolId_t pool) {
  namespace device_memory = c10::cuda::CUDACachingAllocator;
  if (attempt([&] { graph.capture_end(); })) return;
  const c10::DeviceIndex device = c10::cuda::current_device();
  at::HostAllocator& host_memory = *at::getHostAllocator(at::kCUDA);
  attempt([&] { device_memory::endAllocateToPool(device, pool); });
  attempt([&] { device_memory::releasePool(device, pool); });
  attempt([&] { host_memory.end_allocate_to_pool(pool); });
  attempt([&] { host_memory.release_pool(pool); });
  static_cast<void>(cudaGetLastError());
  attempt([] { device_memory::emptyCache(); });
}

}  // namespace

Recording record_graph(const std::function<void()>& work) {
  c10::cuda::getCurrentCUDAStream().synchronize();
  c10::cuda::CUDACachingAllocator::emptyCache();  // the graph's own pool takes the place of what steps left there
  const size_t before = free_memory();
  const c10::MempoolId_t pool = at::cuda::graph_pool_handle();
  const auto graph = std::make_shared<at::cuda::CUDAGraph>(true);
  graph->capture_begin(pool, cudaStreamCaptureModeThreadLocal);
  try {
    work();
    graph->capture_end();
  } catch (...) {
    end_broken_capture(*graph, pool);
    throw;
  }
  size_t nodes = 0;
  C10_CUDA_CHECK(cudaGraphGetNodes(graph->raw_cuda_graph(), nullptr, &nodes));
  graph->instantiate();
  const size_t after = free_memory(), taken = before - std::min(before, after);
  require(after >= taken, ErrorKind::kDevice, "it takes ", bytes_text(static_cast<double>(taken)), " and leaves ",
          bytes_text(static_cast<double>(after)),
          ", too little for a short batch or an evaluation beside it; a smaller run.micro_batch makes room");
  return {[graph] { graph->replay(); }, static_cast<int64_t>(nodes)};
}

struct Readback::State {
  at::Tensor host;
  c10::cuda::CUDAEvent arrived;
};

Readback::Readback(const at::Tensor& values) : state_(std::make_unique<State>()) {
  if (!values.is_cuda()) {
    state_->host = values.clone();
    return;
  }
  state_->host = at::empty(values.sizes(), at::TensorOptions(values.scalar_type()).pinned_memory(true));
  state_->host.copy_(values, true);
  state_->arrived.record(c10::cuda::getCurrentCUDAStream(values.device().index()));
}

const at::Tensor& Readback::take() {
  if (state_->arrived.isCreated()) state_->arrived.synchronize();
  return state_->host;
}

#else

void use_gpu(int, bool) { refuse(); }
Recording record_graph(const std::function<void()>&) { refuse(); }

struct Readback::State {
  at::Tensor host;
};
Readback::Readback(const at::Tensor& values) : state_(std::make_unique<State>(State{values.clone()})) {}
const at::Tensor& Readback::take() { return state_->host; }

#endif

Readback::Readback(Readback&&) noexcept = default;
Readback& Readback::operator=(Readback&&) noexcept = default;
Readback::~Readback() = default;

}  // namespace lockstep::train
