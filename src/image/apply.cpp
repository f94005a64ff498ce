#include <algorithm>

#include <opencv2/imgproc.hpp>

#include "affine.h"
#include "lockstep/image/plan.h"
#include "opencv.h"

namespace lockstep::image {
namespace {

/// The steps before the crop, one picture into the other; the memory stays with the thread.
class Chain {
 public:
  Chain(const Image& start, Interpolation interpolation) : current_(&start), interpolation_(interpolation) {}

  const Image& picture() const { return *current_; }

  void resize(Size size) {
    if (size == Size{current_->width, current_->height}) return;
    resize_whole(*current_, size, interpolation_, next());
    current_ = &next();
  }

  void warp(const std::array<double, 6>& matrix, uint8_t fill) {
    next().resize(current_->width, current_->height, current_->channels);
    const cv::Mat m(2, 3, CV_64F, const_cast<double*>(matrix.data()));
    cv::Mat canvas = view(next());
    cv::warpAffine(view(*current_), canvas, m, canvas.size(), cv::INTER_LINEAR, cv::BORDER_CONSTANT,
                   cv::Scalar::all(fill));
    current_ = &next();
  }

 private:
  Image& next() const {
    thread_local Image scratch[2];
    return scratch[current_ == &scratch[0] ? 1 : 0];
  }
  const Image* current_;
  Interpolation interpolation_;
};

void shift_colour(const Plan& plan, cv::Mat& rgb) {
  cv::cvtColor(rgb, rgb, cv::COLOR_RGB2HLS);
  uint8_t* pixel = rgb.data;
  for (size_t i = 0; i < rgb.total(); ++i, pixel += 3) {
    pixel[0] = static_cast<uint8_t>(std::clamp(pixel[0] + plan.hue, 0, 180));
    pixel[1] = static_cast<uint8_t>(std::clamp(pixel[1] + plan.lightness, 0, 255));
    pixel[2] = static_cast<uint8_t>(std::clamp(pixel[2] + plan.saturation, 0, 255));
  }
  cv::cvtColor(rgb, rgb, cv::COLOR_HLS2RGB);
}

void cut(const Image& from, const Region& region, bool mirror, cv::Mat& to) {
  const cv::Mat part = view(from)(cv::Rect(region.x, region.y, region.width, region.height));
  if (mirror)
    cv::flip(part, to, 1);
  else
    part.copyTo(to);
}

void cut_and_resize(const Plan& plan, const Image& pixels, const PlanOptions& options, uint8_t* out) {
  const Size output{options.width, options.height};
  const Region all{0, 0, pixels.width, pixels.height}, window{0, 0, output.width, output.height};
  resize_window(pixels, all, {{all.width, all.height}, output, window, options.interpolation, plan.mirror}, out);
}

void resize_and_cut(const Plan& plan, const Image& pixels, const PlanOptions& options, uint8_t* out) {
  const Size source{plan.width, plan.height}, target{plan.resized_width, plan.resized_height};
  resize_window(pixels, plan.region, {source, target, plan.crop, options.interpolation, plan.mirror}, out);
}

void crop_whole(const Plan& plan, const Image& pixels, const PlanOptions& options, cv::Mat& target) {
  Chain chain(pixels, options.interpolation);
  if (plan.resized_width) chain.resize({plan.resized_width, plan.resized_height});
  if (plan.affine) chain.warp(plan.matrix, options.fill);
  if (plan.enlarged_width) {
    const Size size{chain.picture().width, chain.picture().height};
    for (const Size& step : enlarged_sizes(size, {options.width, options.height})) chain.resize(step);
  }
  cut(chain.picture(), plan.crop, plan.mirror, target);
}

}  // namespace

void apply(const Plan& plan, const Image& pixels, const PlanOptions& options, std::span<uint8_t> out) {
  keep_opencv_single_threaded();
  require(
      pixels.width == plan.region.width && pixels.height == plan.region.height && pixels.channels == options.channels,
      ErrorKind::kBug, "apply: the plan asks for ", plan.region.width, "x", plan.region.height, "x", options.channels,
      " pixels and gets ", pixels.width, "x", pixels.height, "x", pixels.channels);
  require(out.size() == size_t{1} * options.width * options.height * options.channels, ErrorKind::kBug,
          "apply: ", out.size(), " bytes for an output of ", options.width, "x", options.height, "x", options.channels);
  cv::Mat target(options.height, options.width, CV_8UC(options.channels), out.data());
  if (plan.cut_first)
    cut_and_resize(plan, pixels, options, out.data());
  else if (plan.affine || plan.enlarged_width)
    crop_whole(plan, pixels, options, target);
  else if (plan.resized_width)
    resize_and_cut(plan, pixels, options, out.data());
  else
    cut(pixels, {0, 0, pixels.width, pixels.height}, plan.mirror, target);
  if (plan.colour) shift_colour(plan, target);
}

}  // namespace lockstep::image
