#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lockstep/core/file.h"
#include "lockstep/data/dataset.h"
#include "lockstep/image/image.h"
#include "lockstep/record/image_record.h"
#include "lockstep/record/list.h"
#include "lockstep/record/writer.h"

// Pictures that are made here, and the same ones written in every format of datasets.def.
namespace lockstep::data::toy {

inline constexpr int kSide = 8;
inline const std::vector<std::string> kClasses = {"ape", "bee", "cat"};

struct Picture {
  std::vector<std::byte> bytes;  ///< PNG, so that decoding gives the colour back
  float label = 0;
  std::string file;  ///< "bee/4.png"
};

/// One colour, which tells the picture's number: red = number, green = label * 50.
inline std::vector<std::byte> make_png(int number, int label, int side = kSide) {
  image::Image picture;
  picture.resize(side, side, 3);
  for (size_t i = 0; i < picture.pixels.size(); i += 3) {
    picture.pixels[i] = static_cast<uint8_t>(number);
    picture.pixels[i + 1] = static_cast<uint8_t>(label * 50);
    picture.pixels[i + 2] = 7;
  }
  std::vector<std::byte> bytes;
  image::encode(picture, image::Format::kPng, 1, bytes);
  return bytes;
}

/// In the order of a folder: by class, then by file name.
inline std::vector<Picture> make_pictures(int count) {
  std::vector<Picture> pictures;
  for (int i = 0; i < count; ++i) {
    const int label = i * static_cast<int>(kClasses.size()) / count;
    pictures.push_back(
        {make_png(i, label), static_cast<float>(label), kClasses[static_cast<size_t>(label)] + format("/%03d.png", i)});
  }
  return pictures;
}

inline void write_file(const Path& path, Bytes bytes) {
  std::filesystem::create_directories(path.parent_path());
  FileWriter writer(path);
  writer.write(bytes);
  writer.finish();
}
inline void write_text(const Path& path, const std::string& text) { write_file(path, std::as_bytes(std::span(text))); }

inline DatasetOptions options_for(const Path& path) {
  DatasetOptions options;
  options.channel.paths = {path.string()};
  return options;
}

inline DatasetOptions write_records(const Path& folder, const std::vector<Picture>& pictures) {
  std::filesystem::create_directories(folder);
  record::Writer writer(folder / "toy.rec", folder / "toy.idx");
  std::vector<std::byte> payload;
  for (size_t i = 0; i < pictures.size(); ++i) {
    record::pack(1000 + i, std::span(&pictures[i].label, 1), false, pictures[i].bytes, payload);
    writer.write(1000 + i, payload);
  }
  writer.finish();
  write_text(folder / "toy.classes", join(kClasses, "\n") + "\n");
  return options_for(folder / "toy.rec");
}

inline DatasetOptions write_folder(const Path& folder, const std::vector<Picture>& pictures) {
  for (const auto& picture : pictures) write_file(folder / picture.file, picture.bytes);
  return options_for(folder);
}

inline DatasetOptions write_list(const Path& folder, const std::vector<Picture>& pictures) {
  write_folder(folder, pictures);
  std::vector<record::ListEntry> entries;
  for (size_t i = 0; i < pictures.size(); ++i) entries.push_back({1000 + i, {pictures[i].label}, pictures[i].file});
  record::write_list(folder / "toy.lst", entries);
  write_text(folder / "toy.classes", join(kClasses, "\n") + "\n");
  return options_for(folder / "toy.lst");
}

inline DatasetOptions write_manifest(const Path& folder, const std::vector<Picture>& pictures) {
  write_folder(folder, pictures);
  std::string lines;
  for (const auto& picture : pictures)
    lines += cat(R"({"source-ref": ")", picture.file, R"(", "class": ")", picture.label,
                 R"(", "class-metadata": {"class-name": ")", kClasses[static_cast<size_t>(picture.label)],
                 R"(", "type": "groundtruth/image-classification"}})", "\n");
  write_text(folder / "toy.manifest", lines);
  return options_for(folder / "toy.manifest");
}

inline DatasetOptions write_csv(const Path& folder, const std::vector<Picture>& pictures) {
  write_folder(folder, pictures);
  std::string lines = "file,class\n";
  for (const auto& picture : pictures)
    lines += cat(picture.file, ",", kClasses[static_cast<size_t>(picture.label)], "\n");
  write_text(folder / "toy.csv", lines);
  return options_for(folder / "toy.csv");
}

inline DatasetOptions write_coco(const Path& folder, const std::vector<Picture>& pictures) {
  write_folder(folder, pictures);
  std::vector<std::string> images, annotations, categories;
  for (size_t i = 0; i < pictures.size(); ++i) {
    images.push_back(cat(R"({"id": )", 100 + i, R"(, "file_name": ")", pictures[i].file, "\"}"));
    annotations.push_back(cat(R"({"id": )", i, R"(, "bbox": [1, 2, 3.5, 4], "image_id": )", 100 + i,
                              R"(, "category_id": )", 10 + pictures[i].label, "}"));
  }
  for (size_t c = 0; c < kClasses.size(); ++c)
    categories.push_back(cat(R"({"id": )", 10 + c, R"(, "name": ")", kClasses[c], "\"}"));
  write_text(folder / "toy.json",
             cat(R"({"info": {"year": 2017}, "annotations": [)", join(annotations, ", "), R"(], "images": [)",
                 join(images, ", "), R"(], "categories": [)", join(categories, ", "), "]}"));
  return options_for(folder / "toy.json");
}

using Write = std::function<DatasetOptions(const Path& folder, const std::vector<Picture>& pictures)>;
/// How to write a row of datasets.def; a new row needs a line here.
inline const std::map<std::string, Write>& writers() {
  static const std::map<std::string, Write> all = {{"records", write_records},   {"list", write_list},
                                                   {"manifest", write_manifest}, {"csv", write_csv},
                                                   {"coco", write_coco},         {"folder", write_folder}};
  return all;
}

}  // namespace lockstep::data::toy
