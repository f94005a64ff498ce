#include "picture_address.h"

#include <algorithm>

#include "lockstep/core/error.h"

namespace lockstep::data {
namespace {

constexpr std::string_view kFile = "file://", kS3 = "s3://";

/// The value of a hexadecimal digit; -1 where it is none.
int digit(char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const size_t value = kDigits.find(lower(std::string_view(&c, 1)));
  return value == std::string_view::npos ? -1 : static_cast<int>(value);
}

/// "a%20b" -> "a b"; a % that begins no number stays.
std::string decoded(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool coded = text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0;
    plain += coded ? static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])) : text[i];
    if (coded) i += 2;
  }
  return plain;
}

Path find_file(const std::string& address) {
  std::string_view rest = std::string_view(address).substr(kFile.size());
  if (rest.starts_with("localhost/")) rest.remove_prefix(std::string_view("localhost").size());
  require(rest.starts_with('/'), ErrorKind::kData, address, " names another machine; expected is file:///PATH");
  return decoded(rest);
}

bool leads_out(const Path& key) { return key.is_absolute() || std::ranges::find(key, Path("..")) != key.end(); }

Path find_object(const std::string& address, const Path& s3_root) {
  const std::string_view rest = std::string_view(address).substr(kS3.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  const std::string bucket(rest.substr(0, slash)), key(rest.substr(std::min(slash + 1, rest.size())));
  require(!bucket.empty() && !key.empty() && !leads_out(bucket) && !leads_out(key), ErrorKind::kData, address,
          " is no address of a picture; expected is s3://BUCKET/KEY");
  const std::string folder = (Path(bucket) / Path(key).parent_path()).string();
  require(!s3_root.empty(), ErrorKind::kUsage, address,
          " lies in S3, and pictures are read from local disks; copy them with `aws s3 sync s3://", folder, " FOLDER/",
          folder, "` and set run.s3_root (--s3-root) to FOLDER");
  const Path in_bucket = s3_root / bucket / key, without = s3_root / key;
  std::error_code error;
  return std::filesystem::exists(in_bucket, error) || !std::filesystem::exists(without, error) ? in_bucket : without;
}

}  // namespace

Path find_picture(const std::string& address, const Path& folder, const Path& s3_root) {
  require(!address.empty() && address.find('\0') == std::string::npos, ErrorKind::kData, "the picture has no name");
  if (address.starts_with(kS3)) return find_object(address, s3_root);
  if (address.starts_with(kFile)) return find_file(address);
  require(address.find("://") == std::string::npos, ErrorKind::kData, address,
          " is no local file; understood are paths, file:// and s3://");
  return folder / address;
}

}  // namespace lockstep::data
