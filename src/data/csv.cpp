#include "csv.h"

#include "lockstep/core/error.h"

namespace lockstep::data {
namespace {

/// Reads row after row.
class CsvText {
 public:
  CsvText(const Path& path, std::string_view text) : path_(path), text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  bool ended() const { return at_ >= text_.size(); }

  CsvRow read_row() {
    CsvRow row{.line = line_, .fields = {}};
    do {
      row.fields.push_back(read_field());
    } while (take(','));
    take('\r');
    if (take('\n')) ++line_;
    return row;
  }

 private:
  bool take(char c) {
    const bool here = !ended() && text_[at_] == c;
    at_ += here;
    return here;
  }

  std::string read_field() {
    if (take('"')) return read_quoted();
    const size_t end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
    std::string field(trim(text_.substr(at_, end - at_)));
    at_ = end;
    return field;
  }

  std::string read_quoted() {
    const size_t begun = line_;
    std::string field;
    for (;; ++at_) {
      require(!ended(), ErrorKind::kData, path_.string(), ":", begun, ": a quote is opened and never closed");
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        field += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        field += text_[at_++];
      } else {
        ++at_;
        return field;
      }
    }
  }

  const Path& path_;
  std::string_view text_;
  size_t at_ = 0, line_ = 1;
};

}  // namespace

std::vector<CsvRow> read_csv(const Path& path) {
  const std::string text = read_text(path);
  CsvText csv(path, text);
  std::vector<CsvRow> rows;
  while (!csv.ended()) {
    CsvRow row = csv.read_row();
    if (row.fields.size() == 1 && row.fields.front().empty()) continue;
    require(rows.empty() || row.fields.size() == rows.front().fields.size(), ErrorKind::kData, path.string(), ":",
            row.line, ": ", row.fields.size(), " fields, but the first row has ",
            rows.empty() ? 0 : rows.front().fields.size());
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace lockstep::data
