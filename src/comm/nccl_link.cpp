#ifdef LOCKSTEP_CUDA

#include "nccl_link.h"

#include <chrono>
#include <cstdio>
#include <future>
#include <thread>

#include <unistd.h>

#include "lockstep/core/error.h"
#include "lockstep/core/log.h"

namespace lockstep::comm {
namespace {

constexpr int kSpins = 100;
constexpr auto kSleep = std::chrono::microseconds(50);
constexpr auto kGlance = std::chrono::milliseconds(1);
constexpr auto kAbortLimit = std::chrono::seconds(5);
constexpr auto kPatience = std::chrono::milliseconds(500);  // for a thread inside NCCL, before an abort overtakes it

/// Like a timed mutex, which thread sanitizers do not understand. Without the lock after `limit`.
std::unique_lock<std::mutex> lock_within(std::mutex& mutex, std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex, std::try_to_lock);
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!lock && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(kSleep);
    static_cast<void>(lock.try_lock());
  }
  return lock;
}

}  // namespace

ncclUniqueId NcclLink::make_id() {
  ncclUniqueId id;
  const ncclResult_t result = ncclGetUniqueId(&id);
  require(result == ncclSuccess, ErrorKind::kComm, "ncclGetUniqueId: ", ncclGetErrorString(result), "; ",
          ncclGetLastError(nullptr));
  return id;
}

void NcclLink::connect(const ncclUniqueId& id, int rank, int size, std::function<void()> check) {
  check_ = std::move(check);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  ncclResult_t result;
  {
    std::lock_guard lock(mutex_);
    ncclComm_t comm = nullptr;
    result = ncclCommInitRankConfig(&comm, size, id, rank, &config);
    comm_ = comm;
  }
  finish("ncclCommInitRankConfig", result);
}

void NcclLink::finish(const char* name, ncclResult_t result) {
  for (int polls = 0; result == ncclInProgress; ++polls) {
    check_();
    if (polls >= kSpins) std::this_thread::sleep_for(kSleep);
    result = locked([](ncclComm_t comm) {
      ncclResult_t state = ncclSuccess;
      const ncclResult_t asked = ncclCommGetAsyncError(comm, &state);
      return asked == ncclSuccess ? state : asked;
    });
  }
  if (result == ncclSuccess) return;
  check_();  // an abort explains the failure better than NCCL does
  fail(ErrorKind::kComm, name, ": ", ncclGetErrorString(result), "; ", ncclGetLastError(nullptr));
}

std::string NcclLink::error() {
  const auto lock = lock_within(mutex_, kGlance);
  const ncclComm_t comm = comm_;
  if (!lock || !comm) return "";
  ncclResult_t state = ncclSuccess;
  const ncclResult_t asked = ncclCommGetAsyncError(comm, &state);
  if (asked != ncclSuccess) state = asked;
  if (state == ncclSuccess || state == ncclInProgress) return "";
  return cat("NCCL: ", ncclGetErrorString(state), "; ", ncclGetLastError(comm));
}

void NcclLink::abort(const std::string& reason) noexcept {
  auto lock = lock_within(mutex_, kPatience);
  const ncclComm_t comm = comm_.exchange(nullptr);
  if (lock) lock.unlock();
  if (!comm) return;
  std::promise<void> back;
  std::thread guard([&reason, over = back.get_future()] {
    if (over.wait_for(kAbortLimit) == std::future_status::ready) return;
    log::error(reason, "; NCCL does not come back from its own abort; this process leaves");
    std::fflush(nullptr);
    ::_exit(exit_code(ErrorKind::kComm));
  });
  ncclCommAbort(comm);
  back.set_value();
  guard.join();
}

void NcclLink::destroy() {
  call("ncclCommFinalize", [](ncclComm_t comm) { return ncclCommFinalize(comm); });
  std::lock_guard lock(mutex_);
  ncclCommDestroy(comm_.exchange(nullptr));
}

ncclDataType_t nccl_type(DType dtype) {
  switch (dtype) {
    case DType::kUint8:
      return ncclUint8;
    case DType::kInt32:
      return ncclInt32;
    case DType::kInt64:
      return ncclInt64;
    case DType::kFloat32:
      return ncclFloat32;
    case DType::kFloat64:
      return ncclFloat64;
  }
  fail(ErrorKind::kBug, "no such element type: ", static_cast<int>(dtype));
}

ncclRedOp_t nccl_op(Op op) { return op == Op::kSum ? ncclSum : op == Op::kMin ? ncclMin : ncclMax; }

std::string nccl_version_text(int code) { return cat(code / 10000, ".", code / 100 % 100, ".", code % 100); }

}  // namespace lockstep::comm

#endif
