// Our allreduce beside MPI_Allreduce, for gradients of ResNet-20 (1.1 MB) and ResNet-18 (46.8 MB):
//   for who in mpi lockstep; do launch/mpirun -n 2 build/release/tests/bench/allreduce_bench $who; done
// and between two hosts over a limited link:
//   tests/cluster/lab run bash -c 'tests/cluster/lab limit 500mbit; tests/cluster/lab on 1 launch/mpirun --interface e0
//     --host node1:2,node2:2 -n 4 $PWD/build/release/tests/bench/allreduce_bench lockstep'

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include <mpi.h>

#include "lockstep/comm/communicator.h"

namespace {

using namespace lockstep;

/// Median of the milliseconds of one call.
double measure(int rounds, const std::function<void()>& meet, const std::function<void()>& call) {
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) {
    meet();
    const auto begin = std::chrono::steady_clock::now();
    call();
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
  return times[rounds / 2];
}

/// MPI is called by one thread, and our communicator has its own: a process measures one of the two.
void measure_mpi() {
  MPI_Init(nullptr, nullptr);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  for (const size_t count : {2UL, 272'474UL, 11'689'512UL}) {
    std::vector<float> values(count, 1.0f);
    const double time = measure(
        count > 1'000'000 ? 21 : 201, [] { MPI_Barrier(MPI_COMM_WORLD); },
        [&] {
          MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(count), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
        });
    if (rank == 0) std::printf("MPI_Allreduce %10zu bytes: %8.3f ms\n", 4 * count, time);
  }
  MPI_Finalize();
}

void measure_ours() {
  const auto communicator = comm::make_communicator("mpi", comm::discover_launch(), 60);
  for (const size_t count : {2UL, 272'474UL, 11'689'512UL}) {
    std::vector<float> values(count, 1.0f);
    const double time = measure(
        count > 1'000'000 ? 21 : 201, [&] { communicator->barrier(); },
        [&] { communicator->allreduce(comm::buffer(values)); });
    if (communicator->rank() == 0) std::printf("lockstep      %10zu bytes: %8.3f ms\n", 4 * count, time);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool mpi = argc > 1 && std::string(argv[1]) == "mpi";
  mpi ? measure_mpi() : measure_ours();
}
