#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "class_names.h"
#include "csv.h"
#include "formats.h"
#include "image_folder.h"
#include "listing.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "picture_file.h"

namespace lockstep::data {
namespace {

constexpr long long kMostClasses = 1'000'000;

using Rows = std::vector<CsvRow>;

std::string line_of(const Path& file, const CsvRow& row) { return cat(file.string(), ":", row.line); }

/// What it says, or nothing.
std::optional<bool> read_flag(const std::string& text) {
  const auto number = parse_number(text);
  if (!number || (*number != 0 && *number != 1)) return std::nullopt;
  return *number == 1;
}

/// "label", "labels (|-separated)", "Category".
bool is_called_class(const std::string& header) {
  constexpr std::array<std::string_view, 5> kNames = {"label", "class", "categor", "breed", "target"};
  return std::ranges::any_of(kNames, [name = lower(header)](auto begin) { return name.starts_with(begin); });
}

/// The first cell from column 1 on that is neither 0 nor 1.
struct Cell {
  size_t row, column;
};
std::optional<Cell> first_other_than_flags(const Rows& rows) {
  for (size_t r = 1; r < rows.size(); ++r)
    for (size_t c = 1; c < rows[r].fields.size(); ++c)
      if (!read_flag(rows[r].fields[c])) return Cell{r, c};
  return std::nullopt;
}

/// The column of classes; nothing where each column is a label.
std::optional<size_t> find_class_column(const Rows& rows, const Path& file, bool columns_first) {
  const auto& header = rows.front().fields;
  const auto other = first_other_than_flags(rows);
  std::vector<size_t> called;
  for (size_t c = 1; c < header.size(); ++c)
    if (is_called_class(header[c])) called.push_back(c);
  if (header.size() == 2) return !other && columns_first && called.empty() ? std::nullopt : std::optional<size_t>(1);
  if (!other) return std::nullopt;
  if (called.size() == 1) return called.front();
  fail(ErrorKind::kData, line_of(file, rows[other->row]), ": \"", rows[other->row].fields[other->column],
       "\" in column ", header[other->column],
       " is neither 0 nor 1; expected is a header `file,LABEL,LABEL,...` and in each row 1 below the labels that the "
       "picture has, or a header `file,class`");
}

std::vector<std::string> classes_in(const std::string& cell) {
  std::vector<std::string> classes;
  for (const auto& part : split(cell, '|'))
    if (const auto name = trim(part); !name.empty()) classes.emplace_back(name);
  return classes;
}

std::optional<uint32_t> class_number(const std::string& text) {
  const auto number = parse_number(text);
  if (!number || *number < 0 || *number >= kMostClasses ||
      *number != static_cast<double>(static_cast<uint32_t>(*number)))
    return std::nullopt;
  return static_cast<uint32_t>(*number);
}

/// What the classes of one column become.
class ClassColumn {
 public:
  ClassColumn(const Rows& rows, size_t column, const Path& file, std::vector<std::string> names)
      : file_(file), names_(std::move(names)) {
    for (size_t r = 1; r < rows.size(); ++r)
      for (auto& name : classes_in(rows[r].fields[column])) numbers_.try_emplace(std::move(name), 0);
    are_numbers_ =
        std::ranges::all_of(numbers_, [](const auto& known) { return class_number(known.first).has_value(); });
    if (!are_numbers_ && names_.empty())
      for (const auto& [name, number] : numbers_) names_.push_back(name);
  }

  std::vector<uint32_t> labels(const CsvRow& row, size_t column) {
    std::vector<uint32_t> labels;
    for (const auto& name : classes_in(row.fields[column])) labels.push_back(label_of(name, row));
    return labels;
  }

  const std::vector<std::string>& names() const { return names_; }

 private:
  uint32_t label_of(const std::string& name, const CsvRow& row) {
    if (are_numbers_) {
      const uint32_t label = *class_number(name);
      require(names_.empty() || label < names_.size(), ErrorKind::kData, line_of(file_, row), ": label ", label,
              " is beyond the ", names_.size(), " classes that are named, which are numbered from 0");
      return label;
    }
    uint32_t& number = numbers_[name];  // of the class, and one
    if (number == 0) number = static_cast<uint32_t>(find_class(names_, name, line_of(file_, row))) + 1;
    return number - 1;
  }

  const Path& file_;
  std::vector<std::string> names_;
  std::map<std::string, uint32_t> numbers_;
  bool are_numbers_ = false;
};

void read_classes(const Rows& rows, size_t column, const std::vector<std::string>& classes, Listing& listing) {
  const auto& header = rows.front().fields;
  if (header.size() > 2)
    log::info(listing.source.string(), ": the classes are taken from column ", header[column],
              "; other columns say "
              "nothing here");
  ClassColumn values(rows, column, listing.source, classes);
  for (size_t r = 1; r < rows.size(); ++r) listing.add(rows[r].fields.front(), values.labels(rows[r], column));
  listing.class_names = values.names();
}

void read_columns(const Rows& rows, const std::vector<std::string>& classes, Listing& listing) {
  const std::vector<std::string> names(rows.front().fields.begin() + 1, rows.front().fields.end());
  listing.class_names = classes.empty() ? names : classes;
  listing.is_multi_label = true;
  std::vector<uint32_t> label_of_column;
  for (const auto& name : names) {
    const size_t label = find_class(listing.class_names, name, line_of(listing.source, rows.front()));
    require(std::ranges::find(label_of_column, label) == label_of_column.end(), ErrorKind::kData,
            line_of(listing.source, rows.front()), ": the column ", name, " is there already");
    label_of_column.push_back(static_cast<uint32_t>(label));
  }
  for (size_t r = 1; r < rows.size(); ++r) {
    std::vector<uint32_t> labels;
    for (size_t c = 0; c < names.size(); ++c)
      if (*read_flag(rows[r].fields[c + 1])) labels.push_back(label_of_column[c]);
    listing.add(rows[r].fields.front(), std::move(labels));
  }
}

}  // namespace

Listing read_csv_listing(const Path& file, const Path& images, const std::vector<std::string>& classes,
                         bool columns_first) {
  const Rows rows = read_csv(file);
  require(rows.size() > 1 && rows.front().fields.size() > 1, ErrorKind::kData, file.string(),
          ": expected is a header `file,LABEL,LABEL,...` or `file,class`, and a row for each picture");
  require(!is_picture_file(rows.front().fields.front()), ErrorKind::kData, line_of(file, rows.front()),
          ": the first line names a picture; expected there is a header `file,LABEL,LABEL,...` or `file,class`");
  Listing listing{.source = file};
  for (size_t r = 1; r < rows.size(); ++r) {
    require(!rows[r].fields.front().empty(), ErrorKind::kData, line_of(file, rows[r]), ": names no picture");
    listing.lines.push_back(rows[r].line);
  }
  if (const auto column = find_class_column(rows, file, columns_first))
    read_classes(rows, *column, classes, listing);
  else
    read_columns(rows, classes, listing);
  listing.images = find_images(file, images, listing.paths);
  return listing;
}

bool is_csv(const DatasetOptions& options) { return is_listed_by(options, ".csv"); }

std::unique_ptr<Dataset> open_csv(const DatasetOptions& options) {
  const ListingSource source = listing_source(options);
  const auto names = options.class_names.empty() ? class_names_beside(source.file) : options.class_names;
  return make_dataset(read_csv_listing(source.file, source.images, names, options.multi_label), options);
}

}  // namespace lockstep::data
