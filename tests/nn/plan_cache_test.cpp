#include "plan_cache.h"

#include <algorithm>
#include <filesystem>
#include <thread>
#include <unordered_set>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::nn {
namespace {

const PlanMachine kMachine{.gpu = "NVIDIA H200", .cudnn = 91900, .driver = 13000};

ConvolutionProblem some_problem() {
  return {.part = ConvolutionPart::kWeightGradient,
          .number = Number::kBfloat16,
          .input = {256, 64, 56, 28},
          .weight = {128, 32, 3, 1},
          .stride = {2, 1},
          .pad = {1, 0},
          .dilation = {1, 2}};
}

PlanChoice some_choice() {
  return {.engine = 57, .knobs = {{2, 17}, {24, 3}}, .workspace_bytes = 1 << 20, .milliseconds = 0.125};
}

TEST(ConvolutionProblem, IsNamedByAllThatDecidesItsSpeed) {
  ConvolutionProblem problem = some_problem();
  EXPECT_EQ(key_text(problem),
            "weight_gradient input=256x64x56x28 weight=128x32x3x1 stride=2x1 pad=1x0 dilation=1x2 groups=2 "
            "bfloat16");
  problem.part = ConvolutionPart::kDataGradient;
  problem.number = Number::kTf32;
  problem.deterministic = 1;
  EXPECT_EQ(key_text(problem),
            "data_gradient input=256x64x56x28 weight=128x32x3x1 stride=2x1 pad=1x0 dilation=1x2 groups=2 "
            "tf32 deterministic");
}

TEST(ConvolutionProblem, DiffersInKeyAndHashByEachOfItsNumbers) {
  std::vector<ConvolutionProblem> problems(1, some_problem());
  const auto changed = [&](auto&& change) { change(problems.emplace_back(some_problem())); };
  changed([](auto& p) { p.part = ConvolutionPart::kForward; });
  changed([](auto& p) { p.number = Number::kFloat16; });
  changed([](auto& p) { p.deterministic = 1; });
  for (size_t i = 0; i < 4; ++i) changed([&](auto& p) { p.input[i] *= 2; });
  for (size_t i = 0; i < 4; ++i) changed([&](auto& p) { p.weight[i] *= 2; });
  for (size_t i = 0; i < 2; ++i) {
    changed([&](auto& p) { p.stride[i] += 2; });
    changed([&](auto& p) { p.pad[i] += 2; });
    changed([&](auto& p) { p.dilation[i] += 2; });
  }
  std::unordered_set<std::string> keys;
  std::unordered_set<size_t> hashes;
  for (const ConvolutionProblem& problem : problems) {
    keys.insert(key_text(problem));
    hashes.insert(ProblemHash()(problem));
  }
  EXPECT_EQ(keys.size(), problems.size());
  EXPECT_EQ(hashes.size(), problems.size());
  EXPECT_EQ(ProblemHash()(some_problem()), ProblemHash()(some_problem()));
}

TEST(ConvolutionProblem, KnowsTheSizeOfItsOutput) {
  EXPECT_EQ(some_problem().output(), (std::array<int64_t, 4>{256, 128, 28, 28}));
  const ConvolutionProblem first{
      .input = {8, 3, 224, 224}, .weight = {64, 3, 7, 7}, .stride = {2, 2}, .pad = {3, 3}, .dilation = {1, 1}};
  EXPECT_EQ(first.output(), (std::array<int64_t, 4>{8, 64, 112, 112}));
}

TEST(Shortlist, IsTheBestEightAndTheFirstOfEachOtherEngineEachOnce) {
  std::vector<PlanChoice> recommended;
  for (int64_t knob = 0; knob < 10; ++knob)
    for (int twice = 0; twice < 2; ++twice) recommended.push_back({.engine = 62, .knobs = {{2, knob}}});
  for (int64_t engine = 1; engine < 20; ++engine)
    for (int64_t knob = 0; knob < 3; ++knob) recommended.push_back({.engine = engine, .knobs = {{2, knob}}});
  const std::vector<PlanChoice> chosen = shortlist(recommended);
  ASSERT_EQ(chosen.size(), 16u);
  for (size_t i = 0; i < 16; ++i) {
    const auto number = static_cast<int64_t>(i);
    EXPECT_EQ(chosen[i].engine, i < 8 ? 62 : number - 7);
    EXPECT_EQ(chosen[i].knobs[0].second, i < 8 ? number : 0);
  }
  EXPECT_TRUE(shortlist({}).empty());
}

TEST(PlanCache, GivesTheNextRunWhatItWasGiven) {
  const test::TempFolder folder;
  const Path below = folder / "not/there/yet";
  PlanCache first(below, kMachine);
  EXPECT_EQ(first.read_count(), 0u);
  first.add("forward", some_choice());
  first.add("data_gradient", {});
  EXPECT_EQ(first.find("forward"), some_choice());
  first.store();

  const PlanCache next(below, kMachine);
  EXPECT_EQ(next.read_count(), 2u);
  EXPECT_EQ(next.find("forward"), some_choice());
  EXPECT_EQ(next.find("data_gradient"), PlanChoice{});
  EXPECT_EQ(next.find("weight_gradient"), std::nullopt);
}

TEST(PlanCache, IsOneFileForAModelOfGpuAndTheVersions) {
  const test::TempFolder folder;
  PlanCache cache(folder.path(), kMachine);
  EXPECT_EQ(cache.path(), folder / "cudnn-nvidia-h200-91900-13000.jsonl");
  EXPECT_EQ(PlanCache(folder.path(), {"NVIDIA H100 PCIe  (MIG 1g.10gb)", 91900, 13000}).path().filename(),
            "cudnn-nvidia-h100-pcie-mig-1g-10gb-91900-13000.jsonl");
  cache.add("b", some_choice());
  cache.add("a", {});
  cache.store();
  const std::string text = read_text(cache.path());
  const std::string first = text.substr(0, text.find('\n'));
  EXPECT_TRUE(first.starts_with(
      R"({"format":"lockstep cuDNN plans 1","gpu":"NVIDIA H200","cudnn":91900,"driver":13000,"hash":")"))
      << first;
  EXPECT_EQ(
      text.substr(first.size() + 1),
      "{\"problem\":\"a\",\"engine\":-1,\"knobs\":[],\"workspace\":0,\"milliseconds\":0.0}\n"
      "{\"problem\":\"b\",\"engine\":57,\"knobs\":[[2,17],[24,3]],\"workspace\":1048576,\"milliseconds\":0.125}\n");
}

TEST(PlanCache, KeepsWhatOthersStoredMeanwhileAndReplacesWhatItChanged) {
  const test::TempFolder folder;
  PlanCache one(folder.path(), kMachine), other(folder.path(), kMachine);
  one.add("mine", some_choice());
  one.add("both", some_choice());
  one.store();
  other.add("theirs", {});
  other.add("both", {});
  other.store();
  const PlanCache next(folder.path(), kMachine);
  EXPECT_EQ(next.find("mine"), some_choice());
  EXPECT_EQ(next.find("theirs"), PlanChoice{});
  EXPECT_EQ(next.find("both"), PlanChoice{});
}

TEST(PlanCache, WritesOnlyWhatIsNew) {
  const test::TempFolder folder;
  PlanCache cache(folder.path(), kMachine);
  cache.store();
  EXPECT_FALSE(std::filesystem::exists(cache.path()));
  cache.add("forward", some_choice());
  cache.store();
  std::filesystem::remove(cache.path());
  cache.store();
  EXPECT_FALSE(std::filesystem::exists(cache.path()));
}

/// What a start with this text in the file prints, and that it then holds nothing and can be replaced.
std::string warning_of(const std::string& text) {
  const test::TempFolder folder;
  const Path path = PlanCache(folder.path(), kMachine).path();
  write_atomic(path, text);
  testing::internal::CaptureStderr();
  PlanCache cache(folder.path(), kMachine);
  EXPECT_EQ(cache.read_count(), 0u);
  cache.add("new", some_choice());
  cache.store();
  const std::string warning = testing::internal::GetCapturedStderr();
  EXPECT_EQ(PlanCache(folder.path(), kMachine).find("new"), some_choice());
  return warning;
}

std::string stored_text(const PlanMachine& machine) {
  const test::TempFolder folder;
  PlanCache cache(folder.path(), machine);
  cache.add("forward", some_choice());
  cache.store();
  return read_text(cache.path());
}

TEST(PlanCache, IgnoresADamagedFileWithOneWarning) {
  const std::string good = stored_text(kMachine);
  EXPECT_EQ(PlanCache({}, kMachine).read_count(), 0u);
  for (size_t length = 0; length < good.size(); length += 17) {
    const std::string warning = warning_of(good.substr(0, length));
    EXPECT_EQ(std::ranges::count(warning, '\n'), 1) << length << ": " << warning;
  }
  for (size_t i = 0; i < good.size(); i += 13) {
    std::string damaged = good;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    test::expect_contains(warning_of(damaged), "is ignored");
  }
  test::expect_contains(warning_of("\x80\xff{}\n"), "is ignored");
}

TEST(PlanCache, IgnoresAFileOfAnotherMachineOrVersion) {
  for (const PlanMachine& other : {PlanMachine{"NVIDIA H100", 91900, 13000}, PlanMachine{"NVIDIA H200", 91800, 13000},
                                   PlanMachine{"NVIDIA H200", 91900, 12080}})
    test::expect_contains(warning_of(stored_text(other)), "another machine or by another version");
  std::string format = stored_text(kMachine);
  format.replace(format.find("plans 1"), 7, "plans 2");
  test::expect_contains(warning_of(format), "another machine or by another version");
}

TEST(PlanCache, WarnsOnceAndGoesOnWhereNothingCanBeWritten) {
  const test::TempFolder folder;
  write_atomic(folder / "file", "");
  PlanCache cache(folder / "file", kMachine);  // no folder
  testing::internal::CaptureStderr();
  cache.add("a", some_choice());
  cache.store();
  cache.add("b", some_choice());
  cache.store();
  const std::string warning = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(warning, '\n'), 1) << warning;
  test::expect_contains(warning, "cannot be written");
  EXPECT_EQ(cache.find("b"), some_choice());
}

TEST(PlanCache, StoresNothingWithoutAFolder) {
  PlanCache cache({}, kMachine);
  cache.add("a", some_choice());
  cache.store();
  EXPECT_EQ(cache.path(), "");
  EXPECT_EQ(cache.find("a"), some_choice());
}

void store_one_by_one(const Path& folder, const std::string& writer, int count) {
  for (int i = 0; i < count; ++i) {
    PlanCache cache(folder, kMachine);
    cache.add(writer + std::to_string(i), some_choice());
    cache.store();
  }
}

TEST(PlanCache, LosesNothingWhenThreadsAndProcessesStoreAtOnce) {
  const test::TempFolder folder;
  constexpr int kWriters = 4, kEach = 8;
  std::vector<pid_t> processes;
  for (int writer = 0; writer < kWriters; ++writer) {
    const pid_t process = ::fork();
    ASSERT_GE(process, 0);
    if (process == 0) {
      store_one_by_one(folder.path(), "process " + std::to_string(writer) + " ", kEach);
      ::_exit(0);
    }
    processes.push_back(process);
  }
  {
    std::vector<std::jthread> threads;
    for (int writer = 0; writer < kWriters; ++writer)
      threads.emplace_back(
          [&, writer] { store_one_by_one(folder.path(), "thread " + std::to_string(writer) + " ", kEach); });
  }
  for (const pid_t process : processes) {
    int status = 0;
    ::waitpid(process, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(PlanCache(folder.path(), kMachine).read_count(), static_cast<size_t>(2 * kWriters * kEach));
  for (const auto& file : std::filesystem::directory_iterator(folder.path()))
    EXPECT_EQ(file.path().string().find(".tmp-"), std::string::npos) << file.path();
}

}  // namespace
}  // namespace lockstep::nn
