# Sourced by launch/setup, launch/quickstart and tests/run: steps that are named, timed and logged, and the Debian packages.
# The one who sources it stands in the root of the source tree.

logs=.deps/logs

say() { printf '%s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

# On a terminal: the step's seconds and the last line of its log, once a second, until killed.
show_progress() { # name log
  local seconds=0 line
  while sleep 1; do
    seconds=$((seconds + 1))
    line=$(tail -c 400 "$2" 2>/dev/null | tr '\r' '\n' | grep -v '^ *$' | tail -n 1 | tr -cd '[:print:]')
    printf '\r\033[K%-36s %4d s  %.70s' "$1" "$seconds" "$line"
  done
}

# Runs a command with its output in a log; says how long it took, or which step failed, how its log ends, and what to do.
step() { # name advice command...
  local name=$1 advice=$2 log start=$SECONDS shower='' rc
  shift 2
  log=$logs/${name//[^a-zA-Z0-9.]/-}.log
  mkdir -p "$logs"
  : >"$log"
  if [ -t 1 ]; then
    show_progress "$name" "$log" & shower=$!
    trap 'kill "$shower" 2>/dev/null; echo; exit 130' INT TERM   # it would outlive us: a background job ignores Ctrl-C
  else
    printf '%-36s ' "$name"
  fi
  # Not "if ! command": inside a condition the shell would forget -e within the functions that are called here.
  set +e
  (set -e; "$@") >"$log" 2>&1 </dev/null
  rc=$?
  set -e
  if [ -n "$shower" ]; then
    kill "$shower" 2>/dev/null
    wait "$shower" 2>/dev/null || true
    trap - INT TERM
    printf '\r\033[K%-36s ' "$name"
  fi
  if [ $rc -ne 0 ]; then
    printf 'FAILED after %d s (exit %d)\n' $((SECONDS - start)) $rc
    { echo "The last lines of $log:"; tail -n 15 "$log" | sed 's/^/    /'; echo "What to do: $advice"; } >&2
    exit 1
  fi
  printf '%4d s\n' $((SECONDS - start))
}

# Those of the named Debian packages that are not installed.
missing_packages() {
  dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null | sed -n 's/^ii *//p' | sort >"$logs/installed"
  printf '%s\n' "$@" | sort | comm -23 - "$logs/installed" | paste -sd ' '
}

# apt-get that waits while another one holds a lock (of the lists too, for which it has no option) and never asks.
patient_apt() {
  local tries
  for tries in $(seq 60); do
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -q "$@" 2>&1 |
      tee "$logs/apt-get.last" && return 0
    grep -q 'Could not get lock\|Unable to lock' "$logs/apt-get.last" || return 1
    echo "another apt-get is at work, try $tries of 60"
    sleep 5
  done
  return 1
}
install_packages() {
  patient_apt update
  patient_apt install -y --no-install-recommends "$@"
}

# Installs what is missing of the named packages, as root or by a sudo that needs no password.
need_packages() { # step's name, packages...
  local name=$1 missing line as_root=()
  shift
  mkdir -p "$logs"
  if ! command -v apt-get >/dev/null; then
    say "$name: no apt-get here. Not checked; these are needed, under Debian's names: $*"
    return 0
  fi
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  line="apt-get install -y --no-install-recommends $missing"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null && sudo -n true 2>/dev/null ||
      fail "$name: these are missing and only root can install them. Run this line, then start again:
    sudo apt-get update && sudo $line"
    as_root=(sudo -n)
  fi
  need_space / 2 "Debian packages"
  # shellcheck disable=SC2086 # a list of words
  step "$name" "run \`$line\` by hand to see it alone; package names are those of Debian 12 and Ubuntu 22.04, 24.04." \
    install_packages $missing
}

# Fails unless the file system of FOLDER has that much room.
need_space() { # folder gigabytes what
  local free
  free=$(df -Pk "$1" | awk 'NR == 2 {printf "%d", $4 / 1048576}')
  [ "$free" -ge "$2" ] || fail "disk space: $3 needs $2 GB below $(cd "$1" && pwd), only $free GB are free there. Make room and start again."
}

# Compile jobs: one a core, and 2 GiB of memory for each (LibTorch's headers take 1.3).
compile_jobs() {
  local kilobytes limit jobs
  kilobytes=$(awk '$1 == "MemAvailable:" {print $2}' /proc/meminfo)
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || true)
  if [[ $limit =~ ^[0-9]+$ ]] && [ $((limit / 1024)) -lt "$kilobytes" ]; then kilobytes=$((limit / 1024)); fi
  jobs=$((kilobytes / 2097152))
  [ "$jobs" -le "$(nproc)" ] || jobs=$(nproc)
  [ "$jobs" -ge 1 ] || jobs=1
  echo "$jobs"
}
