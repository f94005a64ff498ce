#include "exchange_model.h"

#include <cmath>
#include <cstdio>
#include <numeric>
#include <utility>

#include "support/expect_error.h"

namespace lockstep::train {
namespace {

model::Facts facts_of_resnet(int64_t layers) {
  return model::infer(model::make_network("resnet_v2", {.num_layers = layers, .classes = 1000}), {1, 3, 224, 224});
}

double sum(const std::vector<GradientPiece>& pieces, double GradientPiece::* member) {
  return std::accumulate(pieces.begin(), pieces.end(), 0.0,
                         [member](double sum, const GradientPiece& piece) { return sum + piece.*member; });
}

Cluster h100_cluster(int64_t gpus) {
  return {.hosts = gpus / 8,
          .ranks_per_host = 8,
          .gpus = true,
          .rdma = true,
          .network = 8 * 50e9,
          .link = find_gpu_link("h100")};
}

/// Images a second by MLPerf's logs: DGX H100 with 8 GPUs and 8 x 400 Gb/s a host, ResNet-50, 16-bit gradients that
/// fit into one bucket of 64 MB.
struct Published {
  int64_t gpus, batch;
  double images_per_second;
};
constexpr Published kMlPerf[] = {{64, 50, 316'611},    {64, 50, 312'518},     {512, 40, 2'225'214},
                                 {768, 42, 3'387'091}, {2528, 16, 6'842'013}, {3584, 16, 9'845'673}};
/// Fitted to these rows, exchange and jitter taken off by the model.
constexpr ComputeLaw kH100 = {0.1292e-3, 2.71e-3};

TEST(ExchangeModel, GivesTheRatesOfMlPerfOn64To3584GpusWithin5Percent) {
  const Exchange exchange{gradient_pieces(facts_of_resnet(50), 2), 64 << 20, 64 << 20};
  for (const Published& row : kMlPerf) {
    const StepTime time = predict_step(kH100, static_cast<double>(row.batch), exchange, h100_cluster(row.gpus));
    const double rate = static_cast<double>(row.gpus * row.batch) / time.seconds;
    std::printf("%5lld GPUs, batch %lld: published %9.0f, predicted %9.0f images/s, %+.1f %%\n",
                static_cast<long long>(row.gpus), static_cast<long long>(row.batch), row.images_per_second, rate,
                100 * (rate / row.images_per_second - 1));
    EXPECT_NEAR(rate / row.images_per_second, 1, 0.05) << row.gpus << " GPUs";
  }
}

TEST(ExchangeModel, GivesTheEfficiencyOfHorovodOn8To128V100Within5Points) {
  // Horovod #779: ResNet-50, 8 V100 a host, 25 Gb/s, 872 images/s alone, fusion buffers of 64 MB; a batch of 256 is
  // assumed.
  const Exchange exchange{gradient_pieces(facts_of_resnet(50), 4), 64 << 20, 64 << 20};
  const ComputeLaw law{1 / 872.0, 0};
  constexpr std::pair<int64_t, double> kRows[] = {{8, 95.7}, {16, 91.9}, {32, 85.5}, {64, 84.5}, {128, 80.4}};
  for (const auto& [gpus, published] : kRows) {
    const Cluster cluster{
        .hosts = gpus / 8, .ranks_per_host = 8, .gpus = true, .network = 25e9 / 8, .link = find_gpu_link("v100")};
    const double efficiency = 100 * predict_step(law, 256, exchange, cluster).efficiency;
    std::printf("%4lld V100: published %.1f %%, predicted %.1f %%\n", static_cast<long long>(gpus), published,
                efficiency);
    EXPECT_NEAR(efficiency, published, 5) << gpus << " GPUs";
  }
}

TEST(GradientPieces, HoldEveryValueOnceAndAllOfTheWork) {
  const auto pieces = gradient_pieces(facts_of_resnet(50), 4);
  EXPECT_NEAR(sum(pieces, &GradientPiece::work), 1, 1e-9);
  EXPECT_NEAR(sum(pieces, &GradientPiece::bytes), 4 * 25.6e6, 0.01 * 4 * 25.6e6);
}

TEST(GradientPieces, ComeInTheOrderOfBackward) {
  const auto pieces = gradient_pieces(facts_of_resnet(50), 4);
  EXPECT_EQ(pieces[0].bytes + pieces[1].bytes, 4 * 1000 * (2048 + 1));  // the last layer's weight and bias
  EXPECT_EQ(pieces.back().work, 0);                                     // running statistics
  double bytes = 0, work = 0;
  for (const GradientPiece& piece : pieces) {
    bytes += piece.bytes;
    work += piece.work;
    if (bytes > 0.6 * 4 * 25.6e6) break;
  }
  EXPECT_LT(work, 0.3);  // the last layers have the most weights and the smallest pictures
}

TEST(ComputeLaw, GoesThroughBothSteps) {
  const ComputeLaw law = fit_law(10, 0.3, 20, 0.5);
  EXPECT_NEAR(law.seconds(10), 0.3, 1e-12);
  EXPECT_NEAR(law.seconds(20), 0.5, 1e-12);
  EXPECT_NEAR(law.fixed, 0.1, 1e-12);
}

TEST(ComputeLaw, StaysPositiveWhereStepsWereMeasuredBadly) {
  const ComputeLaw steep = fit_law(10, 0.1, 20, 0.5), falling = fit_law(10, 0.6, 20, 0.5);
  EXPECT_DOUBLE_EQ(steep.fixed, 0);
  EXPECT_DOUBLE_EQ(falling.per_sample, 0);
  EXPECT_DOUBLE_EQ(steep.seconds(20), 0.5);
  EXPECT_DOUBLE_EQ(falling.seconds(20), 0.5);
}

TEST(Network, IsReadInBitsAndAdapters) {
  EXPECT_DOUBLE_EQ(parse_network("400Gb/s", ""), 50e9);
  EXPECT_DOUBLE_EQ(parse_network("25 Gbit/s", ""), 3.125e9);
  EXPECT_DOUBLE_EQ(parse_network("1gbps", ""), 125e6);
  EXPECT_DOUBLE_EQ(parse_network("100Mb/s", ""), 12.5e6);
  EXPECT_DOUBLE_EQ(parse_network("8x400Gb/s", ""), 400e9);
}

TEST(Network, ThatIsNoRateIsRefusedWithAnExample) {
  for (const char* text :
       {"", "fast", "400", "Gb/s", "-1Gb/s", "0Gb/s", "1x2x3Gb/s", "nanGb/s", "1e400Gb/s", "1e-9Gb/s", "400000Tb/s"}) {
    const std::string message = test::expect_error(ErrorKind::kUsage, [&] { parse_network(text, "--network"); });
    test::expect_contains(message, "--network");
    test::expect_contains(message, "25Gb/s");
  }
  test::expect_contains(test::expect_error(ErrorKind::kUsage, [] { parse_network("25GB/s", "--network"); }), "bytes");
}

TEST(Allreduce, TakesNoTimeWithOneRank) {
  const Allreduce one = allreduce(1e9, Cluster{}, {});
  EXPECT_EQ(one.seconds, 0);
  EXPECT_EQ(one.algorithm, "none");
}

TEST(Allreduce, OfGpusGoesTheFastestOfItsWays) {
  const auto way = [](double bytes, int64_t gpus) { return allreduce(bytes, h100_cluster(gpus), {}).algorithm; };
  EXPECT_EQ(way(102e6, 8), "nvls");
  EXPECT_EQ(way(102e6, 64), "nvls-tree");
  EXPECT_EQ(way(1e6, 4096), "tree");
  const Cluster pair{.ranks_per_host = 2, .gpus = true, .link = find_gpu_link("a100")};
  EXPECT_EQ(allreduce(102e6, pair, {}).algorithm, "ring");
}

TEST(Allreduce, OfGpusIsWhatNcclsTunerSaysTimesTheMeasuredSlowdown) {
  // 102.2 MB: 398, 599 and 683 us on 8, 16 and 64 H200 by the tuner's model.
  constexpr std::pair<int64_t, double> kRows[] = {{8, 398e-6}, {16, 599e-6}, {64, 683e-6}};
  for (const auto& [gpus, seconds] : kRows) {
    Cluster cluster = h100_cluster(gpus);
    cluster.link = find_gpu_link("h200");
    EXPECT_NEAR(allreduce(102.2e6, cluster, {}).seconds, 1.5 * seconds, 0.01 * seconds) << gpus;
  }
}

TEST(Allreduce, OfCpusTakesAsLongAsTheSlowestOfLinkProcessorsAndMemory) {
  ExchangeConstants c;
  c.tcp_hop = 0;
  c.tcp_share = 0.5;
  c.tcp_most = 4e6;
  const auto seconds = [&](double network, int64_t ranks_per_host) {
    return allreduce(4e6, {.hosts = 2, .ranks_per_host = ranks_per_host, .network = network, .link = {}}, c).seconds;
  };
  EXPECT_DOUBLE_EQ(seconds(1e6, 1), 8) << "the link";
  EXPECT_DOUBLE_EQ(seconds(1e6, 2), 8) << "the link, which the ranks share";
  EXPECT_DOUBLE_EQ(seconds(1e8, 1), 1) << "a processor";
  EXPECT_DOUBLE_EQ(seconds(1e8, 2), 0.5) << "a processor a rank";
  c.shared_memory = 2e6;
  EXPECT_DOUBLE_EQ(seconds(1e8, 2), 4) << "memory, which holds each rank's numbers";
}

TEST(Allreduce, OfCpusExchangesOnceForFewNumbersAndTwiceForMore) {
  ExchangeConstants c;
  c.tcp_hop = 1e6;  // a second: counts the exchanges
  const auto exchanges = [&](double bytes, int64_t hosts) {
    return std::floor(allreduce(bytes, {.hosts = hosts, .network = 1e12, .link = {}}, c).seconds /
                      static_cast<double>(hosts - 1));
  };
  EXPECT_EQ(exchanges(16 << 10, 2), 1) << "all numbers to all hosts at once";
  EXPECT_EQ(exchanges((16 << 10) + 4, 2), 2) << "shares, then their sums";
  EXPECT_EQ(exchanges(16 << 10, 3), 2);
  EXPECT_EQ(exchanges(1 << 30, 2), 2) << "of many pieces, only the first and the last are waited for";
}

TEST(Allreduce, OfCpusSendsEachHostsShare) {
  ExchangeConstants c;
  c.tcp_hop = 0;
  c.tcp_share = 1;
  c.tcp_most = 1e20;
  const auto seconds = [&](double bytes, int64_t hosts) {
    return allreduce(bytes, {.hosts = hosts, .network = 1e6, .link = {}}, c).seconds;
  };
  EXPECT_NEAR(seconds(4e6, 2), 4, 1e-9);             // half of it out, half of it back
  EXPECT_NEAR(seconds(4e6, 4), 2 * 0.75 * 4, 1e-9);  // three quarters
  EXPECT_NEAR(seconds(1e4, 3), 2 * 1e-2, 1e-9);      // small: the whole to both others
}

TEST(StepTime, HidesTheExchangeThatFitsBehindBackward) {
  const Exchange exchange{{{4e6, 0.5}, {4e6, 0.5}}, 4e6, 4e6};
  const Cluster cluster{.hosts = 2, .network = 125e6, .link = {}};
  ExchangeConstants constants;
  constants.jitter = constants.cpu_interference = 0;
  const double bucket = allreduce(4e6, cluster, constants).seconds;
  const StepTime slow = predict_step({1, 0}, 10, exchange, cluster, constants);
  EXPECT_NEAR(slow.exposed, bucket, 1e-9);  // the last one is ready when backward ends
  EXPECT_NEAR(slow.hidden, bucket, 1e-9);
  const StepTime fast = predict_step({1e-6, 0}, 1, exchange, cluster, constants);
  EXPECT_NEAR(fast.exposed, 2 * bucket, 1e-4);
  EXPECT_DOUBLE_EQ(slow.seconds, slow.compute + slow.exposed);
}

TEST(StepTime, WaitsLongerForTheSlowestOfMoreRanks) {
  const auto jitter = [](int64_t ranks) {
    return predict_step({1e-3, 0}, 100, {{{4, 1}}, 4, 4}, {.ranks_per_host = ranks, .link = {}}).jitter;
  };
  EXPECT_EQ(jitter(1), 0);
  EXPECT_NEAR(jitter(16) / jitter(4), std::sqrt(2), 1e-9);
}

}  // namespace
}  // namespace lockstep::train
