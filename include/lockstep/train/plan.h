#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/core/file.h"

namespace lockstep::train {

/// What `lockstep plan` was asked for.
struct PlanOptions {
  Path config;
  std::vector<std::string> overrides;
  int64_t hosts = 1;
  int64_t gpus_per_host = 0;     ///< 0: ranks compute on CPUs
  int64_t ranks_per_host = 0;    ///< on CPUs; 0: one
  std::string gpu = "h200";      ///< whose links: a row GPU_LINK
  std::string network;           ///< of a host in one direction: "25Gb/s", "8x400Gb/s"; needed from two hosts on
  std::string transport;         ///< "rdma" or "tcp"; empty: rdma for GPUs, tcp for CPUs
  int64_t gradient_bits = 32;    ///< of a number in the exchange: 32 or 16
  double price_per_hour = 0;     ///< of one host, in any currency
  double step_ms = 0;            ///< of one rank alone with its share of mini_batch_size; 0: measured here
  double images_per_second = 0;  ///< of one rank alone; the same in other words
  int64_t steps = 10;            ///< measured
  int64_t threads = 0;           ///< of the measured rank; 0: its part of the cores
};

/// The run on some number of hosts. Times in seconds.
struct PlanRow {
  int64_t hosts = 1, ranks = 1;
  int64_t global_batch = 0, steps_per_epoch = 0;
  double step = 0;  ///< compute + jitter + exposed + interference
  double compute = 0, jitter = 0, hidden = 0, exposed = 0, interference = 0;
  std::string algorithm;
  double efficiency = 0;  ///< compute / step
  double images_per_second = 0;
  double evaluation = 0;  ///< of an epoch; a picture counts as a third of a training picture
  double epoch = 0, run = 0;
  double cost = 0;  ///< run x hosts x price
};

/// Time and cost of a run before it starts. The last row is the one that was asked for; those before it are 1, 2, 4,
/// ... hosts. mini_batch_size is a host's, so the global batch grows with the hosts.
struct RunPlan {
  int64_t samples = 0, validation_samples = 0, epochs = 0;
  double rank_batch = 0;
  int64_t parameters = 0;
  double exchanged_bytes = 0;                  ///< a step: gradients and running statistics
  double step_per_sample = 0, step_fixed = 0;  ///< seconds of a rank alone = per_sample * batch + fixed
  bool measured = false;                       ///< here and now, not given
  int threads = 0;                             ///< of the measured rank
  std::vector<PlanRow> rows;
};

/// Measures a rank's step with measure_step() unless the options give one, and predicts the run by the model of
/// src/train/exchange_model.h. One process: usage Error under mpirun. Samples are num_training_samples, else counted in
/// channels.train. GPUs need a GPU here, or a given step. Usage Error naming option or key where something is missing.
RunPlan plan_run(const PlanOptions& options);

/// A constant of the model: "tcp_hop", 25, "us", where it comes from.
struct PlanConstant {
  std::string name;
  double value = 0;
  std::string unit, source;
};
std::vector<PlanConstant> plan_constants();

}  // namespace lockstep::train
