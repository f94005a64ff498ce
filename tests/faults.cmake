# What a failing disk does to checkpoints: saves by a small program with tests/faults/shim.c preloaded. Not under sanitizers, which
# must be loaded first themselves.
if(LOCKSTEP_SANITIZE)
  return()
endif()
add_library(fault_shim MODULE faults/shim.c)
target_link_libraries(fault_shim PRIVATE ${CMAKE_DL_LIBS})
add_executable(save_driver faults/save_driver.cpp)
target_link_libraries(save_driver PRIVATE lockstep_model lockstep_core lockstep_options)

add_executable(faults_test faults/fault_test.cpp faults/power_loss_test.cpp)
add_dependencies(faults_test fault_shim save_driver)
target_include_directories(faults_test PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_definitions(faults_test PRIVATE LOCKSTEP_FAULT_SHIM="$<TARGET_FILE:fault_shim>" LOCKSTEP_SAVE_DRIVER="$<TARGET_FILE:save_driver>")
target_link_libraries(faults_test PRIVATE lockstep_model lockstep_core lockstep_options GTest::gtest_main)
gtest_discover_tests(faults_test DISCOVERY_MODE PRE_TEST TEST_FILTER "-*Slow*" TEST_LIST faults_unit TEST_PREFIX faults. NO_PRETTY_VALUES
                     PROPERTIES LABELS unit TIMEOUT 600 ENVIRONMENT TMPDIR=/dev/shm)
gtest_discover_tests(faults_test DISCOVERY_MODE PRE_TEST TEST_FILTER "*Slow*" TEST_LIST faults_slow TEST_PREFIX faults. NO_PRETTY_VALUES
                     PROPERTIES LABELS slow TIMEOUT 600 ENVIRONMENT TMPDIR=/dev/shm)

# Real ranks of the program that are broken while they run: a short selection in every run, all of it (an hour) where it is asked for.
if(LOCKSTEP_TORCH_FLOORS)
  add_library(fault_ending MODULE faults/ending.c)
  function(ranks_test name label)
    add_test(NAME faults.${name}_${label}
             COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/faults/${name}_test.py $<TARGET_FILE:lockstep> $<TARGET_FILE_DIR:fault_ending> ${ARGN})
    set_tests_properties(faults.${name}_${label} PROPERTIES LABELS ${label} TIMEOUT 3600 RUN_SERIAL TRUE ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
  endfunction()
  foreach(name endings signals kills disk)
    ranks_test(${name} mpi)
    ranks_test(${name} long all)
  endforeach()
  ranks_test(mismatch mpi)
endif()
