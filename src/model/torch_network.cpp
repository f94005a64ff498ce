#include "torch_network.h"

#include <algorithm>
#include <limits>
#include <map>

#include "lockstep/core/error.h"
#include "lockstep/core/text.h"
#include "lockstep/model/torch_names.h"

namespace lockstep::model {
namespace {

// Of all rows of networks.def; 0 for those that have one depth only. A row refuses what it does not have.
constexpr int64_t kDepths[] = {0, 18, 34, 50, 101, 152, 200, 20, 32, 44, 56, 110};
constexpr int64_t kSides[] = {224, 32};  // of pictures: networks begin otherwise for small ones

using Shapes = std::map<std::string, Shape>;

/// How the tensors of a file differ from those of a network.
struct Difference {
  size_t count = 0, same = 0;
  std::string first;
  void add(const std::string& text) {
    if (count++ == 0) first = text;
  }
};

Difference compare(const std::vector<Parameter>& parameters, const Shapes& there) {
  Difference difference;
  Shapes left = there;
  for (const Parameter& parameter : parameters) {
    const std::string name = torch_name(parameter.name);
    const auto found = left.find(name);
    if (found == left.end())
      difference.add(cat("the network has \"", name, "\" ", shape_text(parameter.shape), ", the file has not"));
    else if (found->second != parameter.shape)
      difference.add(cat("\"", name, "\" is ", shape_text(found->second), " in the file and ",
                         shape_text(parameter.shape), " in the network"));
    else
      ++difference.same;
    if (found != left.end()) left.erase(found);
  }
  for (const auto& [name, shape] : left)
    difference.add(cat("the file has \"", name, "\" ", shape_text(shape), ", the network has not"));
  return difference;
}

/// dimension `axis` of the weight that this node has in the file, or the fallback.
int64_t size_in(const Shapes& there, const std::string& node, size_t axis, int64_t fallback) {
  const auto found = there.find(node + ".weight");
  return found != there.end() && axis < found->second.size() && found->second[axis] > 0 ? found->second[axis]
                                                                                        : fallback;
}

/// As many classes and channels as the file has, where the network has such layers; and pictures of the usual size.
Graph fitted(const MakeNetwork make, NetworkOptions& options, const Shapes& there) {
  const Graph graph = make(options);
  const auto first =
      std::find_if(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) { return node.op == "Convolution"; });
  options.channels = size_in(there, first->name, 1, 3);
  options.classes = size_in(there, graph.nodes[static_cast<size_t>(find_output(graph).layer)].name, 0, 1);
  if (tuple_attribute(*first, "stride", {1, 1})[0] == 1) options.height = options.width = 32;
  return make(options);
}

/// All that the rows of networks.def are asked for.
std::vector<NetworkOptions> all_options() {
  std::vector<NetworkOptions> all;
  for (const int64_t depth : kDepths)
    for (const char* const shortcut : {"projection", "pad"})
      for (const int64_t side : kSides)
        all.push_back({.num_layers = depth, .classes = 1, .height = side, .width = side, .shortcut = shortcut});
  return all;
}

}  // namespace

TorchNetwork recognise_torch(const Arrays& arrays, const std::string& where) {
  Shapes there;
  for (const Array& array : arrays)
    require(there.emplace(array.name, array.shape).second, ErrorKind::kData, where, ": two tensors are called \"",
            array.name, "\"");
  Difference least{.count = std::numeric_limits<size_t>::max(), .first = ""};
  std::string nearest;
  for (const auto& row : networks())
    for (NetworkOptions options : all_options()) try {
        const Graph graph = fitted(row.make, options, there);
        const Facts facts = infer(graph, {1, options.channels, options.height, options.width});
        const Difference difference = compare(facts.parameters, there);
        if (difference.count == 0) return {row.name, options};
        if (difference.count >= least.count) continue;
        least = difference;
        nearest = network_text(row.name, options.num_layers);
      } catch (const Error&) {  // a depth or shortcut that this row does not have
      }
  if (least.same * 2 < arrays.size() || arrays.empty())
    fail(ErrorKind::kData, where, ": no network that there is has most of these ", arrays.size(), " tensors",
         arrays.empty() ? "" : cat(", which begin with \"", arrays[0].name, "\" ", shape_text(arrays[0].shape)),
         "; there are: ", join(names(networks()), ", "));
  fail(ErrorKind::kData, where, ": these ", arrays.size(),
       " tensors are those of no network that there is; nearest is ", nearest, ", which differs in ", least.count,
       least.count == 1 ? " tensor: " : " tensors: ", least.first);
}

}  // namespace lockstep::model
