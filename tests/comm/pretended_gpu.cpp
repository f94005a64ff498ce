#include "comm/pretended_gpu.h"

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <cuda_runtime_api.h>
#include <nccl.h>

#include "combine.h"

using lockstep::test::pretended_machine;

namespace lockstep::test {

PretendedMachine& pretended_machine() {
  static PretendedMachine machine;
  return machine;
}

}  // namespace lockstep::test

namespace {

using Clock = std::chrono::steady_clock;
using Action = std::function<void()>;
constexpr auto kTick = std::chrono::microseconds(200);

thread_local int current_device = 0;

/// What is never destroyed after an error stays known here, so that no leak is reported.
template <class T>
T* keep(T* made) {
  static std::mutex mutex;
  static std::set<T*>& kept = *new std::set<T*>;
  std::lock_guard lock(mutex);
  kept.insert(made);
  return made;
}

}  // namespace

/// Recorded actions in the order of their recording, which keeps every order that events ask for. Each knows those
/// right before it, so that an action which the end of the capture does not wait for is found.
struct CUgraph_st {
  struct Node {
    Action action;
    std::vector<size_t> before;
  };
  std::vector<Node> nodes;
  bool ended = false;
};
struct CUgraphExec_st : CUgraph_st {};

/// Actions one after the other on a thread of its own, unless they are recorded.
struct CUstream_st {
  CUstream_st() : thread([this] { work(); }) {}
  ~CUstream_st() {
    stop();
    thread.join();
  }
  bool records() {
    if (capture && capture->ended) {
      capture = nullptr;
      tails.clear();
    }
    return capture != nullptr;
  }
  void add(Action action) {
    if (records()) {
      capture->nodes.push_back({std::move(action), tails});
      tails = {capture->nodes.size() - 1};
      return;
    }
    std::lock_guard lock(mutex);
    actions.push_back(std::move(action));
    changed.notify_all();
  }
  void stop() {
    std::lock_guard lock(mutex);
    actions.push_back(nullptr);
    changed.notify_all();
  }
  bool idle() {
    std::lock_guard lock(mutex);
    return actions.empty();
  }
  void work() {
    while (true) {
      Action action;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return !actions.empty(); });
        action = actions.front();
      }
      if (!action) return;
      action();
      std::lock_guard lock(mutex);
      actions.pop_front();
    }
  }

  std::shared_ptr<CUgraph_st> capture;  // that records; of the one thread that uses the stream meanwhile
  std::vector<size_t> tails;            // in it

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Action> actions;
  std::thread thread;
};

struct CUevent_st {
  struct Mark {
    std::atomic<bool> passed = false;
    Clock::time_point time;
    std::weak_ptr<CUgraph_st> capture;  // where it was recorded by one, and then is no more than these places in it
    std::vector<size_t> tails;
    bool is_captured = false;
  };
  std::shared_ptr<Mark> mark;  // of the latest record
  std::mutex mutex;
  std::shared_ptr<Mark> latest() {
    std::lock_guard lock(mutex);
    return mark;
  }
};

/// The ranks of one unique id meet here, collective by collective.
struct Group {
  std::mutex mutex;
  int joined = 0;
  std::map<int64_t, std::map<int, const void*>> posted;  // collective -> rank -> its numbers
  std::map<int64_t, int> read;                           // collective -> ranks that have taken what they need
};

struct ncclComm {
  std::shared_ptr<Group> group;
  int rank, size;
  std::atomic<int64_t> collectives = 0;
  std::atomic<bool> aborted = false, started = false;
  std::shared_ptr<int> recordings = std::make_shared<int>();  // held by each recorded collective
};

namespace {

CUstream_st& real(cudaStream_t stream) {
  static std::mutex mutex;
  static std::map<int, std::unique_ptr<CUstream_st>> defaults;
  if (stream) return *stream;
  std::lock_guard lock(mutex);
  auto& own = defaults[current_device];
  if (!own) own = std::make_unique<CUstream_st>();
  return *own;
}

lockstep::comm::DType type_of(ncclDataType_t type) {
  using lockstep::comm::DType;
  return type == ncclUint8   ? DType::kUint8
         : type == ncclInt32 ? DType::kInt32
         : type == ncclInt64 ? DType::kInt64
         : type == ncclFloat ? DType::kFloat32
                             : DType::kFloat64;
}

/// Returns false when this rank aborted first.
bool wait_until(const ncclComm& comm, const std::function<bool()>& ready) {
  while (true) {
    if (comm.aborted) return false;
    {
      std::lock_guard lock(comm.group->mutex);
      if (ready()) return true;
    }
    std::this_thread::sleep_for(kTick);
  }
}

/// All ranks' numbers reach `use` on every rank; `write` changes this rank's memory when nobody reads it any more.
ncclResult_t collective(ncclComm_t comm, cudaStream_t stream, const void* mine,
                        std::function<void(const std::map<int, const void*>&)> use, Action write) {
  while (pretended_machine().blocks_in_calls && !comm->aborted) std::this_thread::sleep_for(kTick);
  real(stream).add([=, recording = real(stream).records() ? comm->recordings : nullptr] {
    const int64_t number = comm->collectives++;
    Group& group = *comm->group;
    {
      std::lock_guard lock(group.mutex);
      group.posted[number][comm->rank] = mine;
    }
    const auto all = [&] { return static_cast<int>(group.posted[number].size()) == comm->size; };
    if (!wait_until(*comm, all)) return;
    std::map<int, const void*> numbers;
    {
      std::lock_guard lock(group.mutex);
      numbers = group.posted[number];
    }
    use(numbers);
    {
      std::lock_guard lock(group.mutex);
      ++group.read[number];
    }
    if (wait_until(*comm, [&] { return group.read[number] == comm->size; })) write();
  });
  return ncclInProgress;
}

}  // namespace

extern "C" {

const char* cudaGetErrorString(cudaError_t) { return "pretended CUDA error"; }
cudaError_t cudaGetLastError() { return cudaSuccess; }
cudaError_t cudaGetDeviceCount(int* count) {
  *count = pretended_machine().gpus;
  return *count > 0 ? cudaSuccess : cudaErrorNoDevice;
}
cudaError_t cudaSetDevice(int device) {
  current_device = device;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetPCIBusId(char* text, int length, int device) {
  std::snprintf(text, static_cast<size_t>(length), "0000:%02x:00.0", device + 1);
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  std::strcpy(properties->name, "pretended GPU");
  properties->totalGlobalMem = size_t{1} << 30;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetStreamPriorityRange(int* lowest, int* highest) {
  *lowest = 0;
  *highest = -5;
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned, int) {
  *stream = keep(new CUstream_st);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  stream->capture = std::make_shared<CUgraph_st>();
  stream->tails.clear();
  return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  *status = stream->records() ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const auto capture = std::exchange(stream->capture, nullptr);
  const CUgraph_st recorded = std::move(*capture);
  *capture = {.nodes = {}, .ended = true};  // for the streams that were drawn in
  std::vector<bool> joined(recorded.nodes.size());
  for (std::vector<size_t> open = std::exchange(stream->tails, {}); !open.empty();) {
    const size_t node = open.back();
    open.pop_back();
    if (joined[node]) continue;
    joined[node] = true;
    const auto& before = recorded.nodes[node].before;
    open.insert(open.end(), before.begin(), before.end());
  }
  if (std::find(joined.begin(), joined.end(), false) != joined.end()) return cudaErrorStreamCaptureUnjoined;
  *graph = keep(new CUgraph_st(recorded));
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* made, cudaGraph_t graph, unsigned long long) {
  *made = keep(new CUgraphExec_st{*graph});
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  for (const auto& node : graph->nodes) real(stream).add(node.action);
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  if (real(stream).records()) return cudaErrorStreamCaptureUnsupported;
  return real(stream).idle() ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (real(stream).records()) return cudaErrorStreamCaptureUnsupported;
  while (!real(stream).idle()) std::this_thread::sleep_for(kTick);
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const auto mark = event->latest();
  CUstream_st& waiting = real(stream);
  if (mark && mark->is_captured) {
    const auto capture = mark->capture.lock();
    if (!capture || capture->ended) return cudaErrorCapturedEvent;
    static_cast<void>(waiting.records());  // forgets a capture that has ended
    waiting.capture = capture;
    waiting.tails.insert(waiting.tails.end(), mark->tails.begin(), mark->tails.end());
    return cudaSuccess;
  }
  if (waiting.records()) return cudaErrorStreamCaptureIsolation;
  waiting.add([mark] {
    while (mark && !mark->passed) std::this_thread::sleep_for(kTick);
  });
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = keep(new CUevent_st);
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const auto mark = std::make_shared<CUevent_st::Mark>();
  {
    std::lock_guard lock(event->mutex);
    event->mark = mark;
  }
  CUstream_st& recorder = real(stream);
  if (recorder.records()) {
    mark->is_captured = true;
    mark->capture = recorder.capture;
    mark->tails = recorder.tails;
    return cudaSuccess;
  }
  recorder.add([mark] {
    mark->time = Clock::now();
    mark->passed = true;
  });
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  const auto mark = event->latest();
  if (mark && mark->is_captured) return cudaErrorCapturedEvent;
  return !mark || mark->passed ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  *milliseconds = std::chrono::duration<float, std::milli>(end->latest()->time - begin->latest()->time).count();
  return cudaSuccess;
}
cudaError_t cudaMalloc(void** memory, size_t bytes) {
  *memory = keep(static_cast<std::byte*>(std::malloc(std::max<size_t>(1, bytes))));
  return cudaSuccess;
}
cudaError_t cudaFree(void* memory) {
  std::free(memory);
  return cudaSuccess;
}
cudaError_t cudaHostAlloc(void** memory, size_t bytes, unsigned) {
  *memory = std::malloc(std::max<size_t>(1, bytes));
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* memory) { return cudaFree(memory); }
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  real(stream).add([=] {
    if (bytes > 0) std::memcpy(to, from, bytes);
  });
  return cudaSuccess;
}
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  real(stream).add([=] { function(data); });
  return cudaSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  return result == ncclRemoteError ? "remote error" : "pretended NCCL error";
}
const char* ncclGetLastError(ncclComm_t) { return "no more is known"; }
ncclResult_t ncclGetVersion(int* version) {
  *version = NCCL_VERSION_CODE;
  return ncclSuccess;
}

namespace {
std::mutex groups_mutex;
std::map<int, std::shared_ptr<Group>> groups;
}  // namespace

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  std::lock_guard lock(groups_mutex);
  const int number = static_cast<int>(groups.size()) + 1;
  groups[number] = std::make_shared<Group>();
  std::memset(id, 0, sizeof *id);
  std::memcpy(id->internal, &number, sizeof number);
  return ncclSuccess;
}
ncclResult_t ncclCommInitRankConfig(ncclComm_t* made, int size, ncclUniqueId id, int rank, ncclConfig_t* config) {
  if (config->blocking != 0) return ncclInvalidUsage;
  int number = 0;
  std::memcpy(&number, id.internal, sizeof number);
  *made = keep(new ncclComm);
  (*made)->rank = rank;
  (*made)->size = size;
  std::lock_guard lock(groups_mutex);
  (*made)->group = groups.at(number);
  std::lock_guard group_lock((*made)->group->mutex);
  ++(*made)->group->joined;
  return ncclInProgress;
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* state) {
  std::lock_guard lock(comm->group->mutex);
  const bool connected = comm->group->joined == comm->size && !pretended_machine().never_connects;
  *state = !connected ? ncclInProgress : pretended_machine().loses_peers ? ncclRemoteError : ncclSuccess;
  return ncclSuccess;
}
ncclResult_t ncclAllReduce(const void* from, void* to, size_t count, ncclDataType_t type, ncclRedOp_t op,
                           ncclComm_t comm, cudaStream_t stream) {
  const lockstep::comm::DType dtype = type_of(type);
  const auto wanted = op == ncclSum   ? lockstep::comm::Op::kSum
                      : op == ncclMin ? lockstep::comm::Op::kMin
                                      : lockstep::comm::Op::kMax;
  const auto result = std::make_shared<std::vector<char>>(count * size_of(dtype));
  return collective(
      comm, stream, from,
      [=](const std::map<int, const void*>& numbers) {
        if (result->empty()) return;
        std::memcpy(result->data(), numbers.at(0), result->size());
        for (int rank = 1; rank < comm->size; ++rank) combine(wanted, dtype, result->data(), numbers.at(rank), count);
        if (pretended_machine().miscalculates && comm->rank == 1) result->back() = 0x11;
      },
      [=] {
        if (!result->empty()) std::memcpy(to, result->data(), result->size());
      });
}
ncclResult_t ncclBroadcast(const void* from, void* to, size_t count, ncclDataType_t type, int root, ncclComm_t comm,
                           cudaStream_t stream) {
  const size_t bytes = count * size_of(type_of(type));
  return collective(
      comm, stream, from,
      [=](const std::map<int, const void*>& numbers) {
        if (comm->rank != root && bytes > 0) std::memcpy(to, numbers.at(root), bytes);
      },
      [] {});
}
ncclResult_t ncclAllGather(const void* from, void* to, size_t count, ncclDataType_t type, ncclComm_t comm,
                           cudaStream_t stream) {
  const size_t bytes = count * size_of(type_of(type));
  return collective(
      comm, stream, from,
      [=](const std::map<int, const void*>& numbers) {
        for (int rank = 0; rank < comm->size && bytes > 0; ++rank)
          std::memcpy(static_cast<char*>(to) + rank * bytes, numbers.at(rank), bytes);
      },
      [] {});
}
ncclResult_t ncclCommFinalize(ncclComm_t) { return ncclInProgress; }
ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  delete comm;
  return ncclSuccess;
}
ncclResult_t ncclCommAbort(ncclComm_t comm) {
  while (pretended_machine().hangs_in_abort) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  comm->aborted = true;                                                         // kept: a stream may still look at it
  while (comm->recordings.use_count() > 1) std::this_thread::sleep_for(kTick);  // as the real one does
  return ncclSuccess;
}

}  // extern "C"
