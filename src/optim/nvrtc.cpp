#include "nvrtc.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <dlfcn.h>
#include <link.h>

#include "lockstep/core/error.h"
#include "lockstep/core/text.h"

namespace lockstep::optim {
namespace {

// As nvrtc.h declares them since CUDA 11.2; 0 is success.
struct Program;
struct Nvrtc {
  const char* (*error_string)(int);
  int (*count_architectures)(int*);
  int (*architectures)(int*);
  int (*create)(Program**, const char* text, const char* name, int headers, const char* const*, const char* const*);
  int (*destroy)(Program**);
  int (*compile)(Program*, int count, const char* const* options);
  int (*log_size)(Program*, size_t*);
  int (*log)(Program*, char*);
  int (*machine_code_size)(Program*, size_t*);
  int (*machine_code)(Program*, char*);
  int (*ptx_size)(Program*, size_t*);
  int (*ptx)(Program*, char*);

  void require_success(int code, const char* call) const {
    require(code == 0, ErrorKind::kDevice, "NVRTC: ", call, ": ", error_string(code));
  }
};

template <class Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  require(function != nullptr, ErrorKind::kDevice, "NVRTC: it has no function ", name, "; CUDA 11.2 is the oldest");
}

/// NVRTC opens its own parts by name alone, which finds none in the folder of a wheel, unless they are open already.
void open_parts(const std::filesystem::path& library) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(library.parent_path(), error))
    if (entry.path().filename().string().starts_with("libnvrtc-builtins.so"))
      ::dlopen(entry.path().c_str(), RTLD_NOW | RTLD_LOCAL);
}

void* open_first(const std::vector<std::string>& libraries) {
  std::string why;
  for (const std::string& library : libraries) {
    if (library.find('/') != std::string::npos) open_parts(library);
    if (void* opened = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL)) return opened;
    why += cat(why.empty() ? "" : "; ", ::dlerror());
  }
  fail(ErrorKind::kDevice, "NVRTC, CUDA's compiler at run time, cannot be opened: ", why);
}

/// Stays open: it is needed again for the next kernel.
Nvrtc open_nvrtc(const std::vector<std::string>& libraries) {
  void* library = open_first(libraries);
  Nvrtc nvrtc{};
  find(library, "nvrtcGetErrorString", nvrtc.error_string);
  find(library, "nvrtcGetNumSupportedArchs", nvrtc.count_architectures);
  find(library, "nvrtcGetSupportedArchs", nvrtc.architectures);
  find(library, "nvrtcCreateProgram", nvrtc.create);
  find(library, "nvrtcDestroyProgram", nvrtc.destroy);
  find(library, "nvrtcCompileProgram", nvrtc.compile);
  find(library, "nvrtcGetProgramLogSize", nvrtc.log_size);
  find(library, "nvrtcGetProgramLog", nvrtc.log);
  find(library, "nvrtcGetCUBINSize", nvrtc.machine_code_size);
  find(library, "nvrtcGetCUBIN", nvrtc.machine_code);
  find(library, "nvrtcGetPTXSize", nvrtc.ptx_size);
  find(library, "nvrtcGetPTX", nvrtc.ptx);
  return nvrtc;
}

std::vector<int> known_architectures(const Nvrtc& nvrtc) {
  int count = 0;
  nvrtc.require_success(nvrtc.count_architectures(&count), "nvrtcGetNumSupportedArchs");
  std::vector<int> known(static_cast<size_t>(count));
  nvrtc.require_success(nvrtc.architectures(known.data()), "nvrtcGetSupportedArchs");
  return known;
}

/// A text on its way through the compiler.
class Compilation {
 public:
  Compilation(const Nvrtc& nvrtc, const std::string& text) : nvrtc_(nvrtc) {
    nvrtc.require_success(nvrtc.create(&program_, text.c_str(), "lockstep.cu", 0, nullptr, nullptr),
                          "nvrtcCreateProgram");
  }
  ~Compilation() { nvrtc_.destroy(&program_); }
  Compilation(const Compilation&) = delete;
  Compilation& operator=(const Compilation&) = delete;

  void run(const std::string& architecture) {
    const std::array options = {architecture.c_str(), "--std=c++17", "--fmad=false"};
    const int code = nvrtc_.compile(program_, static_cast<int>(options.size()), options.data());
    if (code == 0) return;
    const std::vector<char> log = take(nvrtc_.log_size, nvrtc_.log, "nvrtcGetProgramLog");
    fail(ErrorKind::kDevice, "NVRTC: the kernel does not compile with ", architecture, ": ", nvrtc_.error_string(code),
         ": ", log.data());
  }

  std::vector<char> take(int (*size)(Program*, size_t*), int (*get)(Program*, char*), const char* call) const {
    size_t bytes = 0;
    nvrtc_.require_success(size(program_, &bytes), call);
    std::vector<char> taken(bytes + 1);  // ends with 0, whatever it is
    nvrtc_.require_success(get(program_, taken.data()), call);
    return taken;
  }

 private:
  const Nvrtc& nvrtc_;
  Program* program_ = nullptr;
};

}  // namespace

std::vector<std::string> nvrtc_libraries(const std::string& runtime) {
  const size_t digits = runtime.rfind('.');
  const std::string name = "libnvrtc.so" + (digits == std::string::npos ? "" : runtime.substr(digits));
  void* opened = ::dlopen(runtime.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  link_map* map = nullptr;
  if (!opened || ::dlinfo(opened, RTLD_DI_LINKMAP, &map) != 0) return {name};
  return {std::filesystem::path(map->l_name).replace_filename(name).string(), name};
}

std::string architecture_option(int architecture, const std::vector<int>& known) {
  int best = 0;
  for (const int each : known)
    if (each <= architecture) best = std::max(best, each);
  require(best > 0, ErrorKind::kDevice, "NVRTC knows no architecture as old as compute capability ", architecture / 10,
          ".", architecture % 10);
  return cat("--gpu-architecture=", best == architecture ? "sm_" : "compute_", best);
}

std::vector<char> compile_for_gpu(const std::string& text, int architecture,
                                  const std::vector<std::string>& libraries) {
  const Nvrtc nvrtc = open_nvrtc(libraries);
  const std::string option = architecture_option(architecture, known_architectures(nvrtc));
  Compilation compilation(nvrtc, text);
  compilation.run(option);
  if (option.find("=sm_") != std::string::npos)
    return compilation.take(nvrtc.machine_code_size, nvrtc.machine_code, "nvrtcGetCUBIN");
  return compilation.take(nvrtc.ptx_size, nvrtc.ptx, "nvrtcGetPTX");
}

}  // namespace lockstep::optim
