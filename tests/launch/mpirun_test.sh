#!/usr/bin/env bash
# launch/mpirun and the endings of ranks: mpirun_test.sh FOLDER_OF_THE_TEST_PROGRAMS
set -euo pipefail

programs=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

# expect NAME CONDITION...: the condition is a command.
expect() {
  local name=$1
  shift
  if "$@"; then
    echo "ok   $name"
  else
    echo "FAIL $name: $*"
    sed 's/^/     | /' "$folder/output"
    failures=$((failures + 1))
  fi
}

# run COMMAND...: sets code and seconds, keeps the output.
run() {
  local begin=$SECONDS
  code=0
  "$@" > "$folder/output" 2>&1 || code=$?
  seconds=$((SECONDS - begin))
}
says() { grep -qF -- "$1" "$folder/output"; }
# The survivors of a lost rank live on until they learn of it themselves, instead of being ended by mpirun.
ending() { run timeout 60 launch/mpirun -n 3 --mca orte_abort_on_non_zero_status 0 --mca orte_enable_recovery 1 "$programs/comm_mpi_ending" "$1"; }

run launch/mpirun --help
expect "help exits 0" test "$code" = 0
expect "help names the signal" says SIGUSR1

run launch/mpirun -n 2 sh -c 'exit 75'
expect "the ranks' exit code comes back" test "$code" = 75
LOCKSTEP_TEXT="two words" run launch/mpirun -n 1 printenv LOCKSTEP_TEXT
expect "variables are handed on" says "two words"
LOCKSTEP_TEXT="two words" run launch/mpirun -n 1 -x LOCKSTEP_TEXT="my words" printenv LOCKSTEP_TEXT
expect "a variable given by -x stays as it is given" says "my words"

run launch/mpirun -n 1 --interface lo printenv OMPI_MCA_btl_tcp_if_include OMPI_MCA_oob_tcp_if_include NCCL_SOCKET_IFNAME
expect "--interface is for Open MPI, its daemons and NCCL" diff "$folder/output" <(printf 'lo\nlo\n=lo\n')
run launch/mpirun -n 1 printf '%s %s' --interface lo
expect "a program keeps its own --interface" says "--interface lo"
for wrong in "" "-n" "10.77.0.0/24"; do
  run launch/mpirun --interface "$wrong" -n 1 true
  expect "--interface '$wrong' is refused" test "$code" = 2
  expect "--interface '$wrong' is refused with advice" says "as eth0"
done

run launch/mpirun -n 3 "$programs/comm_mpi_ending" orderly
expect "an orderly end exits 0" test "$code" = 0
run launch/mpirun -n 1 "$programs/comm_mpi_ending" orderly
expect "one rank under mpirun exits 0" test "$code" = 0

ending abort
expect "an abort ends the others" test "$seconds" -lt 30
expect "an abort is said with rank and reason" says "rank 2 ("
expect "an abort is said with rank and reason" says "aborted: the disk is full"
ending throw
expect "an exception counts as an abort" says "aborted: left by an error"
for how in exit kill; do
  ending "$how"
  expect "$how: the time limit names the collective" says "allreduce of"
  expect "$how: the missing rank is named" says "not there yet: rank 2"
done
# The survivors' own exit lets mpirun end a rank that hangs.
for how in stop silent; do
  run timeout 60 launch/mpirun -n 3 "$programs/comm_mpi_ending" "$how"
  expect "$how: the job fails" test "$code" -ne 0 -a "$code" -ne 124
  expect "$how: the missing rank is named" says "not there yet: rank 2"
done

# With mpirun's own rule, a lost rank ends the job with a code that is not 0.
for how in exit kill; do
  run timeout 60 launch/mpirun -n 3 "$programs/comm_mpi_ending" "$how"
  expect "$how: the job fails" test "$code" -ne 0 -a "$code" -ne 124
done

# start the ranks, wait until they run, send signals to the wrapper alone.
with_signals() {
  set -m # without job control a command in the background ignores SIGINT
  launch/mpirun -n 2 "$programs/comm_mpi_ending" "$1" > "$folder/output" 2>&1 &
  set +m
  local wrapper=$! tries
  shift
  for ((tries = 0; tries < 600; tries++)); do
    says "all ranks run" && break
    sleep 0.05
  done
  kill -"$1" "$wrapper"
  code=0
  wait "$wrapper" || code=$?
}
for signal in TERM HUP INT; do
  with_signals signal "$signal"
  expect "SIG$signal becomes SIGUSR1, and 75 comes through" test "$code" = 75
done

run bash -c 'set -m; launch/mpirun -n 1 sh -c "trap : USR1; sleep 60; sleep 60" & sleep 1; kill -INT $!; sleep 1; kill -INT $!; wait $!'
expect "a second SIGINT ends the ranks" test "$code" -ne 0 -a "$seconds" -lt 30

run bash -c 'launch/mpirun -n 2 sleep 60 & sleep 1; kill -KILL $!; sleep 4; ! pgrep -P 1 -f "mpirun.* sleep 60"'
expect "a wrapper that is killed leaves nothing behind" test "$code" = 0

for attempt in 1 2; do
  run launch/mpirun -n 3 "$programs/comm_mpi_test" bits "$folder/bits.$attempt"
done
expect "two runs give the same bits" cmp -s "$folder/bits.1" "$folder/bits.2"

((failures == 0)) || { echo "$failures failed"; exit 1; }
