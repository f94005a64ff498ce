#include "lockstep/model/convert.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>

#include <unistd.h>

#include "lockstep/core/error.h"
#include "lockstep/core/text.h"
#include "lockstep/model/mxnet.h"
#include "lockstep/model/torch_names.h"
#include "model_files.h"
#include "own_safetensors.h"

namespace lockstep::model {
namespace {

namespace fs = std::filesystem;

/// The nearest float16, of two equally near ones the even one.
uint16_t half_of(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  if (std::isnan(value)) return static_cast<uint16_t>(sign | 0x7e00);
  const float size = std::fabs(value);
  // Steps of 2^-24 below 2^-14, then 1024 steps in each power of two; from 2^16 on there is only infinity.
  const int exponent = size > 0 ? std::clamp(std::ilogb(size), -14, 16) : -14;
  const double steps = std::nearbyint(std::ldexp(static_cast<double>(size), 10 - exponent));
  const double half = steps + 1024.0 * (exponent + 14);
  return static_cast<uint16_t>(sign | static_cast<uint16_t>(std::min(half, 31744.0)));
}

/// A folder beside the result that goes with the end of the scope.
class WorkFolder {
 public:
  explicit WorkFolder(const Path& result) : path_(result.string() + cat(".writing-", ::getpid(), ".d")) {}
  ~WorkFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  const Path& path() const { return path_; }

 private:
  Path path_;
};

void write_safetensors_form(const Path& to, const Artefact& artefact, bool torch_names) {
  if (torch_names)
    write_safetensors(to, to_torch_names(artefact));
  else
    write_own_safetensors(to, artefact);
}

void write_params_form(const Path& to, Artefact& artefact) {
  const std::string name = to.filename().string();
  const size_t dash = name.rfind('-');
  const std::string prefix = name.substr(0, dash == name.npos ? 0 : dash);
  artefact.epoch = epoch_of(name, prefix);
  require(!prefix.empty() && artefact.epoch >= 0, ErrorKind::kUsage, to.string(),
          ": the name of a .params file is PREFIX-NNNN.params, with the number of the epoch");
  write_model(to.has_parent_path() ? to.parent_path() : Path("."), prefix, artefact);
}

void write_form(const Path& to, Artefact& artefact, const ConvertOptions& options) {
  const std::string name = to.filename().string();
  const bool is_safetensors = name.ends_with(".safetensors");
  require(is_safetensors || !options.torch_names, ErrorKind::kUsage, to.string(),
          ": torch's names are for .safetensors");
  if (is_safetensors) return write_safetensors_form(to, artefact, options.torch_names);
  if (name.ends_with(kParamsEnd)) return write_params_form(to, artefact);
  if (name.ends_with(".tar.gz") || name.ends_with(".tgz")) {
    const WorkFolder folder(to);
    write_artefact(folder.path(), artefact, false);
    return pack_artefact(folder.path(), to);
  }
  require(to.extension().empty() || fs::is_directory(to), ErrorKind::kUsage, to.string(),
          ": what should this become? There are .tar.gz, PREFIX-NNNN.params, .safetensors, and a folder (no ending)");
  write_artefact(to, artefact, false);
}

}  // namespace

Arrays to_half(const Arrays& arrays) {
  Arrays halves = arrays;
  for (Array& array : halves) {
    if (array.type != ElementType::kFloat32 || array.shape.size() < 2) continue;
    const std::vector<float> values = to_floats(array);
    array.type = ElementType::kFloat16;
    array.data.resize(values.size() * sizeof(uint16_t));
    for (size_t i = 0; i < values.size(); ++i) {
      const uint16_t half = half_of(values[i]);
      require((half & 0x7fff) != 0x7c00 || std::isinf(values[i]), ErrorKind::kData, "array \"", array.name,
              "\": element ", i, " is ", values[i], ", too large for float16");
      std::memcpy(array.data.data() + i * sizeof(half), &half, sizeof(half));
    }
  }
  return halves;
}

Artefact convert(const Path& from, const Path& to, const ConvertOptions& options) {
  Artefact artefact = read_artefact(from);
  if (options.half) artefact.arrays = to_half(artefact.arrays);
  std::error_code error;
  const Path target = to.filename().empty() ? to.parent_path() : to;  // "folder/"
  if (target.has_parent_path()) fs::create_directories(target.parent_path(), error);
  require(!error, ErrorKind::kIo, to.string(), ": cannot create its folder: ", error.message());
  write_form(target, artefact, options);
  return artefact;
}

}  // namespace lockstep::model
