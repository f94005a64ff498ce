#include "lockstep/record/list.h"

#include <cmath>
#include <optional>

#include "lockstep/core/error.h"
#include "lockstep/core/text.h"

namespace lockstep::record {
namespace {

constexpr size_t kShownMistakes = 10;

/// The numbers in these texts, or what is wrong with the first that is none.
std::string read_labels(std::span<const std::string> texts, std::vector<float>& labels) {
  for (const auto& text : texts) {
    const auto number = parse_number(trim(text));
    if (!number || !std::isfinite(*number)) return cat("the label \"", text, "\" is no number");
    labels.push_back(static_cast<float>(*number));
  }
  return "";
}

/// What is wrong with the line, or nothing; then `entry` is filled and `ids` says whether its labels are class ids in
/// one column.
std::string read_line(std::string_view line, ListEntry& entry, bool& ids) {
  const auto fields = split(line, '\t');
  if (fields.size() < 3) return cat("has ", fields.size(), " of at least 3 fields");
  const auto index = parse_integer(trim(fields.front()));
  if (!index || *index < 0) return cat("the index \"", fields.front(), "\" is no whole number from 0 on");
  entry.index = static_cast<uint64_t>(*index);
  entry.path = trim(fields.back());
  if (entry.path.empty()) return "names no picture";
  ids = fields.size() == 3 && fields[1].find(',') != std::string::npos;
  if (ids) return read_labels(split(fields[1], ','), entry.labels);
  return read_labels(std::span(fields).subspan(1, fields.size() - 2), entry.labels);
}

/// Lines of a text with their numbers, blank ones left out.
template <class Take>
void each_line(std::string_view text, Take&& take) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  size_t number = 1;
  for (size_t at = 0; at < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const auto line = trim(text.substr(at, end - at));
    if (!line.empty()) take(number, line);
    at = end + 1;
  }
}

/// Class ids in one column cannot stand beside several columns of labels.
std::string check_forms(const List& list) {
  if (!list.class_ids) return "";
  for (const auto& entry : list.entries)
    for (const float id : entry.labels)
      if (id < 0 || id != std::floor(id))
        return cat("the class id ", id, " of ", entry.path, " is no whole number from 0 on");
  return "";
}

}  // namespace

List read_list(const Path& path) {
  const std::string text = read_text(path);
  List list;
  std::vector<std::string> mistakes;
  size_t wrong = 0;
  bool columns = false;
  each_line(text, [&](size_t number, std::string_view line) {
    ListEntry entry;
    bool ids = false;
    const std::string problem = read_line(line, entry, ids);
    if (!problem.empty() && wrong++ < kShownMistakes)
      mistakes.push_back(cat("  ", path.string(), ":", number, ": \"", line, "\": ", problem));
    list.class_ids |= ids;
    columns |= !ids && entry.labels.size() > 1;
    if (problem.empty()) list.entries.push_back(std::move(entry));
  });
  if (wrong == 0 && list.class_ids && columns)
    mistakes.push_back("  some lines have comma-separated class ids, others a column for each label");
  if (mistakes.empty()) mistakes = {check_forms(list)};
  if (mistakes.front().empty()) return list;
  fail(ErrorKind::kData, path.string(), ": ", std::max<size_t>(wrong, 1),
       " of its lines are wrong; expected `index TAB label [TAB label ...] TAB path`:\n", join(mistakes, "\n"),
       wrong > kShownMistakes ? cat("\n  and ", wrong - kShownMistakes, " more") : "");
}

void write_list(const Path& path, const std::vector<ListEntry>& entries) {
  FileWriter file(path);
  for (const auto& entry : entries) {
    std::string line = cat(entry.index, '\t');
    for (const float label : entry.labels) line += format("%f\t", static_cast<double>(label));
    file.write(line + entry.path + '\n');
  }
  file.finish();
}

}  // namespace lockstep::record
