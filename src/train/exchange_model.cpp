#include "exchange_model.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "lockstep/core/error.h"

namespace lockstep::train {
namespace {

constexpr double kMicrosecond = 1e-6;

/// NCCL sends a payload by one of three protocols: short ones save latency, Simple saves bandwidth.
struct Protocol {
  double tree_base, tree_link, tree_network;
  double ring_base, ring_link, ring_network;  // microseconds
  double ring_share, tree_share;              // of the bandwidth
};

std::array<Protocol, 3> protocols(const ExchangeConstants& c) {
  return {{{c.tree_base_ll, c.tree_link_ll, c.tree_network_ll, c.ring_base_ll, c.ring_link_ll, c.ring_network_ll,
            c.share_ll, c.share_ll},
           {c.tree_base_ll128, c.tree_link_ll128, c.tree_network_ll128, c.ring_base_ll128, c.ring_link_ll128,
            c.ring_network_ll128, c.share_ll128, c.share_tree},
           {c.tree_base_simple, c.tree_link_simple, c.tree_network_simple, c.ring_base_simple, c.ring_link_simple,
            c.ring_network_simple, 1, c.share_tree}}};
}

void keep_faster(Allreduce& best, double seconds, const char* algorithm) {
  if (best.algorithm.empty() || seconds < best.seconds) best = {seconds, algorithm};
}

/// NCCL takes the fastest; so does the model.
Allreduce nccl_allreduce(double bytes, const Cluster& cluster, const ExchangeConstants& c) {
  const auto ranks = static_cast<double>(cluster.ranks()), hosts = static_cast<double>(cluster.hosts);
  const double network = cluster.network * (cluster.rdma ? c.rdma_share : c.gpu_tcp_share);
  const double extra_hop = cluster.rdma ? 0 : c.gpu_tcp_hop;
  const double bandwidth = cluster.hosts > 1 ? std::min(cluster.link.ring, network) : cluster.link.ring;
  const double traffic = 2 * (ranks - 1) / ranks * bytes, levels = std::log2(hosts);
  Allreduce best;
  for (const Protocol& p : protocols(c)) {
    const double ring =
        p.ring_base + 2 * (ranks - hosts) * p.ring_link + 2 * (hosts - 1) * (p.ring_network + extra_hop);
    keep_faster(best, ring * kMicrosecond + traffic / (bandwidth * p.ring_share), "ring");
    const double tree = p.tree_base + 2 * (static_cast<double>(cluster.ranks_per_host - 1) * p.tree_link +
                                           levels * (p.tree_network + extra_hop));
    if (cluster.hosts > 1) keep_faster(best, tree * kMicrosecond + 2 * bytes / (bandwidth * p.tree_share), "tree");
  }
  if (cluster.link.nvls > 0 && cluster.hosts == 1)
    keep_faster(best, c.nvls_base * kMicrosecond + traffic / cluster.link.nvls, "nvls");
  if (cluster.link.nvls > 0 && cluster.hosts > 1)
    keep_faster(best,
                (c.nvls_base + 2 * levels * (c.nvls_network + extra_hop)) * kMicrosecond +
                    2 * bytes / std::min(cluster.link.nvls, network),
                "nvls-tree");
  if (cluster.rdma || cluster.hosts == 1) best.seconds *= c.nccl_slowdown;
  return best;
}

/// comm's "mpi" backend: ranks of a host add up in shared memory, and each sums its slice with its counterparts of the
/// other hosts, while the next is added up: memory, processors and link work at the same time. A small sum takes one
/// exchange of all numbers, a larger one two: first each host's share of all the others' numbers, then the shares'
/// sums.
Allreduce mpi_allreduce(double bytes, const Cluster& cluster, const ExchangeConstants& c) {
  const auto local = static_cast<double>(cluster.ranks_per_host), hosts = static_cast<double>(cluster.hosts);
  const double inside = cluster.ranks_per_host > 1 ? local * bytes / c.shared_memory : 0;
  if (cluster.hosts == 1) return {inside, "shared memory"};
  const bool small = bytes * hosts <= c.gathered;
  const double sent = (small ? 1 : 2 / hosts) * (hosts - 1) * bytes, exchanges = small ? 1 : 2;
  const double between = sent / std::min(cluster.network * c.tcp_share, local * c.tcp_most);
  return {exchanges * (hosts - 1) * c.tcp_hop * kMicrosecond + std::max(inside, between), "tcp"};
}

/// Where each bucket ends, in bytes.
std::vector<double> bucket_ends(double total, const Exchange& exchange) {
  std::vector<double> ends;
  for (double end = std::min(exchange.first_bucket, exchange.bucket); end < total; end += exchange.bucket)
    ends.push_back(end);
  ends.push_back(total);
  return ends;
}

/// The share of backward after which the first `bytes` of the gradient are final.
double ready(double bytes, std::span<const GradientPiece> pieces) {
  double done = 0, work = 0;
  for (const GradientPiece& piece : pieces) {
    if (done >= bytes) break;
    done += piece.bytes;
    work += piece.work;
  }
  return work;
}

}  // namespace

GpuLink find_gpu_link(const std::string& name) {
  static const std::vector<GpuLink> kRows = {
#define GPU_LINK(name, ring, nvls, source) {name, ring, nvls, source},
#include "exchange_constants.def"
  };
  std::vector<std::string> names;
  for (const GpuLink& row : kRows) {
    if (row.name == lower(name)) return row;
    names.push_back(row.name);
  }
  fail(ErrorKind::kUsage, "--gpu: no GPU is called \"", name, "\"; there are: ", join(names, ", "));
}

ComputeLaw fit_law(double small_batch, double small_seconds, double large_batch, double large_seconds) {
  require(large_batch > small_batch && small_batch > 0, ErrorKind::kBug, "a law needs two batches, not ", small_batch,
          " and ", large_batch);
  const double slope = (large_seconds - small_seconds) / (large_batch - small_batch);
  const double per_sample = std::clamp(slope, 0.0, large_seconds / large_batch);
  return {per_sample, large_seconds - per_sample * large_batch};
}

std::vector<GradientPiece> gradient_pieces(const model::Facts& facts, double bytes_per_value) {
  std::vector<const model::Parameter*> parameters;
  double statistics = 0, all = 0;
  for (const model::Parameter& parameter : facts.parameters) {
    if (parameter.auxiliary)
      statistics += bytes_per_value * static_cast<double>(model::count(parameter.shape));
    else
      parameters.push_back(&parameter);
  }
  std::stable_sort(parameters.begin(), parameters.end(),
                   [](const auto* a, const auto* b) { return a->node > b->node; });
  std::vector<GradientPiece> pieces;
  for (const model::Parameter* parameter : parameters) {
    const auto values = static_cast<double>(model::count(parameter->shape));
    double positions = 0;  // one-dimensional parameters add, weights multiply at each position of the output
    if (parameter->shape.size() > 1) {
      positions = 1;
      const model::Shape& output = facts.outputs[static_cast<size_t>(parameter->node)].front();
      for (size_t i = 2; i < output.size(); ++i) positions *= static_cast<double>(output[i]);
    }
    pieces.push_back({bytes_per_value * values, values * positions});
    all += values * positions;
  }
  for (GradientPiece& piece : pieces) piece.work = all > 0 ? piece.work / all : 1 / static_cast<double>(pieces.size());
  pieces.push_back({statistics, 0});
  return pieces;
}

double parse_network(const std::string& text, const std::string& option) {
  static const std::vector<std::pair<std::string, double>> kUnits = {
      {"tb/s", 1e12}, {"gb/s", 1e9}, {"mb/s", 1e6}, {"tbit/s", 1e12}, {"gbit/s", 1e9}, {"mbit/s", 1e6},
      {"tbps", 1e12}, {"gbps", 1e9}, {"mbps", 1e6}, {"tbit", 1e12},   {"gbit", 1e9},   {"mbit", 1e6}};
  constexpr double kLeast = 1e6 / 8, kMost = 1e15 / 8;  // beyond, somebody mistook a unit
  require(text.find('B') == std::string::npos, ErrorKind::kUsage, option, ": \"", text,
          "\" speaks of bytes; networks are named by bits: 1 GB/s is 8Gb/s");
  const std::string word = lower(trim(text));
  for (const auto& [unit, bits] : kUnits) {
    if (!word.ends_with(unit)) continue;
    const auto factors = split(std::string_view(word).substr(0, word.size() - unit.size()), 'x');
    double rate = bits / 8;
    for (const std::string& factor : factors) rate *= parse_number(trim(factor)).value_or(0);
    if (factors.size() > 2 || !(rate > 0)) break;
    require(rate >= kLeast && rate <= kMost, ErrorKind::kUsage, option, ": \"", text,
            "\" is not between 1Mb/s and 1000Tb/s; name what one host sends, e.g. 25Gb/s");
    return rate;
  }
  fail(ErrorKind::kUsage, option, ": \"", text,
       "\" is no rate of a host's network; write bits a second with their unit,",
       " e.g. 25Gb/s, 100Mb/s, or 8x400Gb/s for eight adapters");
}

Allreduce allreduce(double bytes, const Cluster& cluster, const ExchangeConstants& constants) {
  if (cluster.ranks() == 1 || bytes <= 0) return {0, "none"};
  return cluster.gpus ? nccl_allreduce(bytes, cluster, constants) : mpi_allreduce(bytes, cluster, constants);
}

StepTime predict_step(const ComputeLaw& law, double rank_batch, const Exchange& exchange, const Cluster& cluster,
                      const ExchangeConstants& constants) {
  StepTime time;
  time.compute = law.seconds(rank_batch);
  time.jitter = time.compute * constants.jitter * std::sqrt(2 * std::log(static_cast<double>(cluster.ranks())));
  double total = 0;
  for (const GradientPiece& piece : exchange.pieces) total += piece.bytes;

  const double forward = time.compute * (1 - constants.backward_share);
  double begin = 0, end = 0, busy = 0, largest = 0;
  for (const double bucket_end : bucket_ends(total, exchange)) {
    const Allreduce one = allreduce(bucket_end - begin, cluster, constants);
    const double started = forward + time.compute * constants.backward_share * ready(bucket_end, exchange.pieces);
    end = std::max(end, started) + one.seconds;
    busy += one.seconds;
    if (bucket_end - begin > largest) time.algorithm = one.algorithm;
    largest = std::max(largest, bucket_end - begin);
    begin = bucket_end;
  }
  time.exposed = cluster.ranks() > 1 ? std::min(busy, std::max(0.0, end - time.compute)) : 0;
  time.hidden = busy - time.exposed;
  time.interference = cluster.gpus ? 0 : time.hidden * constants.cpu_interference;
  time.seconds = time.compute + time.jitter + time.exposed + time.interference;
  time.efficiency = time.seconds > 0 ? time.compute / time.seconds : 0;
  return time;
}

}  // namespace lockstep::train
