#include "csv.h"
#include "lockstep/core/error.h"
#include "pack_sets.h"
#include "python_random.h"

namespace lockstep::data {
namespace {

/// For each label column of the table the class that it stands for.
std::vector<size_t> match_columns(const CsvRow& header, const Path& path, std::vector<std::string>& classes) {
  const std::vector<std::string> names(header.fields.begin() + 1, header.fields.end());
  if (classes.empty()) classes = names;
  require(classes.size() == names.size(), ErrorKind::kData, path.string(), ":1: ", names.size(),
          " label columns, but --classes names ", classes.size());
  std::vector<size_t> columns;
  for (const auto& name : names) columns.push_back(find_class(classes, name, cat(path.string(), ":", header.line)));
  return columns;
}

float read_flag(const std::string& text, const Path& path, size_t line, const std::string& name) {
  const auto number = parse_number(text);
  require(number && (*number == 0 || *number == 1), ErrorKind::kData, path.string(), ":", line, ": \"", text,
          "\" in column ", name,
          " is neither 0 nor 1; expected is a header `file,LABEL,LABEL,...` and in each row 1 below the labels that "
          "the picture has");
  return static_cast<float>(*number);
}

}  // namespace

PackPlan plan_labels(const PackOptions& options) {
  const auto rows = read_csv(options.labels);
  require(rows.size() > 1 && rows.front().fields.size() > 1, ErrorKind::kData, options.labels.string(),
          ": expected is a header `file,LABEL,LABEL,...` and a row for each picture");
  PackPlan plan;
  plan.classes = given_classes(options);
  plan.packed = true;
  const auto columns = match_columns(rows.front(), options.labels, plan.classes);
  PackSet set{.suffix = "", .root = options.root, .entries = {}};
  for (size_t r = 1; r < rows.size(); ++r) {
    record::ListEntry entry{
        .index = r - 1, .labels = std::vector<float>(columns.size(), 0), .path = rows[r].fields.front()};
    for (size_t c = 0; c < columns.size(); ++c)
      entry.labels[columns[c]] =
          read_flag(rows[r].fields[c + 1], options.labels, rows[r].line, rows.front().fields[c + 1]);
    set.entries.push_back(std::move(entry));
  }
  if (options.shuffle) python_shuffle(set.entries, kIm2recSeed);
  plan.sets = divide(set, options, options.shuffle);
  return plan;
}

}  // namespace lockstep::data
