#pragma once

#include <functional>
#include <string>
#include <vector>

#include "archive.h"
#include "lockstep/core/file.h"
#include "lockstep/model/array.h"
#include "lockstep/model/card.h"

namespace lockstep::model {

inline constexpr const char* kPrefix = "image-classification";  ///< of what we write
inline constexpr const char* kShapes = "model-shapes.json";
inline constexpr const char* kCard = "lockstep.json";
inline constexpr const char* kSymbolEnd = "-symbol.json";
inline constexpr const char* kParamsEnd = ".params";

/// Where a model lies, by what a user calls it.
struct Place {
  enum class Form { kFolder, kArchive, kCheckpoint, kCheckpoints, kWeights };
  Form form = Form::kFolder;
  Path path;           ///< the folder or file
  std::string prefix;  ///< of the symbol file, where the user named it
  int64_t epoch = -1;  ///< of the .params, where the user named it
};

/// Finds it; nothing but names is looked at. A folder is, in this order: one with *-symbol.json, one with model.tar.gz
/// (or one other .tar.gz), a checkpoint, one of checkpoints, one with a single file of weights. A file is weights or an
/// archive by its name; PREFIX-symbol.json and PREFIX-NNNN.params stand for the model of that prefix, and so does
/// PREFIX itself. Data Error that lists what was looked for.
Place find_model(const Path& path);

/// The files of one model by name, wherever they lie.
struct ModelFiles {
  std::string where;
  std::vector<std::string> names;
  std::function<std::string(const std::string& name)> text;
  std::function<Arrays(const std::string& name)> arrays;

  bool has(const std::string& name) const;
  /// The one before -symbol.json. Of several, "image-classification"; data Error listing them where that is not among
  /// them, and where there is none.
  std::string prefix() const;
  /// Of the .params the one that origin["best_epoch"] of the card names, else the newest; data Error without any.
  int64_t choose_epoch(const std::string& prefix, const Card& card) const;
};
ModelFiles files_of_folder(const Path& folder);
/// `content` must outlive the result.
ModelFiles files_of_archive(const Path& path, const Files& content);

/// The names of a folder's files that belong to models, sorted.
std::vector<std::string> list_model(const Path& folder);
bool belongs_to_model(const std::string& name);
std::string params_name(const std::string& prefix, int64_t epoch);
/// The epoch in "<prefix>-0010.params", or -1.
int64_t epoch_of(const std::string& name, const std::string& prefix);

struct Artefact;
/// PREFIX-symbol.json, PREFIX-NNNN.params, model-shapes.json and lockstep.json.
void write_model(const Path& folder, const std::string& prefix, const Artefact& artefact);

}  // namespace lockstep::model
