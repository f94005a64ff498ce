#include "lockstep/data/check.h"

#include <algorithm>
#include <chrono>

#include "check_findings.h"
#include "lockstep/core/thread.h"

namespace lockstep::data {
namespace {

ScannedChannel read_channel(const CheckedChannel& channel, const CheckOptions& options, int threads,
                            const std::vector<std::string>& class_names) {
  ScannedChannel scanned{.name = channel.name};
  DatasetOptions open = channel.open;
  if (open.class_names.empty()) open.class_names = class_names;
  scanned.dataset = open_dataset(open);
  scanned.label_map = map_classes(scanned.dataset->class_names(), class_names);
  scanned.scan = scan(*scanned.dataset, channel.name, options.decode, options.config.run.max_pixels, threads);
  return scanned;
}

/// What training says when it completes the configuration with these data.
std::vector<Finding> compare_with_config(const Config& config, const ChannelReport& train) {
  std::vector<Finding> findings;
  const DatasetFacts facts{.samples = train.samples,
                           .classes = static_cast<int64_t>(train.class_counts.size()),
                           .class_names = train.class_names,
                           .class_counts = train.class_counts};
  try {
    for (const std::string& warning : resolve(config, facts, std::nullopt).warnings)
      findings.push_back({Severity::kDoubtful, "", warning});
  } catch (const Error& error) {
    for (const std::string& mistake : split(error.what(), '\n')) findings.push_back({Severity::kFails, "", mistake});
  }
  if (!config.channels.validation.given())
    findings.push_back({Severity::kAdvice, "",
                        "there is no validation channel: nothing tells how good the model is on pictures that it has "
                        "not seen (`lockstep pack --split 0.9` makes one)"});
  return findings;
}

}  // namespace

bool CheckReport::would_fail() const {
  return std::ranges::any_of(findings, [](const Finding& finding) { return finding.severity == Severity::kFails; });
}

CheckReport check(const CheckOptions& options) {
  require(!options.channels.empty(), ErrorKind::kUsage, "nothing to check: name a configuration, or data");
  const auto start = std::chrono::steady_clock::now();
  const int threads = options.threads > 0 ? options.threads : available_cores();
  std::vector<ScannedChannel> channels;
  CheckReport report;
  for (const CheckedChannel& channel : options.channels) {
    const auto names = channels.empty() ? std::vector<std::string>() : channels[0].dataset->class_names();
    channels.push_back(read_channel(channel, options, threads, names));
    report.channels.push_back(summarise(channels.back(), options.config));
    std::ranges::move(examine(channels.back(), report.channels.back(), options.config),
                      std::back_inserter(report.findings));
  }
  std::ranges::move(compare(channels, report.channels), std::back_inserter(report.findings));
  if (options.is_whole)
    std::ranges::move(compare_with_config(options.config, report.channels[0]), std::back_inserter(report.findings));
  std::ranges::stable_sort(report.findings, {}, &Finding::severity);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace lockstep::data
