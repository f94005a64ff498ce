#include "gpu_update.h"

#include "lockstep/core/error.h"

#ifdef LOCKSTEP_CUDA
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDAGraphsC10Utils.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "lockstep/core/text.h"
#include "nvrtc.h"
#endif

namespace lockstep::optim {

#ifdef LOCKSTEP_CUDA

namespace {

void require_success(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());  // otherwise whoever asks next is told of this failure again
  fail(ErrorKind::kDevice, call, ": ", cudaGetErrorString(code));
}

int architecture_of(int device) {
  int major = 0, minor = 0;
  require_success(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "cudaDeviceGetAttribute");
  require_success(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device), "cudaDeviceGetAttribute");
  return 10 * major + minor;
}

}  // namespace

struct GpuUpdate::State {
  Constants constants{};
  at::Tensor chunks;    // their bytes
  at::Tensor finished;  // [1] int32
  unsigned blocks = 0;
  cudaLibrary_t library = nullptr;
  cudaKernel_t kernel = nullptr;

  ~State() {
    if (library) static_cast<void>(cudaLibraryUnload(library));
  }
};

GpuUpdate::GpuUpdate(const Formula& formula, const std::vector<Chunk>& chunks, const at::Device& device)
    : state_(std::make_unique<State>()) {
  const c10::cuda::CUDAGuard guard(device);
  const std::vector<char> code = compile_for_gpu(update_kernel_text(formula), architecture_of(device.index()),
                                                 nvrtc_libraries(cat("libcudart.so.", CUDART_VERSION / 1000)));
  State& state = *state_;
  require_success(cudaLibraryLoadData(&state.library, code.data(), nullptr, nullptr, 0, nullptr, nullptr, 0),
                  "cudaLibraryLoadData");
  require_success(cudaLibraryGetKernel(&state.kernel, state.library, kUpdateKernel), "cudaLibraryGetKernel");
  const auto bytes = static_cast<int64_t>(chunks.size() * sizeof(Chunk));
  state.chunks = at::from_blob(const_cast<Chunk*>(chunks.data()), {bytes}, at::kByte).to(device);
  state.finished = at::zeros({1}, at::TensorOptions(at::kInt).device(device));
  state.blocks = static_cast<unsigned>(chunks.size());
  state.constants = formula.constants;
}

GpuUpdate::~GpuUpdate() = default;

void GpuUpdate::run(UpdateBuffers buffers) const {
  const c10::cuda::CUDAGuard guard(state_->chunks.device());
  buffers.chunks = static_cast<const Chunk*>(state_->chunks.const_data_ptr());
  buffers.finished = static_cast<unsigned*>(state_->finished.mutable_data_ptr());
  void* arguments[] = {&buffers, &state_->constants};
  require_success(cudaLaunchKernel(reinterpret_cast<const void*>(state_->kernel), dim3(state_->blocks),
                                   dim3(kUpdateThreads), arguments, 0, c10::cuda::getCurrentCUDAStream().stream()),
                  "cudaLaunchKernel");
}

bool is_captured() { return c10::cuda::currentStreamCaptureStatusMayInitCtx() != c10::cuda::CaptureStatus::None; }

#else

struct GpuUpdate::State {};
GpuUpdate::GpuUpdate(const Formula&, const std::vector<Chunk>&, const at::Device&) {
  fail(ErrorKind::kDevice, "this program was built without CUDA");
}
GpuUpdate::~GpuUpdate() = default;
void GpuUpdate::run(UpdateBuffers) const {}
bool is_captured() { return false; }

#endif

}  // namespace lockstep::optim
