#include "formats.h"
#include "listing.h"
#include "lockstep/core/error.h"
#include "manifest.h"
#include "missing_path.h"
#include "picture_file.h"

namespace lockstep::data {
namespace {

Path folder_of(const ListingSource& source) {
  return source.images.empty() ? source.file.parent_path() : source.images;
}

class ManifestDataset : public Dataset {
 public:
  ManifestDataset(const ListingSource& source, const DatasetOptions& options)
      : manifest_(source.file, folder_of(source), options) {
    class_names_ = manifest_.class_names();
    label_width_ = manifest_.label_width();
    require_first_picture(source.file);
  }

  size_t size() const override { return manifest_.size(); }

  void read(size_t i, Sample& sample) const override {
    manifest_.read_labels(i, sample.labels);
    read_picture(manifest_.picture(i), sample);
  }

  void read_labels(size_t i, std::vector<float>& labels) const override { manifest_.read_labels(i, labels); }
  uint64_t picture_bytes(size_t i) const override { return picture_size(manifest_.picture(i)); }

  void will_read(size_t i) const override try {
    ask_for_picture(manifest_.picture(i));
  } catch (const Error&) {  // read() says it
  }

 private:
  /// A wrong root would otherwise be found only when training begins.
  void require_first_picture(const Path& file) const {
    for (size_t i = 0; i < size(); ++i) {
      std::error_code error;
      try {
        if (std::filesystem::exists(manifest_.picture(i), error)) return;
      } catch (const Error& bad) {
        if (bad.kind() != ErrorKind::kData) throw;
        continue;
      }
      fail(ErrorKind::kData, "the first picture of ", file.string(),
           " is missing: ", describe_missing(manifest_.picture(i)));
    }
  }

  Manifest manifest_;
};

}  // namespace

bool is_manifest(const DatasetOptions& options) {
  const Channel& channel = options.list.given() ? options.list : options.channel;
  return channel.paths.size() == 1 && looks_like_manifest(channel.paths.front());
}

std::unique_ptr<Dataset> open_manifest(const DatasetOptions& options) {
  return std::make_unique<ManifestDataset>(listing_source(options), options);
}

}  // namespace lockstep::data
