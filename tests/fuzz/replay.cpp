// Runs a libFuzzer target without libFuzzer: every file named on the command line as it is, cut off, and with bytes
// changed.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "lockstep/core/file.h"
#include "lockstep/core/rng.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int argc, char** argv) {
  constexpr int kChanged = 2000;
  int runs = 0;
  const auto run = [&](const std::vector<std::byte>& bytes, size_t size) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), size);
    ++runs;
  };
  for (int i = 1; i < argc; ++i) {
    const std::vector<std::byte> whole = lockstep::read_bytes(argv[i]);
    for (size_t size = 0; size <= whole.size(); ++size) run(whole, size);
    for (int change = 0; change < kChanged; ++change) {
      lockstep::Rng rng(1, lockstep::RngUse::kTest, 0, static_cast<uint64_t>(change));
      auto bytes = whole;
      for (int64_t n = rng.uniform_int(1, 4); n > 0; --n)
        bytes[static_cast<size_t>(rng.uniform_int(0, static_cast<int64_t>(bytes.size()) - 1))] = std::byte(rng.next());
      run(bytes, bytes.size());
    }
  }
  std::printf("%d inputs\n", runs);
  return runs > 0 ? 0 : 1;
}
