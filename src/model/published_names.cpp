#include "published_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "lockstep/core/error.h"
#include "lockstep/core/text.h"
#include "lockstep/model/torch_names.h"

namespace lockstep::model {
namespace {

using Parts = std::vector<std::string>;

constexpr std::string_view kWrappers[] = {"module", "model", "net", "network", "backbone", "_orig_mod"};

/// Without what stands before the first dot where that is the same in all names.
void drop_common_prefix(Arrays& arrays) {
  for (;;) {
    const std::string first = arrays.empty() ? "" : arrays.front().name;
    const std::string prefix = first.substr(0, first.find('.') + 1);
    const auto has_prefix = [&](const Array& array) { return array.name.starts_with(prefix); };
    if (prefix.empty() || !std::all_of(arrays.begin(), arrays.end(), has_prefix)) return;
    for (Array& array : arrays) array.name.erase(0, prefix.size());
  }
}

void drop_wrappers(Parts& parts) {
  while (parts.size() > 2 &&
         std::find(std::begin(kWrappers), std::end(kWrappers), parts.front()) != std::end(kWrappers))
    parts.erase(parts.begin());
}

/// Of a block's number, which counts from 0, the next one.
std::string next(const std::string& number) { return std::to_string(parse_integer(number).value_or(0) + 1); }

/// "convolution" and "normalization" in Hugging Face's ResNet.
bool is_layer(const std::string& part) { return part == "convolution" || part == "normalization"; }

Parts from_hugging_face(Parts parts) {
  if (parts.size() > 3 && parts[0] == "resnet") parts.erase(parts.begin());
  const std::string& end = parts.back();
  const bool is_stage = parts.size() > 6 && parts[0] == "encoder" && parts[1] == "stages" && parts[3] == "layers";
  if (parts.size() == 4 && parts[0] == "embedder" && is_layer(parts[2]))
    return {parts[2] == "convolution" ? "conv1" : "bn1", end};
  if (is_stage && parts.size() == 8 && parts[5] == "shortcut" && is_layer(parts[6]))
    return {"layer" + next(parts[2]), parts[4], "downsample", parts[6] == "convolution" ? "0" : "1", end};
  if (is_stage && parts.size() == 9 && parts[5] == "layer" && is_layer(parts[7]))
    return {"layer" + next(parts[2]), parts[4], (parts[7] == "convolution" ? "conv" : "bn") + next(parts[6]), end};
  if (parts.size() == 3 && parts[0] == "classifier" && parts[1] == "1") return {"fc", end};
  return parts;
}

struct Renaming {
  std::string_view theirs, ours;
};

// The blocks before each of timm's stages of MobileNetV2, and what its layers are called within a block.
constexpr std::array<int64_t, 7> kBlocksBefore = {1, 2, 4, 7, 11, 14, 17};
constexpr Renaming kFirstBlock[] = {{"conv_dw", "0.0"}, {"bn1", "0.1"}, {"conv_pw", "1"}, {"bn2", "2"}};
constexpr Renaming kBlock[] = {{"conv_pw", "0.0"}, {"bn1", "0.1"},    {"conv_dw", "1.0"},
                               {"bn2", "1.1"},     {"conv_pwl", "2"}, {"bn3", "3"}};
constexpr Renaming kAround[] = {{"conv_stem", "features.0.0"},
                                {"bn1", "features.0.1"},
                                {"conv_head", "features.18.0"},
                                {"bn2", "features.18.1"},
                                {"classifier", "classifier.1"}};

template <class Rows>
std::optional<std::string> renamed(const Rows& rows, const std::string& theirs) {
  for (const Renaming& row : rows)
    if (row.theirs == theirs) return std::string(row.ours);
  return std::nullopt;
}

Parts from_timm(const Parts& parts) {
  const std::string& end = parts.back();
  if (parts.size() == 2)
    if (const auto ours = renamed(kAround, parts[0])) return {*ours, end};
  if (parts.size() != 5 || parts[0] != "blocks") return parts;
  const int64_t stage = parse_integer(parts[1]).value_or(-1), block = parse_integer(parts[2]).value_or(-1);
  if (stage < 0 || stage >= static_cast<int64_t>(kBlocksBefore.size()) || block < 0) return parts;
  const auto ours = stage == 0 ? renamed(kFirstBlock, parts[3]) : renamed(kBlock, parts[3]);
  if (!ours) return parts;
  return {"features", std::to_string(kBlocksBefore[static_cast<size_t>(stage)] + block), "conv", *ours, end};
}

std::string from_cifar_project(const std::string& part) {
  if (part == "linear") return "fc";
  if (part == "shortcut") return "downsample";
  for (const auto& [theirs, ours] : {Renaming{"conv_", "conv"}, {"bn_", "bn"}, {"stage_", "layer"}})
    if (part.starts_with(theirs) && part.size() == theirs.size() + 1 &&
        std::isdigit(static_cast<unsigned char>(part.back())))
      return cat(ours, part.substr(theirs.size()));
  return part;
}

bool is_counter(const Array& array) {
  return array.name.ends_with("num_batches_tracked") || array.name.ends_with("n_averaged");
}

bool has_name(const Arrays& arrays, std::string_view end) {
  return std::any_of(arrays.begin(), arrays.end(), [&](const Array& array) { return array.name.ends_with(end); });
}

}  // namespace

Arrays with_usual_names(Arrays arrays) {
  std::erase_if(arrays, is_counter);
  for (Array& array : arrays) array.name = torch_name(array.name);  // for files with our own names
  drop_common_prefix(arrays);
  const bool is_hugging_face = has_name(arrays, "embedder.embedder.convolution.weight"),
             is_timm = has_name(arrays, "conv_stem.weight");
  for (Array& array : arrays) {
    Parts parts = split(array.name, '.');
    drop_wrappers(parts);
    if (is_hugging_face) parts = from_hugging_face(parts);
    if (is_timm) parts = from_timm(parts);
    for (std::string& part : parts) part = from_cifar_project(part);
    array.name = join(parts, ".");
  }
  return arrays;
}

}  // namespace lockstep::model
