#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "learner.h"
#include "lockstep/comm/communicator.h"
#include "lockstep/config/load.h"
#include "lockstep/data/cache.h"
#include "lockstep/data/sampler.h"
#include "lockstep/image/plan.h"
#include "lockstep/model/card.h"
#include "lockstep/optim/schedule.h"
#include "run_data.h"
#include "state.h"

namespace lockstep::train {

/// Everything that exists before the first step: one rank's view of a run.
struct Job {
  Config config;  ///< resolved
  comm::Launch launch;
  Data data;
  model::Card card;
  nn::Compute compute;  ///< device and precision
  Learner learner;
  State state;
  std::vector<std::string> notes;  ///< what the user should be told: warnings first come first

  /// Samples of a step by the configuration and the hosts of this start.
  int64_t nominal_batch() const {
    return config.hyperparameters.mini_batch_size * launch.hosts() * config.run.gradient_accumulation;
  }
  int64_t global_batch() const { return state.global_batch; }
  int64_t share() const { return (global_batch() + launch.size - 1) / launch.size; }  ///< of the largest rank
  data::SamplerOptions order;                                                         ///< of the training samples
  int64_t steps_per_epoch = 0;
  int64_t micro_batch = 0;  ///< samples of this rank that pass the network at once; 0: its share
  int threads = 1;          ///< of this rank, for the network
  int loader_threads = 1;
  std::shared_ptr<data::PictureCache> cache;  ///< null: none; the training pictures, then those of validation
  std::vector<double> class_weights;          ///< [classes] of the loss; empty: 1
  image::PlanOptions plan(bool training) const;
};

/// From the next epoch on a step takes that many samples; between two epochs alone.
void set_batch(Job& job, int64_t global_batch);

/// Opens data, resolves the configuration, builds the network and loads what it starts from: the model channel, or the
/// run's own last checkpoint. All ranks; throws on all of them when they were started on different configurations or
/// data.
Job prepare(const LoadedConfig& loaded, comm::Communicator& communicator);

/// Device and precision by `run.device` and `precision_dtype`; uses the GPU from now on, where it is one. All ranks.
/// What the user should know goes to `notes`. Device Error where cuda is asked for and cannot be had.
nn::Compute choose_compute(const Config& config, comm::Communicator& communicator, std::vector<std::string>& notes);

/// The backend by `run.backend` and `run.device`: a row of backends.def, or "auto".
std::string choose_backend(const Run& run, const comm::Launch& launch);

/// The learning rate of each step, counted as epochs * steps_per_epoch + batches of the epoch.
optim::ScheduleOptions schedule_options(const Job& job);

/// The cores that are this rank's alone: cores_of_process() among the ranks of its host.
int cores_of_rank(const comm::Launch& launch);

}  // namespace lockstep::train
