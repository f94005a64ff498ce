#include "builder.h"
#include "lockstep/core/error.h"
#include "lockstep/model/network.h"

// MobileNetV2 of width 1.0 (Sandler et al. 2018, "Inverted Residuals and Linear Bottlenecks") as torchvision draws it,
// without the dropout before its last layer. It has one depth, so num_layers says nothing. Nodes are called as
// torchvision's modules, so that its weights are found by name.
namespace lockstep::model {

Graph make_mobilenet_v2(const NetworkOptions& options);

namespace {

/// Blocks that follow each other; the first one has the stride. Each is first made `expansion` times wider.
struct Stage {
  int64_t expansion, channels;
  int blocks;
  int64_t stride;
};
constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                             {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
constexpr int64_t kFirst = 32, kLast = 1280;  // channels before and behind the stages

class MobileNetV2 {
 public:
  explicit MobileNetV2(const NetworkOptions& options) : options_(options) {}

  Graph build() {
    int feature = 0;
    const auto name = [&] { return cat("features.", feature++); };
    channels_ = options_.channels;
    int body = add_layer(name(), GraphBuilder::kData, kFirst, {.kernel = 3, .stride = 2});
    for (const Stage& stage : kStages)
      for (int block = 0; block < stage.blocks; ++block)
        body = add_block(name(), body, stage, block == 0 ? stage.stride : 1);
    return builder_.finish(add_classifier(add_layer(name(), body, kLast, {})));
  }

 private:
  struct Window {
    int64_t kernel = 1, stride = 1, groups = 1;
  };

  int add_classifier(int body) {
    const Attributes window = {{"global_pool", "True"}, {"kernel", "(7, 7)"}, {"pool_type", "avg"}};
    body = builder_.add("Flatten", "flatten", {}, {builder_.add("Pooling", "avgpool", window, {body})});
    body = builder_.add("FullyConnected", "classifier.1", {{"num_hidden", cat(options_.classes)}}, {body});
    return builder_.add(options_.multi_label ? "LogisticRegressionOutput" : "SoftmaxOutput", "softmax", {}, {body});
  }

  /// Widens, filters each channel by itself, narrows without a relu; a shortcut where input and output are alike.
  int add_block(const std::string& name, int input, const Stage& stage, int64_t stride) {
    const bool has_shortcut = stride == 1 && channels_ == stage.channels;
    const int64_t wide = channels_ * stage.expansion;
    int step = 0;
    const auto next = [&] { return cat(name, ".conv.", step++); };
    int body = input;
    if (stage.expansion > 1) body = add_layer(next(), body, wide, {});
    body = add_layer(next(), body, wide, {.kernel = 3, .stride = stride, .groups = wide});
    body = convolution(next(), body, stage.channels, {});
    body = norm(next(), body);
    return has_shortcut ? builder_.add("elemwise_add", name + ".add", {}, {body, input}) : body;
  }

  /// Convolution, BatchNorm, relu6.
  int add_layer(const std::string& name, int input, int64_t filters, const Window& window) {
    const int body = norm(name + ".1", convolution(name + ".0", input, filters, window));
    return builder_.add("clip", name + ".2", {{"a_max", "6"}, {"a_min", "0"}}, {body});
  }

  int norm(const std::string& name, int input) {
    return builder_.add("BatchNorm", name, {{"eps", "1e-05"}, {"fix_gamma", "False"}, {"momentum", "0.9"}}, {input});
  }

  int convolution(const std::string& name, int input, int64_t filters, const Window& window) {
    Attributes attributes = {{"kernel", pair(window.kernel)},
                             {"no_bias", "True"},
                             {"num_filter", cat(filters)},
                             {"pad", pair(window.kernel / 2)},
                             {"stride", pair(window.stride)}};
    if (window.groups > 1) attributes["num_group"] = cat(window.groups);
    channels_ = filters;
    return builder_.add("Convolution", name, attributes, {input});
  }

  const NetworkOptions& options_;
  GraphBuilder builder_;
  int64_t channels_ = 0;  // of what was added last
};

}  // namespace

Graph make_mobilenet_v2(const NetworkOptions& options) { return MobileNetV2(options).build(); }

}  // namespace lockstep::model
