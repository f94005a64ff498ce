#pragma once

#include <cstdint>

namespace lockstep::image {

/// Rows of samples that become pixels, in libjpeg's arithmetic. Inputs may be read up to 32 samples past their end.

/// YCbCr to RGB. `channels` 3 or 4 (opaque).
void convert_ycc(const uint8_t* y, const uint8_t* cb, const uint8_t* cr, int count, int channels, uint8_t* out);
void convert_ycc_plainly(const uint8_t* y, const uint8_t* cb, const uint8_t* cr, int count, int channels, uint8_t* out);

/// `channels` 1, 3 or 4.
void convert_grey(const uint8_t* y, int count, int channels, uint8_t* out);

/// "Fancy" upsampling of a row, with weights 3/4 for the sample of the place itself and 1/4 for its neighbour. Twice as
/// wide: `count` samples, of which [-1] and [count] are read too, become 2 * count. Twice as high: `near` is the row of
/// the place, `far` the one above or below, `is_lower` for an output row of which `far` is below.
void widen(const uint8_t* near, int count, uint8_t* out);
void heighten(const uint8_t* near, const uint8_t* far, bool is_lower, int count, uint8_t* out);
/// Both. `sums` has room for count + 2 numbers.
void widen_and_heighten(const uint8_t* near, const uint8_t* far, int count, uint16_t* sums, uint8_t* out);

}  // namespace lockstep::image
