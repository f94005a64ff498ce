#include "libjpeg.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>  // jpeglib.h wants FILE
#include <cstring>

#include <jpeglib.h>

namespace lockstep::image {
namespace {

// A hostile progressive file repeats scans without end; real ones have about ten.
constexpr int kMaxScans = 500;

/// OpenCV's conversion: ink is inverted, as Adobe writes it (255 is none), and the product is divided by 256.
uint8_t light(int ink, int black) { return static_cast<uint8_t>(black - ((255 - ink) * black >> 8)); }

void convert_cmyk(const uint8_t* from, int count, int channels, uint8_t* to) {
  for (int i = 0; i < count; ++i, from += 4, to += channels) {
    const uint8_t red = light(from[0], from[3]), green = light(from[1], from[3]), blue = light(from[2], from[3]);
    if (channels == 1) {
      to[0] = static_cast<uint8_t>((4899 * red + 9617 * green + 1868 * blue + 8192) >> 14);  // .299, .587, .114
      continue;
    }
    to[0] = red;
    to[1] = green;
    to[2] = blue;
    if (channels == 4) to[3] = 255;
  }
}

/// libjpeg's decompression object, opened once and used for one picture after the other.
class JpegDecoder {
 public:
  JpegDecoder() {
    info_.err = jpeg_std_error(&errors_);
    errors_.error_exit = [](j_common_ptr info) { self(info).leave(); };
    errors_.output_message = [](j_common_ptr) {};
    jpeg_create_decompress(&info_);
    progress_.progress_monitor = [](j_common_ptr info) { self(info).check_scans(); };
    info_.client_data = this;
    info_.progress = &progress_;
  }
  ~JpegDecoder() { jpeg_destroy_decompress(&info_); }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  void decode(Bytes bytes, int width, int height, int shrink, const Region& region, int channels, Image& out) {
    const Closing closing{info_};
    guarded([&] { read_header(bytes); });
    require(
        info_.image_width == static_cast<JDIMENSION>(width) && info_.image_height == static_cast<JDIMENSION>(height),
        ErrorKind::kData, "JPEG has two frame headers: ", width, "x", height, " and ", info_.image_width, "x",
        info_.image_height);
    out.resize(region.width, region.height, channels);
    guarded([&] { start(channels, shrink); });
    line_.resize(size_t{1} * info_.output_width * info_.output_components);
    guarded([&] { read_region(region, out); });
  }

 private:
  struct Closing {
    jpeg_decompress_struct& info;
    ~Closing() { jpeg_abort_decompress(&info); }
  };

  static JpegDecoder& self(j_common_ptr info) { return *static_cast<JpegDecoder*>(info->client_data); }

  /// Runs steps that call libjpeg, whose errors jump back here over C frames: the steps own nothing that has a
  /// destructor.
  template <class Steps>
  void guarded(const Steps& steps) {
    if (setjmp(jump_) != 0) fail(ErrorKind::kData, "JPEG cannot be decoded: ", message_);
    steps();
  }

  [[noreturn]] void leave() {
    errors_.format_message(reinterpret_cast<j_common_ptr>(&info_), message_);
    std::longjmp(jump_, 1);
  }

  void check_scans() {
    if (info_.input_scan_number <= kMaxScans) return;
    std::snprintf(message_, sizeof message_, "it has more than %d scans", kMaxScans);
    std::longjmp(jump_, 1);
  }

  void read_header(Bytes bytes) {
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_read_header(&info_, TRUE);
  }

  void start(int channels, int shrink) {
    const J_COLOR_SPACE wanted = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_EXT_RGB : JCS_EXT_RGBA;
    info_.out_color_space = info_.num_components == 4 ? JCS_CMYK : wanted;
    info_.dct_method = JDCT_ISLOW;
    info_.do_fancy_upsampling = TRUE;
    info_.scale_num = static_cast<unsigned>(8 / shrink);
    info_.scale_denom = 8;
    jpeg_start_decompress(&info_);
  }

  /// Fancy upsampling treats the rim of what is decoded as the rim of the picture: two samples of every component more
  /// keep the region's own pixels as they are in a full decode.
  void read_region(const Region& region, Image& out) {
    JDIMENSION left = 0;
    if (can_crop()) {
      const int margin = 2 * info_.max_h_samp_factor;
      left = std::max(0, region.x - margin);
      const JDIMENSION right = std::min(region.x + region.width + margin, static_cast<int>(info_.output_width));
      JDIMENSION width = right - left;
      if (width < info_.output_width) jpeg_crop_scanline(&info_, &left, &width);
      jpeg_skip_scanlines(&info_, region.y);
    } else {
      for (int y = 0; y < region.y; ++y) read_line();
    }
    const size_t skipped = (region.x - left) * size_t{1} * info_.output_components;
    const size_t row_bytes = size_t{1} * region.width * out.channels;
    for (int y = 0; y < region.height; ++y) {
      read_line();
      uint8_t* to = out.pixels.data() + y * row_bytes;
      if (info_.out_color_space == JCS_CMYK)
        convert_cmyk(line_.data() + skipped, region.width, out.channels, to);
      else
        std::memcpy(to, line_.data() + skipped, row_bytes);
    }
  }

  void read_line() {
    JSAMPROW line = line_.data();
    jpeg_read_scanlines(&info_, &line, 1);
  }

  /// An unfinished progressive picture is smoothed over block borders, two blocks wide: its parts depend on their
  /// surroundings.
  bool can_crop() const {
    if (!info_.coef_bits) return true;
    for (int component = 0; component < info_.num_components; ++component)
      for (int bits : info_.coef_bits[component])
        if (bits != 0) return false;
    return true;
  }

  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_;
  char message_[JMSG_LENGTH_MAX] = {};
  std::vector<uint8_t> line_;
};

}  // namespace

void decode_by_libjpeg(Bytes bytes, int width, int height, int shrink, const Region& region, int channels, Image& out) {
  thread_local JpegDecoder decoder;
  decoder.decode(bytes, width, height, shrink, region, channels, out);
}

}  // namespace lockstep::image
