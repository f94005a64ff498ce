#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

#include "lockstep/core/error.h"
#include "lockstep/core/hash.h"
#include "lockstep/core/log.h"
#include "lockstep/core/thread.h"
#include "lockstep/data/dataset.h"
#include "lockstep/data/sampler.h"

namespace lockstep::data {
namespace {

/// What one thread found in its part of the samples.
struct Part {
  std::vector<int64_t> counts;
  std::vector<Error> unreadable;
  std::exception_ptr error;
};

void count_labels(const std::vector<float>& labels, bool multi_label, std::vector<int64_t>& counts) {
  if (multi_label) {
    counts.resize(std::max(counts.size(), labels.size()));
    for (size_t j = 0; j < labels.size(); ++j) counts[j] += labels[j] > 0.5f;
  } else {
    const auto label = static_cast<size_t>(labels.at(0));
    if (label >= counts.size()) counts.resize(label + 1);
    ++counts[label];
  }
}

void survey_part(const Dataset& dataset, bool multi_label, Range range, int64_t skip_bad, Part& part) try {
  std::vector<float> labels;
  for (int64_t i = range.begin; i < range.end; ++i) {
    try {
      dataset.read_labels(static_cast<size_t>(i), labels);
    } catch (const Error& error) {
      part.unreadable.push_back(error);
      if (error.kind() != ErrorKind::kData || static_cast<int64_t>(part.unreadable.size()) > skip_bad) throw;
      continue;
    }
    count_labels(labels, multi_label, part.counts);
  }
} catch (...) {
  part.error = std::current_exception();
}

/// Parts are in the order of the samples, and a part ends at its first error: the first error found here is the first
/// sample's.
void report_unreadable(const std::vector<Part>& parts, int64_t skip_bad) {
  int64_t unreadable = 0;
  for (const auto& part : parts) {
    for (const Error& error : part.unreadable) {
      if (skip_bad == 0 || error.kind() != ErrorKind::kData) throw error;
      if (++unreadable > skip_bad)
        fail(ErrorKind::kData, unreadable, " samples are unreadable where ", skip_bad,
             " may be skipped; the last one: ", error.what());
      log::warning("left out: ", error.what());
    }
    if (part.error) std::rethrow_exception(part.error);
  }
}

}  // namespace

DatasetFacts survey(const Dataset& dataset, bool multi_label, int threads, int64_t skip_bad) {
  const auto samples = static_cast<int64_t>(dataset.size());
  std::vector<Part> parts(static_cast<size_t>(std::clamp<int64_t>(threads, 1, std::max<int64_t>(1, samples))));
  const int count = static_cast<int>(parts.size());
  {
    std::vector<std::jthread> workers;
    for (int t = 0; t < count; ++t)
      workers.emplace_back([&, t] {
        name_thread(cat("survey-", t));
        survey_part(dataset, multi_label, share(samples, t, count), skip_bad, parts[static_cast<size_t>(t)]);
      });
  }
  report_unreadable(parts, skip_bad);
  DatasetFacts facts;
  facts.samples = samples;
  facts.class_names = dataset.class_names();
  facts.class_counts.resize(multi_label ? static_cast<size_t>(dataset.label_width()) : facts.class_names.size());
  for (const auto& part : parts) {
    facts.class_counts.resize(std::max(facts.class_counts.size(), part.counts.size()));
    for (size_t c = 0; c < part.counts.size(); ++c) facts.class_counts[c] += part.counts[c];
  }
  facts.classes = static_cast<int64_t>(facts.class_counts.size());
  return facts;
}

uint64_t fingerprint(const Dataset& dataset) {
  uint64_t value = hash(cat(dataset.size(), " ", dataset.label_width()));
  for (const auto& name : dataset.class_names()) value = hash(name, value);
  std::vector<float> labels;
  for (size_t i = 0; i < dataset.size(); ++i) {
    uint64_t bytes = 0;
    labels.clear();
    // A damaged sample is data too: it is the same one on every rank and in every run.
    try {
      dataset.read_labels(i, labels);
      bytes = dataset.picture_bytes(i);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kData) throw;
    }
    value = hash(std::as_bytes(std::span(&bytes, 1)), value);
    value = hash(std::as_bytes(std::span(labels)), value);
  }
  return value;
}

std::vector<int> map_classes(const std::vector<std::string>& from, const std::vector<std::string>& to) {
  std::vector<int> map;
  if (from.empty() || to.empty()) return map;
  for (const auto& name : from) {
    const auto found = std::ranges::find(to, name);
    if (found == to.end()) {
      const std::string close = nearest(name, to);
      fail(ErrorKind::kData, "the class ", name, " is not among the ", to.size(), " known ones",
           close.empty() ? cat(": ", join(to, ", ")) : cat("; did you mean ", close, "?"));
    }
    map.push_back(static_cast<int>(found - to.begin()));
  }
  return map;
}

}  // namespace lockstep::data
