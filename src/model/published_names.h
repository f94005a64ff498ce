#pragma once

#include "lockstep/model/array.h"

namespace lockstep::model {

/// Names as torchvision gives them, of tensors that others named otherwise:
///   wrappers fall away          module. (DataParallel), model. and net. (Lightning), backbone., _orig_mod. (compiled),
///                               and any other prefix that all names share
///   the usual CIFAR projects    linear -> fc, conv_1 -> conv1, stage_1 -> layer1, shortcut -> downsample
///   Hugging Face's ResNet       resnet.encoder.stages.0.layers.0.layer.0.convolution -> layer1.0.conv1, and so on
///   timm's MobileNetV2          blocks.1.0.conv_pw -> features.2.conv.0.0, and so on
/// Counters that belong to training alone (num_batches_tracked, n_averaged) are dropped. timm's ResNets have
/// torchvision's names. Whether the network is one of ours, names and shapes tell afterwards.
Arrays with_usual_names(Arrays arrays);

}  // namespace lockstep::model
