"""Packing files as they are, beside MXNet's im2rec.py, in turns: pack_compare.py FOLDER [--files N] [--rounds N] [--work DIR] [--build DIR]

Copies the pictures of FOLDER until there are N files in ten folders, lists them, and makes records of that list: `lockstep pack` and
`im2rec.py --pass-through`, each on 1 and on 2 threads. The records must be equal byte for byte. Columns: images per second of the whole process;
the same without its start (what it needs for a list of one picture); the same when no file is in memory (all that the machine's page cache holds
is dropped before; where that needs rights that are missing, only these files are); images per second of CPU time, which other work on the
machine disturbs much less, of the whole process and without its start. Lockstep ends when its records are on the disk; what im2rec.py needs
for that is added in brackets. Medians of the rounds (lowest-highest).

LOCKSTEP_MXNET_PYTHON names a python with mxnet 1.9.1, without it that of .deps/mxnet.
"""
import argparse
import filecmp
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
MXNET = os.environ.get("LOCKSTEP_MXNET_PYTHON", str(ROOT / ".deps/mxnet/bin/python"))
THREADS = (1, 2)


def make_files(source, target, count):
    pictures = [path for path in sorted(source.rglob("*")) if path.suffix.lower() in (".jpg", ".jpeg")]
    for folder in range(10):
        (target / f"class{folder}").mkdir(parents=True)
    for i in range(count):
        shutil.copyfile(pictures[i % len(pictures)], target / f"class{i % 10}" / f"{i}.jpg")


def command(build, name, pictures, prefix, threads):
    if name == "Lockstep":
        return [build / "lockstep", "pack", "--pass-through", "--num-thread", threads, prefix, pictures]
    return [MXNET, ROOT / "tests/mxnet/im2rec_run.py", prefix, pictures, "--pass-through", "--num-thread", threads]


def forget(pictures):
    """Drops the files from memory; how."""
    os.sync()
    try:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
        return "all caches dropped"
    except OSError:
        for path in pictures.rglob("*.jpg"):
            file = os.open(path, os.O_RDONLY)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)
        return "the files dropped by posix_fadvise"


def run(words):
    """Seconds of the process, until its records are on the disk, and of its CPU time."""
    before, begin = os.times(), time.monotonic()
    subprocess.run(list(map(str, words)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    seconds, after = time.monotonic() - begin, os.times()
    prefix = next(word for word in words if isinstance(word, pathlib.Path) and word.name == "set")
    with open(f"{prefix}.rec", "rb+") as records:
        os.fsync(records.fileno())
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return seconds, time.monotonic() - begin, cpu


class Contestant:
    def __init__(self, build, name, threads, pictures, folder):
        self.name, self.threads, self.start, self.warm, self.cold = name, threads, [], [], []
        self.one, self.all = folder / "one/set", folder / "all/set"
        self.run_one = command(build, name, pictures, self.one, threads)
        self.run_all = command(build, name, pictures, self.all, threads)

    def pack(self):
        """Where nothing is yet: what is there already Lockstep keeps until the new records are complete, im2rec.py does not."""
        for extension in (".rec", ".idx"):
            self.all.with_suffix(extension).unlink(missing_ok=True)
        return run(self.run_all)

    def row(self, count):
        def rates(times, column, less=0.0):
            values = [count / (each[column] - less) for each in times]
            return f"{statistics.median(values):.0f} ({min(values):.0f}-{max(values):.0f})"

        def cell(times, less=0.0):
            own = rates(times, 0, less)
            return own if self.name == "Lockstep" else f"{own} [{rates(times, 1, less)}]"

        start, cpu = (statistics.median(each[column] for each in self.start) for column in (0, 2))
        cells = [cell(self.warm), cell(self.warm, start), cell(self.cold), rates(self.warm, 2), rates(self.warm, 2, cpu)]
        return f"| {self.name}, {self.threads} | {start:.2f} | {' | '.join(cells)} |"


def prepare(build, work, source, count):
    pictures, listed = work / "pictures", work / "list/set"
    make_files(source, pictures, count)
    listed.parent.mkdir()
    subprocess.run([build / "lockstep", "pack", "--list", "--recursive", listed, pictures], check=True, stdout=subprocess.DEVNULL)
    contestants = [Contestant(build, name, threads, pictures, work / f"{name}{threads}") for name in ("Lockstep", "im2rec.py") for threads in THREADS]
    lines = listed.with_suffix(".lst").read_text().splitlines(keepends=True)
    for it in contestants:
        for prefix, text in ((it.one, lines[0]), (it.all, "".join(lines))):
            prefix.parent.mkdir(parents=True)
            prefix.with_suffix(".lst").write_text(text)
    return pictures, contestants


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--files", type=int, default=20480)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=pathlib.Path, help="a folder on the disk that is meant; twice to six times the pictures' size")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        pictures, contestants = prepare(options.build, pathlib.Path(folder), options.folder, options.files)
        for it in contestants:
            it.pack()
            assert filecmp.cmp(it.all.with_suffix(".rec"), contestants[0].all.with_suffix(".rec"), shallow=False), f"{it.name} packs something else"
        for _ in range(options.rounds):
            for it in contestants:
                it.start.append(run(it.run_one))
                it.warm.append(it.pack())
        for _ in range(options.rounds):
            for it in contestants:
                how = forget(pictures)
                it.cold.append(it.pack())
        size = contestants[0].all.with_suffix(".rec").stat().st_size
        print(f"{options.files} pictures, {size / 1e9:.2f} GB; {options.rounds} rounds; cold: {how}; [] until im2rec.py's records are on the disk\n")
        print("| | start, s | images/s | without the start | cold | of CPU time | without the start |\n|---|---|---|---|---|---|---|")
        for it in contestants:
            print(it.row(options.files))


main()
