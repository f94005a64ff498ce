// libFuzzer target: any bytes are a manifest with good and bad lines, or a data Error, in every form of labels.
//   clang++-19 -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -I include -I tests -I src/data
//     tests/fuzz/manifest_fuzz.cpp
//     src/data/{manifest,manifest_line,picture_address,label_rule,content_type,sampler}.cpp src/core/*.cpp -lspdlog
//     -lfmt -lxxhash
#include <cstdlib>

#include "fuzz/memory_file.h"
#include "lockstep/core/error.h"
#include "manifest.h"

namespace {

void read_all(const lockstep::Path& path, const lockstep::data::DatasetOptions& options) {
  const auto attempt = [](auto&& action) {
    try {
      action();
    } catch (const lockstep::Error& error) {
      if (error.kind() != lockstep::ErrorKind::kData) std::abort();
    }
  };
  attempt([&] {
    const lockstep::data::Manifest manifest(path, "/nonexistent", options);
    std::vector<float> labels;
    for (size_t i = 0; i < manifest.size(); ++i) {
      attempt([&] {
        manifest.read_labels(i, labels);
        if (labels.size() != static_cast<size_t>(manifest.label_width())) std::abort();
      });
      attempt([&] { manifest.picture(i); });
    }
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const lockstep::fuzz::MemoryFile file(data, size);
  lockstep::data::DatasetOptions options;
  options.s3_root = "/nonexistent";
  read_all(file.path(), options);
  options.multi_label = true;
  read_all(file.path(), options);
  return 0;
}
