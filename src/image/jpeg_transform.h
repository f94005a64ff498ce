#pragma once

#include "jpeg_scan.h"

namespace lockstep::image {

/// Turns coefficients into samples as libjpeg-turbo's "islow" does: dequantisation and the inverse cosine transform
/// after Loeffler, Ligtenberg and Moschytz with 13-bit constants, each in the widths of libjpeg-turbo's vector code, so
/// that even impossible coefficients give its samples. `pairs` pairs become a strip of 8 rows, 16 samples each a pair,
/// rows `stride` bytes apart; the coefficients become 0, ready for the next picture. `quantizer` is row by row.
void transform_blocks(BlockPair* pairs, size_t count, const std::array<int16_t, 64>& quantizer, uint8_t* out,
                      ptrdiff_t stride);

/// The same without vector instructions, for processors that lack AVX2 and for tests.
void transform_blocks_plainly(BlockPair* pairs, size_t count, const std::array<int16_t, 64>& quantizer, uint8_t* out,
                              ptrdiff_t stride);

}  // namespace lockstep::image
