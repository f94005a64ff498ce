#include "lockstep/core/text.h"
#include "lockstep/data/loader.h"

namespace lockstep::data {

LoaderTimes LoaderTimes::operator-(const LoaderTimes& earlier) const {
  return {.samples = samples - earlier.samples,
          .read = read - earlier.read,
          .plan = plan - earlier.plan,
          .decode = decode - earlier.decode,
          .apply = apply - earlier.apply,
          .transfer = transfer - earlier.transfer,
          .waited = waited - earlier.waited,
          .elapsed = elapsed - earlier.elapsed};
}

Bound bound_of(const LoaderTimes& times) {
  if (times.transfer > 0 && times.transfer >= 0.9 * times.elapsed) return Bound::kTransfer;
  if (times.waited <= 0.05 * times.elapsed) return Bound::kCompute;
  return times.read > times.busy() - times.read ? Bound::kStorage : Bound::kDecode;
}

const char* bound_name(Bound bound) {
  switch (bound) {
    case Bound::kCompute:
      return "compute";
    case Bound::kStorage:
      return "storage";
    case Bound::kDecode:
      return "decode";
    case Bound::kTransfer:
      break;
  }
  return "transfer";
}

std::string bound_text(const LoaderTimes& times) {
  const double waited = times.elapsed > 0 ? 100 * times.waited / times.elapsed : 0;
  const double reading = times.busy() > 0 ? 100 * times.read / times.busy() : 0;
  switch (bound_of(times)) {
    case Bound::kCompute:
      return format("input: the network is the bound, it waited %.1f %% of the time for data", waited);
    case Bound::kStorage:
      return format(
          "input: storage is the bound: the network waited %.0f %% of the time for data, and the threads of "
          "the loader spent %.0f %% of theirs waiting for bytes; put the data on a faster disk or into memory",
          waited, reading);
    case Bound::kTransfer:
      return format(
          "input: the transfer to the GPU is the bound: batches were on their way for %.0f %% of the time; smaller "
          "pictures, or fewer ranks that share the GPU's bus, help",
          times.elapsed > 0 ? 100 * times.transfer / times.elapsed : 0);
    case Bound::kDecode:
      break;
  }
  return format(
      "input: decoding is the bound: the network waited %.0f %% of the time for data; more cores, a seek index "
      "(lockstep index), run.cache or smaller pictures help",
      waited);
}

}  // namespace lockstep::data
