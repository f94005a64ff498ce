"""clang-tidy-19 with the checks of .clang-tidy finds nothing in the sources that see no torch."""

import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys

from rows import ROOT, finish, skip

TIDY = "clang-tidy-19"
build = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "release"
if not shutil.which(TIDY):
    skip(f"no {TIDY} (tests/run installs it)")
if not (build / "compile_commands.json").is_file():
    skip(f"no {build}/compile_commands.json")

commands = json.loads((build / "compile_commands.json").read_text())
sources = sorted(c["file"] for c in commands if "/src/" in c["file"] and "torch/include" not in c["command"] and pathlib.Path(c["file"]).is_file())


def check(source):
    # clang has other warnings than gcc, whose flags these are; only the checks count.
    run = subprocess.run([TIDY, "-p", str(build), "--quiet", "--extra-arg=-Wno-everything", source], capture_output=True, text=True)
    return run.stdout.strip() or run.stderr.strip()[-2000:] if run.returncode != 0 else ""


with concurrent.futures.ThreadPoolExecutor(min(4, len(os.sched_getaffinity(0)))) as pool:
    complaints = [complaint for complaint in pool.map(check, sources) if complaint]
finish(complaints, f"{len(sources)} sources pass {TIDY}")
