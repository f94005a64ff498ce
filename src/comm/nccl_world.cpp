#ifdef LOCKSTEP_CUDA

#include "nccl_world.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <thread>

#include <unistd.h>

#include "cuda_calls.h"
#include "lockstep/comm/gpu.h"
#include "lockstep/core/log.h"

namespace lockstep::comm {
namespace {

constexpr auto kSleep = std::chrono::microseconds(100);
constexpr size_t kTestCounts[] = {1, 1000, 1'000'003};
constexpr size_t kTestPeriod = 7;

/// The NCCL_* variables of this process, sorted: "NCCL_DEBUG=WARN NCCL_SOCKET_IFNAME=eth0".
std::string nccl_variables() {
  std::vector<std::string> found;
  for (char** variable = environ; *variable; ++variable)
    if (std::strncmp(*variable, "NCCL_", 5) == 0) found.emplace_back(*variable);
  std::sort(found.begin(), found.end());
  return join(found, " ");
}

/// Small whole numbers: their sums over thousands of ranks are exact.
float test_value(int rank, size_t i) {
  return static_cast<float>((rank % 61 + 1) * static_cast<int>(i % kTestPeriod + 1));
}

bool is_captured(void* stream) {
  if (!stream) return false;  // CUDA's default stream cannot be
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  require_success(cudaStreamIsCapturing(static_cast<cudaStream_t>(stream), &status), "cudaStreamIsCapturing");
  require(status != cudaStreamCaptureStatusInvalidated, ErrorKind::kDevice,
          "a collective was to be recorded, and the capture of its stream has failed already");
  return status == cudaStreamCaptureStatusActive;
}

/// "rank 1 (a), rank 3 (b) and 4 others".
std::string names_of(const std::vector<size_t>& ranks, const std::vector<std::string>& hosts) {
  constexpr size_t kNamed = 4;
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(kNamed, ranks.size()); ++i)
    names.push_back(cat("rank ", ranks[i], " (", hosts[ranks[i]], ")"));
  return join(names, ", ") + (ranks.size() > kNamed ? cat(" and ", ranks.size() - kNamed, " others") : "");
}

/// Why the collective of that number does not end, by how far each rank has come.
std::string describe_late(const std::vector<int64_t>& come, int64_t number, int own,
                          const std::vector<std::string>& hosts) {
  std::vector<size_t> late, silent;
  for (size_t rank = 0; rank < come.size(); ++rank) {
    if (come[rank] >= number || rank == static_cast<size_t>(own)) continue;
    (come[rank] == Listening::kNoAnswer ? silent : late).push_back(rank);
  }
  std::vector<std::string> sentences;
  const auto has = [](const std::vector<size_t>& ranks, const char* one, const char* several) {
    return ranks.size() == 1 ? one : several;
  };
  if (!late.empty()) sentences.push_back(names_of(late, hosts) + has(late, " has", " have") + " not begun it");
  if (!silent.empty()) sentences.push_back(names_of(silent, hosts) + has(silent, " does", " do") + " not answer");
  if (!come.empty() && sentences.empty()) sentences.emplace_back("every rank has begun it");
  return join(sentences, "; ");
}

/// The rows of a host together: "rank 0 NVIDIA H100 80GB HBM3, 79.6 GB, 0000:17:00.0; rank 1 ...".
std::map<std::string, std::string> by_host(const std::vector<std::string>& hosts,
                                           const std::vector<std::string>& gpus) {
  std::map<std::string, std::string> lines;
  for (size_t rank = 0; rank < hosts.size(); ++rank) {
    std::string& line = lines[hosts[rank]];
    line += cat(line.empty() ? "rank " : "; rank ", rank, " ", gpus[rank]);
  }
  return lines;
}

}  // namespace

NcclWorld::NcclWorld(const std::shared_ptr<Listening>& host, double timeout_seconds)
    : host_(host),
      ranks_(*host->communicator),
      gpu_(choose_gpu(ranks_.launch(), ranks_)),
      link_(std::make_shared<NcclLink>()),
      watch_(describe(ranks_.launch()), gpu_, timeout_seconds, outside(gather_texts(ranks_, ranks_.launch().host))) {
  try {
    connect();
    announce();
    for (const size_t count : kTestCounts) test(count);
    ranks_.barrier();  // no rank goes on before all sums were right
  } catch (const std::exception& error) {
    watch_.kill(error.what());
    throw;
  }
}

Watch::Outside NcclWorld::outside(std::vector<std::string> hosts) const {
  return {.look =
              [host = host_, link = link_] {
                host->check();
                if (const std::string error = link->error(); !error.empty()) fail(ErrorKind::kComm, error);
              },
          .begun = host_->tell,
          .explain = [ask = host_->ask, hosts = std::move(hosts),
                      rank = ranks_.rank()](int64_t number) { return describe_late(ask(), number, rank, hosts); },
          .end =
              [host = host_, link = link_](const std::string& reason) {
                host->communicator->abort(reason);  // first: NCCL's own abort may take its time
                link->abort(reason);
              }};
}

void NcclWorld::connect() {
  require_success(cudaSetDevice(gpu_), "cudaSetDevice");
  int lowest = 0, highest = 0;
  require_success(cudaDeviceGetStreamPriorityRange(&lowest, &highest), "cudaDeviceGetStreamPriorityRange");
  require_success(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, highest), "cudaStreamCreate");
  for (cudaEvent_t* event : {&fork_, &join_})
    require_success(cudaEventCreateWithFlags(event, cudaEventDisableTiming), "cudaEventCreate");

  ncclUniqueId id{};
  if (ranks_.rank() == 0) id = NcclLink::make_id();
  ranks_.broadcast({&id, sizeof id, DType::kUint8}, 0);
  Watch::Collective& start = watch_.begin("start of NCCL", {}, false);
  attempt([&] { link_->connect(id, ranks_.rank(), ranks_.size(), watch_.checker()); });
  watch_.close(start);
}

void NcclWorld::announce() {
  const std::string variables = nccl_variables();
  const auto all_variables = gather_texts(ranks_, variables);
  const auto lines = by_host(gather_texts(ranks_, ranks_.launch().host), gather_texts(ranks_, describe_gpu(gpu_)));
  if (ranks_.rank() != 0) return;
  int loaded = 0;
  ncclGetVersion(&loaded);
  log::info("NCCL ", nccl_version_text(loaded), " (compiled with ", nccl_version_text(NCCL_VERSION_CODE), "), ",
            ranks_.size(), " rank(s) on ", lines.size(), " host(s), ",
            variables.empty() ? "no NCCL_* variable is set" : variables);
  for (const auto& [host, gpus] : lines) log::info("GPUs of ", host, ": ", gpus);
  const auto other = std::find_if_not(all_variables.begin(), all_variables.end(),
                                      [&](const std::string& text) { return text == variables; });
  if (other != all_variables.end())
    log::warning("rank ", other - all_variables.begin(),
                 " has other NCCL_* variables than rank 0: ", other->empty() ? "none" : *other,
                 "; start with launch/mpirun, which hands them to all hosts");
}

void NcclWorld::test(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = test_value(ranks_.rank(), i);
  void* memory = nullptr;
  require_success(cudaMalloc(&memory, count * sizeof(float)), "cudaMalloc");
  require_success(cudaMemcpyAsync(memory, values.data(), count * sizeof(float), cudaMemcpyHostToDevice, stream_),
                  "cudaMemcpyAsync");
  start(
      "self-test allreduce", {memory, count, DType::kFloat32, Device::kCuda, stream_}, false, "ncclAllReduce",
      [=, this](ncclComm_t comm) { return ncclAllReduce(memory, memory, count, ncclFloat32, ncclSum, comm, stream_); })
      .wait();
  wait_for_stream();
  require_success(cudaMemcpyAsync(values.data(), memory, count * sizeof(float), cudaMemcpyDeviceToHost, stream_),
                  "cudaMemcpyAsync");
  wait_for_stream();
  require_success(cudaFree(memory), "cudaFree");

  std::array<float, kTestPeriod> wanted{};
  for (size_t i = 0; i < kTestPeriod; ++i)
    for (int rank = 0; rank < ranks_.size(); ++rank) wanted[i] += test_value(rank, i);
  for (size_t i = 0; i < count; ++i)
    if (values[i] != wanted[i % kTestPeriod])
      fail(ErrorKind::kComm, describe(ranks_.launch()), ": NCCL's self-test failed: number ", i, " of ", count,
           " summed over ", ranks_.size(), " ranks is ", values[i], ", not ", wanted[i % kTestPeriod], " (",
           describe_gpu(gpu_), "); look at the GPUs and their links with nvidia-smi and NCCL_DEBUG=INFO");
}

void NcclWorld::wait_for_stream() {
  const auto check = watch_.checker();
  for (cudaError_t state; (state = cudaStreamQuery(stream_)) != cudaSuccess;) {
    if (state != cudaErrorNotReady) require_success(state, "NCCL's stream");
    check();
    std::this_thread::sleep_for(kSleep);
  }
  check();  // an abort also lets the stream come to its end
}

/// What fails kills the watch, whose wait then throws it with rank, collective and time.
template <class Action>
void NcclWorld::attempt(Action action) {
  try {
    action();
  } catch (const std::exception& error) {
    watch_.kill(error.what());
  }
}

template <class Action>
Pending NcclWorld::start(const char* name, Buffer buffer, bool counts, const char* call, Action action) {
  if (is_captured(buffer.stream)) return record(static_cast<cudaStream_t>(buffer.stream), call, action);
  Watch::Collective& collective = watch_.begin(name, buffer, counts);
  attempt([&] {
    if (watch_.dead()) return;
    require_success(cudaEventRecord(collective.ready, collective.caller), "cudaEventRecord");
    require_success(cudaStreamWaitEvent(stream_, collective.ready, 0), "cudaStreamWaitEvent");
    require_success(cudaEventRecord(collective.moving, stream_), "cudaEventRecord");
    link_->call(call, action);
    require_success(cudaEventRecord(collective.done, stream_), "cudaEventRecord");
    watch_.recorded(collective);
  });
  // Two pointers: std::function keeps them without allocating.
  return Pending([watch = &watch_, started = &collective] { watch->wait(*started); });
}

/// What fails on the caller's stream ends the capture alone; what fails in NCCL ends the communicator.
template <class Action>
Pending NcclWorld::record(cudaStream_t caller, const char* call, Action action) {
  watch_.checker()();
  require_success(cudaEventRecord(fork_, caller), "cudaEventRecord");
  require_success(cudaStreamWaitEvent(stream_, fork_, 0), "cudaStreamWaitEvent");
  // NCCL may have to agree with other ranks on memory that it registers for the graph.
  Watch::Collective& recording = watch_.begin_alone("recording of a collective");
  attempt([&] { link_->call(call, action); });
  watch_.close(recording);
  // One event is enough: a later record covers what was recorded before it.
  require_success(cudaEventRecord(join_, stream_), "cudaEventRecord");
  return Pending(
      [caller, join = join_] { require_success(cudaStreamWaitEvent(caller, join, 0), "cudaStreamWaitEvent"); });
}

Pending NcclWorld::start_allreduce(Buffer buffer, Op op) {
  return start("allreduce", buffer, true, "ncclAllReduce", [=, this](ncclComm_t comm) {
    return ncclAllReduce(buffer.data, buffer.data, buffer.count, nccl_type(buffer.dtype), nccl_op(op), comm, stream_);
  });
}

Pending NcclWorld::start_broadcast(Buffer buffer, int root) {
  return start("broadcast", buffer, false, "ncclBroadcast", [=, this](ncclComm_t comm) {
    return ncclBroadcast(buffer.data, buffer.data, buffer.count, nccl_type(buffer.dtype), root, comm, stream_);
  });
}

Pending NcclWorld::start_allgather(Buffer mine, Buffer all) {
  return start("allgather", mine, false, "ncclAllGather", [=, this](ncclComm_t comm) {
    return ncclAllGather(mine.data, all.data, mine.count, nccl_type(mine.dtype), comm, stream_);
  });
}

void NcclWorld::finish() {
  watch_.drain();
  Watch::Collective& end = watch_.begin_alone("end of NCCL");  // not one more collective begun
  attempt([&] { link_->destroy(); });
  watch_.close(end);
  for (const cudaEvent_t event : {fork_, join_}) require_success(cudaEventDestroy(event), "cudaEventDestroy");
  require_success(cudaStreamDestroy(stream_), "cudaStreamDestroy");
}

}  // namespace lockstep::comm

#endif
