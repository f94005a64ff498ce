#include "versions.h"

#include "lockstep/comm/launch.h"
#include "lockstep/core/text.h"
#include "lockstep/core/version.h"
#include "lockstep/image/image.h"
#include "lockstep/train/versions.h"

namespace lockstep::cli {

std::string versions() {
  return cat("lockstep ", kVersion, "\nLibTorch ", train::torch_version(), "\n", comm::mpi_version(), "\n",
             image::codec_versions());
}

}  // namespace lockstep::cli
