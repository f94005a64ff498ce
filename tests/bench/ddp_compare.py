"""Two ranks with one thread each on this machine: ours over MPI against PyTorch's DistributedDataParallel over gloo, in turns.

usage: ddp_compare.py PROGRAM [--rounds N] [--only TEXT]

Same network, optimizer and batch, both in channels_last. Prints a row for each setting: medians in images per second of both ranks, and
the ratio. LOCKSTEP_TORCH_PYTHON names a python that can import torch, as for step_compare.py.
"""
import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
RANKS = 2
# depth, size, batch of a rank, steps a round
SETTINGS = [(20, 32, 64, 8), (18, 224, 16, 3), (50, 224, 8, 3)]


def ours(program, folder, depth, size, batch, steps, dtype):
    config, speed = folder / "config.yaml", folder / "speed.json"
    config.write_text(f"""channels: {{train: none.rec}}
hyperparameters: {{num_layers: {depth}, image_shape: "3,{size},{size}", num_classes: 10, mini_batch_size: {RANKS * batch}, precision_dtype: {dtype}}}
""")
    command = [ROOT / "launch/mpirun", "-n", RANKS, program, "bench-step", config, "--threads", 1, "--steps", steps, "--json", speed]
    subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return json.loads(speed.read_text())["images_per_second"]


def peers(depth, size, batch, steps, dtype):
    python = os.environ.get("LOCKSTEP_TORCH_PYTHON", str(ROOT / ".deps/torch/bin/python"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [python, str(ROOT / "tests/bench/step.py"), *map(str, (depth, size, batch, 1, steps)), dtype]
    place = {**os.environ, "WORLD_SIZE": str(RANKS), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    ranks = [subprocess.Popen(command, env={**place, "RANK": str(rank)}, stdout=subprocess.PIPE, text=True) for rank in range(RANKS)]
    said = [rank.communicate()[0] for rank in ranks]
    if any(rank.returncode for rank in ranks):
        raise SystemExit(f"DistributedDataParallel failed: {' '.join(command)}")
    return float(said[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    print(f"| network | size | batch of a rank | type | ours, {RANKS} ranks | DDP + gloo | ratio |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for depth, size, batch, steps in SETTINGS:
            for dtype in ("float32", "bfloat16"):
                row = f"| ResNet-{depth} | {size} | {batch} | {dtype} |"
                if options.only not in row:
                    continue
                rounds = [(ours(options.program, pathlib.Path(folder), depth, size, batch, steps, dtype), peers(depth, size, batch, steps, dtype))
                          for _ in range(options.rounds)]
                mine, theirs = (statistics.median(column) for column in zip(*rounds))
                print(row, f"{mine:.1f} | {theirs:.1f} | {mine / theirs:.2f} |", flush=True)


main()
