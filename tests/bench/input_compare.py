"""The input pipeline beside its peers, in turns: input_compare.py FOLDER [--rounds N] [--images K] [--threads 1,2] [--only TEXT] [--build DIR]

FOLDER holds JPEGs, e.g. ImageNet photographs. Two rows: train (random resized crop to 224, flip) and evaluate (shorter side to 256, crop of
224 from the middle), each to uint8 batches. Every contestant is a process pinned to as many cores as it may use threads; they wait while
another one works, and each round asks all of them once. Columns: images per second by the clock, and per second of CPU time, which other
work on the machine disturbs much less; medians of the rounds (lowest-highest). Then how many times faster Lockstep is, without / with its
seek index, by the clock and by CPU time: medians of the ratios of the rounds.

LOCKSTEP_PEERS_PYTHON names a python with simplejpeg, opencv-python-headless, tensorflow-cpu, torch, torchvision and nvidia-dali-cuda130, from
PyPI; LOCKSTEP_MXNET_PYTHON one with mxnet 1.9.1, without it that of .deps/mxnet. A peer that cannot start is named with its reason.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
OURS = {  # settings of loader_bench
    "Lockstep": ["index=0"],
    "Lockstep, index": ["index=1"],
    "Lockstep, index, antialias": ["index=1", "interpolation=antialias"],
    "Lockstep, index, scaled": ["index=1", "decode=scaled"],
}
PREPARED = 4 * 64  # pictures that a contestant makes before its clock starts
ROWS = {"train": ["augmentation=random_resized_crop"], "evaluate": ["augmentation=none", "resize=256"]}
PEERS = {  # what pixels it gives
    "simplejpeg + cv2": "exact, bilinear",
    "simplejpeg fast + cv2": "not exact, bilinear",
    "tf.data": "not exact, bilinear",
    "tf.data accurate": "exact but at edges, bilinear",
    "OpenCV": "exact, bilinear",
    "torchvision + Pillow": "exact, antialiased",
    "DALI": "exact, bilinear",
    "DALI antialias": "exact, antialiased",
    "MXNet": "exact, bilinear",
}


def cpu_seconds(process):
    """Of a process and what it started."""
    ticks, parents = {}, {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # ended
            continue
        parents[int(path.parent.name)], ticks[int(path.parent.name)] = int(fields[1]), int(fields[11]) + int(fields[12])
    family, grows = {process}, True
    while grows:
        children = {pid for pid, parent in parents.items() if parent in family}
        grows, family = not children <= family, family | children
    return sum(ticks.get(pid, 0) for pid in family) / os.sysconf("SC_CLK_TCK")


class Contestant:
    def __init__(self, name, command, cores, log):
        self.name, self.clock, self.cpu = name, [], []
        self.process = subprocess.Popen(["taskset", "-c", ",".join(map(str, cores)), *map(str, command)], text=True, cwd=ROOT,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        while (line := self.process.stdout.readline()) and line != "ready\n":
            pass
        self.ready = bool(line)
        self.settle()

    def settle(self):
        """Waits until it has made what it keeps ready, so that it works in nobody else's time."""
        used = cpu_seconds(self.process.pid)
        for _ in range(100):
            time.sleep(0.1)
            before, used = used, cpu_seconds(self.process.pid)
            if used - before < 0.02:
                break
        return used

    def measure(self, images):
        before = cpu_seconds(self.process.pid)
        self.process.stdin.write(f"{images}\n")
        self.process.stdin.flush()
        self.clock.append(float(self.process.stdout.readline()))
        self.cpu.append((images + PREPARED) / (self.settle() - before))

    def end(self):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()


def commands(options, records, row, threads):
    bench = options.build / "tests/bench/loader_bench"
    for name, settings in OURS.items():
        yield name, [bench, records, f"threads={threads}", "rounds=1", *ROWS[row], *settings]
    for name in PEERS:
        python = (os.environ.get("LOCKSTEP_MXNET_PYTHON", ROOT / ".deps/mxnet/bin/python") if name == "MXNet" else
                  os.environ.get("LOCKSTEP_PEERS_PYTHON", "python3"))
        yield name, [python, ROOT / "tests/bench/input_peers.py", name, row, threads, options.folder, records]


def start_all(options, records, row, threads, cores):
    """Those that can start; the others are said."""
    for name, command in commands(options, records, row, threads):
        if options.only and not any(part in name for part in options.only.split(",")):
            continue
        with tempfile.TemporaryFile("w+") as log:
            contestant = Contestant(name, command, cores, log)
            if contestant.ready:
                yield contestant
                continue
            contestant.end()
            log.seek(0)
            print(f"not measured: {name}: {(log.read().strip().splitlines() or ['no reason given'])[-1]}", flush=True)


def median_and_range(rates):
    return f"{statistics.median(rates):.0f} ({min(rates):.0f}-{max(rates):.0f})"


def ratios(ours, theirs):
    pairs = [statistics.median(a / b for a, b in zip(rates, theirs)) for rates in ours]
    return " / ".join(f"{ratio:.2f}" for ratio in pairs)


def pixels_of(name):
    if name in PEERS:
        return PEERS[name]
    return "not exact, bilinear" if "scaled" in name else "exact, antialiased" if "antialias" in name else "exact, bilinear"


def compare(options, records, row, threads):
    contestants = list(start_all(options, records, row, threads, sorted(os.sched_getaffinity(0))[:threads]))
    for _ in range(options.rounds):
        for contestant in contestants:
            contestant.measure(options.images)
    ours = [contestant for contestant in contestants if contestant.name in ("Lockstep", "Lockstep, index")]
    for it in contestants:
        print(f"| {row} | {threads} | {it.name} | {pixels_of(it.name)} | {median_and_range(it.clock)} | {median_and_range(it.cpu)} | "
              f"{ratios([a.clock for a in ours], it.clock)} | {ratios([a.cpu for a in ours], it.cpu)} |", flush=True)
        it.end()


def pack(options, folder):
    """A .rec of the pictures and its seek index."""
    lockstep, prefix = options.build / "lockstep", folder / "photos"
    inner = folder / "classes"  # pictures of one class
    inner.mkdir()
    (inner / "all").symlink_to(pathlib.Path(options.folder).resolve())
    for command in (["pack", inner, prefix], ["index", f"{prefix}.rec"]):
        subprocess.run([lockstep, *map(str, command)], check=True, stdout=subprocess.DEVNULL)
    return folder / "photos.rec"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=640)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rows", default="train,evaluate")
    parser.add_argument("--only", default="", help="names that contain one of these texts, by commas")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    options = parser.parse_args()
    if not any(path.suffix.lower() in (".jpeg", ".jpg") for path in pathlib.Path(options.folder).glob("*")):
        parser.error(f"no JPEG lies in {options.folder}")
    print("| row | threads | | pixels | images/s | images per CPU second | times, clock | times, CPU |\n|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        records = pack(options, pathlib.Path(folder))
        for row in options.rows.split(","):
            for threads in map(int, options.threads.split(",")):
                compare(options, records, row, threads)


main()
