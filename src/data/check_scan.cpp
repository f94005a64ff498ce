#include "check_scan.h"

#include <algorithm>
#include <array>

#include "in_order.h"
#include "lockstep/core/hash.h"
#include "lockstep/track/progress.h"

namespace lockstep::data {
namespace {

constexpr size_t kChunk = 64;  // samples: small enough for progress, large enough that threads seldom meet

struct Chunk {
  std::vector<SampleFacts> samples;
  std::vector<Problem> problems;
  uint64_t bytes = 0;
};

/// What a thread reads into, again and again.
struct Scratch {
  Sample sample;
  image::Image pixels;
};

/// A JPEG ends with the marker FFD9, behind which some cameras write zeros or notes of their own; a PNG with its IEND.
bool is_cut_off(Bytes picture, image::Format format) {
  const auto ends_with = [&](const auto& mark, size_t within) {
    const Bytes tail = picture.last(std::min(picture.size(), within));
    return !std::ranges::search(tail, mark).empty();
  };
  constexpr std::array kEndOfImage = {std::byte{0xFF}, std::byte{0xD9}};
  constexpr std::array kEnd = {std::byte{'I'}, std::byte{'E'}, std::byte{'N'}, std::byte{'D'}};
  constexpr size_t kNotes = 4096;
  if (format == image::Format::kJpeg) return !ends_with(kEndOfImage, kNotes);
  if (format == image::Format::kPng) return !ends_with(kEnd, kNotes);
  return false;
}

void read_picture(Bytes picture, bool decode, int64_t max_pixels, image::Image& pixels, SampleFacts& facts) {
  facts.content = hash(picture);
  const image::Header header = image::probe(picture, max_pixels);
  facts.width = header.width;
  facts.height = header.height;
  facts.format = header.format;
  facts.is_cut_off = is_cut_off(picture, header.format);
  if (decode) image::decode(picture, {}, header, {0, 0, header.width, header.height}, 3, pixels);
  facts.is_readable = true;
}

/// What is wrong with the sample, with its name; empty: nothing.
std::string read_facts(const Dataset& dataset, size_t i, bool decode, int64_t max_pixels, Scratch& scratch,
                       SampleFacts& facts) {
  try {
    dataset.read(i, scratch.sample);
  } catch (const Error& error) {  // names the sample
    scratch.sample.bytes = {};
    return error.what();
  }
  facts.labels = scratch.sample.labels;
  try {
    read_picture(scratch.sample.bytes, decode, max_pixels, scratch.pixels, facts);
  } catch (const Error& error) {
    return cat(scratch.sample.name, ": ", error.what());
  }
  return facts.is_cut_off ? scratch.sample.name + ": cut off" : "";
}

}  // namespace

Scan scan(const Dataset& dataset, const std::string& name, bool decode, int64_t max_pixels, int threads) {
  const size_t size = dataset.size(), chunks = (size + kChunk - 1) / kChunk;
  std::vector<Scratch> scratches(static_cast<size_t>(threads));
  Scan result;
  result.samples.reserve(size);
  track::Progress progress("checking " + name, static_cast<int64_t>(size));

  const auto produce = [&](size_t worker, size_t chunk, Chunk& item) {
    item = {};
    for (size_t i = chunk * kChunk; i < std::min(size, (chunk + 1) * kChunk); ++i) {
      SampleFacts& facts = item.samples.emplace_back();
      std::string problem = read_facts(dataset, i, decode, max_pixels, scratches[worker], facts);
      item.bytes += scratches[worker].sample.bytes.size();
      if (!problem.empty()) item.problems.push_back({i, std::move(problem)});
    }
  };
  const auto take = [&](size_t, Chunk& item) {
    std::ranges::move(item.samples, std::back_inserter(result.samples));
    std::ranges::move(item.problems, std::back_inserter(result.problems));
    result.bytes += item.bytes;
    progress.update(static_cast<int64_t>(result.samples.size()));
  };
  in_order<Chunk>(chunks, static_cast<size_t>(threads), produce, take);
  progress.finish();
  return result;
}

}  // namespace lockstep::data
