#include "input_size.h"

#include <algorithm>

#include "lockstep/core/error.h"
#include "lockstep/model/network.h"

namespace lockstep::model {
namespace {

constexpr int64_t kSides[] = {224, 28, 32, 64, 112, 128, 96, 48, 256, 299, 320, 331, 384, 448, 512};

bool fits(const Graph& graph, const Arrays& arrays, const Shape& data) {
  try {
    const Facts facts = infer(graph, data);
    return std::all_of(facts.parameters.begin(), facts.parameters.end(), [&](const Parameter& parameter) {
      const Array* array = find_array(arrays, (parameter.auxiliary ? "aux:" : "arg:") + parameter.name);
      return !array || array->shape == parameter.shape;
    });
  } catch (const Error&) {  // too small for a window: not this size
    return false;
  }
}

}  // namespace

void guess_input_size(const Graph& graph, const Arrays& arrays, Card& card) {
  for (const int64_t side : kSides)
    for (const int64_t channels : {3, 1, 4})
      if (fits(graph, arrays, {1, channels, side, side})) {
        card.channels = channels;
        card.height = card.width = side;
        return;
      }
}

}  // namespace lockstep::model
