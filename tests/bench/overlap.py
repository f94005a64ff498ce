"""How much of the exchange hides behind backward: one and two hosts, networks of several speeds, buckets of several sizes, in turns.

    tests/cluster/lab run python3 tests/bench/overlap.py PROGRAM [ROUNDS [DEPTH [NETWORK...]]]

The lab's hosts are namespaces of this machine and share its cores, so each rank has one thread, and four ranks want four cores. A row is a
number of ranks and a network, a column a value of run.bucket_bytes, of which the gradient's eighth is the most; a cell has images/s and the
milliseconds of the exchange that did not hide, medians over the rounds.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("LAB_SHARED", "/nonexistent"))
LAB = str(ROOT / "tests/cluster/lab")
DEFAULT = 26214400
BUCKETS = {20: [DEFAULT, 65536], 18: [DEFAULT, 1048576]}
BATCH_OF_RANK = {20: 32, 18: 16}
NETWORKS = ["unlimited", "1gbit", "100mbit"]
STEPS = 15


def measure(program, depth, ranks, bucket):
    hosts = min(ranks, 2)
    config = SHARED / "synthetic.yaml"
    config.write_text(f"""channels: {{train: none.rec}}
hyperparameters: {{num_layers: {depth}, image_shape: "3,32,32", num_classes: 10, mini_batch_size: {BATCH_OF_RANK[depth] * ranks // hosts}}}
""")
    places = ",".join(f"node{host + 1}:{ranks // hosts}" for host in range(hosts))
    command = [LAB, "on", "1", "launch/mpirun", "--interface", "e0", "--host", places, "-n", ranks, program, "bench-step", config,
               f"run.bucket_bytes={bucket}", "--threads", 1, "--steps", STEPS, "--json", SHARED / "speed.json"]
    subprocess.run([*map(str, command)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    speed = json.loads((SHARED / "speed.json").read_text())
    return speed["images_per_second"], speed["exchange_not_hidden_ms"]


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    rounds, depth = (int(word) for word in (sys.argv[2:4] + ["3", "20"][len(sys.argv[2:4]) :]))
    rows = [(1, "unlimited")] + [(ranks, network) for ranks in (2, 4) for network in sys.argv[4:] or NETWORKS]
    columns = BUCKETS[depth]
    found = {(row, column): [] for row in rows for column in columns}
    for _ in range(rounds):
        for row in rows:
            subprocess.run([LAB, *(["unlimited"] if row[1] == "unlimited" else ["limit", row[1]])], check=True)
            for column in columns if row[0] > 1 else columns[:1]:
                found[row, column].append(measure(program, depth, row[0], column))
    print(f"ResNet-{depth} at 32 x 32, {BATCH_OF_RANK[depth]} images a rank, images/s (ms not hidden), median of {rounds}\n")
    print("| ranks | network |", " | ".join("default" if column == DEFAULT else f"{column} bytes" for column in columns), "|")
    print("|---" * (2 + len(columns)) + "|")
    for row in rows:
        medians = [[statistics.median(values) for values in zip(*found[row, column])] for column in columns]
        cells = [f"{cell[0]:.0f} ({cell[1]:.0f})" if cell else "" for cell in medians]
        print("|", row[0], "|", row[1] if row[0] > 1 else "none", "|", " | ".join(cells), "|")


main()
