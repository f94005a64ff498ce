// What src/nn/cudnn_batch_norm_graph.cpp says to cuDNN, before the real library: for the description of a GPU it finds
// an engine for each operation in each type, compiles its kernels, and takes stored plans back. They cannot run here;
// whether they compute the right thing is asked on a GPU.
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "cudnn_batch_norm_ways.h"
#include "lockstep/core/error.h"

namespace lockstep::nn {

// As in cudnn_calls.cpp, which would bring LibTorch's CUDA half along.
void require_cudnn(cudnnStatus_t status, const char* call) {
  require(status == CUDNN_STATUS_SUCCESS, ErrorKind::kDevice, call, ": ", cudnnGetErrorString(status));
}
cudnnDataType_t cudnn_type(at::ScalarType type) {
  return type == at::kFloat ? CUDNN_DATA_FLOAT : type == at::kHalf ? CUDNN_DATA_HALF : CUDNN_DATA_BFLOAT16;
}
cudnnHandle_t cudnn_handle() { return nullptr; }
at::Tensor device_bytes(size_t, const at::Tensor& like) { return like; }
std::string name_of(const BatchNormProblem& problem) {
  return cat("operation ", static_cast<int>(problem.operation), " in ", c10::toString(problem.type));
}

namespace {

// An H200.
constexpr std::string_view kGpu =
    R"({"maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64], "deviceName": "NVIDIA H200",)"
    R"( "cudaDeviceId": 0, "deviceVer": 900, "multiProcessorCount": 132, "driverVer": 13000,)"
    R"( "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448, "reservedSharedMemoryPerBlock": 1024,)"
    R"( "totalGlobalMem": 150120890368, "regsPerBlock": 65536, "maxRegistersPerSM": 65536, "smClockRateKHz": 1980000,)"
    R"( "memClockRateKHz": 3201000, "l2CacheSize": 62914560, "warpSize": 32, "pciDeviceId": 0, "maxCtasPerSM": 32,)"
    R"( "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "isTccDriver": 0, "supportCoopLaunch": 1})";

backend::Descriptor describe_gpu() {
  const backend::Descriptor gpu = backend::make(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  backend::set(gpu, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, kGpu.size(), kGpu.data());
  backend::finalize(gpu);
  return gpu;
}

size_t files_in(const Path& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

void check(const BatchNormProblem& problem, const PlanPlace& place) {
  const size_t before = files_in(place.folder);
  const GraphBatchNorm built(problem, place);
  require(files_in(place.folder) == before + 2, ErrorKind::kBug, name_of(problem), ": its plans are not stored");
  // Times of last writing tell whether it compiles again.
  const auto newest = [&] {
    std::filesystem::file_time_type time{};
    for (const auto& entry : std::filesystem::directory_iterator(place.folder))
      time = std::max(time, entry.last_write_time());
    return time;
  };
  const auto written = newest();
  const GraphBatchNorm again(problem, place);
  require(newest() == written && files_in(place.folder) == before + 2, ErrorKind::kBug, name_of(problem),
          ": its stored plans are not taken back");
  const auto& [n, c, h, w] = problem.sizes;
  const bool relu = problem.operation != BatchNormOperation::kNorm;
  require(again.reserve_bytes() == (relu ? static_cast<size_t>(n * c * h * w / 8) : 0), ErrorKind::kBug,
          name_of(problem), ": its mask has ", again.reserve_bytes(), " bytes");
}

int run() {
  const Path folder = std::filesystem::temp_directory_path() / cat("lockstep-plans-", ::getpid());
  std::filesystem::create_directories(folder);
  const PlanPlace place{.device = describe_gpu(), .folder = folder, .machine = "an H200 that is not here"};
  int problems = 0, failed = 0;
  for (const at::ScalarType type : {at::kBFloat16, at::kHalf, at::kFloat})
    for (const auto operation :
         {BatchNormOperation::kNorm, BatchNormOperation::kNormRelu, BatchNormOperation::kNormAddRelu}) {
      const std::array<int64_t, 4> sizes =
          type == at::kBFloat16 ? std::array<int64_t, 4>{256, 64, 56, 56} : std::array<int64_t, 4>{8, 64, 8, 8};
      try {
        check({operation, type, sizes}, place);
        ++problems;
      } catch (const Error& error) {
        std::fprintf(stderr, "batch_norm_plans: %s\n", error.what());
        ++failed;
      }
    }
  std::filesystem::remove_all(folder);
  std::printf("cuDNN %zu compiles %d BatchNorms for an H200, forward and backward, and takes them back\n",
              cudnnGetVersion(), problems);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace lockstep::nn

int main() { return lockstep::nn::run(); }
