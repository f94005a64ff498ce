"""A rank ends out of turn, in each way there is: the others end in time and say why, and nothing of the run is left behind.

usage: endings_test.py PROGRAM LIBRARIES [all]
"""

import shutil
import signal
import time

from harness import ALL, FOLDER, IN_SHORT, PROGRAM, ROOT, TIMEOUT, Ranks, end_tests, expect, make_records, run, wait_until

LONG = "epochs=100000"
IN_TIME = TIMEOUT + 10  # seconds
# How a rank ends: the signal that it is sent. exit() by tests/faults/ending.c.
ENDINGS = {"exit 0": signal.SIGUSR2, "exit 1": signal.SIGUSR2, "abort": signal.SIGABRT, "SEGV": signal.SIGSEGV, "SIGKILL": signal.SIGKILL,
           "SIGSTOP": signal.SIGSTOP}
seconds_to_detect = {}


def break_rank(ranks, victim, ending):
    """From the middle of training; whether it was there."""
    if not ranks.wait_for_step(20):
        return False
    ranks.send(ENDINGS[ending], victim)
    return True


def start(name, ending, **more):
    environment = {"ENDING_CODE": ending.split()[1]} if ending.startswith("exit") else None
    return Ranks(name.replace(" ", "-"), 3, LONG, IN_SHORT, preload="libfault_ending.so" if environment else None, environment=environment, **more)


def expect_nothing_left(claim, ranks, files):
    expect(wait_until(lambda: not ranks.processes(), 5), f"{claim}: no process is left", ranks.processes())
    left = [file for file in files if wait_until(lambda: not ROOT.joinpath(file).exists(), 5) is False]
    expect(not left, f"{claim}: nothing is left in /dev/shm", left)


def test_survivors(victim, ending):
    """Each survivor learns of it by itself: mpirun leaves them alone."""
    claim = f"{ending} of rank {victim}"
    ranks = start(f"judged-{ending}-{victim}", ending, judged=True)
    if not break_rank(ranks, victim, ending):
        ranks.kill()
        return expect(False, f"{claim}: training began", ranks.evidence())
    begin = time.monotonic()
    survivors = [rank for rank in range(3) if rank != victim]
    ended = wait_until(lambda: all(ranks.code(rank) is not None for rank in survivors), IN_TIME)
    seconds_to_detect[claim] = time.monotonic() - begin
    expect(ended and all(ranks.code(rank) == 5 for rank in survivors), f"{claim}: the others end in time, with 5", ranks.evidence())
    for rank in survivors:
        said = ranks.errors(rank)
        text = said[-1] if said else ""
        expect(len(said) == 1 and f"rank {rank} (" in text and "step " in text and "collective " in text and f"rank {victim}" in text,
               f"{claim}: rank {rank} says in one message who it is, its step and collective, and who is missing", ranks.evidence())
    ranks.kill()
    shutil.rmtree(ranks.output)


def test_job(victim, ending):
    """Under mpirun's own rule the job fails in time, and is gone."""
    claim = f"{ending} of rank {victim}, plain mpirun"
    ranks = start(f"plain-{ending}-{victim}", ending)
    begun = ranks.wait_for_step(5)
    files = ranks.shared_memory() if begun else set()
    if not begun or not break_rank(ranks, victim, ending):
        ranks.kill()
        return expect(False, f"{claim}: training began", ranks.evidence())
    begin = time.monotonic()
    code = ranks.process.wait(IN_TIME) if wait_until(lambda: ranks.process.poll() is not None, IN_TIME) else None
    seconds_to_detect[claim] = time.monotonic() - begin
    expect(code not in (None, 0), f"{claim}: the job fails in time (here {code})", ranks.evidence())
    expect(files, f"{claim}: the ranks met in /dev/shm", files)
    expect_nothing_left(claim, ranks, files)
    ranks.kill()
    shutil.rmtree(ranks.output)


def test_a_short_stop():
    """A rank that stands still for less than the limit holds the others up; they say so, and that is all."""
    ranks = Ranks("short", 3, IN_SHORT, "epochs=30", "verify_every=30")
    begun = ranks.wait_for_step(20)
    ranks.send(signal.SIGSTOP, 1)
    time.sleep(0.7 * TIMEOUT)
    held = ranks.step()
    ranks.send(signal.SIGCONT, 1)
    code = ranks.end()
    expect(begun and held < 180 and code == 0, "SIGSTOP for less than the limit: the run goes on, and ends with 0", ranks.evidence())
    expect("has waited" in ranks.said(0) and "not there yet: rank 1" in ranks.said(0), "and a warning names the rank", ranks.evidence())


def test_a_slow_rank():
    """A rank that has less than half of its time is named before a hundred steps are over."""
    ranks = Ranks("slow", 3, LONG, "verify_every=20")
    begun = ranks.wait_for_step(20)
    first = ranks.step()
    slow = "rank 1 ("
    while begun and ranks.step() < first + 120 and not (slow in ranks.said(0) and "times what the others take" in ranks.said(0)):
        ranks.send(signal.SIGSTOP, 1)
        time.sleep(0.06)
        ranks.send(signal.SIGCONT, 1)
        time.sleep(0.02)
    warnings = [line for line in ranks.said(0).splitlines() if "times what the others take" in line]
    expect(begun and any(slow in line for line in warnings), f"a slow rank is named within {ranks.step() - first} steps", ranks.evidence())
    ranks.kill()
    shutil.rmtree(ranks.output)


def test_a_rank_that_never_starts():
    script = FOLDER / "late.sh"
    script.write_text('#!/bin/sh\n[ "$OMPI_COMM_WORLD_RANK" != 1 ] || exec sleep 300\nexec "$@"\n')
    script.chmod(0o755)
    ranks = Ranks("late", 3, LONG, IN_SHORT, judged=True, program=(script, PROGRAM))
    begin = time.monotonic()
    ended = wait_until(lambda: ranks.code(0) is not None and ranks.code(2) is not None, IN_TIME + 5)
    seconds_to_detect["a rank that never starts"] = time.monotonic() - begin
    expect(ended and ranks.code(0) == ranks.code(2) == 5 and "not all ranks have started" in ranks.said(0) and "rank 0 (" in ranks.said(0),
           "a rank that never starts: the others end in time, with 5, and say so", ranks.evidence())
    ranks.kill()


def test_a_bad_picture(victim):
    """A loader's exception: the rank that meets it names the sample, the others hear of it at once."""
    broken = (FOLDER / "toy.rec").read_bytes().replace(b"IDAT", b"XDAT")
    count = broken.count(b"XDAT")
    (FOLDER / "bad.rec").write_bytes(broken)
    shutil.copy(FOLDER / "toy.idx", FOLDER / "bad.idx")
    ranks = Ranks("bad", 3, LONG, IN_SHORT, f"channels.train={FOLDER}/bad.rec", judged=True)
    begin = time.monotonic()
    ended = wait_until(lambda: None not in ranks.codes(), IN_TIME + 5)
    expect(count == 72 and ended and 3 in ranks.codes() and set(ranks.codes()) <= {3, 5},
           "pictures that cannot be read: all ranks end at once, one of them with 3", ranks.evidence())
    expect(all("bad.rec" in ranks.said(rank) for rank in range(3)), "and each names the file", ranks.evidence())
    seconds_to_detect["an exception of a loader's thread"] = time.monotonic() - begin
    ranks.kill()


make_records(PROGRAM)
selection = [(victim, ending) for victim in (0, 1) for ending in ENDINGS]
quick = [(1, "exit 0"), (0, "SIGKILL"), (1, "SIGSTOP")]
for victim, ending in selection if ALL else quick:
    test_survivors(victim, ending)
for victim, ending in selection if ALL else [(1, "SIGKILL"), (0, "SIGSTOP")]:
    test_job(victim, ending)
test_a_short_stop()
test_a_slow_rank()
test_a_rank_that_never_starts()
test_a_bad_picture(1)
for claim, seconds in seconds_to_detect.items():
    print(f"{seconds:5.1f} s until all had ended: {claim}")
end_tests()
