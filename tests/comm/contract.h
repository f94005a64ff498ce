#pragma once

#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "lockstep/comm/communicator.h"

// What every backend promises, as functions that all ranks call together. The ranks may be threads or processes.
namespace lockstep::test {

inline constexpr size_t kSizes[] = {0, 1, 7, 1000, 70'001, 1'100'003};

template <class T>
T value_of(int rank, size_t i) {
  return static_cast<T>((i * 7 + static_cast<size_t>(rank) * 3) % 11);
}

template <class T>
std::vector<T> values_of(int rank, size_t count) {
  std::vector<T> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = value_of<T>(rank, i);
  return values;
}

template <class T>
T expected(comm::Op op, int ranks, size_t i) {
  T result = value_of<T>(0, i);
  for (int rank = 1; rank < ranks; ++rank) {
    const T value = value_of<T>(rank, i);
    if (op == comm::Op::kSum) result = static_cast<T>(result + value);
    if (op == comm::Op::kMin) result = std::min(result, value);
    if (op == comm::Op::kMax) result = std::max(result, value);
  }
  return result;
}

/// One failure, not a million, for vectors that differ.
template <class T>
void expect_same(const std::vector<T>& values, const std::vector<T>& wanted) {
  EXPECT_TRUE(values == wanted) << values.size() << " elements of " << sizeof(T) << " bytes differ somewhere";
}

template <class T>
void check_allreduce(comm::Communicator& communicator) {
  for (const comm::Op op : {comm::Op::kSum, comm::Op::kMin, comm::Op::kMax})
    for (const size_t count : kSizes) {
      std::vector<T> values = values_of<T>(communicator.rank(), count), wanted(count);
      for (size_t i = 0; i < count; ++i) wanted[i] = expected<T>(op, communicator.size(), i);
      communicator.allreduce(comm::buffer(values), op);
      expect_same(values, wanted);
    }
}

template <class T>
void check_broadcast(comm::Communicator& communicator) {
  for (int root = 0; root < communicator.size(); ++root)
    for (const size_t count : kSizes) {
      std::vector<T> values = values_of<T>(communicator.rank(), count);
      communicator.broadcast(comm::buffer(values), root);
      expect_same(values, values_of<T>(root, count));
    }
}

template <class T>
void check_allgather(comm::Communicator& communicator) {
  for (const size_t count : kSizes) {
    std::vector<T> mine = values_of<T>(communicator.rank(), count), all(count * communicator.size()), wanted;
    for (int rank = 0; rank < communicator.size(); ++rank) {
      const auto part = values_of<T>(rank, count);
      wanted.insert(wanted.end(), part.begin(), part.end());
    }
    communicator.allgather(comm::buffer(mine), comm::buffer(all));
    expect_same(all, wanted);
  }
}

template <class T>
void check_collectives(comm::Communicator& communicator) {
  check_allreduce<T>(communicator);
  check_broadcast<T>(communicator);
  check_allgather<T>(communicator);
}

inline void check_several_pending(comm::Communicator& communicator) {
  std::vector<std::vector<float>> buffers;
  for (size_t i = 0; i < 20; ++i)
    buffers.push_back(values_of<float>(communicator.rank(), i % 3 == 0 ? 500'000 : 10 + i));
  std::vector<comm::Pending> pending;
  for (auto& values : buffers) pending.push_back(communicator.start_allreduce(comm::buffer(values), comm::Op::kSum));
  int64_t between = 1;  // a collective that is called while others are pending
  communicator.broadcast({&between, 1, comm::DType::kInt64}, 0);
  for (auto& one : pending) one.wait();
  for (const auto& values : buffers)
    for (size_t i = 0; i < values.size(); i += 101)
      EXPECT_EQ(values[i], expected<float>(comm::Op::kSum, communicator.size(), i));
}

/// Numbers whose sum depends on the order in which they are added.
inline std::vector<float> awkward_numbers(int rank, size_t count) {
  std::vector<float> values(count);
  uint32_t state = 12345u + static_cast<uint32_t>(rank) * 777u;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<int32_t>(state)) * (state % 7 == 0 ? 1e-9f : 1.0f);
  }
  return values;
}

/// The same inputs give the same bits on every rank and each time.
inline void check_bits(comm::Communicator& communicator) {
  std::vector<float> first;
  for (int round = 0; round < 3; ++round) {
    auto values = awkward_numbers(communicator.rank(), 700'001);
    communicator.allreduce(comm::buffer(values));
    if (round == 0) first = values;
    EXPECT_EQ(std::memcmp(values.data(), first.data(), values.size() * sizeof(float)), 0);
  }
  auto of_rank_0 = first;
  communicator.broadcast(comm::buffer(of_rank_0), 0);
  EXPECT_EQ(std::memcmp(of_rank_0.data(), first.data(), first.size() * sizeof(float)), 0);
}

inline void check_texts(comm::Communicator& communicator) {
  const auto texts =
      comm::gather_texts(communicator, std::string(static_cast<size_t>(communicator.rank()) * 3, 'x') + "end");
  ASSERT_EQ(texts.size(), static_cast<size_t>(communicator.size()));
  for (int rank = 0; rank < communicator.size(); ++rank)
    EXPECT_EQ(texts[rank], std::string(static_cast<size_t>(rank) * 3, 'x') + "end");
  for (const auto& text : comm::gather_texts(communicator, "")) EXPECT_EQ(text, "");
}

}  // namespace lockstep::test
