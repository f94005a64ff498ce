// The contract of contract.h between processes: started by launch/mpirun, one communicator for all tests, rank 0
// prints.

#include <cstdio>
#include <fstream>
#include <map>
#include <set>

#include "backends.h"
#include "comm/contract.h"
#include "lockstep/core/error.h"

namespace lockstep::comm {
namespace {

Communicator* communicator = nullptr;

TEST(Mpi, MovesBytes) { test::check_collectives<uint8_t>(*communicator); }
TEST(Mpi, MovesInt32) { test::check_collectives<int32_t>(*communicator); }
TEST(Mpi, MovesInt64) { test::check_collectives<int64_t>(*communicator); }
TEST(Mpi, MovesFloat) { test::check_collectives<float>(*communicator); }
TEST(Mpi, MovesDouble) { test::check_collectives<double>(*communicator); }
TEST(Mpi, KeepsSeveralPendingInOrder) { test::check_several_pending(*communicator); }
TEST(Mpi, GivesTheSameBitsOnEveryRankAndEachTime) { test::check_bits(*communicator); }
TEST(Mpi, GathersTexts) { test::check_texts(*communicator); }
TEST(Mpi, MeetsAtABarrier) {
  for (int i = 0; i < 100; ++i) communicator->barrier();
}
TEST(Mpi, KnowsItsHost) {
  const Launch& launch = communicator->launch();
  EXPECT_NE(launch.host, "");
  EXPECT_LT(launch.local_rank, launch.local_size);
  EXPECT_LE(launch.local_size, launch.size);
}
/// The sum that the contract promises: the ranks of a host in rank order, then the hosts by their first ranks.
std::vector<float> sum_in_order(const std::vector<std::string>& hosts, size_t count) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<float>> sums;
  for (int rank = 0; rank < static_cast<int>(hosts.size()); ++rank) {
    const auto values = test::awkward_numbers(rank, count);
    const auto [sum, is_first] = sums.emplace(hosts[rank], values);
    if (is_first) order.push_back(hosts[rank]);
    for (size_t i = 0; i < count && !is_first; ++i) sum->second[i] += values[i];
  }
  std::vector<float> total = sums[order.front()];
  for (size_t host = 1; host < order.size(); ++host)
    for (size_t i = 0; i < count; ++i) total[i] += sums[order[host]][i];
  return total;
}

TEST(Mpi, SumsInTheOrderOfRanksAndHostsWhateverTheSize) {
  const auto hosts = gather_texts(*communicator, communicator->launch().host);
  for (const size_t count : {1, 100, 5000, 131'072, 1'500'001}) {
    auto values = test::awkward_numbers(communicator->rank(), count);
    communicator->allreduce(buffer(values));
    test::expect_same(values, sum_in_order(hosts, count));
  }
}

TEST(Mpi, CountsTheHostsAlikeOnEveryRank) {
  const auto hosts = gather_texts(*communicator, communicator->launch().host);
  EXPECT_EQ(communicator->launch().hosts(), static_cast<int>(std::set<std::string>(hosts.begin(), hosts.end()).size()));
}

TEST(Mpi, CountsTheTimeOfAllreduces) {
  const double before = communicator->seconds_exchanging();
  communicator->barrier();
  EXPECT_EQ(communicator->seconds_exchanging(), before);
  std::vector<float> values(100'000);
  communicator->allreduce(buffer(values));
  EXPECT_GT(communicator->seconds_exchanging(), before);
}

TEST(Mpi, StartsOnlyOnceInAProcess) {
  try {
    make_communicator("mpi", communicator->launch(), 60);
    ADD_FAILURE() << "no Error was thrown";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("only once"), std::string::npos) << error.what();
  }
}

/// Every rank's failures decide the outcome, also those of ranks that print nothing.
int run_all() {
  int32_t failed = RUN_ALL_TESTS();
  communicator->allreduce({&failed, 1, DType::kInt32}, Op::kMax);
  return failed;
}

/// Bits of a sum as hexadecimal digits in a file, for comparing two runs.
void write_bits(const char* path) {
  auto values = test::awkward_numbers(communicator->rank(), 10'000);
  communicator->allreduce(buffer(values));
  if (communicator->rank() == 0)
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(values.data()), 40'000);
}

/// The ranks ask each other how far they have come: those of even number at once, the others not at all.
bool hears_of_all(const Launch& launch) {
  const Listening listening = make_listening_mpi(launch, 60);
  Communicator& ranks = *listening.communicator;
  listening.tell(10 * ranks.rank() + 1);
  ranks.barrier();
  bool right = true;
  if (ranks.rank() % 2 == 0) {
    const std::vector<int64_t> come = listening.ask();
    right = come.size() == static_cast<size_t>(ranks.size());
    for (size_t rank = 0; rank < come.size(); ++rank)
      right = right && come[rank] == 10 * static_cast<int64_t>(rank) + 1;
    if (!right) std::printf("rank %d did not hear of all ranks\n", ranks.rank());
  }
  int32_t wrong = !right;
  ranks.allreduce({&wrong, 1, DType::kInt32}, Op::kMax);  // where the others wait, and answer all the same
  return wrong == 0;
}

}  // namespace
}  // namespace lockstep::comm

int main(int argc, char** argv) {
  using namespace lockstep::comm;
  testing::InitGoogleTest(&argc, argv);
  const Launch launch = discover_launch();
  if (launch.rank != 0) {
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
  }
  if (argc == 2 && std::string(argv[1]) == "questions") return hears_of_all(launch) ? 0 : 1;
  const auto made = make_communicator("mpi", launch, 60);
  communicator = made.get();
  if (argc == 3 && std::string(argv[1]) == "bits") {
    write_bits(argv[2]);
    return 0;
  }
  return run_all();
}
