#include "check_findings.h"

#include <algorithm>
#include <unordered_map>

namespace lockstep::data {
namespace {

constexpr size_t kShown = 5;         // of each kind, by name
constexpr double kImbalanced = 3;    // the largest class through the smallest
constexpr int64_t kFewSamples = 20;  // of a class
constexpr double kMuchLarger = 2.5;  // than what is needed: packing smaller pictures pays

const char* name_of(image::Format format) {
  switch (format) {
    case image::Format::kJpeg:
      return "JPEG";
    case image::Format::kPng:
      return "PNG";
    case image::Format::kWebp:
      return "WebP";
    case image::Format::kBmp:
      return "BMP";
    case image::Format::kGif:
      return "GIF";
    case image::Format::kTiff:
      return "TIFF";
    case image::Format::kOther:
      break;
  }
  return "other";
}

/// "a; b; c; and 12 more"
std::string shown(const std::vector<std::string>& texts) {
  const size_t count = std::min(texts.size(), kShown);
  std::string text = join(std::span(texts).first(count), "; ");
  return texts.size() > count ? cat(text, "; and ", texts.size() - count, " more") : text;
}

std::string name_of(const Dataset& dataset, size_t i) {
  Sample sample;
  dataset.read(i, sample);
  return sample.name;
}

/// The pixels that a side of a picture must have so that nothing is enlarged.
int needed_side(const Config& config) {
  const auto& h = config.hyperparameters;
  return static_cast<int>(std::max<int64_t>(h.resize.value_or(0), std::min(h.image_shape.height, h.image_shape.width)));
}

bool is_enlarged(const SampleFacts& facts, const Config& config) {
  const auto& h = config.hyperparameters;
  const int shorter = std::min(facts.width, facts.height);
  if (h.resize) return shorter < *h.resize;
  return facts.width < h.image_shape.width || facts.height < h.image_shape.height;
}

std::string class_name(const ChannelReport& report, size_t label) {
  return label < report.class_names.size() ? report.class_names[label] : std::to_string(label);
}

void add(std::vector<Finding>& findings, Severity severity, const std::string& channel, std::string text) {
  findings.push_back({severity, channel, std::move(text)});
}

void examine_problems(const ScannedChannel& channel, const ChannelReport& report, const Config& config,
                      std::vector<Finding>& findings) {
  std::vector<std::string> unreadable, cut_off;
  for (const Problem& problem : channel.scan.problems)
    (channel.scan.samples[problem.sample].is_readable ? cut_off : unreadable).push_back(problem.text);
  if (report.samples == 0) add(findings, Severity::kFails, channel.name, "holds no samples");
  const int64_t allowed = config.run.skip_bad_records;
  if (!unreadable.empty())
    add(findings, report.unreadable > allowed ? Severity::kFails : Severity::kDoubtful, channel.name,
        cat(unreadable.size(), " samples cannot be read (run.skip_bad_records allows ", allowed,
            " an epoch): ", shown(unreadable)));
  if (!cut_off.empty())
    add(findings, Severity::kDoubtful, channel.name,
        cat(cut_off.size(), " pictures are cut off; decoders fill the rest with grey: ", shown(cut_off)));
}

void examine_sizes(const ScannedChannel& channel, const ChannelReport& report, const Config& config,
                   std::vector<Finding>& findings) {
  const int needed = needed_side(config);
  if (report.enlarged > 0 && config.run.small_pictures == "refuse")
    add(findings, Severity::kFails, channel.name,
        cat(report.enlarged, " pictures are smaller than the network's input, and run.small_pictures is refuse"));
  else if (report.enlarged * 10 > report.samples)
    add(findings, Severity::kDoubtful, channel.name,
        cat(report.enlarged, " of ", report.samples, " pictures are enlarged to ", needed,
            " pixels, which adds no detail; a smaller image_shape or resize is faster"));
  if (report.median_side > kMuchLarger * needed)
    add(findings, Severity::kAdvice, channel.name,
        cat("half of the pictures are larger than ", report.median_side, " pixels and ", needed,
            " are needed: `lockstep pack --resize ", std::max(needed * 5 / 4, needed),
            "` makes them smaller and reading faster"));
}

void examine_classes(const ScannedChannel& channel, const ChannelReport& report, const Config& config,
                     std::vector<Finding>& findings) {
  std::vector<std::string> empty, few;
  for (size_t label = 0; label < report.class_counts.size(); ++label) {
    const int64_t count = report.class_counts[label];
    if (count == 0) empty.push_back(class_name(report, label));
    if (count > 0 && count < kFewSamples) few.push_back(cat(class_name(report, label), " (", count, ")"));
  }
  if (!empty.empty())
    add(findings, Severity::kDoubtful, channel.name, cat("no sample of ", empty.size(), " classes: ", shown(empty)));
  if (channel.dataset->size() == 0) return;
  if (report.class_counts.size() == 1 && !config.hyperparameters.multi_label)
    add(findings, Severity::kDoubtful, channel.name,
        "there is one class alone, which every network tells right at once; a folder, or a label, for each class is "
        "expected");
  if (!few.empty() && report.class_counts.size() > few.size())
    add(findings, Severity::kAdvice, channel.name, cat("fewer than ", kFewSamples, " samples of ", shown(few)));
  if (report.imbalance() >= kImbalanced)
    add(findings, Severity::kAdvice, channel.name,
        cat("the largest class has ", format("%.1f", report.imbalance()),
            " times the samples of the smallest: run.sampler=balanced draws them equally often, run.class_weights=auto "
            "weighs them"));
}

using Places = std::unordered_map<uint64_t, std::vector<size_t>>;

Places places_of(const Scan& scan) {
  Places places;
  for (size_t i = 0; i < scan.samples.size(); ++i)
    if (scan.samples[i].is_readable) places[scan.samples[i].content].push_back(i);
  return places;
}

void examine_duplicates(const ScannedChannel& channel, std::vector<Finding>& findings) {
  std::vector<std::vector<size_t>> groups;
  for (auto& [content, where] : places_of(channel.scan))
    if (where.size() > 1) groups.push_back(where);
  std::sort(groups.begin(), groups.end());
  std::vector<std::string> same, contradicting;
  size_t repeated = 0;
  for (const auto& where : groups) {
    const auto& samples = channel.scan.samples;
    const bool agree = std::all_of(where.begin(), where.end(),
                                   [&](size_t i) { return samples[i].labels == samples[where[0]].labels; });
    repeated += where.size() - 1;
    std::string text;
    if (same.size() <= kShown || (!agree && contradicting.size() <= kShown))
      text = cat(name_of(*channel.dataset, where[0]), " = ", name_of(*channel.dataset, where[1]));
    if (!agree) contradicting.push_back(text);
    same.push_back(std::move(text));
  }
  if (!same.empty())
    add(findings, Severity::kDoubtful, channel.name,
        cat(repeated, " samples repeat a picture of this channel: ", shown(same)));
  if (!contradicting.empty())
    add(findings, Severity::kDoubtful, channel.name,
        cat(contradicting.size(), " pictures occur with different labels: ", shown(contradicting)));
}

}  // namespace

double ChannelReport::imbalance() const {
  int64_t smallest = 0, largest = 0;
  for (const int64_t count : class_counts) {
    if (count > 0 && (smallest == 0 || count < smallest)) smallest = count;
    largest = std::max(largest, count);
  }
  return smallest == 0 ? 1 : static_cast<double>(largest) / static_cast<double>(smallest);
}

ChannelReport summarise(const ScannedChannel& channel, const Config& config) {
  ChannelReport report{.name = channel.name,
                       .samples = static_cast<int64_t>(channel.dataset->size()),
                       .bytes = channel.scan.bytes,
                       .class_names = channel.dataset->class_names()};
  report.class_counts.resize(report.class_names.size());
  std::vector<int> sides;
  for (const SampleFacts& facts : channel.scan.samples) {
    const bool is_class = channel.dataset->label_width() == 1 && !config.hyperparameters.multi_label;
    for (size_t column = 0; column < facts.labels.size(); ++column) {
      if (!is_class && facts.labels[column] <= 0.5f) {
        report.class_counts.resize(std::max(report.class_counts.size(), column + 1));
        continue;
      }
      const size_t label = is_class ? static_cast<size_t>(facts.labels[0]) : column;
      report.class_counts.resize(std::max(report.class_counts.size(), label + 1));
      ++report.class_counts[label];
    }
    report.unreadable += !facts.is_readable;
    if (!facts.is_readable) continue;
    ++report.formats[name_of(facts.format)];
    report.enlarged += is_enlarged(facts, config);
    sides.push_back(std::min(facts.width, facts.height));
  }
  if (sides.empty()) return report;
  const auto middle = sides.begin() + static_cast<long>(sides.size() / 2);
  std::nth_element(sides.begin(), middle, sides.end());
  report.median_side = *middle;
  const auto [smallest, largest] = std::ranges::minmax(sides);
  report.smallest_side = smallest;
  report.largest_side = largest;
  return report;
}

std::vector<Finding> examine(const ScannedChannel& channel, const ChannelReport& report, const Config& config) {
  std::vector<Finding> findings;
  examine_problems(channel, report, config, findings);
  examine_sizes(channel, report, config, findings);
  examine_classes(channel, report, config, findings);
  examine_duplicates(channel, findings);
  return findings;
}

std::vector<Finding> compare(const std::vector<ScannedChannel>& channels, const std::vector<ChannelReport>& reports) {
  std::vector<Finding> findings;
  const Places first = places_of(channels[0].scan);
  for (size_t c = 1; c < channels.size(); ++c) {
    std::vector<std::string> shared;
    for (size_t i = 0; i < channels[c].scan.samples.size(); ++i) {
      const SampleFacts& facts = channels[c].scan.samples[i];
      const auto found = facts.is_readable ? first.find(facts.content) : first.end();
      if (found == first.end()) continue;
      shared.push_back(shared.size() > kShown ? ""
                                              : cat(name_of(*channels[c].dataset, i), " = ",
                                                    name_of(*channels[0].dataset, found->second[0])));
    }
    if (!shared.empty())
      add(findings, Severity::kDoubtful, channels[c].name,
          cat(shared.size(), " of ", reports[c].samples, " samples are in ", channels[0].name,
              " too, so that its accuracy will look better than it is: ", shown(shared)));
    if (channels[c].label_map.empty() && reports[c].class_counts.size() > reports[0].class_counts.size())
      add(findings, Severity::kFails, channels[c].name,
          cat("labels go up to ", reports[c].class_counts.size() - 1, ", those of ", channels[0].name, " to ",
              static_cast<int64_t>(reports[0].class_counts.size()) - 1));
  }
  return findings;
}

}  // namespace lockstep::data
