#include <array>

#include "builder.h"
#include "lockstep/core/error.h"
#include "lockstep/model/network.h"

// The pre-activation ResNet (He et al. 2016, "Identity Mappings in Deep Residual Networks") as MXNet's image
// classification example draws it: the names and their order are a file format, because weights are found by name.
namespace lockstep::model {

Graph make_resnet_v2(const NetworkOptions& options);

namespace {

struct Form {
  int64_t num_layers;
  std::array<int, 4> units;  // of each stage; the fourth is 0 in the form for small pictures
  bool bottleneck;

  bool is_small() const { return units[3] == 0; }
};

constexpr Form kForms[] = {
    {18, {2, 2, 2, 2}, false},    {34, {3, 4, 6, 3}, false},        {50, {3, 4, 6, 3}, true},
    {101, {3, 4, 23, 3}, true},   {152, {3, 8, 36, 3}, true},       {200, {3, 24, 36, 3}, true},
    {269, {3, 30, 48, 8}, true},  {20, {3, 3, 3, 0}, false},        {32, {5, 5, 5, 0}, false},
    {44, {7, 7, 7, 0}, false},    {56, {9, 9, 9, 0}, false},        {110, {18, 18, 18, 0}, false},
    {164, {18, 18, 18, 0}, true}, {1001, {111, 111, 111, 0}, true},
};

const Form& find_form(int64_t num_layers) {
  std::string depths;
  for (const Form& form : kForms) {
    if (form.num_layers == num_layers) return form;
    depths = cat(depths, " ", form.num_layers);
  }
  fail(ErrorKind::kUsage, "resnet_v2 has no form with num_layers ", num_layers, "; it has", depths);
}

class ResNetV2 {
 public:
  explicit ResNetV2(const NetworkOptions& options) : options_(options), form_(find_form(options.num_layers)) {}

  Graph build() {
    int body = add_stem();
    const int stages = form_.is_small() ? 3 : 4;
    for (int stage = 1; stage <= stages; ++stage) {
      const int64_t filters = stage_filters(stage);
      for (int unit = 1; unit <= form_.units[stage - 1]; ++unit)
        body = add_unit(cat("stage", stage, "_unit", unit), body, filters, stage > 1 && unit == 1 ? 2 : 1, unit == 1);
    }
    return builder_.finish(add_classifier(body));
  }

 private:
  int64_t stage_filters(int stage) const {
    const int64_t first = (form_.is_small() ? 16 : 64) * (form_.bottleneck ? 4 : 1);
    return first << (stage - 1);
  }

  int add_stem() {
    int body = builder_.add("_copy", "id", {}, {GraphBuilder::kData});
    body = norm("bn_data", body, true);
    if (form_.is_small() || options_.height <= 32)
      return convolution("conv0", body, form_.is_small() ? 16 : 64, 3, 1, 1);
    body = relu("relu0", norm("bn0", convolution("conv0", body, 64, 7, 2, 3)));
    const Attributes window = {{"kernel", "(3, 3)"}, {"pad", "(1, 1)"}, {"pool_type", "max"}, {"stride", "(2, 2)"}};
    return builder_.add("Pooling", "pooling0", window, {body});
  }

  int add_unit(const std::string& name, int input, int64_t filters, int64_t stride, bool project) {
    const int active = relu(name + "_relu1", norm(name + "_bn1", input));
    int body = active;
    if (form_.bottleneck) {
      body = convolution(name + "_conv1", body, filters / 4, 1, 1, 0);
      body = relu(name + "_relu2", norm(name + "_bn2", body));
      body = convolution(name + "_conv2", body, filters / 4, 3, stride, 1);
      body = relu(name + "_relu3", norm(name + "_bn3", body));
      body = convolution(name + "_conv3", body, filters, 1, 1, 0);
    } else {
      body = convolution(name + "_conv1", body, filters, 3, stride, 1);
      body = relu(name + "_relu2", norm(name + "_bn2", body));
      body = convolution(name + "_conv2", body, filters, 3, 1, 1);
    }
    const int shortcut = project ? projection(name + "_sc", active, filters, stride) : input;
    return builder_.add("elemwise_add", cat("_plus", sums_++), {}, {body, shortcut});
  }

  int add_classifier(int body) {
    body = relu("relu1", norm("bn1", body));
    const Attributes window = {{"global_pool", "True"}, {"kernel", "(7, 7)"}, {"pool_type", "avg"}};
    body = builder_.add("Flatten", "flatten0", {}, {builder_.add("Pooling", "pool1", window, {body})});
    body = builder_.add("FullyConnected", "fc1", {{"num_hidden", cat(options_.classes)}}, {body});
    return builder_.add(options_.multi_label ? "LogisticRegressionOutput" : "SoftmaxOutput", "softmax", {}, {body});
  }

  int norm(const std::string& name, int input, bool fix_gamma = false) {
    const Attributes attributes = {{"eps", "2e-05"}, {"fix_gamma", fix_gamma ? "True" : "False"}, {"momentum", "0.9"}};
    return builder_.add("BatchNorm", name, attributes, {input});
  }

  int relu(const std::string& name, int input) {
    return builder_.add("Activation", name, {{"act_type", "relu"}}, {input});
  }

  int convolution(const std::string& name, int input, int64_t filters, int64_t kernel, int64_t stride, int64_t pad) {
    return builder_.add("Convolution", name,
                        {{"kernel", pair(kernel)},
                         {"no_bias", "True"},
                         {"num_filter", cat(filters)},
                         {"pad", pair(pad)},
                         {"stride", pair(stride)},
                         {"workspace", "256"}},
                        {input});
  }

  /// A shortcut that changes channels or size; MXNet's text leaves its pad out.
  int projection(const std::string& name, int input, int64_t filters, int64_t stride) {
    return builder_.add("Convolution", name,
                        {{"kernel", "(1, 1)"},
                         {"no_bias", "True"},
                         {"num_filter", cat(filters)},
                         {"stride", pair(stride)},
                         {"workspace", "256"}},
                        {input});
  }

  const NetworkOptions& options_;
  const Form& form_;
  GraphBuilder builder_;
  int sums_ = 0;
};

}  // namespace

Graph make_resnet_v2(const NetworkOptions& options) { return ResNetV2(options).build(); }

}  // namespace lockstep::model
