"""Our training step against eager PyTorch's (channels_last), in turns: step_compare.py STEP_BENCH [--rounds N] [--only TEXT]

Prints a row for each setting: medians in images per second, the ratio to PyTorch as it is installed, and to PyTorch with tcmalloc
preloaded where the library is there (Debian: libtcmalloc-minimal4): most of what an allocator brings, everybody can have. --only takes
the rows that contain the text, e.g. "ResNet-20" or "bfloat16". LOCKSTEP_TORCH_PYTHON names a python that can import torch; without it
that of .deps/torch is taken, which can where setup installed the CUDA size.
"""
import argparse
import ctypes.util
import os
import pathlib
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
# depth, size, batch, steps a round
SETTINGS = [(20, 32, 128, 6), (18, 128, 32, 3), (18, 224, 32, 2), (50, 224, 16, 2)]
TCMALLOC = ctypes.util.find_library("tcmalloc_minimal")


def rate(program, environment, *numbers):
    command = [*program, *map(str, numbers)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
    return float(run.stdout)


def programs(step_bench):
    python = os.environ.get("LOCKSTEP_TORCH_PYTHON", str(ROOT / ".deps/torch/bin/python"))
    peer = [python, str(ROOT / "tests/bench/step.py")]
    all_of_them = {"ours": ([step_bench], {}), "PyTorch": (peer, {})}
    if TCMALLOC:
        all_of_them["PyTorch, tcmalloc"] = (peer, {"LD_PRELOAD": TCMALLOC})
    return all_of_them


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step_bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    contestants = programs(options.step_bench)
    print("| network | size | batch | type | threads | " + " | ".join(contestants) + " | ours / " +
          " | ours / ".join(list(contestants)[1:]) + " |")
    print("|" + "---|" * (4 + 2 * len(contestants)))
    for depth, size, batch, steps in SETTINGS:
        for dtype in ("float32", "bfloat16"):
            for threads in (1, 2):
                row = f"| ResNet-{depth} | {size} | {batch} | {dtype} | {threads} |"
                if options.only not in row:
                    continue
                rounds = [[rate(program, environment, depth, size, batch, threads, steps, dtype)
                           for program, environment in contestants.values()] for _ in range(options.rounds)]
                medians = [statistics.median(column) for column in zip(*rounds)]
                cells = [f"{value:.1f}" for value in medians] + [f"{medians[0] / value:.2f}" for value in medians[1:]]
                print(row, " | ".join(cells), "|", flush=True)


main()
