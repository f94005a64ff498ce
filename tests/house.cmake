# The rules of the house as tests: a script of tests/house/ each, exit 77 where its tool is absent. And the CUDA build.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

function(house_test name label)
  add_test(NAME house.${name} COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tests/house/${name}.py ${ARGN}
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(house.${name} PROPERTIES LABELS ${label} SKIP_RETURN_CODE 77 TIMEOUT 1800
                       ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1;LOCKSTEP_PROGRAM=${CMAKE_BINARY_DIR}/lockstep")
endfunction()

house_test(floors house)
house_test(tables house)
house_test(readme_tables house)
house_test(floor_page house)
house_test(sizes house)
house_test(format house)
house_test(text house)
house_test(configs house)
house_test(tidy slow ${CMAKE_BINARY_DIR})

add_test(NAME cuda_build COMMAND ${CMAKE_SOURCE_DIR}/tests/cuda_build/run ${CMAKE_BINARY_DIR} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(cuda_build PROPERTIES LABELS cuda-build SKIP_RETURN_CODE 77 TIMEOUT 1800)
