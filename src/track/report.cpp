#include <algorithm>
#include <numeric>

#include "lockstep/core/text.h"
#include "lockstep/track/metrics.h"

namespace lockstep::track {

namespace {

constexpr size_t kNameWidth = 28;        // longest class name in a row
constexpr size_t kColumnNameWidth = 10;  // longest class name above a column of the confusion matrix

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }  // UTF-8

size_t width(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string shortened(const std::string& text, size_t limit) {
  if (width(text) <= limit) return text;
  size_t end = 0;
  for (size_t characters = 0; end < text.size(); ++end)
    if (begins_character(text[end]) && ++characters == limit - 1) break;
  return text.substr(0, end) + "..";
}

using Row = std::vector<std::string>;

// The first column is aligned left, the others right, two spaces between them.
std::string aligned(const std::vector<Row>& rows) {
  std::vector<size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string gap(widths[i] - width(row[i]), ' ');
      text += i == 0 ? row[i] + (row.size() > 1 ? gap : "") : "  " + gap + row[i];
    }
    text += '\n';
  }
  return text;
}

std::string decimal(double value) { return format("%.4f", value); }

std::string class_name(const std::vector<std::string>& classes, size_t label) {
  return label < classes.size() ? classes[label] : std::to_string(label);
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::string headline(const Report& report) {
  std::vector<Row> rows = {{"samples", std::to_string(report.count)}, {"accuracy", decimal(report.accuracy)}};
  for (const auto& [k, accuracy] : report.top_k)
    if (k > 1) rows.push_back({cat("top-", k, " accuracy"), decimal(accuracy)});
  rows.push_back({"cross entropy", decimal(report.cross_entropy)});
  if (report.multi_label) rows.push_back({"threshold", decimal(report.threshold)});
  if (!report.average_precision.empty())
    rows.push_back({"mean average precision", decimal(mean(report.average_precision))});
  return aligned(rows);
}

Row score_row(const std::string& name, const Score& score) {
  return {name, decimal(score.precision), decimal(score.recall), decimal(score.f1), std::to_string(score.support)};
}

std::string score_table(const Report& report, const std::vector<std::string>& classes) {
  const bool has_average = !report.average_precision.empty();
  std::vector<Row> rows = {{"class", "precision", "recall", "F1", "support"}};
  if (has_average) rows[0].push_back("average precision");
  for (size_t i = 0; i < report.per_class.size(); ++i) {
    rows.push_back(score_row(shortened(class_name(classes, i), kNameWidth), report.per_class[i]));
    if (has_average) rows.back().push_back(decimal(report.average_precision[i]));
  }
  rows.push_back(score_row("micro", report.micro));
  rows.push_back(score_row("macro", report.macro));
  rows.push_back(score_row("weighted", report.weighted));
  return aligned(rows);
}

std::string confusion_table(const Report& report, const std::vector<std::string>& classes) {
  std::vector<Row> rows(1, {"truth \\ predicted"});
  for (size_t i = 0; i < report.confusion.size(); ++i) {
    rows[0].push_back(shortened(class_name(classes, i), kColumnNameWidth));
    rows.push_back({shortened(class_name(classes, i), kNameWidth)});
    for (const int64_t count : report.confusion[i]) rows.back().push_back(std::to_string(count));
  }
  return aligned(rows);
}

Event with_score(Event event, const Score& score) {
  event.set("precision", score.precision).set("recall", score.recall).set("f1", score.f1);
  return event.set("support", score.support);
}

}  // namespace

Event to_event(const Report& report, const std::vector<std::string>& classes) {
  std::vector<std::string> names;
  std::vector<Event> per_class;
  for (size_t i = 0; i < report.per_class.size(); ++i) {
    names.push_back(class_name(classes, i));
    per_class.push_back(with_score(Event().set("class", names.back()), report.per_class[i]));
  }
  Event event;
  event.set("count", report.count).set("accuracy", report.accuracy);
  if (!report.multi_label) {
    Event top_k;
    for (const auto& [k, accuracy] : report.top_k) top_k.set(std::to_string(k), accuracy);
    event.set("top_k_accuracy", top_k);
  }
  event.set("cross_entropy", report.cross_entropy).set("classes", names);
  if (!report.confusion.empty()) event.set("confusion_matrix", report.confusion);
  event.set("per_class", per_class)
      .set("micro", with_score(Event(), report.micro))
      .set("macro", with_score(Event(), report.macro))
      .set("weighted", with_score(Event(), report.weighted));
  if (report.multi_label) event.set("threshold", report.threshold);
  if (!report.average_precision.empty()) event.set("average_precision", report.average_precision);
  return event;
}

std::string to_table(const Report& report, const std::vector<std::string>& classes, int columns) {
  std::string text = headline(report) + '\n' + score_table(report, classes);
  if (report.confusion.empty()) return text;
  const std::string confusion = confusion_table(report, classes);
  if (width(confusion.substr(0, confusion.find('\n'))) <= static_cast<size_t>(std::max(columns, 0)))
    text += '\n' + confusion;
  return text;
}

}  // namespace lockstep::track
