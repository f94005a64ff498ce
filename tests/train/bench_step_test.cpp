#include "lockstep/train/bench_step.h"

#include <gtest/gtest.h>

#include "peak.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::train {
namespace {

BenchStepOptions small(const test::TempFolder& folder) {
  write_atomic(folder / "run.yaml", "run: {network: resnet_v2, device: cpu, output: " + (folder / "out").string() +
                                        "}\nchannels: {train: " + folder.path().string() +
                                        "}\nhyperparameters: {num_layers: 20, image_shape: '3,8,8', num_classes: 4, "
                                        "num_training_samples: 100, mini_batch_size: 8}\n");
  return {.config = folder / "run.yaml", .steps = 2};
}

TEST(BenchStep, SaysWhereTheTimeOfAStepGoes) {
  const test::TempFolder folder;
  BenchStepOptions options = small(folder);
  options.details = true;
  const StepSpeed speed = measure_step(options);
  EXPECT_EQ(speed.precision, "float32");
  EXPECT_EQ(speed.global_batch, 8);
  EXPECT_DOUBLE_EQ(speed.images_per_second, 8 / speed.step_seconds);
  ASSERT_FALSE(speed.operators.empty());
  EXPECT_EQ(speed.nodes.size(), 10u);
  int64_t convolutions = 0;
  for (const StepPart& part : speed.operators) {
    EXPECT_GE(part.forward, 0);
    if (part.name == "Convolution") convolutions = part.nodes;
  }
  EXPECT_EQ(convolutions, 21) << "of one step, beside the first, which stands with its BatchNorm";
  EXPECT_GT(speed.update_seconds, 0);
  EXPECT_EQ(speed.exchange_seconds, 0) << "one rank exchanges nothing";
  EXPECT_GT(speed.peak_bytes_per_second, 0);
}

TEST(BenchStep, LeavesOutTheDetailsThatNobodyAskedFor) {
  const test::TempFolder folder;
  const StepSpeed speed = measure_step(small(folder));
  EXPECT_GT(speed.images_per_second, 0);
  EXPECT_TRUE(speed.operators.empty());
  EXPECT_EQ(speed.peak_flops_per_second, 0);
}

TEST(BenchStep, RefusesToMeasureNoStep) {
  test::expect_error(ErrorKind::kUsage, [] { measure_step({.config = "absent.yaml", .steps = 0}); });
}

TEST(Peak, IsWhatAProcessorOfTodayCanDo) {
  if (!__builtin_cpu_supports("avx2")) GTEST_SKIP() << "no AVX2 here";
  const Peak peak = measure_peak();
  EXPECT_GT(peak.float32, 1e9);
  EXPECT_LT(peak.float32, 1e15);
  EXPECT_EQ(peak.bfloat16 > 0, bool(__builtin_cpu_supports("avx512bf16")));
  EXPECT_GT(peak.bytes_per_second, 1e8);
}

}  // namespace
}  // namespace lockstep::train
