# What is given to other machines, tried as it is used there.
if(TARGET lockstep)
  add_test(NAME launch.bundle COMMAND tests/launch/bundle_test.sh $<TARGET_FILE:lockstep> WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(launch.bundle PROPERTIES LABELS slow SKIP_RETURN_CODE 77 TIMEOUT 600)
endif()
