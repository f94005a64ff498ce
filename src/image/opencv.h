#pragma once

#include <opencv2/core.hpp>

#include "lockstep/image/image.h"

namespace lockstep::image {

/// OpenCV must not start threads of its own below our worker threads. Called before its first use of each kind; costs
/// nothing after the first time.
inline void keep_opencv_single_threaded() { [[maybe_unused]] static const bool once = (cv::setNumThreads(0), true); }

/// The picture's own memory as OpenCV sees it.
inline cv::Mat view(Image& image) { return {image.height, image.width, CV_8UC(image.channels), image.pixels.data()}; }
/// OpenCV has no read-only matrix: give it to nothing that writes.
inline cv::Mat view(const Image& image) { return view(const_cast<Image&>(image)); }

}  // namespace lockstep::image
