#include "lockstep/data/dataset.h"

#include <array>

#include "formats.h"
#include "lockstep/core/error.h"
#include "missing_path.h"

namespace lockstep::data {
namespace {

constexpr std::array kFormats = {
#define DATASET(name, recogniser, maker, help) Entry<Format>{#name, help, {recogniser, maker}},
#include "lockstep/data/datasets.def"
#undef DATASET
};

std::string list_of_formats() {
  std::string text;
  for (const auto& format : kFormats) text += cat("\n  ", format.name, ": ", format.help);
  return text;
}

}  // namespace

std::span<const Entry<Format>> formats() { return kFormats; }

uint64_t Dataset::picture_bytes(size_t i) const {
  Sample sample;
  read(i, sample);
  return sample.bytes.size();
}

std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options) try {
  const std::string channel = "channels." + options.role;
  require(options.channel.given(), ErrorKind::kUsage, channel, " is not given");
  for (const auto& path : options.channel.paths) require_exists(path, channel);
  for (const auto& path : options.list.paths) require_exists(path, channel + "_lst");
  for (const auto& format : kFormats)
    if (format.make.recognises(options)) return format.make.open(options);
  fail(ErrorKind::kUsage, channel, ": ", join(options.channel.paths, ", "),
       " is none of the formats that are understood:", list_of_formats());
} catch (const std::filesystem::filesystem_error& error) {
  fail(ErrorKind::kIo, "channels.", options.role, ": ", error.path1().string(), ": ", error.code().message());
}

}  // namespace lockstep::data
