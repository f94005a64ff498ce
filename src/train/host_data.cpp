#include "host_data.h"

#include <algorithm>

#include "lockstep/core/error.h"
#include "lockstep/core/hash.h"
#include "lockstep/data/sharded.h"

namespace lockstep::train {
namespace {

/// The hosts of a run in the order of their first ranks.
struct Hosts {
  std::vector<int> of_rank;
  std::vector<int> first_rank, ranks;  ///< of each host
};

Hosts find_hosts(comm::Communicator& communicator) {
  std::vector<std::string> names;
  Hosts hosts;
  for (const std::string& name : comm::gather_texts(communicator, communicator.launch().host)) {
    const auto found = std::find(names.begin(), names.end(), name);
    const auto host = static_cast<size_t>(found - names.begin());
    if (found == names.end()) {
      names.push_back(name);
      hosts.first_rank.push_back(static_cast<int>(hosts.of_rank.size()));
      hosts.ranks.push_back(0);
    }
    ++hosts.ranks[host];
    hosts.of_rank.push_back(static_cast<int>(host));
  }
  return hosts;
}

/// Whether all hosts see the same data; all ranks of one host must.
bool all_see_the_same(const data::Dataset& dataset, const Hosts& hosts, const std::string& role,
                      comm::Communicator& communicator) {
  const auto prints = comm::gather_texts(communicator, hash_text(data::fingerprint(dataset)));
  for (size_t rank = 0; rank < prints.size(); ++rank) {
    const int first = hosts.first_rank[static_cast<size_t>(hosts.of_rank[rank])];
    require(prints[rank] == prints[static_cast<size_t>(first)], ErrorKind::kData, "channels.", role, ": rank ", rank,
            " sees other data than rank ", first, " on the same host");
  }
  return std::all_of(prints.begin(), prints.end(), [&](const std::string& print) { return print == prints[0]; });
}

}  // namespace

HostData open_host_data(data::DatasetOptions options, int threads, int64_t skip_bad, comm::Communicator& communicator) {
  HostData data;
  data.dataset = data::open_dataset(options);
  const bool sharded = options.channel.distribution == "ShardedByS3Key" && communicator.launch().hosts() > 1;
  if (!sharded) {
    data.facts = data::survey(*data.dataset, options.multi_label, threads, skip_bad);
    return data;
  }
  const Hosts hosts = find_hosts(communicator);
  const int host = hosts.of_rank[static_cast<size_t>(communicator.rank())];
  if (all_see_the_same(*data.dataset, hosts, options.role, communicator)) {
    options.channel = data::channel_of_host(options.channel, host, static_cast<int>(hosts.ranks.size()));
    data.dataset = data::open_dataset(options);
  }
  const auto texts = comm::gather_texts(
      communicator, data::facts_text(data::survey(*data.dataset, options.multi_label, threads, skip_bad)));
  std::vector<DatasetFacts> facts;
  for (const int rank : hosts.first_rank) facts.push_back(data::parse_facts(texts[static_cast<size_t>(rank)]));
  data.facts = data::merge_facts(facts);
  for (const DatasetFacts& each : facts) data.shards.samples.push_back(each.samples);
  data.shards.ranks = hosts.ranks;
  data.shards.place = {
      .host = host, .local_rank = communicator.launch().local_rank, .local_size = communicator.launch().local_size};
  size_t first = 0;
  for (int before = 0; before < host; ++before)
    first += static_cast<size_t>(facts[static_cast<size_t>(before)].samples);
  data.dataset = data::place_shard(std::move(data.dataset), first, static_cast<size_t>(data.facts.samples));
  return data;
}

}  // namespace lockstep::train
