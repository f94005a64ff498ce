#include "rank_watch.h"

#include <algorithm>
#include <map>

#include <ATen/core/Tensor.h>

#include "lockstep/core/error.h"
#include "lockstep/core/hash.h"

namespace lockstep::train {
namespace {

constexpr double kSlow = 4.0 / 3;  // times the median

std::string ranks_text(const std::vector<int>& ranks, const std::vector<std::string>& hosts) {
  std::vector<std::string> names;
  for (const int rank : ranks) names.push_back(cat("rank ", rank, " (", hosts[static_cast<size_t>(rank)], ")"));
  return join(names, ", ");
}

}  // namespace

RankWatch::RankWatch(comm::Communicator& communicator, int64_t every)
    : communicator_(communicator), every_(communicator.size() > 1 ? every : 0) {}

std::string RankWatch::look(int64_t step, double own_seconds, const at::Tensor& parameters) {
  own_seconds_ += own_seconds;
  ++steps_;
  if (every_ == 0 || step % every_ != 0) return "";
  const at::Tensor host = parameters.cpu();
  const Bytes bytes(static_cast<const std::byte*>(host.const_data_ptr()), host.nbytes());
  std::vector<int64_t> mine{static_cast<int64_t>(hash(bytes))};
  std::vector<double> seconds{own_seconds_ / static_cast<double>(steps_)};
  const auto ranks = static_cast<size_t>(communicator_.size());
  std::vector<int64_t> all(ranks);
  std::vector<double> all_seconds(ranks);
  communicator_.allgather(comm::buffer(mine), comm::buffer(all));
  communicator_.allgather(comm::buffer(seconds), comm::buffer(all_seconds));
  own_seconds_ = 0;
  steps_ = 0;

  const std::vector<int> different = find_different({all.begin(), all.end()});
  const std::string slow = describe_slow(all_seconds, std::vector<std::string>(ranks, ""));
  if (different.empty() && slow.empty()) return "";  // every rank sees the same figures, and so comes here or not
  const std::vector<std::string> hosts = comm::gather_texts(communicator_, communicator_.launch().host);
  require(different.empty(), ErrorKind::kComm, "the weights behind step ", step, " differ between the ranks: those of ",
          ranks_text(different, hosts),
          " are not those of the others. Memory or a device of that machine is faulty; go on from the last checkpoint "
          "without it");
  return communicator_.rank() == 0 ? describe_slow(all_seconds, hosts) : "";
}

std::vector<int> find_different(const std::vector<uint64_t>& fingerprints) {
  std::map<uint64_t, size_t> votes;
  for (const uint64_t fingerprint : fingerprints) ++votes[fingerprint];
  uint64_t right = fingerprints.front();
  for (const auto& [fingerprint, count] : votes)
    if (count > votes[right]) right = fingerprint;
  std::vector<int> different;
  for (size_t rank = 0; rank < fingerprints.size(); ++rank)
    if (fingerprints[rank] != right) different.push_back(static_cast<int>(rank));
  return different;
}

std::string describe_slow(const std::vector<double>& seconds, const std::vector<std::string>& hosts) {
  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  const double median = sorted[(sorted.size() - 1) / 2];  // the lower one: with two ranks one may be slow
  const auto slowest = std::max_element(seconds.begin(), seconds.end());
  if (median <= 0 || *slowest < kSlow * median) return "";
  const auto rank = static_cast<int>(slowest - seconds.begin());
  return cat(ranks_text({rank}, hosts), " takes ",
             format("%.0f ms a step, %.1f times", 1e3 * *slowest, *slowest / median),
             " what the others take, and all wait for it; look at what else runs on that machine");
}

}  // namespace lockstep::train
