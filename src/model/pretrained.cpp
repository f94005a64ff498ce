#include "lockstep/model/pretrained.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "lockstep/core/cache_folder.h"
#include "lockstep/core/error.h"

namespace lockstep::model {
namespace {

struct Row {
  const char* network;
  int64_t num_layers;
  const char* file;
  const char* symbol;  // empty: the file needs none
  const char* address;
};

constexpr auto kRows = std::to_array<Row>({
#define PRETRAINED(file, symbol, network, num_layers, address) {network, num_layers, file, symbol, address},
#include "lockstep/model/pretrained.def"
#undef PRETRAINED
});

}  // namespace

Path pretrained_folder() {
  Path folder = cache_folder();
  require(
      !folder.empty(), ErrorKind::kUsage,
      "no folder for pretrained weights: neither LOCKSTEP_CACHE nor HOME is set; name the file with run.pretrained");
  return folder;
}

Path find_pretrained(const std::string& network, int64_t num_layers) {
  const auto row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& each) {
    return network == each.network && (each.num_layers == num_layers || each.num_layers == 0);
  });
  require(row != kRows.end(), ErrorKind::kUsage, "use_pretrained_model: no public weights are known for ", network,
          " with ", num_layers, " layers; name a file with run.pretrained, or set use_pretrained_model=false");
  const Path folder = pretrained_folder();
  std::string absent;
  for (const char* const name : {row->file, row->symbol})
    if (*name != '\0' && !std::filesystem::is_regular_file(folder / name))
      absent += cat(absent.empty() ? "" : " and ", name);
  require(absent.empty(), ErrorKind::kUsage, "use_pretrained_model: ", network, " with ", num_layers,
          " layers begins with public weights, and they are not here; get ", absent, " from ", row->address,
          ", put it into ", folder.string(), " and start again, or name another file with run.pretrained");
  return folder / row->file;
}

}  // namespace lockstep::model
