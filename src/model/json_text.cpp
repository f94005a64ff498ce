#include "json_text.h"

#include <set>
#include <vector>

#include <nlohmann/json.hpp>

#include "lockstep/core/error.h"

namespace lockstep::model {
namespace {

using nlohmann::json;

class Verifier : public json::json_sax_t {
 public:
  explicit Verifier(const std::string& where) : where_(where) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(json::number_integer_t) override { return true; }
  bool number_unsigned(json::number_unsigned_t) override { return true; }
  bool number_float(json::number_float_t, const std::string&) override { return true; }
  bool string(std::string&) override { return true; }
  bool binary(json::binary_t&) override { return true; }
  bool start_object(size_t) override { return enter(); }
  bool start_array(size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }
  bool key(std::string& name) override {
    require(keys_.back().insert(name).second, ErrorKind::kData, where_, ": the key \"", name,
            "\" stands twice in one object");
    return true;
  }
  bool parse_error(size_t position, const std::string&, const json::exception& error) override {
    fail(ErrorKind::kData, where_, ": offset ", position, ": not JSON: ", error.what());
  }

 private:
  bool enter() {
    keys_.emplace_back();
    require(keys_.size() <= 64, ErrorKind::kData, where_, ": JSON nested deeper than 64 levels");
    return true;
  }
  bool leave() {
    keys_.pop_back();
    return true;
  }

  const std::string& where_;
  std::vector<std::set<std::string>> keys_;  // of the objects and arrays around the current place
};

}  // namespace

void verify_json(std::string_view text, const std::string& where) {
  // The parser would take a zero byte for the end of the text.
  const size_t zero = text.find('\0');
  require(zero == text.npos, ErrorKind::kData, where, ": offset ", zero, ": not JSON: a zero byte");
  Verifier verifier(where);
  json::sax_parse(text, &verifier);
}

}  // namespace lockstep::model
