#include "operations.h"

#include <atomic>
#include <thread>
#include <vector>

#include "support/expect_error.h"

namespace lockstep::comm {
namespace {

TEST(Operations, RunInTheOrderOfTheirStart) {
  Operations operations("rank 0", 60);
  std::vector<int> order;
  std::vector<Pending> pending;
  for (int i = 0; i < 50; ++i) pending.push_back(operations.start("step", [&order, i] { order.push_back(i); }));
  for (auto& one : pending) one.wait();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(order[i], i);
}

TEST(Operations, AreDeadAfterAFailure) {
  Operations operations("rank 3 (node)", 60);
  const std::string message = test::expect_error(
      ErrorKind::kComm, [&] { operations.run("allreduce", [] { throw std::runtime_error("wire cut"); }); });
  EXPECT_EQ(message.find("rank 3 (node): allreduce, collective 1, ended after 0."), 0u) << message;
  test::expect_contains(message, "wire cut");
  bool ran = false;
  test::expect_contains(test::expect_error(ErrorKind::kComm, [&] { operations.run("barrier", [&] { ran = true; }); }),
                        "wire cut");
  EXPECT_FALSE(ran);
  EXPECT_TRUE(operations.dead());
}

TEST(Operations, CountTheTimeOfExchangesAlone) {
  Operations operations("rank 0", 60);
  const auto sleep = [] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); };
  operations.run("barrier", sleep);
  EXPECT_EQ(operations.seconds_exchanging(), 0);
  auto first = operations.start_exchange("allreduce", sleep), second = operations.start_exchange("allreduce", sleep);
  first.wait();
  second.wait();
  EXPECT_GE(operations.seconds_exchanging(), 0.04);
}

TEST(Operations, AskWhileNothingRunsAndDieOfTheAnswer) {
  Operations operations("rank 0", 60);
  const auto check = operations.checker();
  std::atomic<int> asked = 0;
  operations.run_when_idle([&] {
    if (++asked == 3) throw std::runtime_error("rank 1 aborted");
  });
  operations.run("barrier", [] {});
  while (!operations.dead()) std::this_thread::yield();
  EXPECT_EQ(asked, 3);
  test::expect_contains(test::expect_error(ErrorKind::kComm, [&] { check(); }), "rank 1 aborted");
  test::expect_contains(test::expect_error(ErrorKind::kComm, [&] { operations.run("barrier", [] {}); }), "rank 1");
}

TEST(Operations, WarnOnceBehindHalfOfTheTimeLimit) {
  testing::internal::CaptureStderr();
  Operations operations("rank 0 (node)", 0.4, [] { return "not there yet: rank 1"; });
  const auto check = operations.checker();
  const auto hang = [check] {
    while (true) check(), std::this_thread::yield();
  };
  test::expect_error(ErrorKind::kComm, [&] { operations.run("barrier", hang); });
  const std::string said = testing::internal::GetCapturedStderr();
  test::expect_contains(said, "rank 0 (node): barrier, collective 1, has waited ");
  test::expect_contains(said, "not there yet: rank 1");
  EXPECT_EQ(said.find("has waited"), said.rfind("has waited"));
}

TEST(Operations, EndWakesTheWaitingAndRunsTheLastAction) {
  Operations operations("rank 0", 60);
  const auto check = operations.checker();
  std::thread waiting([&] {
    test::expect_contains(test::expect_error(ErrorKind::kComm,
                                             [&] {
                                               operations.run("barrier", [&] {
                                                 for (;;) check(), std::this_thread::yield();
                                               });
                                             }),
                          "no more");
  });
  std::atomic<bool> last = false;
  operations.end("no more", [&] { last = true; }, std::chrono::seconds(30));
  EXPECT_TRUE(last);
  waiting.join();
}

TEST(Operations, LeaveAThreadBehindThatIsStuck) {
  auto release = std::make_shared<std::atomic<bool>>(false);
  auto over = std::make_shared<std::atomic<bool>>(false);
  {
    Operations operations("rank 0", 0.05);
    test::expect_error(ErrorKind::kComm, [&] {
      operations.run("MPI_Init", [release, over] {
        while (!*release) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        *over = true;
      });
    });
  }
  EXPECT_FALSE(*over);
  *release = true;
  while (!*over) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace
}  // namespace lockstep::comm
