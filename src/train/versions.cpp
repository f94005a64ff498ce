#include "lockstep/train/versions.h"

#include <algorithm>
#include <cstring>

#include <elf.h>
#include <link.h>
#include <torch/headeronly/version.h>

#include "lockstep/comm/launch.h"
#include "lockstep/core/text.h"
#include "lockstep/core/version.h"
#include "lockstep/image/image.h"

namespace lockstep::train {
namespace {

constexpr size_t kShownBytes = 6;  // of the build's mark

/// The mark of the first object that the linker lists, which is the program.
int find_build(dl_phdr_info* object, size_t, void* found) {
  const auto padded = [](size_t size) { return (size + 3) / 4 * 4; };
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = object->dlpi_phdr[i];
    if (part.p_type != PT_NOTE) continue;
    const auto* bytes = reinterpret_cast<const unsigned char*>(object->dlpi_addr + part.p_vaddr);
    for (size_t at = 0; at + sizeof(ElfW(Nhdr)) <= part.p_memsz;) {
      ElfW(Nhdr) note;
      std::memcpy(&note, bytes + at, sizeof note);
      const size_t content = at + sizeof note + padded(note.n_namesz);
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4)
        for (size_t k = 0; k < std::min<size_t>(note.n_descsz, kShownBytes); ++k)
          *static_cast<std::string*>(found) += format("%02x", bytes[content + k]);
      at = content + padded(note.n_descsz);
    }
  }
  return 1;
}

}  // namespace

std::string torch_version() { return TORCH_VERSION; }

std::string describe_program() {
  std::string build;
  ::dl_iterate_phdr(find_build, &build);
  return cat("lockstep ", kVersion, build.empty() ? "" : " (build " + build + ")", ", LibTorch ", torch_version(), ", ",
             comm::mpi_version(), ", ", join(split(image::codec_versions(), '\n'), ", "));
}

}  // namespace lockstep::train
