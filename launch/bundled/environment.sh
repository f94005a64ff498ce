# shellcheck shell=sh disable=SC2154 # the launcher that sources this sets `root`, the bundle's folder
# Can this machine run the bundle, where is LibTorch, and where does Open MPI find itself.
glibc_needed=@glibc@
torch_needed=@torch@
torch_libraries='@torch_libraries@'

refuse() {
  printf 'lockstep: %s\n' "$*" >&2
  exit 2
}

check_machine() {
  machine=$(uname -m)
  [ "$machine" = x86_64 ] || refuse "this machine is $machine; the bundle is for x86-64"
  glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null) ||
    refuse "no glibc found here (getconf does not name it); the bundle needs $glibc_needed or newer"
  glibc=${glibc#glibc }
  minor=${glibc#*.}
  [ "${glibc%%.*}" -gt "${glibc_needed%%.*}" ] || [ "${minor%%.*}" -ge "${glibc_needed#*.}" ] ||
    refuse "this system's glibc is $glibc, the bundle needs $glibc_needed or newer.
Make the bundle on a system as old as this one, or run it in a container of a newer one."
}

# Sets `torch` to the wheel's folder below a virtual environment, a site-packages folder, or that folder itself.
torch_below() {
  for torch in "$1" "$1/torch" "$1/lib/python3"*/site-packages/torch "$1/lib64/python3"*/site-packages/torch; do
    [ -e "$torch/lib/libtorch_cpu.so" ] || continue
    case $torch in /*) ;; *) torch=$PWD/$torch ;; esac
    return 0
  done
  return 1
}

# Sets `torch`, or `missing` to what was looked for. Python is asked without importing torch, which would take seconds, and
# without the working directory, where a folder may happen to have that name.
find_torch() {
  if [ -n "${LOCKSTEP_TORCH:-}" ]; then
    torch_below "$LOCKSTEP_TORCH" && return 0
    missing="LOCKSTEP_TORCH=$LOCKSTEP_TORCH holds no torch/lib/libtorch_cpu.so"
    return 1
  fi
  missing='LOCKSTEP_TORCH is not set, and there is no python3'
  command -v python3 >/dev/null || return 1
  torch=$(python3 -c '
import sys
sys.path = [p for p in sys.path if p]
import importlib.util
found = importlib.util.find_spec("torch")
print((found and found.submodule_search_locations or [""])[0])' 2>/dev/null) || torch=''
  missing="LOCKSTEP_TORCH is not set, and $(command -v python3) knows no torch"
  [ -n "$torch" ] && torch_below "$torch"
}

# LibTorch into the loader's path, where its wheel keeps it.
use_torch() {
  find_torch || refuse "LibTorch $torch_needed was not found on $(uname -n): $missing.
Install it, \`python3 -m venv FOLDER && FOLDER/bin/pip install torch==$torch_needed\`, and set LOCKSTEP_TORCH=FOLDER."
  found=$(sed -n "s/^__version__.*= *['\"]\([^'\"]*\).*/\1/p" "$torch/version.py" 2>/dev/null) || found=''
  case $found in
    "$torch_needed" | "$torch_needed"+*) ;;
    *) refuse "LibTorch ${found:-of no known version} in $torch, but $torch_needed is needed.
The program was made with that one; set LOCKSTEP_TORCH to a folder that holds it." ;;
  esac
  search=''
  for library in $torch_libraries; do
    for folder in "$torch/lib" "${torch%/*}"/nvidia/*/lib ''; do
      [ ! -e "$folder/$library" ] || break
    done
    [ -n "$folder" ] || refuse "the LibTorch in $torch comes without $library.
It was installed in another size (CPU or CUDA) than the bundle was made for, or not completely."
    case ":$search:" in *":$folder:"*) ;; *) search=${search:+$search:}$folder ;; esac
  done
  export LD_LIBRARY_PATH="$search${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
}

# Libraries that load parts of themselves at run time find those of the bundle, never the node's, which may be of another version.
use_own_parts() {
  export OPAL_PREFIX="$root/openmpi"
  export OPAL_LIBDIR="$OPAL_PREFIX/lib" OPAL_PKGLIBDIR="$OPAL_PREFIX/lib/openmpi" OPAL_SYSCONFDIR="$OPAL_PREFIX/etc"
  export PMIX_PKGLIBDIR="$OPAL_PREFIX/lib/pmix" PMIX_SYSCONFDIR="$OPAL_PREFIX/etc"
  export PMIX_MCA_mca_base_component_path="$PMIX_PKGLIBDIR"
  export HWLOC_PLUGINS_PATH="$OPAL_PREFIX/lib/hwloc" GDAL_DRIVER_PATH=disable # the bundle has no such parts
}

check_machine
