#pragma once

#include <memory>
#include <span>

#include "lockstep/comm/communicator.h"
#include "lockstep/core/table.h"

namespace lockstep::comm {

using MakeBackend = std::unique_ptr<Communicator> (*)(const Launch& launch, double timeout_seconds);

#define BACKEND(name, maker, help) std::unique_ptr<Communicator> maker(const Launch& launch, double timeout_seconds);
#include "lockstep/comm/backends.def"
#undef BACKEND

/// The rows of backends.def.
std::span<const Entry<MakeBackend>> backends();

std::string host_name();
std::string describe(const Launch& launch);                   ///< "rank 1 (host)"
std::string describe(const char* collective, Buffer buffer);  ///< "allreduce of 4.0 MB"
std::string describe_missing(const std::vector<int>& ranks);  ///< "not there yet: rank 1, rank 3", or empty

}  // namespace lockstep::comm
