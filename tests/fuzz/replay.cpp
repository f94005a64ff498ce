// Runs a libFuzzer target without libFuzzer: every file named on the command line as it is, cut off, and with bytes
// changed; of a folder, a corpus that a fuzzer made, every file as it is.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <vector>

#include "lockstep/core/file.h"
#include "lockstep/core/rng.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using namespace lockstep;

int runs = 0;

void run(const std::vector<std::byte>& bytes, size_t size) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), size);
  ++runs;
}

void run_damaged(const std::vector<std::byte>& whole) {
  constexpr int kChanged = 2000;
  for (size_t size = 0; size <= whole.size(); ++size) run(whole, size);
  for (int change = 0; change < kChanged; ++change) {
    Rng rng(1, RngUse::kTest, 0, static_cast<uint64_t>(change));
    auto bytes = whole;
    for (int64_t n = rng.uniform_int(1, 4); n > 0; --n)
      bytes[static_cast<size_t>(rng.uniform_int(0, static_cast<int64_t>(bytes.size()) - 1))] = std::byte(rng.next());
    run(bytes, bytes.size());
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (const Path path : std::span(argv + 1, static_cast<size_t>(argc - 1))) {
    if (!std::filesystem::is_directory(path)) {
      run_damaged(read_bytes(path));
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (!entry.is_regular_file()) continue;
      const auto bytes = read_bytes(entry.path());
      run(bytes, bytes.size());
    }
  }
  std::printf("%d inputs\n", runs);
  return runs > 0 ? 0 : 1;
}
