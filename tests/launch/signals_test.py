"""launch/mpirun hears every signal, each time: signals_test.py [ROUNDS]

The machine is kept busy, so that signals come between any two steps of whoever handles them.
"""

import os
import pathlib
import pty
import random
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
READY = b"the rank listens"
SAVES = f"trap 'exit 75' USR1; echo {READY.decode()}; while :; do sleep 0.02; done"
HANGS = f"trap : USR1; trap '' TERM; echo {READY.decode()}; while :; do sleep 0.02; done"
chance = random.Random(75)
failures = 0


def expect(condition, claim, evidence=""):
    global failures
    print("ok  " if condition else "FAIL", claim, flush=True)
    if not condition:
        failures += 1
        print(evidence, flush=True)


class Started:
    """launch/mpirun on a terminal of its own, in the foreground of it, as a user has it."""

    def __init__(self, script, ranks=2):
        self.said = b""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            for number in (signal.SIGINT, signal.SIGHUP):  # whatever started this test may ignore them
                signal.signal(number, signal.SIG_DFL)
            os.chdir(ROOT)
            os.execv("launch/mpirun", ["launch/mpirun", "-n", str(ranks), "sh", "-c", script])

    def read(self):
        """What is there; False behind the end."""
        try:
            some = os.read(self.terminal, 65536)
        except OSError:  # how a terminal says that nobody has it open any more
            some = b""
        self.said += some
        return bool(some)

    def wait_ready(self, ranks=2):
        while self.said.count(READY) < ranks and self.read():
            pass
        return self.said.count(READY) >= ranks

    def press_control_c(self):
        os.write(self.terminal, b"\x03")

    def send(self, number):
        os.kill(self.pid, number)

    def code(self):
        while self.read():
            pass
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(status)


def test_each_signal_saves():
    ways = {"Ctrl-C": Started.press_control_c, **{f"SIG{name} alone": lambda started, name=name: started.send(getattr(signal, "SIG" + name))
                                                  for name in ("INT", "TERM", "HUP", "USR1")}}
    codes = {}
    for number in range(ROUNDS):
        name = list(ways)[number % len(ways)]
        started = Started(SAVES)
        started.wait_ready()
        time.sleep(chance.uniform(0, 0.1))
        ways[name](started)
        codes.setdefault(name, []).append(started.code())
    for name, all_codes in codes.items():
        expect(set(all_codes) == {75}, f"{name}: the ranks save, {len(all_codes)} times", all_codes)


def test_a_signal_at_any_moment():
    """Before the ranks can hear: nothing is to be saved, and nothing goes on either."""
    codes = []
    for _ in range(ROUNDS):
        started = Started(SAVES)
        time.sleep(chance.uniform(0.15, 1.0))
        started.press_control_c()
        codes.append(started.code())
    # Before the script's own first line Python itself ends by the signal.
    expect(set(codes) <= {75, 130, -signal.SIGINT}, f"Ctrl-C while it starts: 75 or 130, {len(codes)} times", codes)


def test_a_second_interrupt():
    started = Started(HANGS)
    started.wait_ready()
    started.press_control_c()
    time.sleep(0.5)
    begin = time.monotonic()
    started.press_control_c()
    code, seconds = started.code(), time.monotonic() - begin
    expect(code == 130 and seconds < 8 and b"interrupt again" in started.said, f"a second Ctrl-C ends the ranks, with 130, in {seconds:.1f} s",
           (code, started.said))


def test_nohup():
    """What was to outlive the terminal does: SIGHUP stays ignored."""
    process = subprocess.Popen(["launch/mpirun", "-n", "1", "sh", "-c", SAVES], cwd=ROOT, stdout=subprocess.PIPE,
                               preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    said = process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    time.sleep(1)
    lives = process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.stdout.close()
    expect(READY in said and lives and process.wait() == 75, "under nohup SIGHUP is nothing, and SIGTERM saves", said)


if not shutil.which("mpirun"):
    print("skipped: no mpirun here (Debian: openmpi-bin)")
    sys.exit(77)
busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * len(os.sched_getaffinity(0)))]
try:
    test_each_signal_saves()
    test_a_signal_at_any_moment()
finally:
    for process in busy:
        process.kill()
        process.wait()
test_a_second_interrupt()
test_nohup()
sys.exit(f"{failures} failed" if failures else 0)
