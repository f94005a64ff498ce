#!/usr/bin/env bash
# launch/bundle and what it makes: bundle_test.sh PROGRAM
# The bundle is used from a folder with blanks in its name, moved after unpacking, by a user who is not root, with an empty environment.
set -euo pipefail

program=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

for tool in xz tar strip objdump dpkg-query ompi_info orterun; do
  command -v "$tool" > /dev/null || { echo "no $tool here" ; exit 77 ; }
done
torch=$(ldd "$program" | sed -n 's|.* => \(.*/torch\)/lib/libtorch_cpu\.so .*|\1|p')
[[ -n $torch ]] || { echo "$program uses no LibTorch wheel" ; exit 77 ; }

# expect NAME CONDITION...: the condition is a command.
expect() {
  local name=$1
  shift
  if "$@"; then
    echo "ok   $name"
  else
    echo "FAIL $name: $*"
    tail -n 30 "$folder/output" | sed 's/^/     | /'
    failures=$((failures + 1))
  fi
}
run() {
  code=0
  "$@" > "$folder/output" 2>&1 || code=$?
}
says() { grep -qF -- "$1" "$folder/output"; }
lacks() { ! says "$1"; }

run launch/bundle "$folder/bundle.zip"
expect "another kind of archive is refused" says "must end in .tar.xz"
run launch/bundle --program "$folder/nothing" "$folder/bundle.tar.xz"
expect "a missing program names launch/setup" says "launch/setup makes"
touch "$folder/there.tar.xz"
run launch/bundle "$folder/there.tar.xz"
expect "an existing output is left alone" says "there.tar.xz exists"

run launch/bundle --fast --program "$program" "$folder/bundle.tar.xz"
expect "the bundle is made" test "$code" = 0
((code == 0)) || exit 1
cat "$folder/output"
glibc=$(grep -oE 'glibc [0-9.]+' "$folder/output" | cut -d' ' -f2)
expect "60 MiB are enough" test "$(stat -c %s "$folder/bundle.tar.xz")" -le $((60 * 1024 * 1024))

mkdir "$folder/unpacked" "$folder/another place" "$folder/home" "$folder/place"
tar -xJf "$folder/bundle.tar.xz" -C "$folder/unpacked"
mv "$folder/unpacked/lockstep-"* "$folder/another place/lockstep"
bundle="$folder/another place/lockstep"

# Nobody in particular, where that is possible and LibTorch can be read by everybody.
user=()
chmod 755 "$folder"
if ((EUID == 0)) && setpriv --reuid 65534 --regid 65534 --clear-groups test -r "$torch/lib/libtorch_cpu.so" 2> /dev/null; then
  user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
  chown 65534:65534 "$folder/home" "$folder/place"
fi
cd "$folder/place"
# bare [NAME=VALUE...] COMMAND...: in an emptied environment
bare() { run timeout 100 "${user[@]}" env -i PATH=/usr/bin:/bin HOME="$folder/home" "$@"; }

# strangers FOLDER_TO_SEARCH... < FILES: a line for each library that the loader would not take from the bundle, the wheel or glibc.
strangers() {
  LD_LIBRARY_PATH=$(IFS=: ; echo "$*") xargs -0 ldd 2> /dev/null | grep ' => ' | grep -vF " => $bundle/" | grep -vE ' => .*/(torch|nvidia)/' |
    grep -vE '^\s*(lib(c|m|dl|rt|pthread|util|resolv)\.so\.[0-9]|ld-linux)' | sort -u
}
find "$bundle/libexec" -type f ! -name '*.sh' -print0 | strangers "$torch/lib" "${torch%/*}"/nvidia/*/lib > "$folder/output" || true
expect "every library of the programs is the bundle's, the wheel's or glibc's" test ! -s "$folder/output"
# A library alone does not have the search path of the program that loads it.
find "$bundle" -name '*.so*' -print0 | strangers "$bundle/lib" "$torch/lib" > "$folder/output" || true
expect "every library of the components is the bundle's, the wheel's or glibc's" test ! -s "$folder/output"
expect "the terms of the libraries are there" test -s "$bundle/share/doc/libopenmpi3/copyright" -a -s "$bundle/LICENSE"

bare LOCKSTEP_TORCH="$torch" "$bundle/bin/lockstep" --version
expect "the program starts" test "$code" = 0
expect "the program starts" says "LibTorch 2.11.0"
bare LOCKSTEP_TORCH="${torch%/*}" "$bundle/bin/lockstep" --version
expect "a site-packages folder will do" test "$code" = 0
bare LOCKSTEP_TORCH="${torch%/lib/*}" "$bundle/bin/lockstep" --version
expect "a virtual environment will do" test "$code" = 0
if [[ -x /usr/bin/python3 ]]; then
  mkdir torch
  bare PYTHONPATH="${torch%/*}" "$bundle/bin/lockstep" --version
  expect "python3 knows where LibTorch is, and a folder of that name does not matter" test "$code" = 0
fi
ln -s "$bundle/bin/lockstep" "$folder/linked"
bare LOCKSTEP_TORCH="$torch" "$folder/linked" --version
expect "a link to the command will do" test "$code" = 0

golden=$OLDPWD/tests/golden
for name in ash birch; do
  mkdir -p "$folder/pictures/$name"
  for number in 1 2 3 4; do
    cp "$golden/slopes.jpg" "$folder/pictures/$name/$number.jpg"
    cp "$golden/two_by_two.png" "$folder/pictures/$name/$number.png"
  done
done
bare LOCKSTEP_TORCH="$torch" "$bundle/bin/lockstep" pack "$folder/pictures" toy
expect "it packs pictures" test "$code" = 0
cat > "$folder/toy.yaml" <<YAML
channels:
  train: toy.rec
hyperparameters:
  num_layers: 20
  image_shape: 3,8,8
  mini_batch_size: 8
  epochs: 1
run:
  output: trained
YAML
bare LOCKSTEP_TORCH="$torch" "$bundle/bin/mpirun" -n 2 "$bundle/bin/lockstep" train "$folder/toy.yaml"
expect "two ranks train" test "$code" = 0 -a -s "$folder/place/trained/model.tar.gz"
expect "two ranks train without a complaint of Open MPI" lacks "ORTE"
bare LOCKSTEP_TORCH="$torch" "$bundle/bin/lockstep" predict --model trained/model.tar.gz "$folder/pictures/ash"
expect "one process predicts" test "$code" = 0

bare LOCKSTEP_TORCH=/nowhere/venv "$bundle/bin/lockstep" --version
expect "a wrong LOCKSTEP_TORCH is named" says "LOCKSTEP_TORCH=/nowhere/venv holds no torch"
expect "what to do is said" says "pip install torch==2.11.0"
expect "it counts as usage" test "$code" = 2
mkdir "$folder/tools"
for tool in sh dirname readlink uname getconf sed; do ln -s "$(command -v "$tool")" "$folder/tools/$tool"; done
bare PATH="$folder/tools" "$bundle/bin/lockstep" --version
expect "no LibTorch and no python3" says "LOCKSTEP_TORCH is not set, and there is no python3"
mkdir -p "$folder/old/torch/lib"
touch "$folder/old/torch/lib/libtorch_cpu.so"
echo "__version__ = '2.9.1+cpu'" > "$folder/old/torch/version.py"
bare LOCKSTEP_TORCH="$folder/old" "$bundle/bin/lockstep" --version
expect "another LibTorch is named with its place" says "LibTorch 2.9.1+cpu in $folder/old/torch, but 2.11.0 is needed"
echo "__version__ = '2.11.0+cpu'" > "$folder/old/torch/version.py"
bare LOCKSTEP_TORCH="$folder/old" "$bundle/bin/lockstep" --version
expect "a LibTorch that lacks a library is named" says "comes without libc10.so"

# system TOOL OUTPUT: a system whose TOOL says so
system() {
  rm -rf "$folder/system"
  mkdir "$folder/system"
  printf '#!/bin/sh\necho "%s"\n' "$2" > "$folder/system/$1"
  chmod +x "$folder/system/$1"
}
system getconf "glibc 2.17"
bare PATH="$folder/system:/usr/bin:/bin" LOCKSTEP_TORCH="$torch" "$bundle/bin/lockstep" --version
expect "an older glibc is named" says "this system's glibc is 2.17, the bundle needs $glibc or newer"
system uname aarch64
bare PATH="$folder/system:/usr/bin:/bin" LOCKSTEP_TORCH="$torch" "$bundle/bin/mpirun" -n 2 "$bundle/bin/lockstep" --version
expect "another processor is named" says "this machine is aarch64"

((failures == 0)) || { echo "$failures failed"; exit 1; }
