#include "early_stopping.h"

#include <gtest/gtest.h>

namespace lockstep::train {
namespace {

/// Epochs with these accuracies; returns how many of them run.
int64_t epochs_until_stop(const std::vector<double>& accuracies, const Hyperparameters& hyperparameters) {
  State state;
  for (const double accuracy : accuracies) {
    ++state.epoch;
    record_accuracy(state, accuracy, hyperparameters);
    if (should_stop_early(state, hyperparameters)) break;
  }
  return state.epoch;
}

Hyperparameters stopping(int64_t min_epochs, int64_t patience, double tolerance) {
  Hyperparameters hyperparameters;
  hyperparameters.early_stopping = true;
  hyperparameters.early_stopping_min_epochs = min_epochs;
  hyperparameters.early_stopping_patience = patience;
  hyperparameters.early_stopping_tolerance = tolerance;
  return hyperparameters;
}

TEST(EarlyStopping, StopsAfterPatienceEpochsWithoutImprovement) {
  EXPECT_EQ(epochs_until_stop({.5, .6, .6, .6, .6, .6}, stopping(1, 3, 0)), 5);
}

TEST(EarlyStopping, WaitsForTheMinimumOfEpochs) {
  EXPECT_EQ(epochs_until_stop({.5, .5, .5, .5, .5, .5, .5}, stopping(6, 2, 0)), 6);
}

TEST(EarlyStopping, CountsAnImprovementBelowTheToleranceAsNone) {
  EXPECT_EQ(epochs_until_stop({.50, .51, .52, .53}, stopping(1, 2, 0.1)), 3);
  EXPECT_EQ(epochs_until_stop({.50, .60, .70, .80}, stopping(1, 2, 0.1)), 4);
}

TEST(EarlyStopping, StartsToCountAnewAfterAnImprovement) {
  EXPECT_EQ(epochs_until_stop({.5, .5, .6, .6, .7, .7, .7}, stopping(1, 2, 0)), 7);
}

TEST(EarlyStopping, NeverActsUnlessAskedTo) {
  Hyperparameters off = stopping(1, 1, 0);
  off.early_stopping = false;
  EXPECT_EQ(epochs_until_stop({.5, .5, .5}, off), 3);
}

TEST(BestModel, ATieIsNotBetter) {
  State state;
  state.epoch = 1;
  EXPECT_TRUE(record_accuracy(state, 0.0, {}));
  state.epoch = 2;
  EXPECT_FALSE(record_accuracy(state, 0.0, {}));
  EXPECT_EQ(state.best_epoch, 1);
  state.epoch = 3;
  EXPECT_TRUE(record_accuracy(state, 0.1, {}));
  EXPECT_EQ(state.best_epoch, 3);
}

}  // namespace
}  // namespace lockstep::train
