#include <cstdio>

#include <cuda_runtime_api.h>
#include <nccl.h>

// The CUDA libraries that the wheels bring are found by the compiler and the linker, and answer without a GPU:
// cudaGetDeviceCount reports an error there, which is an answer too.
int main() {
  int nccl = 0, devices = 0, runtime = 0;
  if (ncclGetVersion(&nccl) != ncclSuccess || cudaRuntimeGetVersion(&runtime) != cudaSuccess) return 1;
  const cudaError_t counted = cudaGetDeviceCount(&devices);
  std::printf("NCCL %d, CUDA runtime %d, %d devices (%s)\n", nccl, runtime, devices, cudaGetErrorString(counted));
  return nccl > 20000 && runtime >= 13000 ? 0 : 1;
}
