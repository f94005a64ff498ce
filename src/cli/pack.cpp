#include "lockstep/data/pack.h"

#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>

#include "commands.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "lockstep/core/thread.h"
#include "lockstep/data/seek_index.h"
#include "pack_summary.h"
#include "seek_index_summary.h"

namespace lockstep::cli {
namespace {

/// What stands on the command line, before im2rec's order and defaults are told apart from ours.
struct PackArguments {
  data::PackOptions options;
  std::string split, categories, without_category = "keep";
  std::vector<std::string> extensions;
  bool recursive = false, no_shuffle = false, pass_through = false;
  bool index = false;
  bool encodes_again = false;  // one of --resize --center-crop --quality --color --encoding is given
  bool cuts = false;           // one of --split --shards --chunks --train-ratio --classes is given
};

std::vector<double> parse_split(const std::string& text) {
  std::vector<double> shares;
  for (const auto& part : split(text, ':')) {
    const auto share = parse_number(part);
    require(share.has_value(), ErrorKind::kUsage, "--split ", text, ": \"", part,
            "\" is no number; expected is e.g. 0.8 or 0.8:0.1");
    shares.push_back(*share);
  }
  return shares;
}

/// im2rec takes PREFIX ROOT.
void recognise_order(PackArguments& arguments) {
  auto& options = arguments.options;
  std::error_code error;
  const bool swapped =
      !std::filesystem::exists(options.root, error) && std::filesystem::is_directory(options.prefix, error);
  options.every_folder_a_class = swapped || arguments.recursive;
  if (!swapped) return;
  std::swap(options.root, options.prefix);
  options.recursive = arguments.recursive;
  const bool is_listed =
      !options.from_list.empty() || !options.labels.empty() || !options.coco.empty() || !options.manifest.empty();
  options.existing_lists = !options.list_only && !is_listed && !arguments.cuts;
  log::info("im2rec's order: the pictures are in ", options.root.string(), ", the files begin with ",
            options.prefix.string());
}

data::PackOptions complete(PackArguments arguments) {
  auto& options = arguments.options;
  recognise_order(arguments);
  if (!arguments.extensions.empty())
    options.extensions = arguments.extensions;
  else if (!options.every_folder_a_class)  // a class of WebP alone must not get lost, and shift the labels behind it
    options.extensions.insert(options.extensions.end(), {".webp", ".bmp", ".gif", ".tif", ".tiff"});
  if (!arguments.split.empty()) options.split = parse_split(arguments.split);
  for (const auto& name : split(arguments.categories, ','))
    if (!trim(name).empty()) options.categories.emplace_back(trim(name));
  options.drop_without_category = arguments.without_category == "drop";
  options.shuffle = !arguments.no_shuffle;
  options.pass_through = arguments.pass_through || !arguments.encodes_again;
  if (arguments.pass_through && arguments.encodes_again)
    log::warning(
        "--pass-through keeps the files' bytes; --resize, --center-crop, --quality, --color and --encoding do nothing");
  return options;
}

using Options = std::vector<CLI::Option*>;

bool any_given(const Options& options) {
  return std::ranges::any_of(options, [](const CLI::Option* option) { return option->count() > 0; });
}

void add_listings(CLI::App& app, PackArguments& arguments) {
  auto& options = arguments.options;
  app.add_option("--coco", options.coco, "COCO instances JSON, whose file names are relative to the folder")
      ->check(CLI::ExistingFile);
  app.add_option("--categories", arguments.categories, "COCO: which, as person,car, in the order of their labels");
  app.add_option("--without-category", arguments.without_category, "COCO: pictures that show none: keep or drop")
      ->check(CLI::IsMember({"keep", "drop"}))
      ->capture_default_str();
  app.add_option("--manifest", options.manifest, "an augmented manifest (JSON Lines)")->check(CLI::ExistingFile);
  app.add_option("--s3-root", options.s3_root, "manifest: the local folder that holds the buckets of s3:// addresses")
      ->check(CLI::ExistingDirectory);
}

/// Returns the options that an existing list cannot follow.
Options add_sources(CLI::App& app, PackArguments& arguments) {
  auto& options = arguments.options;
  app.add_option("folder", options.root,
                 "a folder with a folder of pictures for each class, or with such folders in train, valid, test; or a "
                 "list of pictures: .lst, .csv, COCO .json, manifest")
      ->required();
  app.add_option("prefix", options.prefix, "what the files begin with: PREFIX.rec, .idx, .lst, .classes")->required();
  app.add_option("--from-list", options.from_list, "a .lst whose paths are relative to the folder")
      ->check(CLI::ExistingFile);
  app.add_option("--labels", options.labels, "a CSV: file, then a column of 0 and 1 for each label, or one of classes")
      ->check(CLI::ExistingFile);
  add_listings(app, arguments);
  auto* classes = app.add_option("--classes", options.classes, "a name a line, line number = label; fixes the labels")
                      ->check(CLI::ExistingFile);
  auto* split =
      app.add_option("--split", arguments.split,
                     "shares train[:validation] of each class, the rest is validation or test: 0.8 or 0.8:0.1");
  auto* shards = app.add_option("--shards", options.shards, "cut into this many .rec files");
  app.add_flag("--strict", options.strict, "a picture that cannot be read is an error");
  app.add_flag("--index", arguments.index, "write PREFIX.jdx too, a seek index for faster reading");
  app.add_option("--threads,--num-thread", options.threads, "default: all cores");
  auto* chunks = app.add_option("--chunks", options.chunks, "im2rec: cut the list into PREFIX_0, PREFIX_1, ...");
  auto* train = app.add_option("--train-ratio", options.train_ratio,
                               "im2rec: this share to PREFIX_train, the rest to PREFIX_val");
  app.add_option("--test-ratio", options.test_ratio, "im2rec: this share to PREFIX_test; with --train-ratio");
  return {classes, split, shards, chunks, train};
}

void add_list_flags(CLI::App& app, PackArguments& arguments) {
  auto& options = arguments.options;
  app.add_flag("--list", options.list_only, "im2rec: write the .lst only");
  app.add_option(
         "--exts", arguments.extensions,
         "extensions of pictures; default: all that train reads, with --recursive or im2rec's order .jpeg .jpg .png")
      ->expected(1, -1);
  app.add_flag("--recursive", arguments.recursive,
               "im2rec: every folder that holds pictures is a class, nested ones too");
  app.add_flag("--no-shuffle", arguments.no_shuffle, "im2rec: keep the order of the names");
  app.add_flag("--pack-label", options.pack_label, "im2rec: all labels of the list go into the record");
}

/// Returns the options that ask for new bytes.
Options add_picture_flags(CLI::App& app, PackArguments& arguments) {
  auto& options = arguments.options;
  app.add_flag("--pass-through", arguments.pass_through,
               "keep the files' bytes; the default unless one of the following is given");
  return {
      app.add_option("--resize", options.resize, "im2rec: the shorter side gets this many pixels"),
      app.add_flag("--center-crop", options.center_crop, "im2rec: cut the square in the middle, before any resize"),
      app.add_option("--quality", options.quality, "im2rec: JPEG quality 1-100, default 95; or PNG compression 1-9"),
      app.add_option("--color", options.colour, "im2rec: 1 colour (default), 0 grey, -1 as the file is"),
      app.add_option("--encoding", options.encoding, "im2rec: .jpg (default) or .png")};
}

void write_seek_indexes(const data::PackSummary& summary, const data::PackOptions& options) {
  for (const auto& file : summary.files)
    print_summary(data::write_seek_index(file.records, options.threads > 0 ? options.threads : available_cores()),
                  false);
}

}  // namespace

void add_pack(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<PackArguments>();
  const auto cutting = add_sources(app, *arguments);
  add_list_flags(app, *arguments);
  const auto encoding = add_picture_flags(app, *arguments);
  action = [arguments, cutting, encoding] {
    arguments->cuts = any_given(cutting);
    arguments->encodes_again = any_given(encoding);
    const data::PackOptions options = complete(*arguments);
    const data::PackSummary summary = data::pack(options);
    print_summary(summary, options);
    if (arguments->index && !options.list_only) write_seek_indexes(summary, options);
    return 0;
  };
}

}  // namespace lockstep::cli
