"""Real ranks of the real program on a tiny training set, to be broken while they run and judged one by one.

The first argument of a test is the program, the second the folder of the preloaded libraries; `all` behind them runs what takes long.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="lockstep-faults-"))
os.environ["LAB_SHARED"] = str(FOLDER)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cluster"))
from toy import ROOT, expect, finish, last_checkpoint, make_records, run, skip, wait_until  # noqa: E402,F401

PROGRAM = str(pathlib.Path(sys.argv[1]).resolve())
LIBRARIES = pathlib.Path(sys.argv[2]).resolve()
ALL = "all" in sys.argv[3:]
RECOVERY = ["--mca", "orte_enable_recovery", "1", "--mca", "orte_abort_on_non_zero_status", "0"]
TIMEOUT = 4  # seconds, where it is about the limit
IN_SHORT = f"collective_timeout={TIMEOUT}"
EPOCH = 6  # steps
SETTINGS = ["mini_batch_size=12", "compute_threads=1", "loader_threads=1", "checkpoint_every_steps=20", "keep_checkpoints=3",
            "collective_timeout=60", "device=cpu"]


def read(path):
    return path.read_text(errors="replace") if path.exists() else ""


def is_running(pid):
    """Not ended; a zombie has."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Ranks:
    """Ranks of one start. judged: each rank's own exit code can be asked, and mpirun lets the others live when one is lost."""

    starts = 0

    def __init__(self, name, size, *overrides, judged=False, preload=None, environment=None, program=(PROGRAM,), config=None):
        Ranks.starts += 1
        self.output, self.size, self.judged = FOLDER / name, size, judged
        self.mark = f"LOCKSTEP_FAULTS={FOLDER.name}-{Ranks.starts}"
        self.prefix = FOLDER / f"{name}.{Ranks.starts}"
        self.log = FOLDER / f"{name}.{Ranks.starts}.mpirun"
        key, value = self.mark.split("=")
        settings = dict(environment or {}, **{key: value})
        if preload:
            settings["LD_PRELOAD"] = str(LIBRARIES / preload)
        if not judged:
            settings["RANK_IS_BARE"] = "1"
        for_ranks = [word for name, value in settings.items() for word in ("-x", f"{name}={value}")]
        command = [ROOT / "launch/mpirun", "-n", size, *(RECOVERY if judged else ()), *for_ranks, ROOT / "tests/faults/rank", self.prefix,
                   *program, "train", config or FOLDER / "toy.yaml", *SETTINGS, f"run.output={self.output}", *overrides]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([*map(str, command)], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
                                            env=dict(os.environ, **{key: value}))

    def pid(self, rank):
        wait_until(lambda: read(self.file(rank, "pid")).endswith("\n"), 20)
        return int(read(self.file(rank, "pid")))

    def file(self, rank, kind):
        return self.prefix.with_name(f"{self.prefix.name}.{rank}.{kind}")

    def said(self, *ranks):
        return "\n".join(read(self.file(rank, "out")) for rank in ranks or range(self.size))

    def errors(self, rank):
        return [line for line in self.said(rank).splitlines() if " ERROR " in line]

    def code(self, rank):
        text = read(self.file(rank, "code"))
        return int(text) if text.endswith("\n") else None

    def codes(self):
        return [self.code(rank) for rank in range(self.size)]

    def evidence(self):
        told = [line for rank in range(self.size) for line in [f"rank {rank}:", *self.said(rank).splitlines()[-8:]]]
        return "\n".join([f"codes {self.codes()}", *told, read(self.log)[-2000:]])

    def send(self, number, rank=None):
        """To a rank, or to launch/mpirun."""
        try:
            os.kill(self.process.pid if rank is None else self.pid(rank), number)
        except ProcessLookupError:
            pass

    def step(self):
        """The last one that metrics.jsonl holds."""
        lines = [line for line in read(self.output / "metrics.jsonl").splitlines() if line.startswith('{"event":"step"')]
        try:
            return json.loads(lines[-1])["step"] if lines else 0
        except ValueError:
            return 0

    def wait_for(self, condition, seconds=60):
        """Whether it came true while the ranks ran."""
        return wait_until(lambda: condition() or self.process.poll() is not None, seconds) and self.process.poll() is None

    def wait_for_step(self, step):
        return self.wait_for(lambda: self.step() >= step)

    def shared_memory(self):
        """Files in /dev/shm that its processes have in their memory now."""
        files = set()
        for pid in self.processes():
            try:
                maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
            except OSError:
                continue
            files.update(line.split()[5] for line in maps.splitlines() if " /dev/shm/" in line and not line.endswith("(deleted)"))
        return files

    def processes(self):
        """All that descend from this start, and run."""
        found = []
        for folder in pathlib.Path("/proc").iterdir():
            if folder.name.isdigit() and int(folder.name) != os.getpid():
                try:
                    if self.mark.encode() in (folder / "environ").read_bytes().split(b"\0") and is_running(folder.name):
                        found.append(int(folder.name))
                except OSError:
                    pass
        return found

    def end(self, seconds=60):
        """launch/mpirun's exit code; None where it did not end in time, and is killed."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.kill()

    def kill(self):
        """Everything that is left, as a machine that fails. Open MPI then leaves its files in /dev/shm, which a restart would clear."""
        files = self.shared_memory()
        for pid in [*self.processes(), *([self.process.pid] if self.process.poll() is None else [])]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        for file in files:
            pathlib.Path(file).unlink(missing_ok=True)


def model_files(output):
    """model/ of a run, byte by byte; nothing where there is none."""
    return {path.name: path.read_bytes() for path in sorted(pathlib.Path(output).glob("model/*"))}


def events(output, without=("checkpoint", "stop")):
    """metrics.jsonl without what depends on the clock."""
    kept = []
    for line in read(pathlib.Path(output) / "metrics.jsonl").splitlines():
        event = json.loads(line)
        if event["event"] not in without:
            kept.append({key: value for key, value in event.items()
                         if "seconds" not in key and key not in ("images_per_second", "exchange_hidden", "bound")})
    return kept


def end_tests():
    shutil.rmtree(FOLDER, ignore_errors=True)
    finish()
