"""A run that is asked to stop, in each of its phases: it saves and ends with 75 (with 130 while there is nothing to save), and the next
start goes on as if nothing had been.

usage: signals_test.py PROGRAM LIBRARIES [all]
"""

import pathlib
import shutil
import signal
import time

from harness import ALL, EPOCH, FOLDER, PROGRAM, Ranks, end_tests, events, expect, last_checkpoint, make_records, model_files, read, wait_until

EPOCHS = 40
SIGNALS = {"SIGUSR1": signal.SIGUSR1, "SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}
TARGETS = {"rank 0": 0, "rank 1": 1, "launch/mpirun": None}
SLOW_DISK = dict(preload="libfault_shim.so", environment={"FAULT_FOLDER": str(FOLDER), "FAULT_SYNC_MS": "40"})


def is_listening(ranks):
    """Every rank has set its handlers, and is not yet training."""
    masks = [read(pathlib.Path(f"/proc/{ranks.pid(rank)}/status")) for rank in range(ranks.size)]
    return all(int(text.split("SigCgt:")[1].split()[0], 16) & 1 << (signal.SIGUSR1 - 1) for text in masks if "SigCgt:" in text) \
        and all("SigCgt:" in text for text in masks)


def in_evaluation(ranks):
    lines = read(ranks.output / "metrics.jsonl").splitlines()
    return len(lines) > 2 * EPOCH and lines[-1].startswith('{"event":"epoch"')


def in_checkpoint(ranks):
    folder = ranks.output / "checkpoints"
    return ranks.step() > EPOCH and folder.exists() and any(not path.name.startswith(("step-", "latest")) for path in folder.iterdir())


def at_the_exit(ranks):
    return (ranks.output / "model.tar.gz").exists()


# phase: when the signal is sent, the exit code, and what the start is given beside the usual
PHASES = {
    "init": (is_listening, 130, {}),
    "the first step": (lambda ranks: (ranks.output / "metrics.jsonl").exists(), 75, {}),
    "mid-epoch": (lambda ranks: ranks.step() % EPOCH in (2, 3) and ranks.step() > 2 * EPOCH, 75, {}),
    "an evaluation": (in_evaluation, 75, {}),
    "a checkpoint's writing": (in_checkpoint, 75, SLOW_DISK),
    "the exit": (at_the_exit, 0, {}),
}


def settings(output=None):
    return [f"epochs={EPOCHS}", f"channels.validation={FOLDER}/pictures", f"channels.validation_lst={FOLDER}/validation.lst"]


def finish_run(name, size=3):
    ranks = Ranks(name, size, *settings())
    code = ranks.end()
    return code, ranks


def test_phase(phase, name, target):
    when, expected, more = PHASES[phase]
    claim = f"{name} to {target} in {phase}"
    run_name = f"{phase}-{name}-{target}".replace(" ", "-").replace("/", "-").replace("'", "")
    ranks = Ranks(run_name, 3, *settings(), **more)
    met = ranks.wait_for(lambda: when(ranks))
    begin = time.monotonic()
    ranks.send(SIGNALS[name], TARGETS[target])
    code = ranks.end()
    seconds = time.monotonic() - begin
    expect(met and code == expected, f"{claim}: exit {expected} after {seconds:.1f} s (here {code})", ranks.evidence())
    if code == 75:
        saved = int(last_checkpoint(ranks.output).split("-")[1])
        expect(saved == ranks.step() and (ranks.output / "checkpoints" / last_checkpoint(ranks.output) / "SEAL").exists(),
               f"{claim}: a complete checkpoint of the last step", (saved, ranks.step()))
        expect(not (ranks.output / "model").exists() or (ranks.output / "model.tar.gz").exists(), f"{claim}: model.tar.gz is there")
    code, again = finish_run(run_name)
    expect(code == 0 and model_files(again.output) == WHOLE, f"{claim}: the next start ends with the same model/, byte by byte",
           again.evidence())
    expect(events(again.output) == WHOLE_EVENTS, f"{claim}: metrics.jsonl has no repeat and no hole")
    shutil.rmtree(ranks.output)


def test_second_interrupt():
    """Of a run that cannot stop now: the other rank stands still."""
    ranks = Ranks("twice", 2, *settings(), judged=True)
    ranks.wait_for_step(EPOCH)
    ranks.send(signal.SIGSTOP, 1)
    ranks.send(signal.SIGINT, 0)
    time.sleep(0.5)
    still = ranks.code(0) is None
    begin = time.monotonic()
    ranks.send(signal.SIGINT, 0)
    wait_until(lambda: ranks.code(0) is not None, 5)
    expect(still and ranks.code(0) == 130, f"a second SIGINT ends the rank at once with 130 ({time.monotonic() - begin:.2f} s)", ranks.evidence())
    ranks.kill()


def test_no_agreement():
    """A rank that stands still keeps the others from agreeing: they do not wait for it."""
    ranks = Ranks("apart", 2, *settings(), judged=True)
    ranks.wait_for_step(EPOCH + 1)
    ranks.send(signal.SIGSTOP, 1)
    time.sleep(0.2)
    begin = time.monotonic()
    ranks.send(signal.SIGTERM, 0)
    wait_until(lambda: ranks.code(0) is not None, 20)
    seconds = time.monotonic() - begin
    expect(ranks.code(0) == 130 and 9 < seconds < 15 and "could not agree" in ranks.said(0),
           f"what cannot be agreed on within ten seconds is given up, with 130 ({seconds:.1f} s)", ranks.evidence())
    ranks.kill()


make_records(PROGRAM)
with open(FOLDER / "validation.lst", "w") as lines:
    for i in range(400):
        lines.write(f"{i}\t{i % 2}\t{('one', 'two')[i % 2]}/{i // 2 % 36}.png\n")
code, whole = finish_run("whole")
expect(code == 0, "a run that nobody stops", whole.evidence())
WHOLE, WHOLE_EVENTS = model_files(whole.output), events(whole.output)
quick = [("init", "SIGUSR1", "launch/mpirun"), ("the first step", "SIGTERM", "rank 1"), ("mid-epoch", "SIGINT", "launch/mpirun"),
         ("an evaluation", "SIGUSR1", "rank 1"), ("a checkpoint's writing", "SIGTERM", "launch/mpirun"), ("the exit", "SIGTERM", "rank 0")]
for case in [(phase, name, target) for phase in PHASES for name in SIGNALS for target in TARGETS] if ALL else quick:
    test_phase(*case)
test_second_interrupt()
test_no_agreement()
end_tests()
