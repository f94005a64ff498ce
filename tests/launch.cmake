# What is given to other machines, tried as it is used there.
if(TARGET lockstep)
  add_test(NAME launch.bundle COMMAND tests/launch/bundle_test.sh $<TARGET_FILE:lockstep> WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(launch.bundle PROPERTIES LABELS slow SKIP_RETURN_CODE 77 TIMEOUT 600)
  set(container ${CMAKE_SOURCE_DIR}/tests/launch/container_test.py)
  add_test(NAME launch.container COMMAND ${Python3_EXECUTABLE} ${container} $<TARGET_FILE:lockstep>)
  add_test(NAME launch.container_hosts COMMAND tests/cluster/lab run ${Python3_EXECUTABLE} ${container} $<TARGET_FILE:lockstep> cluster)
  add_test(NAME launch.chain COMMAND ${Python3_EXECUTABLE} tests/cli/chain_test.py $<TARGET_FILE:lockstep>)
  set_tests_properties(launch.container launch.chain PROPERTIES LABELS mpi)
  set_tests_properties(launch.container_hosts PROPERTIES LABELS cluster RUN_SERIAL TRUE)
  set_tests_properties(launch.container launch.container_hosts launch.chain PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600
                       WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
endif()
