#pragma once

#include <string_view>

#include "cudnn_backend.h"

namespace lockstep::nn {

/// The properties of an H200, as cuDNN writes them down: with these in the place of a GPU it recommends engines and
/// builds plans that cannot run.
inline backend::Descriptor describe_h200() {
  constexpr std::string_view kProperties =
      R"({"maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64], "deviceName": "NVIDIA H200",)"
      R"( "cudaDeviceId": 0, "deviceVer": 900, "multiProcessorCount": 132, "driverVer": 13000,)"
      R"( "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448,)"
      R"( "reservedSharedMemoryPerBlock": 1024, "totalGlobalMem": 150120890368, "regsPerBlock": 65536,)"
      R"( "maxRegistersPerSM": 65536, "smClockRateKHz": 1980000, "memClockRateKHz": 3201000, "l2CacheSize": 62914560,)"
      R"( "warpSize": 32, "pciDeviceId": 0, "maxCtasPerSM": 32, "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048,)"
      R"( "isTccDriver": 0, "supportCoopLaunch": 1})";
  backend::Descriptor gpu = backend::make(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  backend::set(gpu, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, kProperties.size(), kProperties.data());
  backend::finalize(gpu);
  return gpu;
}

}  // namespace lockstep::nn
