#include <algorithm>

#include "lockstep/core/text.h"
#include "lockstep/data/check.h"
#include "lockstep/track/chart.h"
#include "one_line.h"

namespace lockstep::data {
namespace {

constexpr size_t kShownClasses = 40;

const char* word_of(Severity severity) {
  switch (severity) {
    case Severity::kFails:
      return "fails";
    case Severity::kDoubtful:
      return "doubtful";
    case Severity::kAdvice:
      break;
  }
  return "advice";
}

std::string class_name(const CheckReport& report, size_t label) {
  for (const ChannelReport& channel : report.channels)
    if (label < channel.class_names.size()) return one_line(channel.class_names[label]);
  return std::to_string(label);
}

size_t class_count(const CheckReport& report) {
  size_t count = 0;
  for (const ChannelReport& channel : report.channels) count = std::max(count, channel.class_counts.size());
  return count;
}

int64_t samples_of(const ChannelReport& channel, size_t label) {
  return label < channel.class_counts.size() ? channel.class_counts[label] : 0;
}

std::string formats_text(const ChannelReport& channel) {
  std::vector<std::string> texts;
  for (const auto& [name, count] : channel.formats) texts.push_back(cat(count, ' ', name));
  return join(texts, ", ");
}

std::string channel_text(const ChannelReport& channel) {
  return cat(one_line(channel.name), ": ", channel.samples, " samples, ",
             bytes_text(static_cast<double>(channel.bytes)), ", ", formats_text(channel), "; shorter side ",
             channel.smallest_side, " to ", channel.largest_side, " pixels, half of them below ", channel.median_side,
             "\n");
}

/// The end of a path says more than its beginning.
std::string column_name(const std::string& name) {
  constexpr size_t kWidth = 10;
  return name.size() > kWidth ? ".." + name.substr(name.size() - kWidth + 2) : name;
}

std::string class_table(const CheckReport& report) {
  std::string text = "label";
  for (const ChannelReport& channel : report.channels) text += format("  %10s", column_name(channel.name).c_str());
  text += "  class\n";
  const size_t classes = class_count(report);
  for (size_t label = 0; label < std::min(classes, kShownClasses); ++label) {
    text += format("%5zu", label);
    for (const ChannelReport& channel : report.channels)
      text += format("  %10lld", static_cast<long long>(samples_of(channel, label)));
    text += cat("  ", class_name(report, label), '\n');
  }
  if (classes > kShownClasses) text += cat("  and ", classes - kShownClasses, " more classes\n");
  return text;
}

}  // namespace

std::string to_text(const CheckReport& report) {
  std::string text;
  uint64_t bytes = 0;
  for (const ChannelReport& channel : report.channels) {
    text += channel_text(channel);
    bytes += channel.bytes;
  }
  text += '\n' + class_table(report) + '\n';
  for (const Finding& finding : report.findings)
    text += one_line(cat(word_of(finding.severity), ": ", finding.channel, finding.channel.empty() ? "" : ": ",
                         finding.text)) +
            '\n';
  if (report.findings.empty()) text += "nothing to complain about\n";
  text += cat(bytes_text(static_cast<double>(bytes)), " in ", duration_text(report.seconds),
              report.would_fail() ? "; training would fail\n" : "\n");
  return text;
}

track::Event to_event(const CheckReport& report) {
  std::vector<track::Event> channels, findings;
  for (const ChannelReport& channel : report.channels) {
    track::Event formats;
    for (const auto& [name, count] : channel.formats) formats.set(name, count);
    channels.push_back(track::Event()
                           .set("channel", channel.name)
                           .set("samples", channel.samples)
                           .set("unreadable", channel.unreadable)
                           .set("bytes", static_cast<int64_t>(channel.bytes))
                           .set("classes", channel.class_names)
                           .set("class_counts", channel.class_counts)
                           .set("imbalance", channel.imbalance())
                           .set("formats", formats)
                           .set("smallest_side", channel.smallest_side)
                           .set("median_side", channel.median_side)
                           .set("largest_side", channel.largest_side)
                           .set("enlarged", channel.enlarged));
  }
  for (const Finding& finding : report.findings)
    findings.push_back(track::Event()
                           .set("severity", word_of(finding.severity))
                           .set("channel", finding.channel)
                           .set("text", finding.text));
  return track::Event()
      .set("would_fail", report.would_fail())
      .set("channels", channels)
      .set("findings", findings)
      .set("seconds", report.seconds);
}

std::string chart_of(const CheckReport& report) {
  track::BarChart chart{.title = "samples of each class"};
  for (size_t label = 0; label < class_count(report); ++label) chart.names.push_back(class_name(report, label));
  for (const ChannelReport& channel : report.channels) {
    track::BarChart::Series series{.name = channel.name};
    for (size_t label = 0; label < chart.names.size(); ++label)
      series.values.push_back(static_cast<double>(samples_of(channel, label)));
    chart.series.push_back(std::move(series));
  }
  return svg(chart);
}

}  // namespace lockstep::data
