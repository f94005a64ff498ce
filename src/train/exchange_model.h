#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lockstep/model/network.h"

namespace lockstep::train {

// How long a step takes on machines that are not here: arithmetic alone, no torch, no MPI. Seconds, bytes, bytes/s.
//
// step = compute(batch of a rank) x (1 + jitter sqrt(2 ln ranks)) + exposed exchange + interference x hidden exchange
//
// Compute is a law fitted to steps of one rank. The exchange goes bucket by bucket behind backward, as Reducer does it,
// and what ends after backward is exposed. The term with the logarithm is the slowest of n ranks whose steps differ by
// chance. Latencies and shares of bandwidth between GPUs are those of NCCL's tuner; the other constants are measured,
// fitted or assumed, and exchange_constants.def says which. Checked against published rates of H100 and V100 clusters
// (exchange_model_test) and against CPU ranks over limited links (tests/bench/plan_check.py); no cluster of GPUs was at
// hand.

/// The rows of exchange_constants.def; plan_constants() lists them with unit and source.
struct ExchangeConstants {
#define CONSTANT(name, value, unit, source) double name = value;
#include "exchange_constants.def"
};

/// What the GPUs of a host reach among themselves.
struct GpuLink {
  std::string name;
  double ring = 0;  ///< bytes/s, nccl-tests' busbw
  double nvls = 0;  ///< the same through the switch; 0: it cannot
  std::string source;
};
/// A row GPU_LINK by its name; usage Error that lists them.
GpuLink find_gpu_link(const std::string& name);

/// Seconds of a rank's step without exchange: per_sample * batch + fixed.
struct ComputeLaw {
  double per_sample = 0, fixed = 0;
  double seconds(double batch) const { return per_sample * batch + fixed; }
};
/// Through two measured steps; neither part becomes negative: then the law goes through the larger batch alone.
ComputeLaw fit_law(double small_batch, double small_seconds, double large_batch, double large_seconds);

/// Part of a gradient, in the order in which backward finishes them.
struct GradientPiece {
  double bytes = 0;
  double work = 0;  ///< its share of backward's time; all together 1
};
/// Parameters and running statistics of a network, last node first. Work is counted by the multiplications of
/// convolutions and linear layers.
std::vector<GradientPiece> gradient_pieces(const model::Facts& facts, double bytes_per_value);

/// The hosts of a run. Either all ranks have a GPU or none has.
struct Cluster {
  int64_t hosts = 1;
  int64_t ranks_per_host = 1;
  bool gpus = false;
  bool rdma = false;   ///< GPUs only; otherwise TCP
  double network = 0;  ///< bytes/s of a host in one direction, as its adapters say; unused with one host
  GpuLink link;        ///< GPUs only
  int64_t ranks() const { return hosts * ranks_per_host; }
};

/// Rate of a link in bytes/s: "400Gb/s", "25 Gbit/s", "100Mb/s", "8x400Gb/s". Usage Error with examples; `option` names
/// what was given.
double parse_network(const std::string& text, const std::string& option);

/// One all-reduce of `bytes` over the cluster, alone, and the way it went: "ring", "tree", "nvls", "nvls-tree", "tcp",
/// "shared memory", "none".
struct Allreduce {
  double seconds = 0;
  std::string algorithm;
};
Allreduce allreduce(double bytes, const Cluster& cluster, const ExchangeConstants& constants);

/// What a step exchanges.
struct Exchange {
  std::vector<GradientPiece> pieces;
  double first_bucket = 0, bucket = 0;  ///< bytes, as Reducer cuts them
};

struct StepTime {
  double compute = 0;       ///< of one rank alone
  double jitter = 0;        ///< waiting for the slowest rank
  double hidden = 0;        ///< exchange behind backward
  double exposed = 0;       ///< exchange that the step waits for
  double interference = 0;  ///< what the hidden exchange takes from the computing
  double seconds = 0;       ///< compute + jitter + exposed + interference
  double efficiency = 0;    ///< compute / seconds
  std::string algorithm;    ///< of the largest bucket
};
StepTime predict_step(const ComputeLaw& law, double rank_batch, const Exchange& exchange, const Cluster& cluster,
                      const ExchangeConstants& constants = {});

}  // namespace lockstep::train
