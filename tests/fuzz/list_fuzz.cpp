// libFuzzer target: any bytes are a .lst, or a data Error.
//   clang++-19 -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -I include -I tests tests/fuzz/list_fuzz.cpp
//     src/record/*.cpp src/core/*.cpp -lspdlog -lfmt -lxxhash
#include <cstdlib>

#include "fuzz/memory_file.h"
#include "lockstep/core/error.h"
#include "lockstep/record/list.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const lockstep::fuzz::MemoryFile file(data, size);
  try {
    lockstep::record::read_list(file.path());
  } catch (const lockstep::Error& error) {
    if (error.kind() != lockstep::ErrorKind::kData) std::abort();
  }
  return 0;
}
