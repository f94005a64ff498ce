#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lockstep::model {

/// What a model must say about itself so that others feed it as it was trained: the content of lockstep.json.
/// Without that file SageMaker's rule holds: stretch to the input size, raw 0..255 RGB.
struct Card {
  std::string network;  ///< row of networks.def
  int64_t num_layers = 0;
  int64_t channels = 3, height = 224, width = 224;
  std::vector<std::string> classes;  ///< line number = label; empty: unknown
  bool multi_label = false;
  // Preprocessing, in this order: shorter side to `resize` (0: not), then centre crop (or stretch), then (pixel - mean)
  // / std.
  int64_t resize = 0;
  bool stretch = false;
  std::vector<double> mean;                   ///< one a channel; empty: 0
  std::vector<double> std;                    ///< one a channel; empty: 1
  std::string interpolation = "bilinear";     ///< of the resizing: "bilinear" (OpenCV, MXNet) or "antialias" (Pillow)
  int64_t top_k = 0;                          ///< the configured one; 0: none
  std::map<std::string, std::string> origin;  ///< "lockstep", "run", "epoch", "validation_accuracy", ...
};

std::string card_text(const Card& card);                             ///< JSON, for lockstep.json
Card parse_card(const std::string& text, const std::string& where);  ///< data Error naming `where` and the key

}  // namespace lockstep::model
