#include "update_kernel.h"

#include <algorithm>

#include "lockstep/core/error.h"

namespace lockstep::optim {
namespace {

constexpr int kChunk = kUpdateThreads * 16;  // elements: four times four for each thread

constexpr char kPrelude[] = R"(
#define LOCKSTEP_EVERYWHERE static __device__ __forceinline__
)";

constexpr char kFrame[] = R"(
// bfloat16 is the upper half of a float; NaN keeps a bit that the lower half cannot carry into infinity.
LOCKSTEP_EVERYWHERE unsigned short to_bfloat16(float value) {
  const unsigned bits = __float_as_uint(value);
  const unsigned even = bits + 0x7fffu + ((bits >> 16) & 1u);
  return (unsigned short)((value != value ? 0x7fc00000u : even) >> 16);
}

// Normal: the exponent's bias changes from 127 to 15, and 13 bits are rounded off, which may carry up to infinity.
// Subnormal: a sum with 0.5 has the last bit of float16's subnormals as its own, so that the addition rounds.
LOCKSTEP_EVERYWHERE unsigned short to_float16(float value) {
  const unsigned bits = __float_as_uint(value), sign = (bits >> 16) & 0x8000u, size = bits & 0x7fffffffu;
  unsigned half;
  if (size > 0x7f800000u)
    half = 0x7e00u;
  else if (size >= 0x47800000u)
    half = 0x7c00u;
  else if (size < 0x38800000u)
    half = __float_as_uint(__uint_as_float(size) + 0.5f) - 0x3f000000u;
  else
    half = (size - 0x38000000u + 0xfffu + ((size >> 13) & 1u)) >> 13;
  return (unsigned short)(sign | half);
}

LOCKSTEP_EVERYWHERE unsigned short rounded(float value, int type) {
  return type == kBfloat16Copy ? to_bfloat16(value) : to_float16(value);
}

LOCKSTEP_EVERYWHERE void update_one(const UpdateBuffers& b, long long i, const Rates& r, const Constants& c) {
  float w = b.w[i], m = b.m ? b.m[i] : 0.0f, v = b.v ? b.v[i] : 0.0f;
  update(w, decayed(b.g[i], w, r), m, v, r.rate, c);
  b.w[i] = w;
  if (b.m) b.m[i] = m;
  if (b.v) b.v[i] = v;
  if (b.copy_type != kNoCopy) b.copy[i] = rounded(w, b.copy_type);
}

LOCKSTEP_EVERYWHERE float4 load(const float* from, long long i) {
  return from ? *(const float4*)(from + i) : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
}

LOCKSTEP_EVERYWHERE void store(float* to, long long i, const float4& values) {
  if (to) *(float4*)(to + i) = values;
}

LOCKSTEP_EVERYWHERE void update_four(const UpdateBuffers& b, long long i, const Rates& r, const Constants& c) {
  const float4 g = load(b.g, i);
  float4 w = load(b.w, i), m = load(b.m, i), v = load(b.v, i);
  update(w.x, decayed(g.x, w.x, r), m.x, v.x, r.rate, c);
  update(w.y, decayed(g.y, w.y, r), m.y, v.y, r.rate, c);
  update(w.z, decayed(g.z, w.z, r), m.z, v.z, r.rate, c);
  update(w.w, decayed(g.w, w.w, r), m.w, v.w, r.rate, c);
  store(b.w, i, w);
  store(b.m, i, m);
  store(b.v, i, v);
  if (b.copy_type != kNoCopy)
    *(ushort4*)(b.copy + i) = make_ushort4(rounded(w.x, b.copy_type), rounded(w.y, b.copy_type),
                                           rounded(w.z, b.copy_type), rounded(w.w, b.copy_type));
}

extern "C" __global__ void lockstep_update(const UpdateBuffers b, const Constants c) {
  if (!(b.control[kApply] > 0.0f)) return;
  const Chunk chunk = b.chunks[blockIdx.x];
  const long long t = *b.applied + 1, end = chunk.begin + chunk.count;
  Rates r;
  r.rate = update_rate(b.control[kLearningRate] * chunk.rate_factor, (float)t, c);
  r.decay = chunk.decay;
  r.rescale = b.control[kRescale];
  // Four neighbours are one load where they lie at a multiple of four and all belong to the chunk.
  const long long fours = chunk.begin - chunk.begin % 4;
  for (long long i = fours + 4 * threadIdx.x; i < end; i += 4 * blockDim.x) {
    if (i >= chunk.begin && i + 4 <= end) {
      update_four(b, i, r, c);
    } else {
      for (long long one = i; one < i + 4; ++one)
        if (one >= chunk.begin && one < end) update_one(b, one, r, c);
    }
  }
  // All threads have read t; the last block of all counts the update.
  __syncthreads();
  if (threadIdx.x == 0 && atomicAdd(b.finished, 1u) == gridDim.x - 1) {
    *b.finished = 0;
    *b.applied = t;
  }
}
)";

void require_aligned(const void* address, uintptr_t bytes, const char* what) {
  require(reinterpret_cast<uintptr_t>(address) % bytes == 0, ErrorKind::kBug, "the ", what,
          " of an update do not begin at a multiple of ", bytes, " bytes");
}

CopyType copy_type(const at::Tensor& working_copy) {
  if (!working_copy.defined()) return kNoCopy;
  if (working_copy.scalar_type() == at::kBFloat16) return kBfloat16Copy;
  require(working_copy.scalar_type() == at::kHalf, ErrorKind::kBug,
          "a working copy of another type than 16-bit floats");
  return kFloat16Copy;
}

}  // namespace

std::string update_kernel_text(const Formula& formula) {
  return cat(
      kPrelude, "enum { kLearningRate = ", static_cast<int>(kLearningRate), ", kRescale = ", static_cast<int>(kRescale),
      ", kApply = ", static_cast<int>(kApply), " };\n", kFormulaText, "\n", kUpdateText,
      "\nLOCKSTEP_EVERYWHERE float update_rate(float rate, float t, const Constants& c) ", formula.rate,
      "\nLOCKSTEP_EVERYWHERE void update(float& w, float g, float& m, float& v, float rate, const Constants& c) ",
      formula.update, kFrame);
}

std::vector<Chunk> divide(const std::vector<Piece>& pieces, double weight_decay) {
  std::vector<Chunk> chunks;
  for (const Piece& piece : pieces)
    for (int64_t begin = piece.begin; begin < piece.end;) {
      // All but the first begin at a multiple of a chunk, whatever the piece begins at.
      const int64_t end = std::min(piece.end, (begin / kChunk + 1) * kChunk);
      chunks.push_back({.begin = begin,
                        .count = static_cast<int>(end - begin),
                        .rate_factor = static_cast<float>(piece.rate_factor),
                        .decay = piece.decays ? static_cast<float>(weight_decay) : 0.0f});
      begin = end;
    }
  if (chunks.empty()) chunks.push_back({});
  return chunks;
}

UpdateBuffers update_buffers(const at::Tensor& parameters, const at::Tensor& gradients, const at::Tensor& control,
                             const std::vector<at::Tensor>& moments, const at::Tensor& applied,
                             const at::Tensor& working_copy) {
  const auto moment = [&](size_t k) { return k < moments.size() ? moments[k].mutable_data_ptr<float>() : nullptr; };
  UpdateBuffers buffers{.w = parameters.mutable_data_ptr<float>(),
                        .g = gradients.const_data_ptr<float>(),
                        .m = moment(0),
                        .v = moment(1),
                        .copy = nullptr,
                        .copy_type = copy_type(working_copy),
                        .control = control.const_data_ptr<float>(),
                        .applied = reinterpret_cast<long long*>(applied.mutable_data_ptr<int64_t>()),
                        .finished = nullptr,
                        .chunks = nullptr};
  if (working_copy.defined()) buffers.copy = static_cast<unsigned short*>(working_copy.mutable_data_ptr());
  require_aligned(buffers.w, 16, "parameters");
  require_aligned(buffers.g, 16, "gradients");
  require_aligned(buffers.m, 16, "moments");
  require_aligned(buffers.v, 16, "moments");
  require_aligned(buffers.copy, 8, "16-bit copies");
  return buffers;
}

}  // namespace lockstep::optim
