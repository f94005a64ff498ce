#include <random>

#include <gtest/gtest.h>

#include "keys.h"
#include "lockstep/config/load.h"
#include "support/expect_error.h"

namespace lockstep {
namespace {

using test::expect_contains;

Config minimal() { return load_config_text("channels: {train: a.rec}", "first.yaml").config; }

void expect_equal(const Config& a, const Config& b) {
  EXPECT_EQ(a.channels, b.channels);
  EXPECT_EQ(a.hyperparameters, b.hyperparameters);
  EXPECT_EQ(a.run, b.run);
}

// Draws a value of each type that the table allows.
class Draw {
 public:
  explicit Draw(unsigned seed) : random_(seed) {}

  void operator()(const Key& key, int64_t& value) {
    const std::string valid = key.valid;
    if (valid.find('|') == std::string::npos)
      value = 1 + static_cast<int64_t>(random_() >> 2);
    else
      value = 50;
  }
  void operator()(const Key& key, double& value) {
    value = std::uniform_real_distribution<double>(0, 1)(random_);
    if (std::string(key.valid) == "1..") value = 1 + value * 1e6;
  }
  void operator()(const Key&, bool& value) { value = random_() % 2; }
  void operator()(const Key& key, std::string& value) {
    const auto choices = split(key.valid, '|');
    if (choices[0].empty())
      value = text();
    else
      value = choices[random_() % choices.size()];
  }
  void operator()(const Key&, std::vector<int64_t>& values) {
    values.resize(random_() % 4);
    for (int64_t& value : values) value = 1 + static_cast<int64_t>(random_() % 100);
  }
  void operator()(const Key&, std::vector<double>& values) {
    values.resize(random_() % 4);
    for (double& value : values) value = static_cast<double>(random_() % 100000) / 977;
  }
  void operator()(const Key&, ImageShape& shape) {
    shape = {random_() % 2 ? 1 : 3, 1 + static_cast<int>(random_() % 512), 1 + static_cast<int>(random_() % 512)};
  }
  void operator()(const Key&, std::optional<int64_t>& value) {
    value.reset();
    if (random_() % 2) value = 1 + static_cast<int64_t>(random_() % 1000);
  }
  void operator()(const Key& key, Channel& channel) {
    channel.paths.clear();
    for (size_t n = random_() % 3 + (std::string(key.name) == "train"); n > 0; --n) channel.paths.push_back(text());
    if (channel.paths.empty()) return;
    if (random_() % 2) channel.content_type = "application/x-recordio; label-format=multi-hot";
    if (random_() % 2) channel.distribution = "ShardedByS3Key";
    if (random_() % 2) channel.label_format = "class-id";
    if (random_() % 2) channel.attribute_names = {"source-ref", "is it: a bird?"};
  }

 private:
  std::string text() {
    static const std::vector<std::string> kTexts = {
        "runs/a", "a b.rec", "null", "~",         "true",    "1e5",        "- x",   "a: b # c", "\"q\" 'r' \\n",
        "#a",     "[x, y]",  "{a}",  "Ünï\u4e2d", " space ", "line\nline", "tab\t", "a;b,c",    "@at",
        "%p",     "!t",      "None", "&a *b",     "a=b",     "\x01",       "-",     "?",        "|",
        ">",      "0x1F",    "/"};
    return kTexts[random_() % kTexts.size()];
  }
  std::mt19937 random_;
};

TEST(ToYaml, LoadsAsAnEqualConfigWhateverTheValues) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    Config config = minimal();
    Draw draw(seed);
    for_each_key(config, draw);
    const std::string text = to_yaml(config);
    SCOPED_TRACE(text);
    expect_equal(load_config_text(text, "config.yaml").config, config);
    if (HasFailure()) return;
  }
}

TEST(ToYaml, LeavesOutWhatIsUnset) {
  const std::string text = to_yaml(minimal());
  expect_contains(text, "channels:\n  train: a.rec\nhyperparameters:\n  num_layers: 152\n  image_shape: 3,224,224\n");
  expect_contains(text, "\nrun:\n  seed: 1\n");
  expect_contains(text, "  eps: 1e-08\n");
  expect_contains(text, "  weight_decay: 0.0001\n");
  EXPECT_EQ(text.find("resize"), std::string::npos);
  EXPECT_EQ(text.find("output"), std::string::npos);
}

TEST(OriginsTable, ShowsKeyValueAndOrigin) {
  const std::string table = origins_table(minimal());
  expect_contains(table, "channels.train                             a.rec              first.yaml:1\n");
  expect_contains(table, "hyperparameters.resize                     unset              default\n");
}

}  // namespace
}  // namespace lockstep
