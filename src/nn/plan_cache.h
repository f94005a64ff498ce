#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lockstep/core/file.h"

namespace lockstep::nn {

enum class ConvolutionPart : int64_t { kForward, kDataGradient, kWeightGradient };
enum class Number : int64_t {
  kFloat32,
  kTf32,
  kBfloat16,
  kFloat16
};  ///< kTf32: float32 that may be multiplied as TF32

/// Everything about one convolution that decides which kernel is the fastest, as plain numbers without gaps: equal
/// problems have equal bytes. All tensors are packed NHWC, the weight (out, kh, kw, in).
struct ConvolutionProblem {
  ConvolutionPart part = ConvolutionPart::kForward;
  Number number = Number::kFloat32;  ///< of all three tensors: cuDNN 9 has no engine that widens a result
  int64_t deterministic = 0;         ///< 1: only engines that repeat bit for bit
  std::array<int64_t, 4> input{};    ///< N, C, H, W
  std::array<int64_t, 4> weight{};   ///< out, C / groups, kh, kw
  std::array<int64_t, 2> stride{}, pad{}, dilation{};

  friend bool operator==(const ConvolutionProblem&, const ConvolutionProblem&) = default;

  int64_t groups() const { return input[1] / weight[1]; }
  std::array<int64_t, 4> output() const;  ///< N, out, H', W'
};

struct ProblemHash {
  size_t operator()(const ConvolutionProblem& problem) const;
};

/// The key in the file: "weight_gradient input=256x64x56x56 weight=64x64x3x3 stride=1x1 pad=1x1 dilation=1x1 groups=1
/// bfloat16", with " deterministic" behind it where that is asked.
std::string key_text(const ConvolutionProblem& problem);

/// How cuDNN computes a problem: one of its engines and a value for each of that engine's knobs. Enough to build the
/// plan again with the same version of cuDNN. (cuDNN's own JSON of a plan says no more: no compiled code is in it.)
struct PlanChoice {
  static constexpr int64_t kNone = -1;  ///< as `engine`: cuDNN has nothing for this problem that beats LibTorch

  int64_t engine = kNone;
  std::vector<std::pair<int64_t, int64_t>> knobs;  ///< cudnnBackendKnobType_t, value
  int64_t workspace_bytes = 0;
  double milliseconds = 0;  ///< as measured on an otherwise idle stream; 0: chosen without measuring

  friend bool operator==(const PlanChoice&, const PlanChoice&) = default;
};

/// What is worth measuring of cuDNN's recommendations, which come best first and are often many settings of one engine:
/// the first 8, then the first of each other engine, together at most 16. Each once.
std::vector<PlanChoice> shortlist(const std::vector<PlanChoice>& recommended);

/// What a measurement holds for.
struct PlanMachine {
  std::string gpu;     ///< the model's name, as CUDA gives it: "NVIDIA H200"
  int64_t cudnn = 0;   ///< cudnnGetVersion(): 91900
  int64_t driver = 0;  ///< cudaDriverGetVersion(): 13000
};

/// The choices of earlier runs on such a machine, in one file of a folder, and those of this run.
///
/// The file is JSON lines, `cudnn-GPU-CUDNN-DRIVER.jsonl`, the GPU's name in lower case with '-' for each run of other
/// characters than letters and digits:
///   {"format":"lockstep cuDNN plans 1","gpu":"NVIDIA H200","cudnn":91900,"driver":13000,"hash":HASH}
///   {"problem":KEY,"engine":57,"knobs":[[2,17],[24,3]],"workspace":1048576,"milliseconds":0.1234}
/// one line a problem in the order of the keys; HASH is hash_text() of all bytes behind the first line. It only saves
/// time: a file that cannot be read, is damaged or belongs
/// to another machine or format is ignored with one warning and replaced by the next store(); a folder that cannot be
/// written costs one warning.
///
/// One thread. Any number of threads with a cache of their own and of processes may share the file: store() takes what
/// others have stored meanwhile, under a lock on the file's name with `.lock` where the file system has locks, and
/// replaces the file in one step.
class PlanCache {
 public:
  /// An empty folder: nothing is read or stored.
  PlanCache(const Path& folder, PlanMachine machine);

  std::optional<PlanChoice> find(const std::string& key) const;
  /// Replaces what is known for the key.
  void add(const std::string& key, PlanChoice choice);
  /// Writes what was added since the last call; does nothing where nothing was.
  void store();

  const Path& path() const { return path_; }         ///< of the file; empty: none
  size_t read_count() const { return read_count_; }  ///< choices that the file held at the start

 private:
  using Choices = std::map<std::string, PlanChoice>;
  std::string text_of(const Choices& choices) const;
  Choices parse(std::string_view text) const;
  Choices read() const;
  void warn(const std::string& reason) const;

  Path path_;
  PlanMachine machine_;
  size_t read_count_ = 0;
  mutable bool warned_ = false;
  Choices choices_, added_;
};

}  // namespace lockstep::nn
