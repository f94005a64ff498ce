#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "lockstep/data/dataset.h"
#include "lockstep/image/image.h"

namespace lockstep::data {

/// "8GiB", "512MiB", "1.5TiB": a positive number and KiB, MiB, GiB or TiB, nothing else. Usage Error naming run.cache.
uint64_t parse_cache_bytes(std::string_view text);

/// Decoded whole pictures, kept from the first time on that they are seen until the memory is used up; nothing is
/// thrown out, because every epoch wants every picture once and a picture less now is a picture less later. Pictures
/// are numbered 0..pictures-1; several datasets may share one cache by taking numbers behind each other. Any thread.
class PictureCache {
 public:
  /// Nothing is allocated for pictures yet.
  PictureCache(size_t pictures, uint64_t budget);
  ~PictureCache();
  PictureCache(const PictureCache&) = delete;
  PictureCache& operator=(const PictureCache&) = delete;

  /// Null where it is not kept. Never changes and lives as long as the cache.
  const image::Image* find(size_t picture) const;
  /// Whether a picture of that size would be kept now.
  bool has_room(int width, int height, int channels) const;
  /// Keeps a copy where there is room and none is kept yet.
  void put(size_t picture, const image::Image& image);

  uint64_t budget() const { return budget_; }
  uint64_t bytes() const { return bytes_; }  ///< taken for pictures: at most the budget, but for a moment in put()
  int64_t kept() const { return kept_; }     ///< pictures

 private:
  const uint64_t budget_;
  std::atomic<uint64_t> bytes_{0};
  std::atomic<int64_t> kept_{0};
  std::vector<std::atomic<const image::Image*>> pictures_;
};

/// How many of the dataset's pictures, from the first on, fit into `budget`: by the headers of 256 of them, spread
/// evenly; unreadable ones count as nothing.
int64_t pictures_that_fit(const Dataset& dataset, uint64_t budget, int channels, int64_t max_pixels);

}  // namespace lockstep::data
