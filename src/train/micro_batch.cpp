#include "micro_batch.h"

#include <algorithm>

#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include "gpu.h"
#include "lockstep/core/error.h"

namespace lockstep::train {
namespace {

// Measured with ResNet-18 at 112 x 112 and batches of 16 and 48.
constexpr double kActivationsInUse = 1.7;

bool is_out_of_memory(const c10::Error& error) {
  return dynamic_cast<const c10::OutOfMemoryError*>(&error) ||
         std::string(error.what_without_backtrace()).find("DefaultCPUAllocator: ") != std::string::npos;
}

int gpu_of(nn::Network& network) {
  const at::Device device = network.parameters().device();
  return device.is_cuda() ? device.index() : -1;
}

/// Whether forward and backward of that many samples find the memory they need. Leaves gradients behind, nothing else.
bool goes_through(nn::Network& network, int64_t samples) {
  const model::Shape& data = network.facts().outputs[static_cast<size_t>(network.graph().find("data"))][0];
  try {
    const at::Tensor images = at::zeros({samples, data[2], data[3], data[1]}).permute({0, 3, 1, 2});
    const at::Tensor logits = network.forward(images, nn::Mode::kFrozen);
    network.backward(at::zeros(logits.sizes(), logits.options()));
    return true;
  } catch (const c10::Error& error) {
    if (!is_out_of_memory(error)) throw;
    network.forget();
    return false;
  }
}

int64_t find_largest(nn::Network& network, nn::Precision precision, int64_t share, const comm::Launch& launch) {
  const int gpu = gpu_of(network);
  const double memory =
      static_cast<double>(memory_of_device(gpu)) / (gpu < 0 ? static_cast<double>(launch.local_size) : 1);
  const double each = bytes_per_sample(network.facts(), precision);
  int64_t samples = share;
  while (samples > 1 && static_cast<double>(samples) * each > memory) samples = (samples + 1) / 2;
  while (!goes_through(network, samples)) {
    require(samples > 1, ErrorKind::kDevice, "rank ", launch.rank, " (", launch.host,
            "): a step of one sample needs about ", bytes_text(each),
            " beside the weights, and there is no room for it; choose a smaller image_shape or num_layers");
    samples = (samples + 1) / 2;
  }
  return samples;
}

}  // namespace

double bytes_per_sample(const model::Facts& facts, nn::Precision precision) {
  const double element = precision == nn::Precision::kFloat32 ? 4 : 2;
  return kActivationsInUse * element * static_cast<double>(facts.activation_count);
}

int64_t choose_micro_batch(const std::string& setting, nn::Network& network, nn::Precision precision, int64_t share,
                           comm::Communicator& communicator) {
  if (setting.empty()) return 0;
  if (setting != "auto") {
    const auto samples = parse_integer(setting);
    require(samples && *samples > 0, ErrorKind::kBug, "run.micro_batch: ", setting, " was not checked");
    return *samples;
  }
  std::vector<int64_t> least{find_largest(network, precision, share, communicator.launch())};
  communicator.allreduce(comm::buffer(least), comm::Op::kMin);
  network.clear_gradients();
  return least[0] >= share ? 0 : least[0];
}

void explain_out_of_memory(const c10::Error& error, const nn::Network& network, const comm::Launch& launch,
                           int64_t samples) {
  if (!is_out_of_memory(error)) return;
  const std::string said = error.what_without_backtrace();
  fail(ErrorKind::kDevice, "rank ", launch.rank, " (", launch.host, "): out of memory with ", samples,
       " samples in the network at once, about ",
       bytes_text(static_cast<double>(samples) * bytes_per_sample(network.facts(), nn::Precision::kFloat32)),
       " in float32: ", said.substr(0, said.find('\n')), "; try run.micro_batch=", std::max<int64_t>(1, samples / 2),
       ", or run.micro_batch=auto");
}

}  // namespace lockstep::train
