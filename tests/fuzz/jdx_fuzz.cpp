// libFuzzer target: any bytes beside fuzz/jdx/seek.rec are its seek index, or are not used. What passes as its index
// never changes a pixel; what passes only because the fuzzer made all hashes right gives some picture or a data Error,
// and nothing worse. Runs in tests/.
//   clang++-19 -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -I include -I src/data -I /usr/include/opencv4
//     tests/fuzz/jdx_fuzz.cpp src/data/seek_index_format.cpp src/record/*.cpp src/image/*.cpp src/core/*.cpp
//     -lspdlog -lfmt -lxxhash -ljpeg -lopencv_core -lopencv_imgproc -lopencv_imgcodecs
#include <cstdlib>
#include <cstring>

#include "lockstep/core/error.h"
#include "lockstep/core/hash.h"
#include "lockstep/image/image.h"
#include "lockstep/record/image_record.h"
#include "lockstep/record/reader.h"
#include "seek_index_format.h"

namespace {

using namespace lockstep;
using data::SeekIndexEntry, data::SeekIndexTail;

struct Picture {
  std::vector<std::byte> bytes;
  image::Header header;
  image::Image whole;
};

image::Region whole_of(const image::Header& header) { return {0, 0, header.width, header.height}; }

struct Records {
  std::vector<std::byte> file = read_bytes("fuzz/jdx/seek.rec");
  std::vector<Picture> pictures;

  Records() {
    const record::Reader reader("fuzz/jdx/seek.rec");
    std::vector<std::byte> storage;
    std::vector<float> labels;
    for (size_t i = 0; i < reader.size(); ++i) {
      const Bytes bytes = record::parse(reader.read(i, storage), labels).picture;
      Picture& picture = pictures.emplace_back(Picture{{bytes.begin(), bytes.end()}, image::probe(bytes, 1 << 20), {}});
      image::decode(bytes, {}, picture.header, whole_of(picture.header), 3, picture.whole);
    }
  }
};

/// The same with all numbers and hashes set right, so that what they guard is reached.
std::vector<std::byte> believable(Bytes index, const Records& records) {
  std::vector<std::byte> made(index.begin(), index.end());
  const size_t count = records.pictures.size(), table_bytes = count * sizeof(SeekIndexEntry);
  if (made.size() < 8 + table_bytes + sizeof(SeekIndexTail)) return made;
  std::memcpy(made.data(), data::kSeekIndexMagic.data(), 8);
  const size_t table = made.size() - sizeof(SeekIndexTail) - table_bytes;
  const Bytes points = Bytes(made).subspan(8, table - 8);
  uint64_t begin = 0;
  for (size_t i = 0; i < count; ++i) {
    SeekIndexEntry entry;
    std::memcpy(&entry, made.data() + table + i * sizeof entry, sizeof entry);
    if (i + 1 == count) entry.end = points.size();
    entry.check = 0;
    if (begin <= entry.end && entry.end <= points.size())
      entry.check = data::check_of(points.subspan(begin, entry.end - begin), records.pictures[i].bytes);
    begin = entry.end;
    std::memcpy(made.data() + table + i * sizeof entry, &entry, sizeof entry);
  }
  SeekIndexTail tail{.records = count,
                     .record_bytes = records.file.size(),
                     .sampled_hash = data::sampled_hash(records.file),
                     .table_hash = hash(Bytes(made).subspan(table, table_bytes))};
  tail.own_hash = data::own_hash(tail);
  std::memcpy(made.data() + made.size() - sizeof tail, &tail, sizeof tail);
  return made;
}

void read_all(Bytes index, const Records& records, bool is_trusted) {
  const auto parts = data::parse_seek_index(index, records.file, records.pictures.size());
  if (!parts.problem.empty()) return;
  image::Image out;
  for (size_t i = 0; i < records.pictures.size(); ++i) {
    const Picture& picture = records.pictures[i];
    const Bytes points = parts.points_of(i);
    if (data::check_of(points, picture.bytes) != parts.entry(i).check) continue;
    image::Region region = whole_of(picture.header);
    image::decode(picture.bytes, points, picture.header, region, 3, out);
    if (is_trusted && out.pixels != picture.whole.pixels) std::abort();
    region = {region.width / 2, region.height / 3, region.width - region.width / 2, region.height / 2};
    image::decode(picture.bytes, points, picture.header, region, 1, out);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Records records;
  const Bytes index = std::as_bytes(std::span(data, size));
  try {
    read_all(index, records, true);
    read_all(believable(index, records), records, false);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kData) std::abort();
  }
  return 0;
}
