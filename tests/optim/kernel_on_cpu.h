#pragma once

#include <cstdlib>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>

#include <dlfcn.h>

#include "support/outside.h"
#include "support/temp_folder.h"
#include "update_kernel.h"

namespace lockstep::optim {

inline std::string compiler() {
  const char* named = std::getenv("CXX");
  return named ? named : "c++";
}

inline bool has_compiler() { return test::run_command(compiler() + " --version").status == 0; }
inline constexpr const char* kNoCompiler = "no C++ compiler at run time: neither $CXX nor c++";

/// A kernel's very text, compiled by the C++ compiler of this machine: its threads run one after the other.
class KernelOnCpu {
 public:
  explicit KernelOnCpu(const Formula& formula)
      : constants_(formula.constants), run_(find(update_kernel_text(formula))) {}

  void run(UpdateBuffers buffers, const std::vector<Chunk>& chunks) const {
    unsigned finished = 0;
    buffers.finished = &finished;
    buffers.chunks = chunks.data();
    run_(buffers, constants_, static_cast<unsigned>(chunks.size()), kUpdateThreads);
    if (finished != 0) throw std::runtime_error("the kernel does not leave its counter at 0");
  }

 private:
  using Run = void (*)(UpdateBuffers, Constants, unsigned blocks, unsigned threads);

  static Run find(const std::string& text) {
    static std::map<std::string, Run> known;
    Run& run = known[text];
    if (!run) run = compile(text);
    return run;
  }

  static Run compile(const std::string& text) {
    const test::TempFolder folder;
    const std::string source = (folder / "kernel.cpp").string(), library = (folder / "kernel.so").string();
    std::ofstream(source) << kDevice << text << kGrid;
    const test::Outcome outcome =
        test::run_command(compiler() + " -std=c++17 -O1 -ffp-contract=off -fno-strict-aliasing -fPIC -shared -o " +
                          library + " " + source);
    if (outcome.status != 0) throw std::runtime_error(outcome.output);
    void* opened = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!opened) throw std::runtime_error(::dlerror());
    return reinterpret_cast<Run>(::dlsym(opened, "run"));
  }

  static constexpr const char* kDevice = R"(
#include <math.h>
#include <string.h>
#define __global__
#define __device__
#define __forceinline__ inline
struct Index { unsigned x; };
static Index blockIdx, threadIdx, blockDim, gridDim;
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) ushort4 { unsigned short x, y, z, w; };
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static inline ushort4 make_ushort4(unsigned short x, unsigned short y, unsigned short z, unsigned short w) {
  return {x, y, z, w};
}
static inline unsigned __float_as_uint(float value) { unsigned bits; memcpy(&bits, &value, 4); return bits; }
static inline float __uint_as_float(unsigned bits) { float value; memcpy(&value, &bits, 4); return value; }
static inline unsigned atomicAdd(unsigned* to, unsigned n) { const unsigned before = *to; *to += n; return before; }
static inline void __syncthreads() {}
)";

  // Thread 0, which alone does something behind the barrier, comes last of its block.
  static constexpr const char* kGrid = R"(
extern "C" void run(UpdateBuffers b, Constants c, unsigned blocks, unsigned threads) {
  gridDim.x = blocks;
  blockDim.x = threads;
  for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x)
    for (unsigned thread = threads; thread-- > 0;) {
      threadIdx.x = thread;
      lockstep_update(b, c);
    }
}
)";

  Constants constants_;
  Run run_;
};

}  // namespace lockstep::optim
