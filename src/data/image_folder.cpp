#include "image_folder.h"

#include <algorithm>
#include <array>

#include "lockstep/core/error.h"
#include "missing_path.h"

namespace lockstep::data {
namespace {

/// A few pictures may be missing; a wrong folder lacks them all.
constexpr size_t kTried = 16;

bool holds_one(const Path& folder, std::span<const std::string> pictures) {
  return std::ranges::any_of(pictures.first(std::min(pictures.size(), kTried)), [&](const std::string& picture) {
    std::error_code error;
    return std::filesystem::exists(folder / picture, error);
  });
}

/// "train-instances" -> itself and "train".
std::vector<std::string> names_of(const std::string& stem) {
  constexpr std::array<std::string_view, 4> kWords = {"instances", "labels", "annotations", "captions"};
  std::vector<std::string> names = {stem};
  for (const std::string_view word : kWords)
    for (const char separator : {'-', '_', '.'}) {
      const std::string ending = separator + std::string(word), beginning = std::string(word) + separator;
      if (stem.ends_with(ending)) names.push_back(stem.substr(0, stem.size() - ending.size()));
      if (stem.starts_with(beginning)) names.push_back(stem.substr(beginning.size()));
    }
  std::erase(names, "");
  return names;
}

std::vector<Path> candidates(const Path& listing) {
  const Path here = listing.parent_path();
  std::vector<Path> folders = {here};
  for (const Path& around : {here, here / ".."})
    for (const Path& within : {around, around / "images"}) {
      for (const auto& name : names_of(listing.stem().string())) folders.push_back(within / name);
      if (within != here) folders.push_back(within);
    }
  return folders;
}

}  // namespace

Path find_images(const Path& listing, const Path& named, std::span<const std::string> pictures) {
  require(!pictures.empty(), ErrorKind::kData, listing.string(), " names no pictures");
  if (!named.empty()) {
    require(holds_one(named, pictures), ErrorKind::kData, "the first picture of ", listing.string(),
            " is missing: ", describe_missing(named / pictures.front()));
    return named;
  }
  const auto folders = candidates(listing);
  for (const Path& folder : folders)
    if (holds_one(folder, pictures)) return folder.lexically_normal();
  std::vector<std::string> tried;
  std::error_code error;
  for (const Path& folder : folders)
    if (std::filesystem::is_directory(folder, error))
      tried.push_back(folder.empty() ? "." : folder.lexically_normal().string());
  fail(ErrorKind::kData, listing.string(), ": its pictures were not found: ", pictures.front(), " is not in ",
       join(tried, ", "),
       "; name their folder as the channel and this file as its list, as in train: FOLDER, train_lst: ",
       listing.filename().string());
}

}  // namespace lockstep::data
