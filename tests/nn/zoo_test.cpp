// Networks that MXNet itself draws: its symbol files are read and run, and give what MXNet computed.
#include <algorithm>

#include <ATen/ops/from_blob.h>
#include <gtest/gtest.h>

#include "layout.h"
#include "lockstep/model/artefact.h"
#include "lockstep/model/mxnet.h"
#include "support/outside.h"
#include "support/temp_folder.h"
#include "toy_network.h"

namespace lockstep::nn {
namespace {

at::Tensor to_tensor(const model::Array& array) {
  std::vector<float> values = model::to_floats(array);
  return at::from_blob(values.data(), array.shape, at::kFloat).clone();
}

/// What zoo.py wrote of a network.
struct Drawn {
  test::TempFolder folder;
  model::Artefact artefact;
  model::Arrays input, output;

  void draw(const std::string& name, int64_t size) {
    const test::Outcome outcome = test::run_mxnet("zoo.py", cat(name, " ", size, " ", folder.path().string()));
    ASSERT_EQ(outcome.status, 0) << outcome.output;
    artefact = model::read_artefact(folder / "net");
    input = model::read_params(folder / "input.params");
    output = model::read_params(folder / "output.params");
  }
  at::Tensor in(const char* name) const { return to_tensor(*model::find_array(input, name)); }
  at::Tensor out(const std::string& name) const { return to_tensor(*model::find_array(output, name)); }
};

struct Drawing {
  const char* name;
  int64_t size;
  double tolerance;
};
void PrintTo(const Drawing& drawing, std::ostream* out) { *out << drawing.name; }

class MxnetZoo : public testing::TestWithParam<Drawing> {};

TEST_P(MxnetZoo, IsReadRunAndTrainedSlow) {
  if (test::mxnet_python().empty()) GTEST_SKIP() << test::kNoMxnet;
  Drawn drawn;
  drawn.draw(GetParam().name, GetParam().size);
  ASSERT_FALSE(HasFatalFailure());
  const at::Tensor images = drawn.in("data");
  Network network(model::with_classes(drawn.artefact.graph, 10, false), images.sizes().vec(), 1);
  ASSERT_EQ(network.load(drawn.artefact.arrays), std::vector<std::string>{});
  const double error = test::relative_error(network.forward(images, Mode::kEvaluate), drawn.out("logits"));
  RecordProperty("relative_error", std::to_string(error));
  EXPECT_LE(error, GetParam().tolerance);
  test::step(network, images, test::counting_labels(images.size(0), 10), Mode::kTrain, 2);
  EXPECT_TRUE(network.gradients().isfinite().all().item<bool>());
  EXPECT_EQ(model::symbol_text(model::parse_symbol(model::symbol_text(drawn.artefact.graph), "again")),
            model::symbol_text(drawn.artefact.graph));
}

INSTANTIATE_TEST_SUITE_P(Gluon, MxnetZoo,
                         testing::Values(Drawing{"alexnet", 64, 1e-5}, Drawing{"densenet121", 224, 1e-5},
                                         Drawing{"inceptionv3", 299, 1e-5}, Drawing{"mobilenet0.25", 64, 1e-5},
                                         Drawing{"mobilenetv2_0.25", 64, 1e-5}, Drawing{"resnet18_v1", 64, 1e-5},
                                         Drawing{"resnet18_v2", 64, 1e-5}, Drawing{"squeezenet1.0", 224, 1e-5},
                                         Drawing{"squeezenet1.1", 224, 1e-5}, Drawing{"vgg11_bn", 32, 1e-5}),
                         [](const auto& row) {
                           std::string name = row.param.name;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST(MxnetOperators, ComputeOutputsAndGradientsAlike) {
  if (test::mxnet_python().empty()) GTEST_SKIP() << test::kNoMxnet;
  Drawn drawn;
  drawn.draw("operators", 6);
  ASSERT_FALSE(HasFatalFailure());
  const at::Tensor images = drawn.in("data");
  Network network(drawn.artefact.graph, images.sizes().vec(), 1);
  ASSERT_EQ(network.load(drawn.artefact.arrays), std::vector<std::string>{});
  EXPECT_LE(test::relative_error(network.forward(images, Mode::kEvaluate), drawn.out("logits")), 1e-5);
  test::step(network, images, test::counting_labels(images.size(0), 10), Mode::kTrain, 1);
  for (const Segment& segment : network.segments())
    EXPECT_LE(test::relative_error(view(network.gradients(), segment), drawn.out("grad:" + segment.name)), 1e-5)
        << segment.name;
}

}  // namespace
}  // namespace lockstep::nn
