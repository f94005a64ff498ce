// What one picture's way from decoded pixels into the batch costs, beside OpenCV's:  input_resize_bench [ROUNDS]
// Crops as random_resized_crop draws them from 500x375 pixels and larger ones, to 224x224 RGB, every second mirrored.
// One thread, microseconds a picture, medians of interleaved rounds.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include <opencv2/imgproc.hpp>

#include "lockstep/image/plan.h"

namespace {

using namespace lockstep;

constexpr int kSide = 224, kCrops = 60, kRepeats = 3;

struct Crop {
  image::Plan plan;
  image::Image pixels;
};

std::vector<Crop> draw_crops(int width, int height, const image::PlanOptions& options) {
  std::vector<Crop> crops(kCrops);
  for (size_t i = 0; i < crops.size(); ++i) {
    auto& [plan, pixels] = crops[i];
    plan = image::plan({image::Format::kPng, width, height, 1}, Rng(1, RngUse::kAugment, 0, i), options);
    pixels.resize(plan.region.width, plan.region.height, 3);
    Rng rng(2, RngUse::kTest, 0, i);
    for (uint8_t& value : pixels.pixels) value = static_cast<uint8_t>(rng.next());
  }
  return crops;
}

void resize_by_opencv(const Crop& crop, std::vector<uint8_t>& out) {
  const cv::Mat in(crop.pixels.height, crop.pixels.width, CV_8UC3, const_cast<uint8_t*>(crop.pixels.pixels.data()));
  cv::Mat target(kSide, kSide, CV_8UC3, out.data());
  if (!crop.plan.mirror) return cv::resize(in, target, target.size(), 0, 0, cv::INTER_LINEAR);
  thread_local cv::Mat resized;
  cv::resize(in, resized, target.size(), 0, 0, cv::INTER_LINEAR);
  cv::flip(resized, target, 1);
}

/// The pixels are in the processor's cache, as they are after decoding.
double microseconds(const std::vector<Crop>& crops, const std::function<void(const Crop&)>& work) {
  std::chrono::duration<double, std::micro> time{};
  for (const Crop& crop : crops) {
    work(crop);
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kRepeats; ++i) work(crop);
    time += std::chrono::steady_clock::now() - start;
  }
  return time.count() / static_cast<double>(crops.size() * kRepeats);
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

void measure(int width, int height, int rounds) {
  image::PlanOptions bilinear, antialias;
  bilinear.augmentation = antialias.augmentation = image::Augmentation::kRandomResizedCrop;
  antialias.interpolation = image::Interpolation::kAntialias;
  const auto crops = draw_crops(width, height, bilinear);
  std::vector<uint8_t> out(size_t{kSide} * kSide * 3);
  std::vector<double> opencv, ours, smooth;
  for (int round = -1; round < rounds; ++round) {  // the first warms up
    const double times[] = {
        microseconds(crops, [&](const Crop& crop) { resize_by_opencv(crop, out); }),
        microseconds(crops, [&](const Crop& crop) { image::apply(crop.plan, crop.pixels, bilinear, out); }),
        microseconds(crops, [&](const Crop& crop) { image::apply(crop.plan, crop.pixels, antialias, out); })};
    if (round < 0) continue;
    opencv.push_back(times[0]);
    ours.push_back(times[1]);
    smooth.push_back(times[2]);
  }
  std::printf("| %dx%d | %.0f | %.0f | %.2f | %.0f |\n", width, height, median(opencv), median(ours),
              median(opencv) / median(ours), median(smooth));
}

}  // namespace

int main(int count, char** arguments) {
  cv::setNumThreads(0);
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 15;
  std::puts("| picture | cv::resize + flip | bilinear | ratio | antialias |\n|---|---|---|---|---|");
  for (const auto& [width, height] : {std::pair{500, 375}, {1000, 750}, {2000, 1500}}) measure(width, height, rounds);
}
