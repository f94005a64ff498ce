#include "lockstep/train/plan.h"

#include <cmath>
#include <fstream>

#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::train {
namespace {

class Plan : public ::testing::Test {
 protected:
  /// 1,000 samples of 8 x 8 pixels, 32 a host and step, 3 epochs; 10 ms a step.
  PlanOptions options(const std::string& more = "") {
    const Path path = folder_.path() / "run.yaml";
    std::ofstream(path) << "channels: {train: absent.rec}\n"
                           "hyperparameters: {num_layers: 20, num_classes: 10, image_shape: \"3,8,8\", "
                           "mini_batch_size: 32, epochs: 3"
                        << more << "}\nrun: {output: out}\n";
    return {.config = path, .overrides = {"num_training_samples=1000"}, .step_ms = 10};
  }
  std::string error(const PlanOptions& options) {
    return test::expect_error(ErrorKind::kUsage, [&] { plan_run(options); });
  }

  test::TempFolder folder_;
};

TEST_F(Plan, OnOneRankIsStepsTimesTheStep) {
  PlanOptions options = this->options();
  options.price_per_hour = 36;
  const RunPlan plan = plan_run(options);
  ASSERT_EQ(plan.rows.size(), 1u);
  const PlanRow& row = plan.rows[0];
  EXPECT_EQ(row.steps_per_epoch, 32);  // the last one is short
  EXPECT_DOUBLE_EQ(row.step, 0.01);
  EXPECT_DOUBLE_EQ(row.efficiency, 1);
  EXPECT_DOUBLE_EQ(row.images_per_second, 3200);
  EXPECT_NEAR(row.epoch, 0.32, 1e-12);
  EXPECT_NEAR(row.run, 0.96, 1e-12);
  EXPECT_NEAR(row.cost, 0.0096, 1e-12);
  EXPECT_FALSE(plan.measured);
}

TEST_F(Plan, CountsAnEpochAsLastBatchSays) {
  PlanOptions options = this->options();
  options.overrides.emplace_back("run.last_batch=drop");
  EXPECT_EQ(plan_run(options).rows[0].steps_per_epoch, 31);
}

TEST_F(Plan, HasARowFor1And2And4HostsUpToTheOnesAskedFor) {
  PlanOptions options = this->options();
  options.hosts = 6;
  options.network = "1Gb/s";
  options.price_per_hour = 1;
  const RunPlan plan = plan_run(options);
  std::vector<int64_t> hosts, batches;
  for (const PlanRow& row : plan.rows) {
    hosts.push_back(row.hosts);
    batches.push_back(row.global_batch);
    EXPECT_DOUBLE_EQ(row.step, row.compute + row.jitter + row.exposed + row.interference);
    EXPECT_DOUBLE_EQ(row.cost, row.run / 3600 * static_cast<double>(row.hosts));
  }
  EXPECT_EQ(hosts, (std::vector<int64_t>{1, 2, 4, 6}));
  EXPECT_EQ(batches, (std::vector<int64_t>{32, 64, 128, 192}));
}

TEST_F(Plan, ExchangesParametersAndStatisticsIn32Or16Bits) {
  PlanOptions options = this->options();
  const RunPlan full = plan_run(options);
  EXPECT_GT(full.exchanged_bytes, 4.0 * static_cast<double>(full.parameters));
  EXPECT_LT(full.exchanged_bytes, 4.1 * static_cast<double>(full.parameters));
  options.gradient_bits = 16;
  EXPECT_DOUBLE_EQ(plan_run(options).exchanged_bytes, full.exchanged_bytes / 2);
}

TEST_F(Plan, TakesImagesPerSecondOfARankAsWell) {
  PlanOptions options = this->options();
  options.step_ms = 0;
  options.images_per_second = 640;
  options.ranks_per_host = 2;
  const RunPlan plan = plan_run(options);
  EXPECT_DOUBLE_EQ(plan.rank_batch, 16);
  EXPECT_DOUBLE_EQ(plan.rows[0].compute, 0.025);
}

TEST_F(Plan, MeasuresTheStepHereWhenNoneIsGiven) {
  PlanOptions options = this->options();
  options.step_ms = 0;
  options.steps = 1;
  options.threads = 1;
  const RunPlan plan = plan_run(options);
  EXPECT_TRUE(plan.measured);
  EXPECT_EQ(plan.threads, 1);
  EXPECT_GT(plan.rows[0].step, 0);
  EXPECT_GE(plan.step_per_sample, 0);
  EXPECT_GE(plan.step_fixed, 0);
}

TEST_F(Plan, AsksForTheNumberOfSamplesWhereTheDataAreAbsent) {
  PlanOptions options = this->options();
  options.overrides.clear();
  const std::string message = error(options);
  test::expect_contains(message, "absent.rec");
  test::expect_contains(message, "num_training_samples=N");
}

TEST_F(Plan, SaysWhichOptionIsMissingOrWrong) {
  const auto error_after = [this](auto change) {
    PlanOptions options = this->options();
    change(options);
    return error(options);
  };
  test::expect_contains(error_after([](PlanOptions& o) { o.hosts = 0; }), "--hosts: 0 is not at least 1");
  test::expect_contains(error_after([](PlanOptions& o) { o.hosts = 2; }), "--network, e.g. 25Gb/s");
  test::expect_contains(error_after([](PlanOptions& o) { o.network = "fast"; }), "--network: \"fast\"");
  test::expect_contains(error_after([](PlanOptions& o) { o.images_per_second = 5; }),
                        "--step-ms and --images-per-second");
  test::expect_contains(error_after([](PlanOptions& o) { o.gpus_per_host = o.ranks_per_host = 1; }),
                        "--ranks-per-host");
  test::expect_contains(error_after([](PlanOptions& o) { o.gpus_per_host = 1, o.gpu = "h20"; }), "h200, h100");
  test::expect_contains(error_after([](PlanOptions& o) { o.transport = "rdma"; }), "--gpus-per-host");
  test::expect_contains(error_after([](PlanOptions& o) { o.transport = "pigeon"; }), "neither tcp nor rdma");
  test::expect_contains(error_after([](PlanOptions& o) { o.gradient_bits = 8; }), "neither 32 nor 16");
  test::expect_contains(error_after([](PlanOptions& o) { o.ranks_per_host = 33; }), "mini_batch_size: 32");
  test::expect_contains(error_after([](PlanOptions& o) { o.hosts = 64, o.network = "1Gb/s"; }),
                        "with 32 hosts a step of 1024 samples (mini_batch_size 32 on each) is more than all 1000");
  test::expect_contains(
      error_after([](PlanOptions& o) { o.overrides = {"num_training_samples=20", "run.last_batch=drop"}; }),
      "leaves no step");
  for (const double number : {-1.0, std::nan(""), HUGE_VAL}) {
    test::expect_contains(error_after([=](PlanOptions& o) { o.price_per_hour = number; }), "--price-per-hour");
    test::expect_contains(error_after([=](PlanOptions& o) { o.step_ms = number; }), "--step-ms");
  }
}

TEST_F(Plan, ShowsEveryConstantWithUnitAndSource) {
  EXPECT_GE(plan_constants().size(), 30u);
  for (const PlanConstant& constant : plan_constants()) {
    EXPECT_GT(constant.value, 0) << constant.name;
    EXPECT_FALSE(constant.unit.empty() || constant.source.empty()) << constant.name;
  }
}

}  // namespace
}  // namespace lockstep::train
