#include <gtest/gtest.h>

#include "data/toy_pictures.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

using Labels = std::vector<float>;
using Names = std::vector<std::string>;

/// Pictures a.png, b.png, c.png and set.manifest beside them.
class ManifestDataset : public testing::Test {
 protected:
  ManifestDataset() {
    for (const char* name : {"a.png", "b.png", "c.png"}) toy::write_file(folder_ / name, toy::make_png(1, 0));
  }
  DatasetOptions write(const std::string& lines, bool multi_label = false) {
    toy::write_text(folder_ / "set.manifest", lines);
    auto options = toy::options_for(folder_ / "set.manifest");
    options.multi_label = multi_label;
    return options;
  }
  /// Opens these lines and reads the labels of all samples.
  std::vector<Labels> labels(const std::string& lines, bool multi_label = false) {
    return labels(write(lines, multi_label));
  }
  std::vector<Labels> labels(const DatasetOptions& options) {
    const auto dataset = open_dataset(options);
    std::vector<Labels> all(dataset->size());
    for (size_t i = 0; i < all.size(); ++i) dataset->read_labels(i, all[i]);
    return all;
  }
  std::string error(ErrorKind kind, const std::string& lines, bool multi_label = false) {
    return test::expect_error(kind, [&] { labels(lines, multi_label); });
  }
  std::string name_of(const DatasetOptions& options, size_t i) {
    Sample sample;
    open_dataset(options)->read(i, sample);
    return sample.name;
  }
  test::TempFolder folder_;
};

TEST_F(ManifestDataset, ReadsALabelAsNumberOrText) {
  EXPECT_EQ(labels(R"({"source-ref": "a.png", "class": 2}
{"source-ref": "b.png", "class": "1"}
{"class": " 0 ", "source-ref": "c.png", "other": null}
)"),
            (std::vector<Labels>{{2}, {1}, {0}}));
}

TEST_F(ManifestDataset, FindsTheAttributesThatGroundTruthMade) {
  EXPECT_EQ(
      labels(
          R"({"source-ref": "a.png", "note": "x", "birds": 1, "birds-metadata": {"type": "groundtruth/image-classification", "class-name": "owl"}, "boxes": {}, "boxes-metadata": {"type": "groundtruth/object-detection"}}
)"),
      (std::vector<Labels>{{1}}));
}

TEST_F(ManifestDataset, TakesTheAttributesThatAreNamed) {
  auto options = write(R"({"left-ref": "a.png", "right-ref": "b.png", "one": 1, "two": 2})");
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { open_dataset(options); }),
                        "attribute_names: [PICTURE, LABEL]; there are: left-ref, right-ref");
  options.channel.attribute_names = {"right-ref", "two"};
  EXPECT_EQ(labels(options), (std::vector<Labels>{{2}}));
  EXPECT_EQ(name_of(options, 0), (folder_ / "b.png").string());
  options.channel.attribute_names = {"left-ref"};
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { open_dataset(options); }),
                        "the label is not clear; say which it is by the channel's attribute_names: [PICTURE, LABEL]; "
                        "there are: one, two");
  options.channel.attribute_names.clear();
  options.channel.content_type = "application/jsonlines; attribute-names=right-ref,two";
  EXPECT_EQ(labels(options), (std::vector<Labels>{{2}}));
  EXPECT_EQ(name_of(options, 0), (folder_ / "b.png").string());
  options.channel.content_type = "application/jsonlines; attribute-names=right-ref,tow";
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { open_dataset(options); }), "did you mean two?");
}

TEST_F(ManifestDataset, ReadsMultiHotListsAndTheirText) {
  const std::string lines = R"({"image-ref": "a.png", "class": "[1, 0, 1]"}
{"image-ref": "b.png", "class": [0, 0, 1]}
)";
  EXPECT_EQ(labels(lines, true), (std::vector<Labels>{{1, 0, 1}, {0, 0, 1}}));
  EXPECT_EQ(open_dataset(write(lines, true))->label_width(), 3);
}

TEST_F(ManifestDataset, ReadsClassIds) {
  const std::string lines = R"({"image-ref": "a.png", "class": "[0, 2]"}
{"image-ref": "b.png", "class": []}
)";
  EXPECT_EQ(labels(lines, true), (std::vector<Labels>{{1, 0, 1}, {0, 0, 0}}));
  auto options = write(lines, true);
  options.classes = 5;
  EXPECT_EQ(open_dataset(options)->label_width(), 5);
}

TEST_F(ManifestDataset, TellsTheFormsApartByWhatTheListsHoldUnlessItIsSaid) {
  const std::string both = R"({"image-ref": "a.png", "class": [0, 1]})";
  EXPECT_EQ(labels(both, true), (std::vector<Labels>{{0, 1}})) << "SageMaker's default is multi-hot";
  auto options = write(both, true);
  options.channel.label_format = "class-id";
  EXPECT_EQ(labels(options), (std::vector<Labels>{{1, 1}}));
  options.channel.label_format = "auto";
  options.channel.content_type = "application/x-recordio; label-format=class-id";
  EXPECT_EQ(labels(options), (std::vector<Labels>{{1, 1}}));
  EXPECT_EQ(labels(R"({"image-ref": "a.png", "class": [0, 2]})", true), (std::vector<Labels>{{1, 0, 1}}));
  EXPECT_EQ(labels(R"({"image-ref": "a.png", "class": [0, 2, 0]})", true), (std::vector<Labels>{{0, 1, 0}}))
      << "a list of ids never repeats one";
}

TEST_F(ManifestDataset, KnowsGroundTruthsListsByTheirClassMap) {
  auto options = write(
      R"({"source-ref": "a.png", "g": [1, 0], "g-metadata": {"class-map": {"1": "bicycle", "0": "car"}, "type": "groundtruth/image-classification-multilabel"}}
{"source-ref": "b.png", "g": [3], "g-metadata": {"class-map": {"3": "dog"}}}
)",
      true);
  EXPECT_EQ(labels(options), (std::vector<Labels>{{1, 1, 0, 0}, {0, 0, 0, 1}}));
  EXPECT_EQ(open_dataset(options)->class_names(), (Names{"car", "bicycle", "2", "dog"}));
  options.class_names = {"bicycle", "car", "eel", "dog"};
  EXPECT_EQ(open_dataset(options)->class_names(), (Names{"car", "bicycle", "eel", "dog"})) << "the only name left";
}

TEST_F(ManifestDataset, RefusesAClassWithTwoNames) {
  const auto message = error(ErrorKind::kData, R"({"source-ref": "a.png", "c": 0, "c-metadata": {"class-name": "cat"}}

{"source-ref": "b.png", "c": 0, "c-metadata": {"class-name": "dog"}}
)");
  test::expect_contains(message, "set.manifest:3: the class 0 is called \"dog\", and \"cat\" in a line before");
}

TEST_F(ManifestDataset, ReadsPicturesWhoseNamesAreEscaped) {
  toy::write_file(folder_ / "pics/\xC3\xA9 1.png", toy::make_png(1, 0));
  const auto options = write(R"({"note": "a.png", "source-ref": "pics\/\u00e9 1.png", "class": 1}
{"class": 0, "source-ref": "b.png"})");
  EXPECT_EQ(name_of(options, 0), (folder_ / "pics/\xC3\xA9 1.png").string());
  EXPECT_EQ(name_of(options, 1), (folder_ / "b.png").string());
  EXPECT_EQ(labels(options), (std::vector<Labels>{{1}, {0}}));
}

TEST_F(ManifestDataset, ReadsManyLinesOnManyThreadsAsIfOnOne) {
  std::vector<std::string> lines;
  for (int i = 0; i < 30'000; ++i)
    lines.push_back(
        cat(R"({"source-ref": "a.png", "c": )", i % 7, R"(, "c-metadata": {"class-name": "n)", i % 7, "\"}}"));
  lines[8'999] = lines[25'999] = "{";
  const auto good = open_dataset(write(join(lines, "\n")));
  EXPECT_EQ(good->size(), 30'000u);
  EXPECT_EQ(good->class_names(), (Names{"n0", "n1", "n2", "n3", "n4", "n5", "n6"}));
  Labels label;
  good->read_labels(29'999, label);
  EXPECT_EQ(label, Labels{29'999 % 7});
  for (const size_t bad : {8'999u, 25'999u})
    test::expect_contains(test::expect_error(ErrorKind::kData, [&] { good->read_labels(bad, label); }),
                          cat("set.manifest:", bad + 1, ": column"));
  lines[20'000] = R"({"source-ref": "a.png", "c": 3, "c-metadata": {"class-name": "owl"}})";
  lines[27'000] = R"({"source-ref": "a.png", "c": 3, "c-metadata": {"class-name": "cow"}})";
  test::expect_contains(error(ErrorKind::kData, join(lines, "\n")),
                        R"(set.manifest:20001: the class 3 is called "owl", and "n3" in a line before)");
}

TEST_F(ManifestDataset, KnowsTheFormOfListsByAllLinesOnManyThreads) {
  std::vector<std::string> lines(20'000, R"({"source-ref": "a.png", "c": [1, 0]})");
  EXPECT_EQ(open_dataset(write(join(lines, "\n"), true))->label_width(), 2) << "multi-hot";
  lines.back() = R"({"source-ref": "a.png", "c": [5]})";
  EXPECT_EQ(open_dataset(write(join(lines, "\n"), true))->label_width(), 6) << "class ids: one list is shorter";
}

TEST_F(ManifestDataset, TakesByteOrderMarkCarriageReturnsAndBlankLines) {
  EXPECT_EQ(labels("\xEF\xBB\xBF{\"source-ref\": \"a.png\", \"class\": 1}\r\n\r\n  \n{\"source-ref\": \"b.png\", "
                   "\"class\": 0}\r\n"),
            (std::vector<Labels>{{1}, {0}}));
}

TEST_F(ManifestDataset, FindsAbsolutePathsAndFileAddresses) {
  toy::write_file(folder_ / "with blank.png", toy::make_png(2, 0));
  const std::string root = folder_.path().string();
  const auto options = write(cat(R"({"source-ref": ")", root, R"(/a.png", "class": 0}
{"source-ref": "file://)",
                                 root, R"(/with%20blank.png", "class": 0}
{"source-ref": "file://elsewhere/a.png", "class": 0}
{"source-ref": "https://example.org/a.png", "class": 0}
)"));
  EXPECT_EQ(name_of(options, 0), root + "/a.png");
  EXPECT_EQ(name_of(options, 1), root + "/with blank.png");
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { name_of(options, 2); }),
                        "set.manifest:3: file://elsewhere/a.png names another machine");
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { name_of(options, 3); }), "set.manifest:4: https:");
}

TEST_F(ManifestDataset, FindsObjectsOfS3BelowTheirRoot) {
  auto options = write(R"({"source-ref": "s3://bkt/pics/x.png", "class": 0}
{"source-ref": "s3://bkt/y.png", "class": 0}
{"source-ref": "s3://bkt/../a.png", "class": 0}
{"source-ref": "s3://bkt/z.png", "class": 0}
)");
  const auto message = test::expect_error(ErrorKind::kUsage, [&] { open_dataset(options); });
  test::expect_contains(message, "set.manifest:1: s3://bkt/pics/x.png lies in S3");
  test::expect_contains(message, "aws s3 sync s3://bkt/pics FOLDER/bkt/pics");
  test::expect_contains(message, "run.s3_root");
  toy::write_file(folder_ / "s3/bkt/pics/x.png", toy::make_png(3, 0));
  toy::write_file(folder_ / "s3/y.png", toy::make_png(4, 0));
  options.s3_root = folder_ / "s3";
  EXPECT_EQ(name_of(options, 0), (folder_ / "s3/bkt/pics/x.png").string());
  EXPECT_EQ(name_of(options, 1), (folder_ / "s3/y.png").string());
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { name_of(options, 2); }), "set.manifest:3: ");
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { name_of(options, 3); }), "s3/bkt/z.png");
}

TEST_F(ManifestDataset, IsFoundByItsContentWhenItIsCalledJson) {
  const auto lines = R"({"source-ref": "a.png", "class": 1})";
  for (const char* name : {"x.json", "x.jsonl", "x.ndjson", "x.MANIFEST"}) {
    toy::write_text(folder_ / name, lines);
    EXPECT_EQ(labels(toy::options_for(folder_ / name)), (std::vector<Labels>{{1}})) << name;
  }
}

TEST_F(ManifestDataset, GoesWithTheFolderOfItsPictures) {
  toy::write_file(folder_ / "pictures/d.png", toy::make_png(5, 0));
  auto options = write(R"({"source-ref": "d.png", "class": 0})");
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { open_dataset(options); }), "the first picture of");
  options.list = options.channel;
  options.channel.paths = {(folder_ / "pictures").string()};
  EXPECT_EQ(name_of(options, 0), (folder_ / "pictures/d.png").string());
}

TEST_F(ManifestDataset, NamesTheLineOfEveryKindOfMistake) {
  const std::string good = R"({"source-ref": "a.png", "class": 1})";
  const std::pair<std::string, const char*> bad[] = {
      {"{\"source-ref\": \"a.png\"", "not JSON"},
      {"[1]", "no JSON object"},
      {"null", "no JSON object"},
      {R"({"source-ref": "a.png"})", "the attribute class is missing; there are: source-ref"},
      {R"({"class": 1})", "the attribute source-ref is missing"},
      {R"({"source-ref": 7, "class": 1})", "the attribute source-ref is no text"},
      {R"({"source-ref": "a.png", "class": {"a": 1}})", "is no class number"},
      {R"({"source-ref": "a.png", "class": "dog"})", "the label \"dog\" is no class number"},
      {R"({"source-ref": "a.png", "class": -1})", "label -1"},
      {R"({"source-ref": "a.png", "class": 0.5})", "label 0.5"},
      {R"({"source-ref": "a.png", "class": [1, 0]})", "hyperparameters.multi_label: true"},
      {R"({"source-ref": "a.png", "class": 1, "class": 0})", "stands twice"},
      {"{\"source-ref\": \"\xC3\x28.png\", \"class\": 1}", "not JSON"},
      {R"({"source-ref": "a.png", "class": 1, "size": 1e999})", "not JSON"},
      {std::string("{\"source-ref\": \"a.png\"\0, \"class\": 1}", 37), "a zero byte"},
      {R"({"source-ref": "a.png", "class": )" + std::string(5000, '[') + std::string(5000, ']') + "}", "deeper than"},
      {R"({"source-ref": ")" + std::string(2'000'000, 'a') + "\", \"class\": 1}", "bytes; 1048576 are the most"},
  };
  for (const auto& [line, problem] : bad) {
    const auto message = error(ErrorKind::kData, cat(good, "\n", line, "\n", good, "\n"));
    test::expect_contains(message, "set.manifest:2: ");
    test::expect_contains(message, problem);
    EXPECT_LT(message.size(), 600u);
    EXPECT_NE(error(ErrorKind::kData, line).find("set.manifest:1: "), std::string::npos) << line.substr(0, 80);
  }
}

TEST_F(ManifestDataset, RefusesAnEmptyFile) {
  for (const char* text : {"", "\n\n", "\xEF\xBB\xBF"})
    test::expect_contains(error(ErrorKind::kData, text), "set.manifest holds no lines");
}

}  // namespace
}  // namespace lockstep::data
