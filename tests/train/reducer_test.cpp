#include "reducer.h"

#include <algorithm>
#include <numeric>

#include "support/expect_error.h"
#include "support/ranks.h"

namespace lockstep::train {
namespace {

std::vector<float> gradient_of(int rank, size_t count) {
  std::vector<float> gradient(count);
  std::iota(gradient.begin(), gradient.end(), static_cast<float>(rank * 100));
  return gradient;
}

/// A buffer that is cut and never read.
comm::Buffer floats(size_t count) { return {nullptr, count, comm::DType::kFloat32}; }

/// i + (i + 100) + ... over the ranks.
void expect_summed(const std::vector<float>& gradient, int ranks) {
  for (size_t i = 0; i < gradient.size(); ++i)
    ASSERT_EQ(gradient[i], static_cast<float>(ranks * static_cast<int>(i) + 100 * ranks * (ranks - 1) / 2)) << i;
}

TEST(Reducer, CutsASmallFirstBucketAndThenEqualOnes) {
  const auto communicator = comm::make_communicator("local", comm::Launch{}, 1);
  const Reducer reducer(*communicator, floats(1000), 1600, 400);
  EXPECT_EQ(reducer.bucket_ends(), (std::vector<int64_t>{100, 500, 900, 1000}));
  EXPECT_EQ(Reducer(*communicator, floats(5), 1, 1).bucket_ends(), (std::vector<int64_t>{1, 2, 3, 4, 5}));
  EXPECT_TRUE(Reducer(*communicator, floats(0), 100).bucket_ends().empty());
}

TEST(Reducer, CutsASmallGradientIntoEighths) {
  const auto communicator = comm::make_communicator("local", comm::Launch{}, 1);
  const Reducer reducer(*communicator, floats(272544), 25 << 20);
  EXPECT_EQ(reducer.bucket_ends().size(), 8u);
  EXPECT_EQ(reducer.bucket_ends()[1] - reducer.bucket_ends()[0], 272544 / 8);
  EXPECT_EQ(Reducer(*communicator, floats(1000), 25 << 20).bucket_ends().size(), 1u) << "64 KiB are never cut";
}

TEST(Reducer, SumsWhateverTheSlicesAre) {
  for (const int ranks : {1, 2, 3})
    test::run_ranks(ranks, [ranks](comm::Communicator& communicator) {
      for (const int64_t slice : {1, 7, 250, 1000}) {
        auto gradient = gradient_of(communicator.rank(), 1000);
        Reducer reducer(communicator, comm::buffer(gradient), 1600, 400);
        for (int64_t end = slice; end <= 1000; end += slice) reducer.on_slice(end);
        reducer.finish();
        expect_summed(gradient, ranks);
      }
    });
}

TEST(Reducer, IsReadyForTheNextStep) {
  test::run_ranks(2, [](comm::Communicator& communicator) {
    std::vector<float> gradient(1000);
    Reducer reducer(communicator, comm::buffer(gradient), 800, 80);
    for (int step = 0; step < 5; ++step) {
      const auto mine = gradient_of(communicator.rank(), 1000);
      std::copy(mine.begin(), mine.end(), gradient.begin());
      reducer.on_slice(400);
      reducer.finish();
      expect_summed(gradient, 2);
    }
    EXPECT_GT(reducer.seconds_waited(), 0);
    EXPECT_GT(reducer.seconds_exchanging(), 0);
  });
}

TEST(Reducer, StartsABucketOnlyWhenItIsComplete) {
  test::run_ranks(2, [](comm::Communicator& communicator) {
    auto gradient = gradient_of(communicator.rank(), 1000);
    Reducer reducer(communicator, comm::buffer(gradient), 1600, 400);
    reducer.on_slice(99);
    reducer.on_slice(120);                                    // starts [0, 100)
    std::fill(gradient.begin() + 120, gradient.end(), 1.0f);  // backward still writes here
    reducer.finish();
    EXPECT_EQ(gradient[99], 298.0f);
    EXPECT_EQ(gradient[119], 338.0f);
    EXPECT_EQ(gradient[120], 2.0f);
  });
}

TEST(Reducer, DoesNothingForOneRank) {
  const auto communicator = comm::make_communicator("local", comm::Launch{}, 1);
  auto gradient = gradient_of(0, 100);
  Reducer reducer(*communicator, comm::buffer(gradient), 80);
  reducer.on_slice(50);
  reducer.finish();
  expect_summed(gradient, 1);
  EXPECT_EQ(reducer.seconds_exchanging(), 0);
}

TEST(Reducer, ThrowsTheCommErrorOfALostRank) {
  test::run_ranks(2, [](comm::Communicator& communicator) {
    if (communicator.rank() == 1) return communicator.abort("no more memory");
    std::vector<float> gradient(1000);
    Reducer reducer(communicator, comm::buffer(gradient), 800, 80);
    reducer.on_slice(500);
    test::expect_contains(test::expect_error(ErrorKind::kComm, [&] { reducer.finish(); }), "no more memory");
  });
}

TEST(Reducer, RefusesSlicesThatGoBackOrBeyond) {
  const auto communicator = comm::make_communicator("local", comm::Launch{}, 1);
  Reducer reducer(*communicator, floats(100), 80);
  reducer.on_slice(50);
  test::expect_error(ErrorKind::kBug, [&] { reducer.on_slice(49); });
  test::expect_error(ErrorKind::kBug, [&] { reducer.on_slice(101); });
  test::expect_error(ErrorKind::kUsage, [&] { Reducer(*communicator, floats(100), 0); });
}

}  // namespace
}  // namespace lockstep::train
