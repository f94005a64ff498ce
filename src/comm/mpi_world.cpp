#include "mpi_world.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <thread>
#include <utility>

#include "backends.h"
#include "combine.h"
#include "mpi_calls.h"

namespace lockstep::comm {
namespace {

constexpr auto kSleep = std::chrono::microseconds(20);
constexpr size_t kLargest = size_t{1} << 28;  // elements or bytes in one call: MPI counts are int
constexpr size_t kCacheLine = 64;

MPI_Comm split(MPI_Comm ranks, int color, int key) {
  MPI_Comm part = MPI_COMM_NULL;
  require_success(MPI_Comm_split(ranks, color, key, &part), "MPI_Comm_split");
  return part;
}

void start_mpi() {
  int already = 0;
  MPI_Initialized(&already);
  require(!already, ErrorKind::kBug, "MPI can be started only once in a process");
  int provided = 0;
  require_success(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  require(provided >= MPI_THREAD_FUNNELED, ErrorKind::kUsage,
          "this MPI library was built without threads; use another build of it");
}

}  // namespace

MpiWorld::MpiWorld(const Launch& expected, std::function<void()> check) : check_(std::move(check)), launch_(expected) {
  start_mpi();
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);  // inherited by the communicators made of it
  require_success(MPI_Comm_dup(MPI_COMM_WORLD, &world_), "MPI_Comm_dup");
  MPI_Comm_rank(world_, &launch_.rank);
  MPI_Comm_size(world_, &launch_.size);
  require(launch_.rank == expected.rank && launch_.size == expected.size, ErrorKind::kUsage,
          expected.launcher.empty() ? "the caller" : expected.launcher, " says that this is rank ", expected.rank,
          " of ", expected.size, ", and MPI says rank ", launch_.rank, " of ", launch_.size,
          "; start with the mpirun of the same Open MPI (launch/mpirun), or with srun --mpi=pmix");
  meet_host();
  listen();
}

void MpiWorld::meet_host() {
  launch_.host = host_name();
  require_success(MPI_Comm_split_type(world_, MPI_COMM_TYPE_SHARED, launch_.rank, MPI_INFO_NULL, &host_),
                  "MPI_Comm_split_type");
  MPI_Comm_rank(host_, &launch_.local_rank);
  MPI_Comm_size(host_, &launch_.local_size);
  host_ranks_.resize(launch_.local_size);
  require_success(MPI_Allgather(&launch_.rank, 1, MPI_INT, host_ranks_.data(), 1, MPI_INT, host_), "MPI_Allgather");

  int most = launch_.local_size, least = launch_.local_size;  // ranks of a host
  hosts_ = launch_.local_rank == 0;
  require_success(MPI_Allreduce(MPI_IN_PLACE, &hosts_, 1, MPI_INT, MPI_SUM, world_), "MPI_Allreduce");
  require_success(MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPI_INT, MPI_MAX, world_), "MPI_Allreduce");
  require_success(MPI_Allreduce(MPI_IN_PLACE, &least, 1, MPI_INT, MPI_MIN, world_), "MPI_Allreduce");
  launch_.host_count = hosts_;
  if (hosts_ > 1) {
    const int rank = launch_.local_rank;
    host_sum_ = std::make_unique<HostSum>(split(world_, rank < least ? rank : MPI_UNDEFINED, host_ranks_.front()),
                                          [this] { check(); });
  }
  if (hosts_ == 1 || most > 1) share_memory(SharedMemory::divide(most, least));
}

void MpiWorld::share_memory(Division division) {
  const size_t bytes = SharedMemory::region_bytes(launch_.local_size, division.slot_bytes) + kCacheLine;
  void* start = nullptr;
  require_success(MPI_Win_allocate_shared(launch_.local_rank == 0 ? static_cast<MPI_Aint>(bytes) : 0, 1, MPI_INFO_NULL,
                                          host_, &start, &window_),
                  "MPI_Win_allocate_shared");
  MPI_Aint size = 0;
  int unit = 0;
  require_success(MPI_Win_shared_query(window_, 0, &size, &unit, &start), "MPI_Win_shared_query");
  size_t space = static_cast<size_t>(size);  // mapped at page boundaries: the offset is the same in every process
  auto* region = static_cast<std::byte*>(std::align(kCacheLine, bytes - kCacheLine, start, space));
  require(region != nullptr, ErrorKind::kBug, "the shared window is smaller than it was asked to be");
  if (launch_.local_rank == 0) SharedMemory::prepare(region, launch_.local_size);
  require_success(MPI_Barrier(host_), "MPI_Barrier");
  memory_ = std::make_unique<SharedMemory>(region, launch_.local_rank, launch_.local_size, division, [this] {
    check();
    return host_sum_ && host_sum_->poll();
  });
}

void MpiWorld::listen() {
  require_success(MPI_Comm_dup(world_, &notices_), "MPI_Comm_dup");
  require_success(MPI_Irecv(notice_text_.data(), static_cast<int>(notice_text_.size()) - 1, MPI_CHAR, MPI_ANY_SOURCE, 0,
                            notices_, &notice_),
                  "MPI_Irecv");
}

void MpiWorld::check() {
  check_();
  if (!notified_ && notice_ != MPI_REQUEST_NULL) {
    int arrived = 0;
    require_success(MPI_Test(&notice_, &arrived, MPI_STATUS_IGNORE), "MPI_Test");
    notified_ = arrived != 0;
  }
  require(!notified_, ErrorKind::kComm, notice_text_.data());
  if (survey_) survey_->poll();
}

std::shared_ptr<Survey> MpiWorld::open_survey() {
  survey_ = std::make_shared<Survey>(world_);
  return survey_;
}

void MpiWorld::complete(MPI_Request request) {
  const auto done = [&] {
    int flag = 0;
    require_success(MPI_Test(&request, &flag, MPI_STATUS_IGNORE), "MPI_Test");
    return flag != 0;
  };
  poll_until(done, [this] { check(); });
}

void MpiWorld::allreduce(Buffer buffer, Op op) {
  check();
  memory_ ? memory_->allreduce(buffer, op, host_sum_.get()) : host_sum_->allreduce(buffer, op);
}

void MpiWorld::broadcast(Buffer buffer, int root) {
  check();
  if (hosts_ == 1) return memory_->broadcast(buffer, root);
  broadcast_between(static_cast<std::byte*>(buffer.data), buffer.bytes(), root);
}

void MpiWorld::broadcast_between(std::byte* data, size_t bytes, int root) {
  for (size_t begin = 0; begin < bytes; begin += kLargest) {
    MPI_Request request = MPI_REQUEST_NULL;
    require_success(
        MPI_Ibcast(data + begin, static_cast<int>(std::min(kLargest, bytes - begin)), MPI_BYTE, root, world_, &request),
        "MPI_Ibcast");
    complete(request);
  }
}

void MpiWorld::allgather(Buffer mine, Buffer all) {
  check();
  if (hosts_ == 1) return memory_->allgather(mine, all);
  const size_t bytes = mine.bytes();
  if (bytes <= kLargest) {
    MPI_Request request = MPI_REQUEST_NULL;
    const int count = static_cast<int>(bytes);
    require_success(MPI_Iallgather(mine.data, count, MPI_BYTE, all.data, count, MPI_BYTE, world_, &request),
                    "MPI_Iallgather");
    return complete(request);
  }
  auto* to = static_cast<std::byte*>(all.data);
  std::memcpy(to + launch_.rank * bytes, mine.data, bytes);
  for (int root = 0; root < launch_.size; ++root) broadcast_between(to + root * bytes, bytes, root);
}

void MpiWorld::barrier() {
  check();
  if (hosts_ == 1) return memory_->barrier();
  MPI_Request request = MPI_REQUEST_NULL;
  require_success(MPI_Ibarrier(world_, &request), "MPI_Ibarrier");
  complete(request);
}

std::vector<int> MpiWorld::behind() const {
  std::vector<int> ranks;
  if (memory_)
    for (const int local : memory_->behind()) ranks.push_back(host_ranks_[local]);
  return ranks;
}

void MpiWorld::tell_all(const std::string& reason, std::chrono::milliseconds limit) {
  const int length = static_cast<int>(std::min(reason.size(), notice_text_.size() - 1));
  std::vector<MPI_Request> sent;
  for (int rank = 0; rank < launch_.size; ++rank) {
    if (rank == launch_.rank) continue;
    MPI_Isend(reason.data(), length, MPI_CHAR, rank, 0, notices_, &sent.emplace_back(MPI_REQUEST_NULL));
  }
  const auto end = std::chrono::steady_clock::now() + limit;
  for (int done = 0; !done && std::chrono::steady_clock::now() < end;) {
    if (MPI_Testall(static_cast<int>(sent.size()), sent.data(), &done, MPI_STATUSES_IGNORE) != MPI_SUCCESS) return;
    if (!done) std::this_thread::sleep_for(kSleep);
  }
}

void MpiWorld::finalize() {
  barrier();  // polled: MPI_Finalize itself could wait for ever for a rank that is gone
  MPI_Cancel(&notice_);
  MPI_Wait(&notice_, MPI_STATUS_IGNORE);
  if (const auto survey = std::exchange(survey_, nullptr)) survey->close();
  memory_ = nullptr;
  if (window_ != MPI_WIN_NULL) MPI_Win_free(&window_);
  require_success(MPI_Finalize(), "MPI_Finalize");
}

}  // namespace lockstep::comm
