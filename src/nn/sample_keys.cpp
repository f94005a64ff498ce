#include "sample_keys.h"

#include <numeric>
#include <vector>

#include <ATen/ops/empty.h>

#include "lockstep/core/error.h"
#include "lockstep/core/rng.h"

namespace lockstep::nn {

void SampleKeys::begin(int64_t epoch, int64_t batch, std::span<const int64_t> samples) {
  is_begun_ = true;
  draw(epoch, batch, samples);
}

const at::Tensor& SampleKeys::of(int64_t count) {
  if (!is_begun_ && !(keys_.defined() && keys_.size(0) == count)) {
    std::vector<int64_t> positions(static_cast<size_t>(count));
    std::iota(positions.begin(), positions.end(), 0);
    draw(0, 0, positions);
  }
  require(keys_.size(0) == count, ErrorKind::kBug, "this step began with ", keys_.size(0), " samples and now has ",
          count);
  return keys_;
}

void SampleKeys::draw(int64_t epoch, int64_t batch, std::span<const int64_t> samples) {
  const uint64_t step = Rng(seed_, RngUse::kDropout, static_cast<uint64_t>(epoch), static_cast<uint64_t>(batch)).next();
  const at::Tensor keys = at::empty({static_cast<int64_t>(samples.size())},
                                    at::TensorOptions().dtype(at::kLong).pinned_memory(device_.is_cuda()));
  for (size_t i = 0; i < samples.size(); ++i)
    keys.mutable_data_ptr<int64_t>()[i] =
        static_cast<int64_t>(Rng(step, RngUse::kDropout, 0, static_cast<uint64_t>(samples[i])).next() >> 32);
  if (keys_.defined() && keys_.sizes() == keys.sizes())
    keys_.copy_(keys, true);
  else
    keys_ = keys.to(device_, at::kLong, true);
}

}  // namespace lockstep::nn
