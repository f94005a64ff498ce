"""Every C++ file looks as clang-format-19 writes it."""

import shutil
import subprocess

from rows import ROOT, files, finish, skip

FORMATTER = "clang-format-19"
if not shutil.which(FORMATTER):
    skip(f"no {FORMATTER} (tests/run installs it)")
sources = files("*.cpp", "*.h", "*.cu")
run = subprocess.run([FORMATTER, "--dry-run", "-Werror", "--style=file", *map(str, sources)], cwd=ROOT, capture_output=True, text=True)
wrong = sorted({line.split(":")[0] for line in run.stderr.splitlines() if "clang-format-violations" in line})
other = [] if wrong or run.returncode == 0 else run.stderr.splitlines()[:10]
finish([f"{path}: {FORMATTER} -i {path}" for path in wrong] + other, f"{len(sources)} files are formatted")
