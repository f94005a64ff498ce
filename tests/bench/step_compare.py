"""Our training step against eager PyTorch's, in turns: step_compare.py STEP_BENCH [ROUNDS]

Prints a row for each setting: the medians of both in images per second, and the ratio. LOCKSTEP_TORCH_PYTHON names a python that can
import torch; without it that of .deps/torch is taken, which can where setup installed the CUDA size.
"""
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# depth, size, batch, steps a round
SETTINGS = [(20, 32, 128, 6), (18, 64, 32, 6), (18, 128, 32, 3), (18, 224, 32, 3)]


def rate(program, depth, size, batch, threads, steps):
    command = [*program, *map(str, (depth, size, batch, threads, steps))]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main():
    ours = [sys.argv[1]]
    python = os.environ.get("LOCKSTEP_TORCH_PYTHON", str(ROOT / ".deps/torch/bin/python"))
    theirs = [python, str(ROOT / "tests/bench/step.py")]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    print("| network | size | batch | threads | ours, images/s | PyTorch, images/s | ratio |\n|---|---|---|---|---|---|---|")
    for depth, size, batch, steps in SETTINGS:
        for threads in (1, 2):
            pairs = [[rate(program, depth, size, batch, threads, steps) for program in (ours, theirs)] for _ in range(rounds)]
            a, b = (statistics.median(column) for column in zip(*pairs))
            print(f"| ResNet-{depth} | {size} | {batch} | {threads} | {a:.1f} | {b:.1f} | {a / b:.2f} |", flush=True)


main()
