#pragma once

#include <string>
#include <vector>

#include "lockstep/config/load.h"

namespace lockstep::data {

/// run.class_weights: what the loss of a sample of each class is multiplied by.
///   "none"   nothing: empty
///   "auto"   samples / (classes that occur * samples of the class), as scikit-learn's "balanced"; 1 for a class
///   without
///            samples. Over an epoch the weights of all samples add up to their number. Multi-label: of the labels that
///            are set, wherever
///   a file   lines `class weight`, or `class<TAB>weight`, by name or label; the last word is the weight, a number >=
///   0;
///            empty lines and lines that begin with # count for nothing. Every class must have one line, and some
///            weight above 0
/// Usage Error naming the file, the line and the class; io Error where it cannot be read.
std::vector<double> class_weights(const std::string& choice, const DatasetFacts& facts);

}  // namespace lockstep::data
