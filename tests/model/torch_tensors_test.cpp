#include "torch_tensors.h"

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "damage.h"
#include "zip_bytes.h"

namespace lockstep::model {
namespace {

using std::string_literals::operator""s;
using test::bytes_of;
using test::expect_contains;
using test::expect_error;

// Written by tests/torch/golden.py with torch 2.11.
const std::string kFiles[] = {"tests/golden/torch_zip.pth", "tests/golden/torch_legacy.pth"};

Arrays read(const std::string& text) { return read_torch_tensors(bytes_of(text), "x.pth"); }

std::vector<float> counting(size_t n, float first = 0) {
  std::vector<float> values(n);
  std::iota(values.begin(), values.end(), first);
  return values;
}

void expect_golden(const Arrays& arrays) {
  const auto expect = [&](const std::string& name, const Shape& shape, ElementType type,
                          const std::vector<float>& values) {
    const Array* array = find_array(arrays, name);
    ASSERT_NE(array, nullptr) << name;
    EXPECT_EQ(array->shape, shape) << name;
    EXPECT_EQ(array->type, type) << name;
    EXPECT_EQ(to_floats(*array), values) << name;
  };
  EXPECT_EQ(arrays.size(), 13u);
  EXPECT_EQ(arrays[0].name, "plain") << "the order of the file";
  expect("plain", {3, 4}, ElementType::kFloat32, counting(12));
  expect("transposed", {4, 3}, ElementType::kFloat32, {0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11});
  expect("part", {3}, ElementType::kFloat32, counting(3, 4));
  expect("channels_last", {1, 2, 3, 4}, ElementType::kFloat32, counting(24));
  expect("parameter", {2}, ElementType::kFloat32, {0.5f, -0.5f});
  expect("half", {2}, ElementType::kFloat16, {1.5f, -2});
  expect("bfloat", {2}, ElementType::kBfloat16, {1.5f, -2});
  expect("double", {1}, ElementType::kFloat64, {0.25f});
  expect("empty", {0, 3}, ElementType::kFloat32, {});
  const auto bits = [&](const std::string& name, ElementType type, const std::string& expected) {
    const Array* array = find_array(arrays, name);
    ASSERT_NE(array, nullptr) << name;
    EXPECT_EQ(array->type, type) << name;
    EXPECT_EQ(test::text_of(array->data), expected) << name;
  };
  bits("long", ElementType::kInt64, "\xcb\x04\xfb\x71\x1f\x01\0\0"s);
  bits("short", ElementType::kInt16, "\xfd\xff");
  bits("byte", ElementType::kUint8, "\xc8");
  bits("flag", ElementType::kBool, "\x01\0"s);
}

TEST(TorchTensors, AreReadFromBothFormsOfTorchSave) {
  for (const std::string& file : kFiles) expect_golden(read(read_text(file)));
}

/// The entries of the golden zip archive, to be changed and packed again.
std::map<std::string, std::string> golden_entries() {
  const std::string text = read_text(kFiles[0]);
  const Zip zip(bytes_of(text), "golden");
  std::map<std::string, std::string> entries;
  for (const auto& [name, entry] : zip.entries()) entries[name] = test::text_of(zip.read(name));
  return entries;
}

TEST(TorchTensors, BytesOfABigEndianMachineAreTurned) {
  auto entries = golden_entries();
  entries["torch_zip/byteorder"] = "big";
  const size_t sizes[] = {4, 4, 4, 2, 2, 8, 8, 2, 1, 1, 4, 4};  // of the elements of storages 0, 1, ...
  for (size_t key = 0; key < std::size(sizes); ++key) {
    std::string& data = entries.at(cat("torch_zip/data/", key));
    for (size_t i = 0; i < data.size(); i += sizes[key])
      std::reverse(data.begin() + static_cast<long>(i), data.begin() + static_cast<long>(i + sizes[key]));
  }
  expect_golden(read(test::zip_bytes(entries)));
}

TEST(TorchTensors, EveryTruncationIsRefused) {
  for (const std::string& file : kFiles) {
    const std::string whole = read_text(file);
    for (size_t size = 0; size < whole.size(); ++size)
      expect_contains(expect_error(ErrorKind::kData, [&] { read(whole.substr(0, size)); }), "offset");
  }
}

TEST(TorchTensors, NoFlippedBitDoesHarm) {
  for (const std::string& file : kFiles)
    test::flip_bits(read_text(file), 3, [](const std::string& text) { read(text); });
}

/// The golden archive with another data.pkl.
std::string with_pickle(const std::string& old, const std::string& changed) {
  auto entries = golden_entries();
  std::string& pickle = entries.at("torch_zip/data.pkl");
  const size_t at = pickle.find(old);
  EXPECT_NE(at, std::string::npos);
  pickle.replace(at, old.size(), changed);
  return test::zip_bytes(entries);
}

std::string refusal_of(const std::string& text) {
  return expect_error(ErrorKind::kData, [&] { read(text); });
}

std::string pickled(const std::string& text) {
  return "X" + std::string(1, static_cast<char>(text.size())) + "\0\0\0"s + text;
}

/// {"w": a tensor of one float of storage `key`} as a pickle.
std::string dict_of_one_tensor(const std::string& key) {
  return "}(" + pickled("w") + "ctorch._utils\n_rebuild_tensor_v2\n((" + pickled("storage") + "ctorch\nFloatStorage\n" +
         pickled(key) + pickled("cpu") +
         "K\x01tQK\0K\x01\x85K\x01\x85\x89"
         "ccollections\nOrderedDict\n)RtRu"s;
}

TEST(TorchTensors, AveragedWeightsArePreferredToThoseThatWereAveraged) {
  const auto value_of = [](const std::string& first, const std::string& second) {
    const std::map<std::string, std::string> entries = {
        {"x/data.pkl", "\x80\x02}(" + pickled(first) + dict_of_one_tensor("0") + pickled(second) +
                           dict_of_one_tensor("1") + pickled("epoch") + "K\x07u."},
        {"x/data/0", "\0\0\x80\x3f"s},  // 1
        {"x/data/1", "\0\0\0\x40"s}};   // 2
    const Arrays arrays = read(test::zip_bytes(entries));
    EXPECT_EQ(arrays.size(), 1u);
    return to_floats(arrays.at(0)).at(0);
  };
  EXPECT_EQ(value_of("state_dict", "state_dict_ema"), 2);
  EXPECT_EQ(value_of("state_dict_ema", "state_dict"), 1);
  EXPECT_EQ(value_of("model", "model_ema"), 2);
  EXPECT_EQ(value_of("optimizer", "state_dict"), 2);
}

TEST(TorchTensors, OtherPythonObjectsAreRefusedByName) {
  const std::string message =
      refusal_of(with_pickle("ccollections\nOrderedDict\n", "ctorchvision.models.resnet\nResNet\n"));
  expect_contains(message, "\"torchvision.models.resnet.ResNet\"");
  expect_contains(message, "x.pth: data.pkl: offset");
}

TEST(TorchTensors, WhatDoesNotFitIntoItsStorageIsRefused) {
  // `plain`: K 0 is its offset, then its sizes (3, 4) and strides (4, 1).
  const std::string here = "K\0K\x03K\x04\x86"s;
  for (const std::string& hostile : {"K\x01K\x03K\x04\x86"s, "J\xff\xff\xff\xffK\x03K\x04\x86"s, "K\0K\x04K\x04\x86"s,
                                     "K\0\x8a\x08\0\0\0\0\0\0\0\x40K\x04\x86"s, "K\0J\xff\xff\xff\xffK\x04\x86"s})
    expect_contains(refusal_of(with_pickle(here, hostile)), "tensor \"plain\"");
}

TEST(TorchTensors, AShortStorageIsRefused) {
  auto entries = golden_entries();
  entries["torch_zip/data/0"].resize(44);
  expect_contains(refusal_of(test::zip_bytes(entries)), "has 44 bytes");
  entries.erase("torch_zip/data/0");
  expect_contains(refusal_of(test::zip_bytes(entries)), "\"torch_zip/data/0\" is absent");
}

TEST(TorchTensors, TorchScriptIsRefusedAsAProgram) {
  auto entries = golden_entries();
  entries["torch_zip/code/__torch__.py"] = "";
  expect_contains(refusal_of(test::zip_bytes(entries)), "TorchScript");
}

TEST(TorchTensors, OtherFilesAreRefused) {
  expect_contains(refusal_of(test::zip_bytes({{"a.txt", "x"}})), "no data.pkl");
  expect_contains(refusal_of("\x80\x02K\x01."s), "not written by torch.save");
  expect_contains(refusal_of("\x80\x02NN"s), "cut off");
  expect_contains(refusal_of("text"), "neither as a zip archive nor as a pickle");
  expect_contains(refusal_of(test::zip_bytes({{"x/data.pkl", "K\x01."}})), "no dict of weights");
  expect_contains(refusal_of(test::zip_bytes({{"x/data.pkl", "}."}})), "no tensors under names");
}

}  // namespace
}  // namespace lockstep::model
