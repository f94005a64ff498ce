#include "lockstep/model/card.h"

#include <nlohmann/json.hpp>

#include "json_text.h"
#include "lockstep/core/error.h"
#include "lockstep/core/text.h"

// {"format": 1, "network": "resnet_v2", "num_layers": 18, "image_shape": [3, 224, 224], "classes": ["cat", "dog"],
//  "multi_label": false, "top_k": 0,
//  "preprocessing": {"resize": 256, "stretch": false, "interpolation": "bilinear", "mean": [], "std": []},
//  "origin": {text: text}}
namespace lockstep::model {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr int kFormat = 1;

/// Takes keys out of an object; what is left at the end is unknown.
class Fields {
 public:
  Fields(json object, std::string where) : object_(std::move(object)), where_(std::move(where)) {
    require(object_.is_object(), ErrorKind::kData, where_, " is not a JSON object");
  }

  /// Leaves `value` alone where the key is absent.
  template <class Value>
  void take(const char* key, Value& value) {
    const auto found = object_.find(key);
    if (found == object_.end()) return;
    try {
      check(*found, value);
      value = found->get<Value>();
    } catch (const json::exception& error) {
      fail(ErrorKind::kData, where_, ": key \"", key, "\": ", error.what());
    }
    object_.erase(found);
  }

  void finish() const {
    if (!object_.empty())
      fail(ErrorKind::kData, where_, ": unknown key \"", object_.begin().key(),
           "\"; a newer version may have written it");
  }

 private:
  // nlohmann would round 1.5 to an integer and take true for 1.
  static void check(const json& found, const int64_t&) {
    if (!found.is_number_integer())
      throw json::type_error::create(302, "type must be integer, but is " + std::string(found.type_name()), nullptr);
  }
  template <class Value>
  static void check(const json&, const Value&) {}

  json object_;
  std::string where_;
};

void check_card(const Card& card, const std::string& where) {
  constexpr int64_t kMost = 1 << 16;
  const auto in_range = [](int64_t value, int64_t low) { return value >= low && value <= kMost; };
  require(in_range(card.channels, 1) && in_range(card.height, 1) && in_range(card.width, 1), ErrorKind::kData, where,
          ": key \"image_shape\": [", card.channels, ", ", card.height, ", ", card.width, "] is out of range");
  require(in_range(card.resize, 0), ErrorKind::kData, where, ": key \"resize\": ", card.resize, " is out of range");
  require(card.interpolation == "bilinear" || card.interpolation == "antialias", ErrorKind::kData, where,
          ": key \"interpolation\": \"", card.interpolation, "\" is neither bilinear nor antialias");
  for (const auto& [key, values] : {std::pair{"mean", card.mean}, {"std", card.std}})
    require(values.empty() || values.size() == static_cast<size_t>(card.channels), ErrorKind::kData, where, ": key \"",
            key, "\": ", values.size(), " numbers for ", card.channels, " channels");
  for (const double deviation : card.std)
    require(deviation > 0, ErrorKind::kData, where, ": key \"std\": ", deviation, " is not positive");
}

}  // namespace

std::string card_text(const Card& card) {
  const ordered_json root = {{"format", kFormat},
                             {"network", card.network},
                             {"num_layers", card.num_layers},
                             {"image_shape", {card.channels, card.height, card.width}},
                             {"classes", card.classes},
                             {"multi_label", card.multi_label},
                             {"top_k", card.top_k},
                             {"preprocessing",
                              {{"resize", card.resize},
                               {"stretch", card.stretch},
                               {"interpolation", card.interpolation},
                               {"mean", card.mean},
                               {"std", card.std}}},
                             {"origin", card.origin}};
  try {
    return root.dump(2) + "\n";
  } catch (const json::exception& error) {
    fail(ErrorKind::kData, "lockstep.json: class names and origin must be UTF-8: ", error.what());
  }
}

Card parse_card(const std::string& text, const std::string& where) {
  verify_json(text, where);
  Card card;
  Fields fields(json::parse(text), where);
  int64_t format = 0;
  std::vector<int64_t> image_shape = {card.channels, card.height, card.width};
  json preprocessing = json::object();
  fields.take("format", format);
  require(format == kFormat, ErrorKind::kData, where, ": key \"format\": ", format, " is unknown, ", kFormat,
          " is known");
  fields.take("network", card.network);
  fields.take("num_layers", card.num_layers);
  fields.take("image_shape", image_shape);
  require(image_shape.size() == 3, ErrorKind::kData, where, ": key \"image_shape\": three numbers are needed");
  card.channels = image_shape[0], card.height = image_shape[1], card.width = image_shape[2];
  fields.take("classes", card.classes);
  fields.take("multi_label", card.multi_label);
  fields.take("top_k", card.top_k);
  fields.take("origin", card.origin);
  fields.take("preprocessing", preprocessing);
  fields.finish();
  Fields steps(preprocessing, where + ": key \"preprocessing\"");
  steps.take("resize", card.resize);
  steps.take("stretch", card.stretch);
  steps.take("interpolation", card.interpolation);
  steps.take("mean", card.mean);
  steps.take("std", card.std);
  steps.finish();
  check_card(card, where);
  return card;
}

}  // namespace lockstep::model
