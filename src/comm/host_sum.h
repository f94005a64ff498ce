#pragma once

#include <array>
#include <functional>
#include <vector>

#include <mpi.h>

#include "shared_memory.h"

namespace lockstep::comm {

/// Sums of the numbers of several hosts, added in the order of the hosts, by messages that do not depend on the MPI
/// library's choice of an algorithm. Few numbers go whole from each host to each other. Of more, each host receives one
/// share of all the others' numbers, adds it up, and sends the sum to the others. Two slices may be under way, so that
/// the link carries one while the other is added up.
///
/// One thread makes all calls. Nothing waits inside an MPI call: finish() polls, together with `check`, which ends the
/// wait by throwing. Slices stay where they are until they are finished. MPI's errors are comm Errors.
class HostSum : public Between {
 public:
  /// hosts: this rank and its counterparts, one of each host, in the order of the hosts; MPI_COMM_NULL for a rank that
  /// has none, whose slices are all empty.
  HostSum(MPI_Comm hosts, std::function<void()> check);
  HostSum(const HostSum&) = delete;
  HostSum& operator=(const HostSum&) = delete;

  void start(Buffer slice, Op op) override;
  void finish() override;
  /// Moves on what is under way; false when all of it is complete.
  bool poll();
  /// A whole buffer in pieces, for a rank that is alone on its host.
  void allreduce(Buffer buffer, Op op);

 private:
  enum class Stage { kGathering, kDistributing, kComplete };
  struct Piece {
    Buffer slice;
    Op op = Op::kSum;
    bool whole = false;  // goes whole to every host
    Stage stage = Stage::kComplete;
    std::vector<std::byte> received;  // this host's share of each host's numbers; its own place stays empty
    std::vector<MPI_Request> requests;
  };

  Buffer share(const Piece& piece, int host) const;
  Buffer received(Piece& piece, int host) const;
  int tag(const Piece& piece) const;
  void send(Piece& piece, Buffer numbers, int host);
  void receive(Piece& piece, Buffer numbers, int host);
  void advance(Piece& piece);
  void add_up(Piece& piece);
  void distribute(Piece& piece);

  MPI_Comm hosts_;
  int size_ = 1, host_ = 0;  // the number of hosts, and which is this one
  std::function<void()> check_;
  std::array<Piece, kMost> pieces_;
  size_t started_ = 0, finished_ = 0;  // slice i is in pieces_[i % kMost]
};

}  // namespace lockstep::comm
