# Two hosts on this machine (tests/cluster/lab) and a real Slurm of them; label `cluster`. Exit 77 where they cannot be had.
set(lab ${CMAKE_SOURCE_DIR}/tests/cluster/lab run)
set(folder ${CMAKE_SOURCE_DIR}/tests/cluster)
add_test(NAME cluster.lab COMMAND ${folder}/lab_test.sh)
add_test(NAME cluster.files COMMAND ${Python3_EXECUTABLE} ${folder}/launch_files_test.py)
set(cluster_tests cluster.lab cluster.files)
if(LOCKSTEP_TORCH_FLOORS)
  add_test(NAME cluster.mpirun COMMAND ${lab} ${Python3_EXECUTABLE} ${folder}/mpirun_test.py $<TARGET_FILE:lockstep>)
  add_test(NAME cluster.slurm COMMAND ${lab} ${folder}/slurm ${Python3_EXECUTABLE} ${folder}/slurm_test.py $<TARGET_FILE:lockstep>)
  list(APPEND cluster_tests cluster.mpirun cluster.slurm)
endif()
set_tests_properties(${cluster_tests} PROPERTIES LABELS cluster SKIP_RETURN_CODE 77 TIMEOUT 900 RUN_SERIAL TRUE
                     WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
