#include <gtest/gtest.h>

#include "data/toy_pictures.h"
#include "support/expect_error.h"
#include "support/outside.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

using Labels = std::vector<float>;
using Names = std::vector<std::string>;

constexpr const char* kImages =
    R"("images": [{"id": 7, "file_name": "b.png"}, {"file_name": "a.png", "id": 3}, {"id": 1, "file_name": "c.png"}])";
constexpr const char* kCategories =
    R"("categories": [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}, {"id": 3, "name": "car", "supercategory": "x"}])";
constexpr const char* kAnnotations =
    R"("annotations": [{"image_id": 3, "category_id": 18}, {"image_id": 3, "category_id": 1},
       {"image_id": 7, "category_id": 3, "bbox": [1, 2.5, 3, 4], "segmentation": [[1, 2], {"id": "x", "counts": [1]}]},
       {"image_id": 3, "category_id": 18, "iscrowd": 1}])";

class CocoDataset : public testing::Test {
 protected:
  CocoDataset() {
    for (const char* name : {"a.png", "b.png", "c.png"}) toy::write_file(folder_ / name, toy::make_png(1, 0));
  }
  DatasetOptions write(const std::string& text) {
    toy::write_text(folder_ / "set.json", text);
    auto options = toy::options_for(folder_ / "set.json");
    options.multi_label = true;
    return options;
  }
  DatasetOptions write(const std::string& images, const std::string& categories, const std::string& annotations) {
    return write(cat("{", images, ", ", annotations, ",\n ", categories, "}"));
  }
  std::vector<Labels> labels(const DatasetOptions& options) {
    const auto dataset = open_dataset(options);
    names_ = dataset->class_names();
    std::vector<Labels> all(dataset->size());
    for (size_t i = 0; i < all.size(); ++i) dataset->read_labels(i, all[i]);
    return all;
  }
  std::string error(const DatasetOptions& options, ErrorKind kind = ErrorKind::kData) {
    return test::expect_error(kind, [&] { labels(options); });
  }
  test::TempFolder folder_;
  Names names_;
};

TEST_F(CocoDataset, LabelsPicturesByTheirCategoriesInTheOrderOfTheirNumbers) {
  const auto options = write(kImages, kCategories, kAnnotations);
  EXPECT_EQ(labels(options), (std::vector<Labels>{{0, 1, 0}, {1, 0, 1}, {0, 0, 0}}));
  EXPECT_EQ(names_, (Names{"person", "car", "dog"}));
  Sample sample;
  open_dataset(options)->read(0, sample);
  EXPECT_EQ(sample.name, (folder_ / "b.png").string());
}

TEST_F(CocoDataset, SelectsAndOrdersCategories) {
  auto options = write(kImages, kCategories, kAnnotations);
  options.categories = {"dog", "1"};
  EXPECT_EQ(labels(options), (std::vector<Labels>{{0, 0}, {1, 1}, {0, 0}}));
  EXPECT_EQ(names_, (Names{"dog", "person"}));
  options.drop_without_category = true;
  EXPECT_EQ(labels(options), (std::vector<Labels>{{1, 1}}));
  options.categories = {};
  options.class_names = {"car"};
  EXPECT_EQ(labels(options), (std::vector<Labels>{{1}})) << "those of the training set or the model";
  options.categories = {"persn"};
  test::expect_contains(error(options), "set.json: no class is called \"persn\"; did you mean \"person\"?");
  options.categories = {"car", "car"};
  test::expect_contains(error(options, ErrorKind::kUsage), "car is named twice");
}

TEST_F(CocoDataset, GivesOneLabelWhereEachPictureShowsOneCategory) {
  auto options = write(kImages, kCategories, kAnnotations);
  options.multi_label = false;
  test::expect_contains(error(options), "(a.png): 2 labels where one class is expected");
  options.categories = {"car"};
  options.drop_without_category = true;
  EXPECT_EQ(labels(options), (std::vector<Labels>{{0}}));
}

TEST_F(CocoDataset, FindsItsPicturesAsTheyAreUsuallyLaidOut) {
  const std::string image = R"("images": [{"id": 3, "file_name": "x.png"}])";
  const std::string text = cat("{", image, ",", kCategories, R"(, "annotations": []})");
  for (const char* layout :
       {"annotations/instances_val2017.json|val2017", "annotations/instances_val2017.json|images/val2017",
        "train-instances.json|train", "train.json|train", "train/_annotations.coco.json|train", "labels.json|images"}) {
    const auto parts = split(layout, '|');
    const test::TempFolder folder;
    toy::write_text(folder / parts[0], text);
    toy::write_file(folder / parts[1] / "x.png", toy::make_png(1, 0));
    auto options = toy::options_for(folder / parts[0]);
    options.multi_label = true;
    Sample sample;
    open_dataset(options)->read(0, sample);
    EXPECT_EQ(std::filesystem::canonical(sample.name), std::filesystem::canonical(folder / parts[1] / "x.png"));
  }
}

TEST_F(CocoDataset, NamesThePlaceOfEveryKindOfMistake) {
  const auto list = [](const char* name, const char* item) { return cat('"', name, "\": [", item, "]"); };
  const auto images = [&](const char* item) { return write(list("images", item), kCategories, kAnnotations); };
  const auto categories = [&](const char* item) { return write(kImages, list("categories", item), kAnnotations); };
  const auto annotations = [&](const char* item) { return write(kImages, kCategories, list("annotations", item)); };
  test::expect_contains(error(images(R"({"id": 1})")), "set.json: images[0]: \"file_name\" is missing");
  test::expect_contains(error(images(R"({"file_name": "a.png"})")), "images[0]: \"id\" is missing");
  test::expect_contains(error(images(R"({"id": "1", "file_name": "a.png"})")), "\"id\" is a text, not a whole number");
  test::expect_contains(error(images(R"({"id": 1, "file_name": 7})")), "\"file_name\" is a number, not a text");
  test::expect_contains(error(images(R"({"id": 1, "file_name": ["a"]})")), "\"file_name\" is a list, not a text");
  test::expect_contains(error(images(R"({"id": 1, "file_name": ""})")), "images[0]: names no file");
  test::expect_contains(error(images(R"({"id": 1, "file_name": "a\u0000.png"})")), "images[0]: names no file");
  test::expect_contains(error(images("7")), "images[0] is no object");
  test::expect_contains(error(images("[]")), "images[0] is no object");
  test::expect_contains(error(images(R"({"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"})")),
                        "images[1]: the id 1 is there already");
  test::expect_contains(error(images("")), "annotations[0]: no image has the id 3");
  test::expect_contains(error(categories(R"({"id": 18.5, "name": "x"})")), "categories[0]: \"id\" is no whole number");
  test::expect_contains(error(categories(R"({"id": 1, "name": "x"}, {"id": 1, "name": "y"})")), "the id 1");
  test::expect_contains(error(categories(R"({"id": 1, "name": "x"}, {"id": 2, "name": "x"})")), "called \"x\"");
  test::expect_contains(error(categories("")), "has no categories");
  test::expect_contains(error(annotations(R"({"image_id": 3, "category_id": 1}, {"image_id": 3, "category_id": 4})")),
                        "annotations[1]: no category has the id 4");
  test::expect_contains(error(annotations(R"({"image_id": null, "category_id": 1})")), "\"image_id\" is null");
  test::expect_contains(error(annotations(R"({"image_id": 18446744073709551615, "category_id": 1})")), "too large");
}

TEST_F(CocoDataset, NamesTheOffsetOfWhatIsNoJson) {
  test::expect_contains(error(write("")), "offset");
  test::expect_contains(error(write("{\"images\": [}")), "set.json: offset 13: not JSON");
  test::expect_contains(error(write("{\"images\": \"\xC3\x28\"}")), "not JSON");
  test::expect_contains(error(write(std::string("{\"images\"\0: []}", 15))), "offset 9: not JSON: a zero byte");
  const std::string whole = cat("{", kImages, ",", kCategories, ",", kAnnotations, "}");
  for (size_t size = 0; size < whole.size(); size += 7) error(write(whole.substr(0, size)));
  test::expect_contains(error(write("[1]")), "is a list; COCO is an object of lists");
  test::expect_contains(error(write("7")), "is no JSON object");
  test::expect_contains(error(write("{}")), "there is no list \"images\"");
  test::expect_contains(error(write(R"({"images": 7})")), "\"images\" is no list");
  test::expect_contains(error(write(R"({"images": {}})")), "\"images\" is no list");
  test::expect_contains(error(write(R"({"images": [], "images": []})")), "\"images\" stands there twice");
  test::expect_contains(error(write(R"({"info": )" + std::string(100'000, '['))), "nested deeper than 64 levels");
}

TEST_F(CocoDataset, TakesAByteOrderMark) {
  EXPECT_EQ(labels(write(cat("\xEF\xBB\xBF{", kImages, ",\r\n", kCategories, ",", kAnnotations, "}"))).size(), 3u);
}

TEST_F(CocoDataset, ReadsRealInstances) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  auto options = toy::options_for(test::data_folder() / "C2_coco/train-instances.json");
  options.multi_label = true;
  const auto all = open_dataset(options);
  EXPECT_EQ(all->label_width(), 80);
  EXPECT_EQ(all->class_names().front(), "person");
  EXPECT_EQ(survey(*all, true, 2).samples, 56);
  Sample sample;
  all->read(55, sample);
  EXPECT_GT(image::probe(sample.bytes, 10'000'000).width, 0);
  options.categories = {"person", "bicycle", "car", "motorcycle", "airplane"};
  options.drop_without_category = true;
  const auto some = open_dataset(options);
  EXPECT_LT(some->size(), 56u);
  EXPECT_EQ(survey(*some, true, 2).class_names, options.categories);
  // The table beside the JSON says the same of every picture.
  auto table = toy::options_for(test::data_folder() / "C2_coco/train-labels.csv");
  table.multi_label = true;
  table.class_names = all->class_names();
  const auto listed = open_dataset(table);
  ASSERT_EQ(listed->size(), all->size());
  const auto by_json = survey(*all, true, 2), by_table = survey(*listed, true, 2);
  EXPECT_EQ(by_json.class_counts, by_table.class_counts);
}

}  // namespace
}  // namespace lockstep::data
