// libcuda.so.1 for a machine without a driver, as far as cuDNN needs one to compile its kernels: it loads what it has
// compiled, which is thrown away here. Nothing can run.
namespace {

constexpr int kSuccess = 0, kStubLibrary = 34;
int thing = 0;

int give(void** handle) {
  *handle = &thing;
  return kSuccess;
}
int give(int* number, int value) {
  *number = value;
  return kSuccess;
}

}  // namespace

extern "C" {

int cuDriverGetVersion(int* version) { return give(version, 13000); }
int cuLibraryLoadData(void** library) { return give(library); }
int cuLibraryGetKernel(void** kernel) { return give(kernel); }
int cuLibraryUnload() { return kSuccess; }
int cuKernelGetFunction(void** function) { return give(function); }
int cuKernelSetAttribute() { return kSuccess; }
int cuModuleLoadData(void** module) { return give(module); }
int cuModuleGetFunction(void** function) { return give(function); }
int cuModuleUnload() { return kSuccess; }
int cuFuncSetAttribute() { return kSuccess; }
int cuFuncGetAttribute(int* value) { return give(value, 0); }
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks) { return give(blocks, 1); }

// Asked for by name when the library is opened.
#define REFUSE(name) \
  int name() { return kStubLibrary; }
REFUSE(cuCtxGetCurrent)
REFUSE(cuCtxGetLimit)
REFUSE(cuCtxPopCurrent)
REFUSE(cuCtxPushCurrent)
REFUSE(cuDeviceGet)
REFUSE(cuDeviceGetCount)
REFUSE(cuGetErrorName)
REFUSE(cuGetErrorString)
REFUSE(cuKernelGetAttribute)
REFUSE(cuLaunchCooperativeKernel)
REFUSE(cuLaunchKernel)
REFUSE(cuLaunchKernelEx)
REFUSE(cuLibraryLoadFromFile)
REFUSE(cuLinkAddData)
REFUSE(cuLinkComplete)
REFUSE(cuLinkCreate)
REFUSE(cuLinkDestroy)
REFUSE(cuOccupancyMaxPotentialClusterSize)
REFUSE(cuStreamGetCtx)
}
