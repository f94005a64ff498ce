#include <array>

#include "builder.h"
#include "lockstep/core/error.h"
#include "lockstep/model/network.h"

// The ResNet of He et al. 2015, "Deep Residual Learning for Image Recognition": depth 18 to 152 as torchvision draws it
// ("v1.5": a bottleneck's stride is at its 3 x 3), depth 20 to 110 as in the paper's experiments with CIFAR-10. Nodes
// are called as torchvision's modules, so that its weights are found by name.
namespace lockstep::model {

Graph make_resnet_v1(const NetworkOptions& options);

namespace {

struct Form {
  int64_t num_layers;
  std::array<int, 4> blocks;  // of each stage; the fourth is 0 in the form for small pictures
  bool bottleneck;

  bool is_small() const { return blocks[3] == 0; }
};

constexpr Form kForms[] = {
    {18, {2, 2, 2, 2}, false},  {34, {3, 4, 6, 3}, false},     {50, {3, 4, 6, 3}, true},  {101, {3, 4, 23, 3}, true},
    {152, {3, 8, 36, 3}, true}, {20, {3, 3, 3, 0}, false},     {32, {5, 5, 5, 0}, false}, {44, {7, 7, 7, 0}, false},
    {56, {9, 9, 9, 0}, false},  {110, {18, 18, 18, 0}, false},
};

const Form& find_form(int64_t num_layers) {
  std::string depths;
  for (const Form& form : kForms) {
    if (form.num_layers == num_layers) return form;
    depths = cat(depths, " ", form.num_layers);
  }
  fail(ErrorKind::kUsage, "resnet_v1 has no form with num_layers ", num_layers, "; it has", depths);
}

/// Whether shortcuts are padded with zeros; checks what was asked for.
bool pads_shortcuts(const NetworkOptions& options, const Form& form) {
  if (options.shortcut == "projection") return false;
  require(options.shortcut == "pad", ErrorKind::kUsage, "resnet_v1 has no shortcut \"", options.shortcut,
          "\"; it has: projection, pad");
  require(form.is_small(), ErrorKind::kUsage, "resnet_v1 with num_layers ", form.num_layers,
          " has shortcuts by projection only; pad belongs to 20 32 44 56 110");
  return true;
}

class ResNetV1 {
 public:
  explicit ResNetV1(const NetworkOptions& options)
      : options_(options), form_(find_form(options.num_layers)), pads_(pads_shortcuts(options, form_)) {}

  Graph build() {
    int body = add_stem();
    for (int stage = 1; stage <= (form_.is_small() ? 3 : 4); ++stage)
      for (int block = 0; block < form_.blocks[stage - 1]; ++block)
        body =
            add_block(cat("layer", stage, ".", block), body, width() << (stage - 1), stage > 1 && block == 0 ? 2 : 1);
    return builder_.finish(add_classifier(body));
  }

 private:
  int64_t width() const { return form_.is_small() ? 16 : 64; }

  int add_stem() {
    channels_ = width();
    const bool is_small = form_.is_small() || options_.height <= 32;
    const int stem = is_small ? convolution("conv1", GraphBuilder::kData, channels_, 3, 1)
                              : convolution("conv1", GraphBuilder::kData, channels_, 7, 2);
    const int body = relu("relu", norm("bn1", stem));
    if (is_small) return body;
    const Attributes window = {{"kernel", "(3, 3)"}, {"pad", "(1, 1)"}, {"pool_type", "max"}, {"stride", "(2, 2)"}};
    return builder_.add("Pooling", "maxpool", window, {body});
  }

  /// `filters`: of its 3 x 3 convolutions.
  int add_block(const std::string& name, int input, int64_t filters, int64_t stride) {
    int body = input;
    int convolutions = 0;
    const auto add = [&](int64_t outputs, int64_t kernel, int64_t step) {
      const std::string number = cat(++convolutions);
      body = norm(name + ".bn" + number, convolution(name + ".conv" + number, body, outputs, kernel, step));
    };
    const auto activate = [&] { body = relu(cat(name, ".relu", convolutions), body); };
    const int64_t outputs = form_.bottleneck ? 4 * filters : filters;
    if (form_.bottleneck) {
      add(filters, 1, 1);
      activate();
      add(filters, 3, stride);
      activate();
      add(outputs, 1, 1);
    } else {
      add(filters, 3, stride);
      activate();
      add(outputs, 3, 1);
    }
    const int shortcut = stride > 1 || outputs != channels_ ? add_shortcut(name, input, outputs, stride) : input;
    channels_ = outputs;
    body = builder_.add("elemwise_add", name + ".add", {}, {body, shortcut});
    activate();
    return body;
  }

  int add_shortcut(const std::string& name, int input, int64_t outputs, int64_t stride) {
    if (!pads_) return norm(name + ".downsample.1", convolution(name + ".downsample.0", input, outputs, 1, stride));
    // A window of one pixel keeps every second one. MXNet pads the last two axes only, so channels change places with
    // rows meanwhile.
    const int64_t more = (outputs - channels_) / 2;  // on either side
    const Attributes window = {{"kernel", "(1, 1)"}, {"pool_type", "max"}, {"stride", pair(stride)}},
                     turn = {{"axes", "(0, 2, 1, 3)"}},
                     zeros = {{"mode", "constant"}, {"pad_width", cat("(0, 0, 0, 0, ", more, ", ", more, ", 0, 0)")}};
    int body = builder_.add("Pooling", name + ".shortcut.pool", window, {input});
    body = builder_.add("transpose", name + ".shortcut.rows", turn, {body});
    body = builder_.add("Pad", name + ".shortcut.pad", zeros, {body});
    return builder_.add("transpose", name + ".shortcut.channels", turn, {body});
  }

  int add_classifier(int body) {
    const Attributes window = {{"global_pool", "True"}, {"kernel", "(7, 7)"}, {"pool_type", "avg"}};
    body = builder_.add("Flatten", "flatten", {}, {builder_.add("Pooling", "avgpool", window, {body})});
    body = builder_.add("FullyConnected", "fc", {{"num_hidden", cat(options_.classes)}}, {body});
    return builder_.add(options_.multi_label ? "LogisticRegressionOutput" : "SoftmaxOutput", "softmax", {}, {body});
  }

  int norm(const std::string& name, int input) {
    return builder_.add("BatchNorm", name, {{"eps", "1e-05"}, {"fix_gamma", "False"}, {"momentum", "0.9"}}, {input});
  }

  int relu(const std::string& name, int input) {
    return builder_.add("Activation", name, {{"act_type", "relu"}}, {input});
  }

  int convolution(const std::string& name, int input, int64_t filters, int64_t kernel, int64_t stride) {
    return builder_.add("Convolution", name,
                        {{"kernel", pair(kernel)},
                         {"no_bias", "True"},
                         {"num_filter", cat(filters)},
                         {"pad", pair(kernel / 2)},
                         {"stride", pair(stride)}},
                        {input});
  }

  const NetworkOptions& options_;
  const Form& form_;
  const bool pads_;
  GraphBuilder builder_;
  int64_t channels_ = 0;  // of what was added last
};

}  // namespace

Graph make_resnet_v1(const NetworkOptions& options) { return ResNetV1(options).build(); }

}  // namespace lockstep::model
