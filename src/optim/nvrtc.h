#pragma once

#include <string>
#include <vector>

namespace lockstep::optim {

/// Kernel text -> what a GPU of compute capability `architecture` (90: 9.0) runs: its machine code, or PTX for the
/// newest architecture below it where this NVRTC knows none as new. No GPU is needed. Products and sums are not
/// contracted, as they cannot be in operators one after the other. `libraries` are names or paths of NVRTC, of which
/// the first that opens is used. Device Error with the compiler's own words.
std::vector<char> compile_for_gpu(const std::string& text, int architecture, const std::vector<std::string>& libraries);

/// Where NVRTC may be, which LibTorch brings without headers: beside the CUDA runtime that is loaded under this name
/// ("libcudart.so.13"), which is where wheels have it, or where the loader looks.
std::vector<std::string> nvrtc_libraries(const std::string& runtime);

/// The option that says the architecture, by those that an NVRTC knows. Device Error where all are newer.
std::string architecture_option(int architecture, const std::vector<int>& known);

}  // namespace lockstep::optim
