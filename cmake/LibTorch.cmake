# LibTorch::LibTorch from the PyPI wheel, CPU or CUDA size, without find_package(Torch): that one insists on nvcc and a toolkit.
# The wheel's libraries find each other by their own RPATH; our program needs only torch/lib in its own, which CMake adds.
file(GLOB torch_root ${LOCKSTEP_TORCH}/lib/python3*/site-packages/torch ${LOCKSTEP_TORCH}/torch)
list(LENGTH torch_root torch_found)
if(NOT torch_found EQUAL 1)
  message(FATAL_ERROR "no LibTorch wheel below ${LOCKSTEP_TORCH}: run launch/setup, or name another place with -DLOCKSTEP_TORCH=")
endif()
get_filename_component(site_packages ${torch_root} DIRECTORY)

add_library(LibTorch::LibTorch INTERFACE IMPORTED)
target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE
  ${torch_root}/include ${torch_root}/include/torch/csrc/api/include)
target_link_libraries(LibTorch::LibTorch INTERFACE ${torch_root}/lib/libtorch_cpu.so ${torch_root}/lib/libc10.so)
# Without -fopenmp at::parallel_for in a file of ours is silently serial.
target_compile_options(LibTorch::LibTorch INTERFACE -fopenmp)
target_link_options(LibTorch::LibTorch INTERFACE -fopenmp)

set(LOCKSTEP_CUDA OFF)
if(EXISTS ${torch_root}/lib/libtorch_cuda.so AND EXISTS ${site_packages}/nvidia/nccl/include/nccl.h)
  set(LOCKSTEP_CUDA ON)
  target_compile_definitions(LibTorch::LibTorch INTERFACE LOCKSTEP_CUDA=1)
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE
    ${site_packages}/nvidia/cu13/include ${site_packages}/nvidia/nccl/include ${site_packages}/nvidia/cudnn/include)
  # SHARED, so that CMake puts its folder into the RPATH of the programs.
  add_library(LibTorch::cudnn SHARED IMPORTED)
  set_target_properties(LibTorch::cudnn PROPERTIES IMPORTED_LOCATION ${site_packages}/nvidia/cudnn/lib/libcudnn.so.9)
  target_link_libraries(LibTorch::LibTorch INTERFACE LibTorch::cudnn
    -Wl,--no-as-needed ${torch_root}/lib/libtorch_cuda.so ${torch_root}/lib/libc10_cuda.so
    ${site_packages}/nvidia/nccl/lib/libnccl.so.2 ${site_packages}/nvidia/cu13/lib/libcudart.so.13 -Wl,--as-needed)
endif()
message(STATUS "LibTorch: ${torch_root} (CUDA ${LOCKSTEP_CUDA})")
