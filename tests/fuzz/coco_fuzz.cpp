// libFuzzer target: any bytes are COCO instances, or a data Error. What makes a dataset of it is not called,
// and not linked.
//   clang++-19 -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -I include -I tests -I src/data
//     tests/fuzz/coco_fuzz.cpp
//     src/data/{coco,coco_dataset,listing,class_names,image_folder,missing_path,picture_file}.cpp src/core/*.cpp
//     -lspdlog -lfmt -lxxhash -Wl,--unresolved-symbols=ignore-all
#include <cstdlib>

#include "fuzz/memory_file.h"
#include "listing.h"
#include "lockstep/core/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const lockstep::fuzz::MemoryFile file(data, size);
  for (const bool drop : {false, true}) try {
      const auto listing = lockstep::data::read_coco_listing(file.path(), "/", {}, drop);
      for (size_t i = 0; i < listing.size(); ++i)
        for (const uint32_t label : listing.labels_of(i))
          if (label >= listing.classes()) std::abort();
    } catch (const lockstep::Error& error) {
      if (error.kind() != lockstep::ErrorKind::kData) std::abort();
    }
  return 0;
}
