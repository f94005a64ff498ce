#pragma once

// The precompiled header of the floors that know LibTorch: what nearly each of their files needs. torch/torch.h costs
// 16 s a file and stays out; a file that needs another operator includes its single header.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
