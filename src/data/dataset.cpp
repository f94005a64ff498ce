#include "lockstep/data/dataset.h"

#include <array>

#include "channel_files.h"
#include "class_names.h"
#include "content_type.h"
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

/// Patterns and prefixes of shards become files.
DatasetOptions with_files(DatasetOptions options) {
  std::vector<std::string> files;
  for (const auto& path : options.channel.paths)
    for (auto& file : files_of_path(path, options.channel.distribution == "ShardedByS3Key"))
      files.push_back(std::move(file));
  options.channel.paths = std::move(files);
  return options;
}

}  // namespace

std::span<const Entry<Format>> formats() { return kFormats; }

uint64_t Dataset::picture_bytes(size_t i) const {
  Sample sample;
  read(i, sample);
  return sample.bytes.size();
}

DatasetOptions dataset_options(const Config& config, const Channel& channel, const Channel& list) {
  return {.channel = channel,
          .list = list,
          .multi_label = config.hyperparameters.multi_label,
          .classes = config.hyperparameters.num_classes.value_or(0),
          .s3_root = config.run.s3_root,
          .categories = listed_names(config.run.categories),
          .drop_without_category = config.run.without_category == "drop"};
}

std::unique_ptr<Dataset> open_dataset(const DatasetOptions& given) try {
  const DatasetOptions options = with_files(given);
  const std::string channel = "channels." + options.role;
  require(options.channel.given(), ErrorKind::kUsage, channel, " is not given");
  for (const auto& path : options.channel.paths) require_exists(path, channel);
  for (const auto& path : options.list.paths) require_exists(path, channel + "_lst");
  for (const auto& format : kFormats) {
    if (!format.make.recognises(options)) continue;
    check_content_type(options, format.name);
    return format.make.open(options);
  }
  fail(ErrorKind::kUsage, channel, ": ", join(options.channel.paths, ", "),
       " is none of the formats that are understood:", list_of_formats());
} catch (const std::filesystem::filesystem_error& error) {
  fail(ErrorKind::kIo, "channels.", given.role, ": ", error.path1().string(), ": ", error.code().message());
}

}  // namespace lockstep::data
