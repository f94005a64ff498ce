#!/usr/bin/env bash
# What tests/cluster/lab promises of its two hosts.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
lab=tests/cluster/lab
failures=0

expect() { # CLAIM COMMAND...
  local claim=$1
  shift
  if "$@"; then echo "ok   $claim"; else echo "FAIL $claim: $*"; failures=$((failures + 1)); fi
}
within() {
  expect "each host has its name" test "$($lab on 1 hostname) $($lab on node2 hostname)" = "node1 node2"
  expect "a command runs in the same folder" test "$($lab on 1 pwd)" = "$PWD"
  expect "its exit code comes back" test "$($lab on 2 sh -c 'exit 9' || echo $?)" = 9
  local folder
  for folder in /tmp /dev/shm; do
    $lab on 1 touch "$folder/of-node1"
    expect "$folder is a host's own" test ! -e "$folder/of-node1" -a -z "$($lab on 2 ls "$folder")"
  done
  $lab on 1 touch "$LAB_SHARED/of-all"
  expect "LAB_SHARED is everybody's" $lab on 2 test -e "$LAB_SHARED/of-all"
  export SECRET=1
  # shellcheck disable=SC2016 # expanded there
  expect "ssh goes from host to host" test "$($lab on 1 ssh -x node2 'hostname; echo $SECRET')" = node2
  $lab limit 10mbit
  expect "limit is for both hosts" test "$({ $lab on 1 tc qdisc show dev e0; $lab on 2 tc qdisc show dev e0; } | grep -c 'rate 10Mbit')" = 2
  $lab unlimited
  expect "unlimited takes it back" test -z "$($lab on 1 tc qdisc show dev e0 | grep rate)"
  ((failures == 0)) || exit 1
}
if [ "${1:-}" = within ]; then within; exit; fi

code=0
$lab run "$0" within || code=$?
[ $code != 77 ] || exit 77
expect "what was within holds" test $code = 0
expect "the exit code of the command is that of the lab" test "$($lab run sh -c 'exit 5' || echo $?)" = 5
held=$(mktemp)
trap 'rm -f "$held"' EXIT
for signal in TERM KILL; do
  $lab run flock "$held" sleep 600 &
  while flock --nonblock "$held" true; do sleep 0.1; done
  kill -$signal $!
  wait $! 2>/dev/null || true
  expect "after SIG$signal nothing of it runs on" flock --timeout 10 "$held" true
done
expect "no mount of it is left" test ! -e /run/lab/hosts
expect "no network of it is left" test -z "$(ip -brief address | grep 10.77.0.254 || true)"
((failures == 0)) || exit 1
