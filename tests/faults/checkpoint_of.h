#pragma once

#include <map>
#include <string>
#include <utility>

#include "lockstep/core/text.h"
#include "lockstep/model/checkpoint.h"

namespace lockstep::test {

/// A small checkpoint that can be told by its value.
inline model::checkpoint::Content checkpoint_of(int64_t value) {
  const float values[] = {static_cast<float>(value), 2, 3};
  return {{model::float_array("arg:w", {3}, values), model::float_array("moment0:w", {3}, values)},
          {{"state.json", cat("{\"step\": ", value, "}")}, {"config.yaml", "run:\n"}}};
}

/// The value of a checkpoint that is, bit for bit, one of those; otherwise nothing.
inline std::optional<int64_t> value_of(const model::checkpoint::Content& content) {
  if (content.tensors.empty()) return std::nullopt;
  const auto value = static_cast<int64_t>(model::to_floats(content.tensors[0])[0]);
  const model::checkpoint::Content expected = checkpoint_of(value);
  bool same = content.texts == expected.texts && content.tensors.size() == expected.tensors.size();
  for (size_t i = 0; same && i < expected.tensors.size(); ++i)
    same = content.tensors[i].name == expected.tensors[i].name && content.tensors[i].data == expected.tensors[i].data;
  return same ? std::optional<int64_t>(value) : std::nullopt;
}

}  // namespace lockstep::test
