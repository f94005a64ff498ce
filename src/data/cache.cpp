#include "lockstep/data/cache.h"

#include <algorithm>
#include <cmath>

#include "lockstep/core/error.h"

namespace lockstep::data {
namespace {

/// Pixels and what keeping them costs beside.
uint64_t bytes_of(int width, int height, int channels) {
  constexpr uint64_t kAllocator = 32;
  return uint64_t{1} * static_cast<uint64_t>(width) * static_cast<uint64_t>(height) * static_cast<uint64_t>(channels) +
         sizeof(image::Image) + kAllocator;
}

}  // namespace

uint64_t parse_cache_bytes(std::string_view text) {
  constexpr std::string_view kUnits = "KMGT";
  const size_t unit = text.size() > 3 && text.ends_with("iB") ? kUnits.find(text[text.size() - 3]) : kUnits.npos;
  const auto number = unit == kUnits.npos ? std::nullopt : parse_number(text.substr(0, text.size() - 3));
  const double bytes = number ? std::ldexp(*number, 10 * (static_cast<int>(unit) + 1)) : 0;
  require(bytes >= 1 && bytes < 0x1p62, ErrorKind::kUsage, "run.cache: \"", text,
          "\" is no amount of memory; expected is a positive number and KiB, MiB, GiB or TiB, e.g. 8GiB");
  return static_cast<uint64_t>(bytes);
}

PictureCache::PictureCache(size_t pictures, uint64_t budget) : budget_(budget), pictures_(pictures) {}

PictureCache::~PictureCache() {
  for (const auto& picture : pictures_) delete picture.load();
}

const image::Image* PictureCache::find(size_t picture) const {
  return pictures_[picture].load(std::memory_order_acquire);
}

bool PictureCache::has_room(int width, int height, int channels) const {
  return bytes_ + bytes_of(width, height, channels) <= budget_;
}

void PictureCache::put(size_t picture, const image::Image& image) {
  const uint64_t size = bytes_of(image.width, image.height, image.channels);
  const auto give_back = [&] { bytes_ -= size; };
  if (find(picture)) return;
  if (bytes_ += size; bytes_ > budget_) return give_back();
  // A copy, because the vector it is made from has grown to the largest picture so far.
  auto copy = std::make_unique<const image::Image>(image);
  const image::Image* none = nullptr;
  if (!pictures_[picture].compare_exchange_strong(none, copy.get(), std::memory_order_release)) return give_back();
  static_cast<void>(copy.release());
  ++kept_;
}

int64_t pictures_that_fit(const Dataset& dataset, uint64_t budget, int channels, int64_t max_pixels) {
  const size_t size = dataset.size(), looked_at = std::min<size_t>(size, 256);
  Sample sample;
  double bytes = 0;
  for (size_t k = 0; k < looked_at; ++k) {
    try {
      dataset.read(k * size / looked_at, sample);
      const auto header = image::probe(sample.bytes, max_pixels);
      bytes += static_cast<double>(bytes_of(header.width, header.height, channels));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kData) throw;
    }
  }
  if (bytes == 0) return static_cast<int64_t>(size);
  const double fit = static_cast<double>(budget) / (bytes / static_cast<double>(looked_at));
  return static_cast<int64_t>(std::min(fit, static_cast<double>(size)));
}

}  // namespace lockstep::data
