"""Our training step against eager PyTorch's (channels_last) and MXNet's, in turns, each on cores of its own.

    step_compare.py STEP_BENCH [--rounds N] [--only TEXT] [--threads LIST] [--against TEXT]

Prints a row for each setting: medians in images per second, and the median of the rounds' ratios with the lowest and the highest: to
PyTorch as it is installed, to PyTorch with tcmalloc preloaded where the library is there (Debian: libtcmalloc-minimal4): most of what an
allocator brings, everybody can have; and to MXNet 1.9.1 with oneDNN where it is there. --only takes the rows that contain the text, e.g.
"ResNet-20" or "bfloat16", --against the peers whose name contains it. LOCKSTEP_TORCH_PYTHON names a python that can import torch; without
it that of .deps/torch is taken, which can where setup installed the CUDA size. LOCKSTEP_MXNET_PYTHON names one with MXNet, else .deps/mxnet's.
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


def rate(program, environment, threads, *numbers):
    command = ["taskset", "-c", f"0-{threads - 1}", *program, *map(str, numbers)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
    return float(run.stdout)


def programs(step_bench):
    """Name -> command, environment."""
    torch_python = os.environ.get("LOCKSTEP_TORCH_PYTHON", str(ROOT / ".deps/torch/bin/python"))
    mxnet_python = os.environ.get("LOCKSTEP_MXNET_PYTHON", str(ROOT / ".deps/mxnet/bin/python"))
    if subprocess.run([torch_python, "-c", "import torch"], stderr=subprocess.DEVNULL).returncode != 0:
        raise SystemExit(f"{torch_python} cannot import torch; LOCKSTEP_TORCH_PYTHON names a python that can")
    torch_step = [torch_python, str(ROOT / "tests/bench/step.py")]
    all_of_them = {"ours": ([step_bench], {}), "PyTorch": (torch_step, {})}
    if TCMALLOC:
        all_of_them["PyTorch, tcmalloc"] = (torch_step, {"LD_PRELOAD": TCMALLOC})
    if pathlib.Path(mxnet_python).exists():
        all_of_them["MXNet"] = ([mxnet_python, str(ROOT / "tests/bench/step_mxnet.py")], {})
    return all_of_them


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step_bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--against", default="")
    options = parser.parse_args()
    contestants = {name: row for name, row in programs(options.step_bench).items() if name == "ours" or options.against in name}
    peers = list(contestants)[1:]
    print("| network | size | batch | type | threads |", " | ".join(contestants), "|", " | ".join(f"ours / {peer}" for peer in peers), "|")
    print("|" + "---|" * (5 + len(contestants) + len(peers)))
    for depth, size, batch, steps in SETTINGS:
        for dtype in ("float32", "bfloat16"):
            for threads in map(int, options.threads.split(",")):
                row = f"| ResNet-{depth} | {size} | {batch} | {dtype} | {threads} |"
                if options.only not in row:
                    continue
                rates = {name: [] for name in contestants}
                for _ in range(options.rounds):
                    for name, (program, environment) in contestants.items():
                        rates[name].append(rate(program, environment, threads, depth, size, batch, threads, steps, dtype))
                cells = [f"{statistics.median(rates[name]):.1f}" for name in contestants]
                for peer in peers:
                    ratios = [mine / theirs for mine, theirs in zip(rates["ours"], rates[peer])]
                    cells.append(f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")
                print(row, " | ".join(cells), "|", flush=True)


main()
