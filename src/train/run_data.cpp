#include "run_data.h"

#include <algorithm>

#include "host_data.h"
#include "lockstep/core/error.h"
#include "lockstep/core/hash.h"

namespace lockstep::train {
namespace {

/// The same on all ranks that see the same samples; of hosts that have a part each, what they have together.
std::string print_of(const data::Dataset& dataset, const data::Shards& shards) {
  if (shards.samples.empty()) return hash_text(data::fingerprint(dataset));
  std::vector<std::string> counts;
  for (const int64_t samples : shards.samples) counts.push_back(std::to_string(samples));
  return "of " + join(counts, " + ") + " samples";
}

}  // namespace

Data open_train(const Config& config, int threads, comm::Communicator& communicator) {
  HostData opened = open_host_data(data::dataset_options(config, config.channels.train, config.channels.train_lst),
                                   threads, config.run.skip_bad_records, communicator);
  Data data;
  data.train = std::move(opened.dataset);
  data.facts = std::move(opened.facts);
  data.train_shards = std::move(opened.shards);
  return data;
}

void name_classes(Data& data, const std::vector<std::string>& names) {
  data.train_map = data::map_classes(data.train->class_names(), names);
  const auto counted = data::map_classes(data.facts.class_names, names);
  data.facts.class_names = names;
  data.facts.classes = std::max(data.facts.classes, static_cast<int64_t>(names.size()));
  if (counted.empty()) return;
  std::vector<int64_t> counts(names.size());
  for (size_t label = 0; label < data.facts.class_counts.size(); ++label)
    counts[static_cast<size_t>(counted[label])] = data.facts.class_counts[label];
  data.facts.class_counts = std::move(counts);
}

void open_validation(Data& data, const Config& config, int threads, comm::Communicator& communicator) {
  if (!config.channels.validation.given()) return;
  data::DatasetOptions options =
      data::dataset_options(config, config.channels.validation, config.channels.validation_lst);
  options.classes = data.facts.classes;
  options.role = "validation";
  options.class_names = data.facts.class_names;
  HostData opened = open_host_data(options, threads, config.run.skip_bad_records, communicator);
  data.validation = std::move(opened.dataset);
  data.validation_shards = std::move(opened.shards);
  data.validation_map = data::map_classes(data.validation->class_names(), data.facts.class_names);
  require(!data.validation_map.empty() ||
              opened.facts.classes <= std::max(data.facts.classes, config.hyperparameters.num_classes.value_or(0)),
          ErrorKind::kData, "channels.validation: has ", opened.facts.classes, " classes, channels.train has ",
          data.facts.classes, "; both must use the same labels");
}

void compare_data(const Data& data, comm::Communicator& communicator) {
  const auto all = comm::gather_texts(
      communicator,
      cat("training data ", print_of(*data.train, data.train_shards), " (", data.train->size(), " samples)",
          data.validation ? ", validation data " + print_of(*data.validation, data.validation_shards) : ""));
  for (size_t rank = 1; rank < all.size(); ++rank)
    require(all[rank] == all[0], ErrorKind::kUsage, "the ranks do not run the same thing: rank 0 has ", all[0],
            "; rank ", rank, " has ", all[rank], "; give every host the same files and the same command");
}

}  // namespace lockstep::train
