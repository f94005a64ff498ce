#include "micro_batch.h"

#include <gtest/gtest.h>

#include "gpu.h"
#include "learner.h"
#include "lockstep/config/load.h"
#include "support/ranks.h"

namespace lockstep::train {
namespace {

Learner make_learner() {
  const Config config =
      load_config_text(
          "channels: {train: x.rec}\nhyperparameters: {num_layers: 20, image_shape: \"3,8,8\", num_classes: 4}\n"
          "run: {output: x, device: cpu}\n",
          "test.yaml")
          .config;
  return build_learner(config, make_graph(config), {});
}

TEST(MicroBatch, IsHalvedUntilItFitsIntoTheRanksPartOfTheMemory) {
  Learner learner = make_learner();
  const double each = bytes_per_sample(learner.network->facts(), nn::Precision::kFloat32);
  // So many ranks on the host that three samples would fit each one's part.
  const auto ranks = static_cast<int>(static_cast<double>(memory_of_device(-1)) / (3 * each));
  const auto communicator = comm::make_communicator("local", comm::Launch{.local_size = ranks}, 10);
  EXPECT_EQ(choose_micro_batch("auto", *learner.network, nn::Precision::kFloat32, 16, *communicator), 2);
  EXPECT_EQ(choose_micro_batch("auto", *learner.network, nn::Precision::kFloat32, 3, *communicator), 0);
}

TEST(MicroBatch, IsTheSmallestOfAllRanks) {
  test::run_ranks(2, [](comm::Communicator& communicator) {
    Learner learner = make_learner();
    const int64_t share = communicator.rank() == 0 ? 8 : 3;
    EXPECT_EQ(choose_micro_batch("auto", *learner.network, nn::Precision::kFloat32, share, communicator),
              communicator.rank() == 0 ? 3 : 0);
  });
}

TEST(BytesPerSample, AreHalfIn16Bits) {
  Learner learner = make_learner();
  const model::Facts& facts = learner.network->facts();
  EXPECT_DOUBLE_EQ(bytes_per_sample(facts, nn::Precision::kBfloat16),
                   bytes_per_sample(facts, nn::Precision::kFloat32) / 2);
}

}  // namespace
}  // namespace lockstep::train
