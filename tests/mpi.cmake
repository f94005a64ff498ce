# Programs of several processes, started by launch/mpirun; label `mpi`.
foreach(program contract ending)
  set(target comm_mpi_${program})
  if(program STREQUAL "contract")
    set(target comm_mpi_test)
  endif()
  add_executable(${target} comm/mpi_${program}.cpp)
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/src/comm)
  target_link_libraries(${target} PRIVATE lockstep_comm lockstep_options GTest::gtest)
endforeach()

set(mpirun ${CMAKE_SOURCE_DIR}/launch/mpirun)
foreach(ranks 1 2 4)
  add_test(NAME mpi.contract_${ranks} COMMAND ${mpirun} -n ${ranks} $<TARGET_FILE:comm_mpi_test> WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
endforeach()
add_test(NAME mpi.questions COMMAND ${mpirun} -n 3 $<TARGET_FILE:comm_mpi_test> questions WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
add_test(NAME mpi.launch COMMAND tests/launch/mpirun_test.sh $<TARGET_FILE_DIR:comm_mpi_test> WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
add_test(NAME mpi.signals COMMAND ${Python3_EXECUTABLE} tests/launch/signals_test.py WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(mpi.contract_1 mpi.contract_2 mpi.contract_4 mpi.launch mpi.signals PROPERTIES LABELS mpi TIMEOUT 300 RUN_SERIAL TRUE)

# The same with several hosts, of one and of different numbers of ranks.
foreach(hosts alpha:1,beta:1,gamma:1 alpha:1,beta:2 alpha:3,beta:1 alpha:2,beta:3)
  add_test(NAME mpi.hosts_${hosts} COMMAND tests/comm/pretended_hosts ${hosts} $<TARGET_FILE:comm_mpi_test> WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(mpi.hosts_${hosts} PROPERTIES LABELS mpi SKIP_RETURN_CODE 77 TIMEOUT 300 RUN_SERIAL TRUE)
endforeach()

# Device memory: the same contract over NCCL, on the GPUs of this machine. And on pretended ones, where CUDA's headers are at hand
# (tests/cuda_build/run fetches them): comm's own sources compiled with CUDA, before the library that holds their other halves.
add_executable(comm_nccl_test comm/nccl_contract.cpp comm/nccl_recording.cpp)
set(nccl_programs comm_nccl_test)
add_test(NAME gpu.nccl COMMAND comm_nccl_test WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(gpu.nccl PROPERTIES LABELS gpu SKIP_RETURN_CODE 77 TIMEOUT 300)

set(cuda_headers ${CMAKE_SOURCE_DIR}/.deps/cuda-headers/nvidia)
if(EXISTS ${cuda_headers}/nccl/include/nccl.h)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/comm/*.cpp)
  add_executable(comm_pretended_gpu_test comm/nccl_contract.cpp comm/nccl_recording.cpp comm/pretended_gpu.cpp ${sources})
  list(APPEND nccl_programs comm_pretended_gpu_test)
  target_compile_definitions(comm_pretended_gpu_test PRIVATE LOCKSTEP_CUDA=1 LOCKSTEP_PRETENDED_GPU=1)
  target_include_directories(comm_pretended_gpu_test SYSTEM PRIVATE ${cuda_headers}/cu13/include ${cuda_headers}/nccl/include)
  target_link_libraries(comm_pretended_gpu_test PRIVATE MPI::MPI_C)
  gtest_discover_tests(comm_pretended_gpu_test DISCOVERY_MODE PRE_TEST WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                       TEST_PREFIX pretended_gpu. NO_PRETTY_VALUES PROPERTIES LABELS unit TIMEOUT 120)
endif()
foreach(program ${nccl_programs})
  target_include_directories(${program} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/src/comm ${CMAKE_SOURCE_DIR}/include)
  target_link_libraries(${program} PRIVATE lockstep_core lockstep_options GTest::gtest Threads::Threads)
endforeach()
target_link_libraries(comm_nccl_test PRIVATE lockstep_comm Nccl::Nccl)
