#include "host_sum.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "combine.h"
#include "mpi_calls.h"

namespace lockstep::comm {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;
// Open MPI sends that much over TCP without asking the receiver first: a question would wait behind the other slice.
constexpr size_t kMessageBytes = size_t{60} << 10;
constexpr size_t kGatheredBytes = size_t{32} << 10;  // of all hosts: up to here numbers go whole to every host

Buffer part(const Buffer& buffer, size_t begin, size_t count) {
  return {static_cast<std::byte*>(buffer.data) + begin * size_of(buffer.dtype), count, buffer.dtype};
}

template <class Action>
void for_messages(const Buffer& numbers, Action action) {
  for (size_t begin = 0; begin < numbers.bytes(); begin += kMessageBytes)
    action(static_cast<std::byte*>(numbers.data) + begin,
           static_cast<int>(std::min(kMessageBytes, numbers.bytes() - begin)));
}

}  // namespace

HostSum::HostSum(MPI_Comm hosts, std::function<void()> check) : hosts_(hosts), check_(std::move(check)) {
  if (hosts == MPI_COMM_NULL) return;
  MPI_Comm_size(hosts, &size_);
  MPI_Comm_rank(hosts, &host_);
}

void HostSum::allreduce(Buffer buffer, Op op) {
  const size_t step = kPieceBytes / size_of(buffer.dtype);
  for (size_t begin = 0; begin < buffer.count; begin += step) {
    if (started_ - finished_ == kMost) finish();
    start(part(buffer, begin, std::min(step, buffer.count - begin)), op);
  }
  while (finished_ < started_) finish();
}

void HostSum::start(Buffer slice, Op op) {
  require(started_ - finished_ < kMost, ErrorKind::kBug, "more than ", kMost, " sums between hosts at a time");
  Piece& piece = pieces_[started_ % kMost];
  piece.slice = slice;
  piece.op = op;
  piece.whole = slice.bytes() * size_ <= kGatheredBytes;
  piece.stage = Stage::kGathering;
  piece.received.resize(std::max(piece.received.size(), share(piece, host_).bytes() * size_));
  for (int host = 0; host < size_; ++host) {
    if (host == host_) continue;
    receive(piece, received(piece, host), host);
    send(piece, share(piece, host), host);
  }
  ++started_;
}

void HostSum::finish() {
  const Piece& piece = pieces_[finished_ % kMost];
  poll_until([&] { return poll(), piece.stage == Stage::kComplete; }, check_);
  ++finished_;
}

bool HostSum::poll() {
  bool under_way = false;
  for (size_t i = finished_; i < started_; ++i) {
    Piece& piece = pieces_[i % kMost];
    if (piece.stage != Stage::kComplete) advance(piece);
    under_way = under_way || piece.stage != Stage::kComplete;
  }
  return under_way;
}

/// The numbers of `slice` that `host` adds up.
Buffer HostSum::share(const Piece& piece, int host) const {
  if (piece.whole) return piece.slice;
  const size_t count = piece.slice.count, most = (count + size_ - 1) / size_;
  const size_t begin = std::min(count, most * host);
  return part(piece.slice, begin, std::min(most, count - begin));
}

Buffer HostSum::received(Piece& piece, int host) const {
  Buffer numbers = share(piece, host_);
  numbers.data = piece.received.data() + host * numbers.bytes();
  return numbers;
}

// The slices under way are complete in any order: each has tags of its own.
int HostSum::tag(const Piece& piece) const {
  return 2 * static_cast<int>(&piece - pieces_.data()) + (piece.stage == Stage::kDistributing);
}

void HostSum::send(Piece& piece, Buffer numbers, int host) {
  for_messages(numbers, [&](void* data, int bytes) {
    require_success(MPI_Isend(data, bytes, MPI_BYTE, host, tag(piece), hosts_, &piece.requests.emplace_back()),
                    "MPI_Isend");
  });
}

void HostSum::receive(Piece& piece, Buffer numbers, int host) {
  for_messages(numbers, [&](void* data, int bytes) {
    require_success(MPI_Irecv(data, bytes, MPI_BYTE, host, tag(piece), hosts_, &piece.requests.emplace_back()),
                    "MPI_Irecv");
  });
}

void HostSum::advance(Piece& piece) {
  int done = 0;
  require_success(
      MPI_Testall(static_cast<int>(piece.requests.size()), piece.requests.data(), &done, MPI_STATUSES_IGNORE),
      "MPI_Testall");
  if (!done) return;
  piece.requests.clear();
  if (piece.stage == Stage::kGathering) add_up(piece);
  const bool more = piece.stage == Stage::kGathering && !piece.whole;
  piece.stage = more ? Stage::kDistributing : Stage::kComplete;
  if (more) distribute(piece);
}

void HostSum::add_up(Piece& piece) {
  const Buffer mine = share(piece, host_);
  if (mine.count == 0) return;  // an empty slice, or more hosts than numbers
  const auto numbers = [&](int host) { return host == host_ ? mine : received(piece, host); };
  const Buffer sum = numbers(0);
  for (int host = 1; host < size_; ++host) combine(piece.op, mine.dtype, sum.data, numbers(host).data, mine.count);
  if (host_ > 0) std::memcpy(mine.data, sum.data, mine.bytes());
}

void HostSum::distribute(Piece& piece) {
  for (int host = 0; host < size_; ++host) {
    if (host == host_) continue;
    receive(piece, share(piece, host), host);
    send(piece, share(piece, host_), host);
  }
}

}  // namespace lockstep::comm
