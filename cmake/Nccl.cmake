# Nccl::Nccl: NCCL and the CUDA runtime of the LibTorch wheel in its CUDA size, without torch itself; an empty target where the
# wheel is the CPU size. By path, since the wheels have versioned names only; LibTorch loads the same files.
file(GLOB nccl_torch ${LOCKSTEP_TORCH}/lib/python3*/site-packages/torch/lib/libtorch_cuda.so ${LOCKSTEP_TORCH}/torch/lib/libtorch_cuda.so)
add_library(Nccl::Nccl INTERFACE IMPORTED)
if(nccl_torch)
  get_filename_component(nvidia ${nccl_torch}/../../../nvidia ABSOLUTE)
  if(EXISTS ${nvidia}/nccl/include/nccl.h)
    foreach(library nccl/lib/libnccl.so.2 cu13/lib/libcudart.so.13)
      get_filename_component(name ${library} NAME_WE)
      # SHARED, so that CMake puts its folder into the RPATH of the programs.
      add_library(Nccl::${name} SHARED IMPORTED)
      set_target_properties(Nccl::${name} PROPERTIES IMPORTED_LOCATION ${nvidia}/${library})
      target_link_libraries(Nccl::Nccl INTERFACE Nccl::${name})
    endforeach()
    target_compile_definitions(Nccl::Nccl INTERFACE LOCKSTEP_CUDA=1)
    target_include_directories(Nccl::Nccl SYSTEM INTERFACE ${nvidia}/cu13/include ${nvidia}/nccl/include)
  endif()
endif()
