#include "coco.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include <nlohmann/json.hpp>

#include "lockstep/core/error.h"

namespace lockstep::data {
namespace {

using nlohmann::json;

constexpr size_t kDeepest = 64;

/// The values of one object of a list that matter here.
struct Fields {
  std::optional<int64_t> id, image_id, category_id;
  std::optional<std::string> file_name, name;
};

/// Follows the parser; depth 1 is the file's object, 2 one of its lists, 3 an object in it.
class CocoReader : public json::json_sax_t {
 public:
  CocoReader(const Path& file, Coco& coco) : file_(file), coco_(coco) {}

  bool null() override { return value_of_another_type("null"); }
  bool boolean(bool) override { return value_of_another_type("a truth value"); }
  bool number_integer(int64_t value) override { return number(value); }
  bool number_unsigned(uint64_t value) override {
    return value <= INT64_MAX ? number(static_cast<int64_t>(value)) : value_of_another_type("too large a number");
  }
  bool number_float(double, const std::string&) override { return value_of_another_type("no whole number"); }
  bool binary(json::binary_t&) override { return true; }

  bool string(std::string& value) override {
    if (!wants_text() && !wants_number()) return value_at_top();
    if (!wants_text()) return value_of_another_type("a text");
    (key_ == "name" ? fields_.name : fields_.file_name) = std::move(value);
    return true;
  }

  bool key(std::string& name) override {
    if (depth_ == 1) list_ = name;
    if (depth_ == 3) key_ = name;
    if (depth_ > 1 || !is_list()) return true;
    require(std::ranges::find(seen_, name) == seen_.end(), ErrorKind::kData, file_.string(), ": \"", name,
            "\" stands there twice");
    seen_.push_back(name);
    return true;
  }

  bool start_object(size_t) override {
    if (depth_ == 1) wrong_list();
    if (depth_ == 2 && is_list()) fields_ = {};
    if (depth_ == 3) value_of_another_type("an object");
    return enter();
  }
  bool end_object() override {
    if (--depth_ == 2 && is_list()) {
      take();
      ++number_;
    }
    return true;
  }
  bool start_array(size_t) override {
    require(depth_ > 0, ErrorKind::kData, file_.string(), " is a list; COCO is an object of lists");
    if (depth_ == 1) number_ = 0;
    if (depth_ == 2) value_at_top();
    if (depth_ == 3) value_of_another_type("a list");
    return enter();
  }
  bool end_array() override {
    --depth_;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const json::exception& error) override {
    fail(ErrorKind::kData, file_.string(), ": offset ", position, ": not JSON: ", error.what());
  }

  bool saw(const char* list) const { return std::ranges::find(seen_, list) != seen_.end(); }

 private:
  bool is_list() const { return list_ == "images" || list_ == "categories" || list_ == "annotations"; }
  bool wants_text() const {
    return depth_ == 3 && ((list_ == "images" && key_ == "file_name") || (list_ == "categories" && key_ == "name"));
  }
  bool wants_number() const {
    if (depth_ != 3 || !is_list()) return false;
    if (list_ == "annotations") return key_ == "image_id" || key_ == "category_id";
    return key_ == "id";
  }

  bool enter() {
    require(++depth_ <= kDeepest, ErrorKind::kData, file_.string(), ": JSON nested deeper than ", kDeepest, " levels");
    return true;
  }

  std::string place() const { return cat(file_.string(), ": ", list_, "[", number_, "]"); }

  void wrong_list() const { require(!is_list(), ErrorKind::kData, file_.string(), ": \"", list_, "\" is no list"); }

  /// A value where the file's object has lists, and a list objects.
  bool value_at_top() {
    require(depth_ > 0, ErrorKind::kData, file_.string(), " is no JSON object");
    if (depth_ == 1) wrong_list();
    if (depth_ == 2 && is_list()) fail(ErrorKind::kData, place(), " is no object");
    return true;
  }

  bool value_of_another_type(const char* what) {
    if (wants_number()) fail(ErrorKind::kData, place(), ": \"", key_, "\" is ", what, ", not a whole number");
    if (wants_text()) fail(ErrorKind::kData, place(), ": \"", key_, "\" is ", what, ", not a text");
    return value_at_top();
  }

  bool number(int64_t value) {
    if (!wants_number()) return value_of_another_type("a number");
    (key_ == "image_id" ? fields_.image_id : key_ == "category_id" ? fields_.category_id : fields_.id) = value;
    return true;
  }

  template <class Value>
  Value& needed(std::optional<Value>& value, const char* name) const {
    require(value.has_value(), ErrorKind::kData, place(), ": \"", name, "\" is missing");
    return *value;
  }

  void take() {
    if (list_ == "images") {
      auto& name = needed(fields_.file_name, "file_name");
      require(!name.empty() && name.find('\0') == std::string::npos, ErrorKind::kData, place(), ": names no file");
      coco_.pictures.push_back({needed(fields_.id, "id"), std::move(name)});
    } else if (list_ == "categories") {
      coco_.categories.push_back({needed(fields_.id, "id"), std::move(needed(fields_.name, "name"))});
    } else {
      coco_.annotations.push_back(
          {needed(fields_.image_id, "image_id"), needed(fields_.category_id, "category_id"), number_});
    }
  }

  const Path& file_;
  Coco& coco_;
  size_t depth_ = 0;
  std::string list_, key_;
  size_t number_ = 0;  // of the object in its list
  Fields fields_;
  std::vector<std::string> seen_;  // of the three lists
};

}  // namespace

Coco read_coco(const Path& file) {
  const MappedFile mapped(file);
  const auto* text = reinterpret_cast<const char*>(mapped.bytes().data());
  // The parser would take a zero byte for the end of the text.
  if (const void* zero = mapped.size() > 0 ? std::memchr(text, 0, mapped.size()) : nullptr)
    fail(ErrorKind::kData, file.string(), ": offset ", static_cast<const char*>(zero) - text,
         ": not JSON: a zero byte");
  Coco coco;
  CocoReader reader(file, coco);
  json::sax_parse(text, text + mapped.size(), &reader);
  for (const char* list : {"images", "categories", "annotations"})
    require(reader.saw(list), ErrorKind::kData, file.string(), ": there is no list \"", list,
            "\"; expected are COCO instances: images, categories, annotations");
  return coco;
}

}  // namespace lockstep::data
