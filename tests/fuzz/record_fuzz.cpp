// libFuzzer target: any bytes are a file of records, some of them damaged, or a data Error.
//   clang++-19 -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -I include -I tests tests/fuzz/record_fuzz.cpp
//     src/record/*.cpp src/core/*.cpp -lspdlog -lfmt -lxxhash
#include <cstdlib>

#include "fuzz/memory_file.h"
#include "lockstep/core/error.h"
#include "lockstep/record/image_record.h"
#include "lockstep/record/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const lockstep::fuzz::MemoryFile file(data, size);
  const auto attempt = [](auto&& action) {
    try {
      action();
    } catch (const lockstep::Error& error) {
      if (error.kind() != lockstep::ErrorKind::kData) std::abort();
    }
  };
  attempt([&] {
    const lockstep::record::Reader reader(file.path());
    std::vector<std::byte> storage;
    std::vector<float> labels;
    for (size_t i = 0; i < reader.size(); ++i)
      attempt([&] { lockstep::record::parse(reader.read(i, storage), labels); });
  });
  return 0;
}
