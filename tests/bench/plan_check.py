"""`lockstep plan` against the clock, on two hosts made on this machine with limited links (tests/cluster/lab).

usage: plan_check.py PROGRAM [ROUNDS]      needs root, and what tests/cluster/lab needs

Each host has one core of its own. The step that plan is told is measured with as many ranks at work, each alone. Prints a
row for each setting: medians over the rounds, and predicted / measured.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAB = ROOT / "tests/cluster/lab"
# depth, side of the picture, samples of a host, hosts, ranks of a host, bit/s that a host may send
SETTINGS = [(20, 32, 32, 1, 2, "1gbit"), (20, 32, 32, 2, 1, "1gbit"), (20, 32, 32, 2, 1, "100mbit"), (20, 32, 32, 2, 1, "20mbit"),
            (18, 64, 16, 2, 1, "1gbit"), (18, 64, 16, 2, 1, "200mbit"), (20, 32, 32, 2, 2, "100mbit"), (18, 64, 16, 2, 2, "500mbit")]
CONFIG = """channels: {{train: none.rec}}
hyperparameters: {{num_layers: {depth}, num_classes: 10, num_training_samples: 50000, image_shape: "3,{side},{side}", mini_batch_size: {batch}}}
run: {{output: run}}
"""
# One core a host: the last digit of its name says which.
PINNED = """#!/bin/bash
name=$(hostname)
exec taskset -c $(((${{name: -1}} - 1) % {cores})) {program} "$@"
"""


def bench(launcher, program, config, *more):
    """Starts bench-step; the caller waits for it and finds the step in the file it named with --json."""
    return subprocess.Popen([*launcher, program, "bench-step", config, "--threads", "1", "--steps", "10", *more], stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True)


def seconds(process, file):
    _, err = process.communicate()
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, process.args))}: exit {process.returncode}\n{err}")
    return json.loads(file.read_text())["step_seconds"]


def alone(folder, program, config, batch, hosts, ranks):
    """A rank's step without an exchange, all ranks at work."""
    files = [folder / f"alone{i}.json" for i in range(hosts * ranks)]
    running = [bench([LAB, "on", str(1 + i // ranks)], program, config, f"mini_batch_size={batch}", "--json", file)
               for i, file in enumerate(files)]
    return statistics.mean(seconds(process, file) for process, file in zip(running, files))


def together(folder, program, config, hosts, ranks):
    file = folder / "together.json"
    names = ",".join(f"node{host}:{ranks}" for host in range(1, hosts + 1))
    mpirun = [LAB, "on", "1", "mpirun", "--allow-run-as-root", "--bind-to", "none", "--mca", "btl_tcp_if_include", "e0",
              "--mca", "oob_tcp_if_include", "e0", "--host", names, "-np", str(hosts * ranks)]
    return seconds(bench(mpirun, program, config, "--json", file), file)


def plan(folder, program, config, step, hosts, ranks, rate):
    file = folder / "plan.json"
    subprocess.run([program, "plan", config, "--hosts", str(hosts), "--ranks-per-host", str(ranks), "--network", rate, "--step-ms",
                    str(1e3 * step), "--json", file], check=True, stdout=subprocess.DEVNULL)
    return json.loads(file.read_text())["rows"][-1]["step_seconds"]


def check(program, rounds):
    """Within the lab."""
    folder = pathlib.Path(os.environ["LAB_SHARED"])
    pinned, config = folder / "pinned", folder / "config.yaml"
    pinned.write_text(PINNED.format(cores=os.cpu_count(), program=program))
    pinned.chmod(0o755)
    print("| network | hosts x ranks | link | alone ms | predicted ms | measured ms | ratio |\n|---|---|---|---|---|---|---|")
    for depth, side, batch, hosts, ranks, rate in SETTINGS:
        config.write_text(CONFIG.format(depth=depth, side=side, batch=batch))
        subprocess.run([LAB, "limit", rate], check=True)
        pairs = [(alone(folder, pinned, config, batch // ranks, hosts, ranks), together(folder, pinned, config, hosts, ranks))
                 for _ in range(rounds)]
        step, measured = (statistics.median(column) for column in zip(*pairs))
        predicted = plan(folder, program, config, step, hosts, ranks, rate)
        print(f"| ResNet-{depth}, {side} px, {batch} | {hosts} x {ranks} | {rate} | {1e3 * step:.1f} | {1e3 * predicted:.1f} |"
              f" {1e3 * measured:.1f} | {predicted / measured:.2f} |", flush=True)


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    rounds = sys.argv[2] if len(sys.argv) > 2 else "3"
    if "LAB_SHARED" in os.environ:
        return check(program, int(rounds))
    sys.exit(subprocess.run([LAB, "run", sys.executable, __file__, program, rounds]).returncode)


main()
