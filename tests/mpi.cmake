# Programs of several processes, started by launch/mpirun; label `mpi`.
foreach(program contract ending)
  set(target comm_mpi_${program})
  if(program STREQUAL "contract")
    set(target comm_mpi_test)
  endif()
  add_executable(${target} comm/mpi_${program}.cpp)
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${target} PRIVATE lockstep_comm lockstep_options GTest::gtest)
endforeach()


set(mpirun ${CMAKE_SOURCE_DIR}/launch/mpirun)
foreach(ranks 1 2 4)
  add_test(NAME mpi.contract_${ranks} COMMAND ${mpirun} -n ${ranks} $<TARGET_FILE:comm_mpi_test> WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
endforeach()
add_test(NAME mpi.launch COMMAND tests/launch/mpirun_test.sh $<TARGET_FILE_DIR:comm_mpi_test> WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(mpi.contract_1 mpi.contract_2 mpi.contract_4 mpi.launch PROPERTIES LABELS mpi TIMEOUT 300 RUN_SERIAL TRUE)
