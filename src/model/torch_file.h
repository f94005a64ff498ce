#pragma once

#include <string>

#include "lockstep/model/artefact.h"

namespace lockstep::model {

/// The key of safetensors' metadata under which our files keep the text of lockstep.json.
constexpr const char* kCardKey = "lockstep.json";

/// Whether a file of that name may hold weights of the torch world: .pth, .pt, .th, .bin, .safetensors.
bool is_torch_name(const std::string& name);

/// A network's weights in a file of torch.save or in safetensors, recognised by names and shapes and given this
/// program's names: resnet_v1 and mobilenet_v2 as torchvision, timm and the usual projects for CIFAR-10 call them, and
/// every row of networks.def as to_torch_names() writes it. 16-bit and float64 weights become float32.
/// Names and shapes do not tell where a stride is: a ResNet with the stride at the bottleneck's first 1 x 1 ("v1", not
/// torchvision's) and MobileNetV2 with other strides are taken for torchvision's.
/// The card has ImageNet's mean and deviation, as the publishers of these weights use them; where a file does not say
/// whose it is, origin["preprocessing"] says that this is assumed. Classes are counted, without names.
/// Data Error with what is wrong, or with the nearest network and the first tensor that differs.
Artefact read_torch_file(const Path& path);
/// The same of bytes in memory, as an archive's.
Artefact read_torch_file(Bytes bytes, const std::string& where);

}  // namespace lockstep::model
