#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "damage.h"
#include "lockstep/model/checkpoint.h"
#include "support/temp_folder.h"

// Two checkpoints, and the newer one damaged: the older one must be taken, and what was wrong with the newer one be
// said.
namespace lockstep::model {
namespace {

namespace fs = std::filesystem;

checkpoint::Content content_of(float value) {
  const float values[] = {value, 2, 3};
  return {{float_array("arg:w", {3}, values), float_array("moment0:w", {1}, values)},
          {{"state.json", "{\"step\": 1}"}, {"empty", ""}}};
}

struct Folder {
  Folder() {
    // One bit makes the name of the older one from that of the newer one.
    for (const int64_t step : {1, 3}) checkpoint::save(temporary.path(), step, content_of(float(step)), 2);
    for (const auto& entry : fs::directory_iterator(newer)) files.emplace_back(entry.path(), read_text(entry.path()));
    std::sort(files.begin(), files.end());
    latest = {temporary / "latest", read_text(temporary / "latest")};
  }

  /// The step that is taken when the file holds this text.
  std::string taken(const Path& file, std::string_view text) {
    test::write_file(file, text);
    notes.clear();
    return checkpoint::load_newest(temporary.path(), notes)->path.filename().string();
  }
  void expect_older(const Path& file, std::string_view text) {
    EXPECT_EQ(taken(file, text), "step-000000001");
    ASSERT_EQ(notes.size(), 1u);
    test::expect_contains(notes[0], "step-000000003");
  }
  /// `latest` itself: the newer one, or the older one where its name stands there now; with a note in both cases.
  void expect_a_note(std::string_view text) {
    EXPECT_EQ(taken(latest.first, text), text == "step-000000001\n" ? "step-000000001" : "step-000000003");
    ASSERT_EQ(notes.size(), 1u);
    test::expect_contains(notes[0], latest.first.string());
  }

  const test::TempFolder temporary;
  const Path newer = temporary / "step-000000003";
  using File = std::pair<Path, std::string>;
  std::vector<File> files;  // of the newer one
  File latest;
  std::vector<std::string> notes;
};

void flip_bits_anywhere(int count) {
  Folder folder;
  std::vector<Folder::File> files = folder.files;
  std::erase_if(files, [](const Folder::File& file) { return file.second.empty(); });
  files.push_back(folder.latest);
  size_t bytes = 0;
  for (const auto& file : files) bytes += file.second.size();
  std::mt19937_64 random(7);
  for (int i = 0; i < count && !testing::Test::HasFailure(); ++i) {
    size_t byte = random() % bytes, index = 0;
    while (byte >= files[index].second.size()) byte -= files[index++].second.size();
    const auto& [path, whole] = files[index];
    const auto bit = static_cast<int>(random() % 8);
    SCOPED_TRACE(cat("bit ", bit, " of byte ", byte, " of ", path.filename()));
    std::string text = whole;
    text[byte] = static_cast<char>(text[byte] ^ 1 << bit);
    if (path == folder.latest.first)
      folder.expect_a_note(text);
    else
      folder.expect_older(path, text);
    test::write_file(path, whole);
  }
}

TEST(CheckpointDamage, AFileCutOffAtAnyByteIsDetectedAndTheOneBeforeTaken) {
  Folder folder;
  for (const auto& [path, whole] : folder.files) {
    for (size_t size = 0; size < whole.size() && !testing::Test::HasFailure(); ++size)
      folder.expect_older(path, std::string_view(whole).substr(0, size));
    folder.expect_older(path, whole + ' ');
    test::write_file(path, whole);
  }
  for (size_t size = 0; size < folder.latest.second.size(); ++size)
    folder.expect_a_note(folder.latest.second.substr(0, size));
}

TEST(CheckpointDamage, AFlippedBitIsDetectedAndTheOneBeforeTaken) { flip_bits_anywhere(300); }

TEST(CheckpointDamage, SlowAHundredThousandFlippedBits) { flip_bits_anywhere(100'000); }

TEST(CheckpointDamage, AMissingFileIsNamedAndTheOneBeforeTaken) {
  Folder folder;
  for (const auto& [path, whole] : folder.files) {
    fs::remove(path);
    folder.notes.clear();
    EXPECT_EQ(checkpoint::load_newest(folder.temporary.path(), folder.notes)->path.filename(), "step-000000001");
    ASSERT_EQ(folder.notes.size(), 1u);
    test::expect_contains(folder.notes[0], path.filename().string());
    test::write_file(path, whole);
  }
}

}  // namespace
}  // namespace lockstep::model
