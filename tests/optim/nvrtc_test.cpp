#include "nvrtc.h"

#include <cstdlib>
#include <filesystem>

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "update_kernel.h"

namespace lockstep::optim {
namespace {

/// NVRTC compiles without a GPU: $LOCKSTEP_NVRTC, a wheel's in .deps, or the system's.
std::vector<std::string> libraries() {
  if (const char* named = std::getenv("LOCKSTEP_NVRTC")) return {named};
  return {std::filesystem::absolute(".deps/cuda-headers/nvidia/cu13/lib/libnvrtc.so.13").string(), "libnvrtc.so.13",
          "libnvrtc.so"};
}

/// Empty where there is an NVRTC.
std::string why_not() {
  try {
    compile_for_gpu("", 90, libraries());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

struct Rule {
  std::string name;
  double momentum;
};

class Nvrtc : public testing::TestWithParam<Rule> {};

TEST_P(Nvrtc, CompilesTheKernelForA100H100AndWhateverIsNewer) {
  if (const std::string reason = why_not(); !reason.empty()) GTEST_SKIP() << reason;
  const auto optimizer = make_optimizer(GetParam().name, {}, at::zeros({4}), {.momentum = GetParam().momentum});
  const std::string text = update_kernel_text(optimizer->formula());
  for (const int architecture : {80, 90}) {
    const std::vector<char> code = compile_for_gpu(text, architecture, libraries());
    ASSERT_GT(code.size(), 1000u);
    EXPECT_EQ(std::string(code.data() + 1, 3), "ELF") << architecture;
  }
  const std::vector<char> code = compile_for_gpu(text, 999, libraries());
  test::expect_contains(code.data(), ".entry lockstep_update");
}

INSTANTIATE_TEST_SUITE_P(Rows, Nvrtc,
                         testing::Values(Rule{"sgd", 0.9}, Rule{"sgd", 0}, Rule{"nag", 0.9}, Rule{"sgd_torch", 0.9},
                                         Rule{"sgd_torch", 0}, Rule{"adam", 0.9}, Rule{"rmsprop", 0.9}),
                         [](const auto& tested) {
                           return tested.param.name + (tested.param.momentum > 0 ? "" : "_without_momentum");
                         });

TEST(CompileForGpu, SaysWhatTheCompilerSays) {
  if (const std::string reason = why_not(); !reason.empty()) GTEST_SKIP() << reason;
  const std::string message = test::expect_error(
      ErrorKind::kDevice, [] { compile_for_gpu("__global__ void f() { wrong(); }", 90, libraries()); });
  test::expect_contains(message, "identifier \"wrong\" is undefined");
  test::expect_contains(message, "sm_90");
}

TEST(CompileForGpu, NamesWhatCannotBeOpened) {
  const std::string message =
      test::expect_error(ErrorKind::kDevice, [] { compile_for_gpu("", 90, {"libno_such_nvrtc.so", "libc.so.no"}); });
  test::expect_contains(message, "libno_such_nvrtc.so");
  test::expect_contains(message, "libc.so.no");
}

TEST(CompileForGpu, NamesAFunctionThatIsMissing) {
  const std::string message = test::expect_error(ErrorKind::kDevice, [] { compile_for_gpu("", 90, {"libc.so.6"}); });
  test::expect_contains(message, "it has no function nvrtcGetErrorString");
}

TEST(NvrtcLibraries, LieBesideTheRuntimeThatIsLoaded) {
  const std::vector<std::string> found = nvrtc_libraries("libm.so.6");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(found[0]).replace_filename("libm.so.6"))) << found[0];
  EXPECT_EQ(std::filesystem::path(found[0]).filename(), "libnvrtc.so.6");
  EXPECT_EQ(found[1], "libnvrtc.so.6");
}

TEST(NvrtcLibraries, AreWhereTheLoaderLooksWithoutARuntime) {
  EXPECT_EQ(nvrtc_libraries("libno_such_runtime.so.13"), std::vector<std::string>{"libnvrtc.so.13"});
}

TEST(ArchitectureOption, IsMachineCodeForAKnownArchitecture) {
  EXPECT_EQ(architecture_option(90, {75, 80, 90, 120}), "--gpu-architecture=sm_90");
}

TEST(ArchitectureOption, IsPtxOfTheNewestBelowANewOne) {
  EXPECT_EQ(architecture_option(130, {75, 120, 90}), "--gpu-architecture=compute_120");
  EXPECT_EQ(architecture_option(87, {75, 80, 86, 90}), "--gpu-architecture=compute_86");
}

TEST(ArchitectureOption, IsAnErrorForOneThatIsTooOld) {
  const std::string message = test::expect_error(ErrorKind::kDevice, [] { architecture_option(70, {75, 80}); });
  test::expect_contains(message, "7.0");
}

}  // namespace
}  // namespace lockstep::optim
