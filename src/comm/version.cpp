#include <mpi.h>

#include "lockstep/comm/launch.h"
#include "lockstep/core/text.h"

namespace lockstep::comm {

std::string mpi_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  MPI_Get_library_version(text, &length);  // one of the few calls that are allowed before MPI_Init
  return split(text, ',').front();
}

}  // namespace lockstep::comm
