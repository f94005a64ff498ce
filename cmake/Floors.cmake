# floor(NAME [TORCH] [FLOORS ...] [LINK ...])
#   A static library lockstep_NAME of src/NAME/*.cpp. FLOORS are the floors below whose public headers it may include;
#   LINK is third party that this floor alone includes; TORCH opens the door to LibTorch.
function(floor name)
  cmake_parse_arguments(F "TORCH" "" "FLOORS;LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  if(NOT sources)   # a floor that is being built
    file(WRITE ${CMAKE_BINARY_DIR}/empty_${name}.cpp "")
    set(sources ${CMAKE_BINARY_DIR}/empty_${name}.cpp)
  endif()
  add_library(lockstep_${name} STATIC ${sources})
  target_include_directories(lockstep_${name} PUBLIC ${CMAKE_SOURCE_DIR}/include)
  list(TRANSFORM F_FLOORS PREPEND lockstep_)
  target_link_libraries(lockstep_${name} PUBLIC ${F_FLOORS} PRIVATE lockstep_options nlohmann_json::nlohmann_json ${F_LINK})
  if(F_TORCH)
    target_link_libraries(lockstep_${name} PRIVATE LibTorch::LibTorch)
    if(name STREQUAL "nn")
      target_precompile_headers(lockstep_nn PRIVATE ${CMAKE_SOURCE_DIR}/src/nn/torch.h)
    else()
      target_precompile_headers(lockstep_${name} REUSE_FROM lockstep_nn)
    endif()
  endif()
endfunction()

# floor_test(NAME [TORCH] [FLOORS ...] [LINK ...])
#   One test program NAME_test of tests/NAME/*_test.cpp, each TEST() a ctest of its own with the label `unit`; tests named
#   *Slow* or *Mpi* are started otherwise (tests/CMakeLists.txt). Tests may include the private headers of their floor.
function(floor_test name)
  cmake_parse_arguments(T "TORCH" "" "FLOORS;LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${name}/*_test.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${name}_test ${sources})
  target_include_directories(${name}_test PRIVATE ${CMAKE_SOURCE_DIR}/src/${name} ${CMAKE_SOURCE_DIR}/tests)
  list(TRANSFORM T_FLOORS PREPEND lockstep_)
  target_link_libraries(${name}_test PRIVATE lockstep_${name} ${T_FLOORS} lockstep_options nlohmann_json::nlohmann_json
                                             ${T_LINK} GTest::gtest_main)
  if(T_TORCH)
    target_link_libraries(${name}_test PRIVATE LibTorch::LibTorch)
  endif()
  gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
                       WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} TEST_PREFIX ${name}. PROPERTIES LABELS unit TIMEOUT 300)
endfunction()
