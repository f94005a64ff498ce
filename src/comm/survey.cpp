#include "survey.h"

#include <algorithm>

#include "mpi_calls.h"

namespace lockstep::comm {
namespace {

enum Tag { kQuestion, kAnswer };

}  // namespace

Survey::Survey(MPI_Comm ranks) {
  require_success(MPI_Comm_dup(ranks, &ranks_), "MPI_Comm_dup");
  MPI_Comm_rank(ranks_, &rank_);
  MPI_Comm_size(ranks_, &size_);
  listen();
}

void Survey::listen() {
  require_success(MPI_Irecv(nullptr, 0, MPI_BYTE, MPI_ANY_SOURCE, kQuestion, ranks_, &question_), "MPI_Irecv");
}

std::vector<int64_t> Survey::ask(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  wanted_ = true;
  changed_.wait_for(lock, limit, [&] { return complete_.load(); });
  return answers_;
}

void Survey::poll() {
  answer();
  if (!wanted_ || complete_) return;
  if (expected_.empty()) question_all();
  collect();
}

void Survey::answer() {
  while (true) {
    int arrived = 0;
    MPI_Status status;
    require_success(MPI_Test(&question_, &arrived, &status), "MPI_Test");
    if (!arrived) return;
    MPI_Request sent = MPI_REQUEST_NULL;
    require_success(MPI_Isend(&given_.emplace_back(own_), 1, MPI_INT64_T, status.MPI_SOURCE, kAnswer, ranks_, &sent),
                    "MPI_Isend");
    MPI_Request_free(&sent);
    listen();
  }
}

/// A rank that cannot be reached is one that does not answer, and no error of its own.
void Survey::question_all() {
  arriving_.assign(static_cast<size_t>(size_), kNoAnswer);
  expected_.assign(static_cast<size_t>(size_), MPI_REQUEST_NULL);
  for (int rank = 0; rank < size_; ++rank) {
    if (rank == rank_) continue;
    const auto i = static_cast<size_t>(rank);
    require_success(MPI_Irecv(&arriving_[i], 1, MPI_INT64_T, rank, kAnswer, ranks_, &expected_[i]), "MPI_Irecv");
    MPI_Request sent = MPI_REQUEST_NULL;
    if (MPI_Isend(nullptr, 0, MPI_BYTE, rank, kQuestion, ranks_, &sent) == MPI_SUCCESS) MPI_Request_free(&sent);
  }
}

void Survey::collect() {
  std::lock_guard lock(mutex_);
  answers_.resize(expected_.size(), kNoAnswer);
  bool all = true;
  for (size_t rank = 0; rank < expected_.size(); ++rank) {
    int arrived = 0;
    const bool failed = MPI_Test(&expected_[rank], &arrived, MPI_STATUS_IGNORE) != MPI_SUCCESS;
    if (arrived && !failed) answers_[rank] = static_cast<int>(rank) == rank_ ? own_.load() : arriving_[rank];
    all = all && (arrived || failed);
  }
  complete_ = all;
  changed_.notify_all();
}

void Survey::close() {
  MPI_Cancel(&question_);
  MPI_Wait(&question_, MPI_STATUS_IGNORE);
}

}  // namespace lockstep::comm
