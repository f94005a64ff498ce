#include "lockstep/comm/communicator.h"

#include <algorithm>

#include "backends.h"
#include "binding.h"
#include "lockstep/core/log.h"

namespace lockstep::comm {
namespace {

constexpr Entry<MakeBackend> kBackends[] = {
#define BACKEND(name, maker, help) {#name, help, maker},
#include "lockstep/comm/backends.def"
#undef BACKEND
};

}  // namespace

std::span<const Entry<MakeBackend>> backends() { return kBackends; }

std::string describe(const Launch& launch) { return cat("rank ", launch.rank, " (", launch.host, ")"); }

std::string describe(const char* collective, Buffer buffer) {
  return cat(collective, " of ", bytes_text(static_cast<double>(buffer.bytes())));
}

std::string describe_missing(const std::vector<int>& ranks) {
  std::string text;
  for (const int rank : ranks) text += cat(text.empty() ? "not there yet: rank " : ", rank ", rank);
  return text;
}

size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::kUint8:
      return 1;
    case DType::kInt32:
    case DType::kFloat32:
      return 4;
    case DType::kInt64:
    case DType::kFloat64:
      return 8;
  }
  fail(ErrorKind::kBug, "no such element type: ", static_cast<int>(dtype));
}

std::vector<std::string> gather_texts(Communicator& communicator, const std::string& mine) {
  int64_t length = static_cast<int64_t>(mine.size());
  std::vector<int64_t> lengths(communicator.size());
  communicator.allgather({&length, 1, DType::kInt64}, buffer(lengths));

  const size_t longest = *std::max_element(lengths.begin(), lengths.end());
  std::vector<uint8_t> padded(longest), all(longest * communicator.size());
  std::copy(mine.begin(), mine.end(), padded.begin());
  communicator.allgather(buffer(padded), buffer(all));

  std::vector<std::string> texts;
  for (size_t rank = 0; rank < lengths.size(); ++rank) {
    const auto begin = all.begin() + static_cast<ptrdiff_t>(rank * longest);
    texts.emplace_back(begin, begin + lengths[rank]);
  }
  return texts;
}

std::unique_ptr<Communicator> make_communicator(const std::string& backend, const Launch& launch,
                                                double timeout_seconds) {
  require(timeout_seconds > 0, ErrorKind::kUsage, "the time limit of collectives must be positive, not ",
          timeout_seconds, " s");
  const std::string name = backend != "auto" ? backend : launch.size > 1 ? "mpi" : "local";
  auto communicator = find_entry(backends(), name, "communication backend").make(launch, timeout_seconds);
  if (const std::string note = describe_binding(communicator->launch()); !note.empty()) log::warning(note);
  return communicator;
}

}  // namespace lockstep::comm
